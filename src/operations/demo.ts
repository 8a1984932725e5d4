/**
 * The whole story on one machine, step by step: a small image is signed on the embedded trust server and verified,
 * tampered with and refused; then comes the worst day.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Hex } from '../crypto/digest.ts';
import { NOTARY_ENCRYPTION } from '../crypto/encrypted-private-key.ts';
import { startTrustServer } from '../embedded-server/start.ts';
import { OperationError } from '../errors.ts';
import { ROUNDS_VARIABLE } from '../keys/key-strength.ts';
import { TARGETS } from '../tuf/role-name.ts';
import { type WorstDayStep, worstDay } from './demo-worst-day.ts';
import { type InspectResult, inspect } from './inspect.ts';
import { openSession, type Session, type SessionOptions } from './session.ts';
import { type SignReport, sign } from './sign.ts';
import { type VerifyResult, verify } from './verify.ts';

/** One step, with the command that does the same, and what it found. */
export type DemoStep =
  | { readonly step: 'server'; readonly url: string }
  | { readonly step: 'sign'; readonly command: string; readonly report: SignReport }
  | { readonly step: 'verify'; readonly command: string; readonly result: VerifyResult }
  | { readonly step: 'inspect'; readonly command: string; readonly result: InspectResult }
  /** An image with another content under the signed tag. */
  | { readonly step: 'other-image'; readonly command: string; readonly result: VerifyResult }
  /** Trust data on disk that was altered to vouch for another image. */
  | { readonly step: 'forged-metadata'; readonly command: string; readonly result: VerifyResult }
  | WorstDayStep
  | { readonly step: 'verify-again'; readonly command: string; readonly result: VerifyResult }
  | { readonly step: 'done' };

const REPOSITORY = 'localhost:5000/demo/hello';
const IMAGES = [`${REPOSITORY}:1.0`, `${REPOSITORY}:latest`];
const SIGNER = 'demo';

/**
 * Runs the demonstration in a temporary folder, which goes at the end whatever happens.
 * @param imageFolder an OCI layout to sign
 * @throws OperationError `DEMO_FAILED` when a step does not end as it must
 */
export async function demo(
  options: Pick<SessionOptions, 'now' | 'log'>,
  imageFolder: string,
  narrate: (step: DemoStep) => void,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tabellion-demo-'));
  try {
    const server = await startTrustServer({
      directory: join(folder, 'server'),
      port: 0,
      now: options.now,
    });
    try {
      narrate({ step: 'server', url: server.url });
      await new Demo(options, folder, server, imageFolder, narrate).run();
    } finally {
      await server.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

class Demo {
  private readonly sessionOptions: SessionOptions;
  /** Another machine, with the passphrases. */
  private readonly thiefOptions: SessionOptions;
  private readonly imageFolder: string;
  private readonly narrate: (step: DemoStep) => void;

  constructor(
    { now, log }: Pick<SessionOptions, 'now' | 'log'>,
    folder: string,
    server: { readonly url: string; readonly caFile?: string },
    imageFolder: string,
    narrate: (step: DemoStep) => void,
  ) {
    // For this run alone: the keys go with the folder.
    const passphrase = randomBytes(18).toString('base64url');
    this.sessionOptions = {
      env: {
        DOCKER_CONFIG: join(folder, 'docker'),
        DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: passphrase,
        DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: passphrase,
        // Nobody guesses 144 random bits, however few rounds there are.
        [ROUNDS_VARIABLE]: String(NOTARY_ENCRYPTION.iterations),
      },
      home: folder,
      server: server.url,
      ...(server.caFile === undefined ? {} : { tlsCa: server.caFile }),
      now,
      log,
      progress: () => undefined,
    };
    this.thiefOptions = {
      ...this.sessionOptions,
      env: { ...this.sessionOptions.env, DOCKER_CONFIG: join(folder, 'thief') },
    };
    this.imageFolder = imageFolder;
    this.narrate = narrate;
  }

  async run(): Promise<void> {
    const [image = REPOSITORY] = IMAGES;
    const report = await this.inSession(session =>
      sign(session, {
        images: IMAGES,
        source: { type: 'oci', path: this.imageFolder },
        signer: SIGNER,
        dryRun: false,
      }),
    );
    const command = `tabellion sign ${IMAGES.join(' ')} --from oci:demo-image --signer ${SIGNER}`;
    this.narrate({ step: 'sign', command, report });

    const verified = await this.verify(image, false);
    expect(verified.trusted && verified.exitCode === 0, 'the signed image was not trusted');
    this.narrate({
      step: 'verify',
      command: `tabellion verify --no-registry ${image}`,
      result: verified,
    });

    const { images } = await this.inSession(session =>
      inspect(session, { images: [REPOSITORY], offline: false, requireFresh: true }),
    );
    const [result] = images;
    if (result !== undefined)
      this.narrate({ step: 'inspect', command: `tabellion inspect ${REPOSITORY}`, result });

    await this.otherImage(image);
    await this.forgedMetadata(image, verified.digest);
    await worstDay({
      repository: REPOSITORY,
      asOwner: work => this.inSession(work),
      asThief: work => this.inSession(work, this.thiefOptions),
      narrate: this.narrate,
    });
    const again = await this.verify(image, false);
    expect(again.trusted && again.digest === verified.digest, 'the image did not come back');
    this.narrate({
      step: 'verify-again',
      command: `tabellion verify --no-registry ${image}`,
      result: again,
    });
    this.narrate({ step: 'done' });
  }

  private async otherImage(image: string): Promise<void> {
    const other = `${image}@sha256:${sha256Hex(Buffer.from('not what was signed'))}`;
    const result = await this.verify(other, false);
    expect(result.error?.code === 'DIGEST_MISMATCH', 'another image passed for the signed one');
    this.narrate({
      step: 'other-image',
      command: `tabellion verify --no-registry ${other}`,
      result,
    });
  }

  /** Alters the copy on disk as somebody would who wants another image to pass. */
  private async forgedMetadata(image: string, digest: string): Promise<void> {
    await this.inSession(async session => {
      const dir = session.trustDir.repository(REPOSITORY);
      const role = `${TARGETS}/releases`;
      const bytes = await dir.read(role);
      const signed = Buffer.from(digest.replace('sha256:', ''), 'hex').toString('base64');
      const forged = sha256Base64('not what was signed');
      const text = Buffer.from(bytes ?? [])
        .toString('utf8')
        .replaceAll(signed, forged);
      await dir.replace(new Map([[role, Buffer.from(text, 'utf8')]]));
    });
    const result = await this.verify(image, true);
    expect(result.error?.code === 'HASH_MISMATCH', 'forged trust data was believed');
    this.narrate({
      step: 'forged-metadata',
      command: `tabellion verify --offline ${image}`,
      result,
    });
  }

  private async verify(image: string, offline: boolean): Promise<VerifyResult> {
    const { images } = await this.inSession(session =>
      verify(session, { images: [image], registry: 'skip', offline, requireFresh: false }),
    );
    const [result] = images;
    if (result === undefined)
      throw new OperationError('DEMO_FAILED', 'The demonstration failed: nothing was verified');
    return result;
  }

  private async inSession<T>(
    work: (session: Session) => Promise<T>,
    options: SessionOptions = this.sessionOptions,
  ): Promise<T> {
    const session = await openSession(options);
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  }
}

function sha256Base64(text: string): string {
  return Buffer.from(sha256Hex(Buffer.from(text)), 'hex').toString('base64');
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new OperationError('DEMO_FAILED', `The demonstration failed: ${otherwise}`);
}
