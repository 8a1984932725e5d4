/** Somebody has copied keys and passphrase: what they do with them, and how the owner ends it. */
import { sha256Hex } from '../../crypto/digest.ts';
import { TabellionError } from '../../errors.ts';
import { TARGETS } from '../../tuf/role-name.ts';
import { failureOf } from '../failure.ts';
import { rotateSeveral } from '../rotation/rotate-several.ts';
import { type SignReport, sign } from '../sign.ts';
import { addSigner } from '../signers/signer-add.ts';
import { expect, REPOSITORY, SIGNER, type Stage } from './stage.ts';

const THIEF = 'thief';
/** With a copy of its own, which begins before the theft. */
const CONSUMER = 'consumer';
const ACCOMPLICE = 'mallory';

/** Plays the theft and the rotation. @param rootKeyId the one key that was not on the build machine */
export async function theft(stage: Stage, rootKeyId: string): Promise<void> {
  await stage.verify(`${REPOSITORY}:1.0`, CONSUMER);
  const before = stage.now;
  stage.later();
  await stage.steal(stage.owner, THIEF, rootKeyId);
  const evil = sha256Hex(Buffer.from('what a thief wants to run'));
  const signAs = (tags: readonly string[]): Promise<SignReport> =>
    stage.on(THIEF, session =>
      sign(session, {
        images: tags.map(tag => `${REPOSITORY}:${tag}`),
        source: { type: 'digest', digest: `sha256:${evil}`, size: 1000 },
        dryRun: false,
      }),
    );
  const report = await signAs(['latest', '2.0']);
  const signers = await stage.on(THIEF, async session => {
    const { id } = await (await session.keys()).generate({ role: ACCOMPLICE });
    return await addSigner(session, {
      name: ACCOMPLICE,
      keyIds: [id],
      repositories: [REPOSITORY],
    });
  });
  stage.tell({
    step: 'theft',
    command: `tabellion sign ${REPOSITORY}:latest ${REPOSITORY}:2.0 --digest sha256:${evil} --size 1000`,
    report,
    signerCommand: `tabellion signer add ${ACCOMPLICE} ${REPOSITORY} --key ${ACCOMPLICE}.pub`,
    signers,
  });
  const latest = `${REPOSITORY}:latest`;
  const believed = await stage.verify(latest, CONSUMER);
  expect(believed.trusted, 'the thief’s signature was not the owner’s');
  const verifying = `tabellion verify --no-registry ${latest}`;
  stage.tell({ step: 'believed', command: verifying, result: believed });

  stage.later();
  await rotate(stage, before);

  const refused = await stage.verify(latest, CONSUMER);
  expect(!refused.trusted, 'what a thief had signed is still trusted');
  expect(
    (await stage.verify(`${REPOSITORY}:1.0`, CONSUMER)).trusted,
    'what the owner had signed is trusted no more',
  );
  stage.tell({ step: 'refused', command: verifying, result: refused });
  const error = await signAs(['3.0']).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof TabellionError)) throw error ?? new Error('the thief still signs');
  stage.tell({
    step: 'thief-locked-out',
    command: `tabellion sign ${REPOSITORY}:3.0 --digest sha256:${evil} --size 1000`,
    error: failureOf(error),
  });
}

/** All that was known before stays; whatever came since goes, and the signer gets a new key. */
async function rotate(stage: Stage, trustedSince: Date): Promise<void> {
  const report = await stage.on(stage.owner, session =>
    rotateSeveral(session, {
      role: TARGETS,
      repositories: [REPOSITORY],
      request: async () => ({
        compromise: {
          trustedSince,
          rules: {
            keepKnown: true,
            dropRest: true,
            rekeySigners: [`${TARGETS}/${SIGNER}`],
          },
        },
      }),
    }),
  );
  const since = trustedSince.toISOString().replace(/\.\d+Z$/, 'Z');
  stage.tell({
    step: 'rotate',
    command: `tabellion key rotate ${REPOSITORY} --compromised --trusted-since ${since} --keep-known --drop-rest --rekey-signer ${SIGNER} --yes`,
    report,
  });
}
