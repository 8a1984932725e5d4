/** The second half of the demonstration: a thief, a rotation with review, thumbprints, a lost root, and the recovery. */
import { randomBytes } from 'node:crypto';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '../crypto/digest.ts';
import { OperationError } from '../errors.ts';
import { keyFileName } from '../keys/key-files.ts';
import { ROOT, TARGETS } from '../tuf/role-name.ts';
import { planRecovery, recordOfPlan } from './recover/plan.ts';
import { recordedTags } from './recover/recorded-content.ts';
import { runRecovery } from './recover/recovery.ts';
import { sealBackup } from './recover/seal-backup.ts';
import { survey } from './recover/survey.ts';
import { whichKey } from './recover/which-key.ts';
import { type KeyRotation, rotateKey } from './rotate.ts';
import type { Session } from './session.ts';
import { type SignReport, sign } from './sign.ts';
import { type ThumbprintReport, thumbprints } from './thumbprint.ts';

export type WorstDayStep =
  /** Somebody with a copy of the repository key signs a tag of their own. */
  | { readonly step: 'thief'; readonly command: string; readonly report: SignReport }
  | { readonly step: 'rotate'; readonly command: string; readonly report: KeyRotation }
  | { readonly step: 'thief-refused'; readonly command: string; readonly message: string }
  | { readonly step: 'thumbprint'; readonly command: string; readonly report: ThumbprintReport }
  | { readonly step: 'root-lost'; readonly keyId: string }
  | {
      readonly step: 'recover';
      readonly command: string;
      /** What was done, in order. */
      readonly history: readonly string[];
      readonly tags: readonly string[];
    };

export interface Stage {
  /** The GUN. */
  readonly repository: string;
  /** Runs something as the owner; the thief has a home of their own, and the passphrases. */
  readonly asOwner: <T>(work: (session: Session) => Promise<T>) => Promise<T>;
  readonly asThief: <T>(work: (session: Session) => Promise<T>) => Promise<T>;
  readonly narrate: (step: WorstDayStep) => void;
}

/** @throws OperationError `DEMO_FAILED` when a step does not end as it must */
export async function worstDay(stage: Stage): Promise<void> {
  const { repository, asOwner, asThief, narrate } = stage;
  await steal(stage);
  const evil = `${repository}:evil`;
  const theft = (session: Session): Promise<SignReport> =>
    sign(session, {
      images: [evil],
      source: { type: 'digest', digest: `sha256:${sha256Hex(Buffer.from('evil'))}`, size: 4 },
      roles: [TARGETS],
      dryRun: false,
    });
  const stolen = `tabellion sign --role targets --digest sha256:… --size 4 ${evil}`;
  narrate({ step: 'thief', command: stolen, report: await asThief(theft) });

  const report = await asOwner(session =>
    rotateKey(session, repository, {
      role: TARGETS,
      compromise: { rules: { drop: ['evil'], keepAll: true } },
    }),
  );
  narrate({
    step: 'rotate',
    command: `tabellion key rotate ${repository} --compromised --drop evil --keep-all --yes`,
    report,
  });
  const refusal = await asThief(theft).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(refusal instanceof Error)) throw failed('the thief could sign again');
  narrate({ step: 'thief-refused', command: stolen, message: refusal.message });

  const [shown] = await asOwner(session => thumbprints(session, [repository], { roles: [ROOT] }));
  if (shown?.trusted !== true) throw failed('the root has no thumbprint');
  narrate({
    step: 'thumbprint',
    command: `tabellion thumbprint --role root ${repository}`,
    report: shown,
  });
  await loseAndRecover(stage);
}

/** A copy of the private keys of the repository and of its signer: the root key was in a safe. */
async function steal({ asOwner, asThief }: Stage): Promise<void> {
  const files = await asOwner(async session => {
    const keys = await (await session.keys()).list();
    return keys.filter(({ role }) => role !== ROOT);
  });
  await asThief(async ({ trustDir }) => {
    await mkdir(trustDir.privateDir, { recursive: true, mode: 0o700 });
    for (const { id, path } of files) await cp(path, join(trustDir.privateDir, keyFileName(id)));
  });
}

async function loseAndRecover({ repository, asOwner, narrate }: Stage): Promise<void> {
  const keyId = await asOwner(async session => {
    const keys = await session.keys();
    const root = await keys.findRoot();
    if (root === undefined) throw failed('there is no root key');
    await keys.remove(root.id);
    return root.id;
  });
  narrate({ step: 'root-lost', keyId });
  const passphrase = randomBytes(18).toString('base64url');
  const record = await asOwner(async session => {
    const found = await survey(session, { asked: [], online: true });
    const plan = await planRecovery(session, found, {
      case: whichKey(found, { text: ROOT, reason: 'lost', guns: [] }),
      guns: [],
      skip: [],
      checkRegistry: false,
      drop: [],
      dropSigners: [],
    });
    return await runRecovery(session, await recordOfPlan(session, plan), {
      seal: (_, present) => sealBackup(session, present, passphrase),
    });
  });
  if (record.state !== 'done') throw failed('the recovery did not end');
  narrate({
    step: 'recover',
    command: 'tabellion recover --lost root --no-registry --yes',
    history: record.history.map(({ what }) => what),
    tags: record.repositories.flatMap(({ content }) =>
      content === undefined ? [] : recordedTags(content).map(({ tag }) => `${repository}:${tag}`),
    ),
  });
}

function failed(why: string): OperationError {
  return new OperationError('DEMO_FAILED', `The demonstration failed: ${why}`);
}
