/**
 * The whole story on one machine, on the embedded trust server: a small image is signed and verified, tampering is
 * found, keys are stolen and replaced, the root key is lost and the repository recovered.
 */

import { join } from 'node:path';
import { startTrustServer } from '../../embedded-server/start.ts';
import { inspect } from '../inspect.ts';
import { inSandboxFolder } from '../sandbox-folder.ts';
import { sign } from '../sign.ts';
import { rootLoss } from './root-loss.ts';
import { DemoClock, type DemoOptions, expect, REPOSITORY, SIGNER, Stage } from './stage.ts';
import type { Narrate } from './story.ts';
import { tamper } from './tampering.ts';
import { theft } from './theft.ts';

export type { DemoStep } from './story.ts';

const IMAGES = [`${REPOSITORY}:1.0`, `${REPOSITORY}:latest`];

/**
 * Runs the demonstration in a temporary folder, which goes at the end whatever happens.
 * @param imageFolder an OCI layout to sign
 * @throws OperationError `DEMO_FAILED` when a step does not end as it must
 */
export async function demo(
  options: DemoOptions,
  imageFolder: string,
  narrate: Narrate,
): Promise<void> {
  await inSandboxFolder('tabellion-demo-', async folder => {
    const clock = new DemoClock(options.now);
    const server = await startTrustServer({
      directory: join(folder, 'server'),
      port: 0,
      now: () => clock.now(),
    });
    try {
      const stage = new Stage(options, folder, server, clock, narrate);
      stage.tell({ step: 'server', url: server.url });
      await play(stage, imageFolder);
    } finally {
      await server.close();
    }
  });
}

async function play(stage: Stage, imageFolder: string): Promise<void> {
  const [image = REPOSITORY] = IMAGES;
  const report = await stage.on(stage.owner, session =>
    sign(session, {
      images: IMAGES,
      source: { type: 'oci', path: imageFolder },
      signer: SIGNER,
      dryRun: false,
    }),
  );
  const command = `tabellion sign ${IMAGES.join(' ')} --from oci:demo-image --signer ${SIGNER}`;
  stage.tell({ step: 'sign', command, report });

  const verified = await stage.verify(image);
  expect(verified.trusted && verified.exitCode === 0, 'the signed image was not trusted');
  stage.tell({
    step: 'verify',
    command: `tabellion verify --no-registry ${image}`,
    result: verified,
  });

  const { images } = await stage.on(stage.owner, session =>
    inspect(session, { images: [REPOSITORY], offline: false, requireFresh: true }),
  );
  const [result] = images;
  if (result !== undefined)
    stage.tell({ step: 'inspect', command: `tabellion inspect ${REPOSITORY}`, result });

  await tamper(stage, image, verified.digest);
  const created = report.repositories.flatMap(({ createdKeys }) => createdKeys);
  const rootKeyId = created.find(({ role }) => role === 'root')?.id ?? '';
  await theft(stage, rootKeyId);
  await rootLoss(stage, rootKeyId);
}
