/** A signer's key that was lost or leaked: a new one in, and after a leak nothing that is not theirs signed again. */
import { generatePrivateKey } from '../../crypto/private-key.ts';
import { OperationError } from '../../errors.ts';
import { TARGETS } from '../../tuf/role-name.ts';
import { type RevokedTag, revoke } from '../revoke.ts';
import { reviewRepository } from '../rotation/review.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { rotateSigner } from '../signers/signer-rotate.ts';
import type { RecoveredRepository, RecoveryOptions, RecoveryRecord } from './record.ts';

/**
 * Gives the signers of the case a new key in a repository. A new key signs again all that the old one did: what is not
 * to stay goes before, and where only the new key can take it away, right after.
 * @throws KeyError `KEY_MISSING` without the repository key; TrustError, OperationError, ConnectionError
 */
export async function replaceSigner(
  session: Session,
  access: RepositoryAccess,
  repository: RecoveredRepository,
  record: RecoveryRecord,
): Promise<void> {
  const { gun } = access;
  const { signers = [] } = record.case;
  const unwanted = [
    ...new Set([...droppedTags(gun, record.options), ...(await unknownTags(session, gun, record))]),
  ];
  const before = await revokeTags(session, gun, unwanted);
  for (const name of signers) await rekeySigner(session, access, record, name);
  const left = before.filter(({ remainsIn }) => remainsIn.length > 0).map(({ tag }) => tag);
  const after = await revokeTags(session, gun, left);
  if (unwanted.length > 0) repository.remarks = remarks(gun, unwanted, after);
}

/** Names of one repository among those that were dropped. */
export function droppedTags(gun: string, { drop }: RecoveryOptions): string[] {
  return drop.filter(name => name.startsWith(`${gun}:`)).map(name => name.slice(gun.length + 1));
}

/** After a leak: what the signers hold and this machine had not verified before. */
async function unknownTags(
  session: Session,
  gun: string,
  { case: what, options: { keep, trustedSince } }: RecoveryRecord,
): Promise<string[]> {
  if (what.reason !== 'compromised' || keep !== 'known' || trustedSince === undefined) return [];
  const review = await reviewRepository(session, gun, {
    trustedSince: new Date(trustedSince),
    registry: false,
  });
  const roles = (what.signers ?? []).map(name => `${TARGETS}/${name}`);
  return review.tags
    .filter(({ standing, roles: holders }) => standing !== 'known' && overlap(holders, roles))
    .map(({ tag }) => tag);
}

function overlap(some: readonly string[], others: readonly string[]): boolean {
  return some.some(one => others.includes(one));
}

async function revokeTags(
  session: Session,
  gun: string,
  tags: readonly string[],
): Promise<readonly RevokedTag[]> {
  if (tags.length === 0) return [];
  const images = tags.map(tag => `${gun}:${tag}`);
  const { repositories } = await revoke(session, { images, dryRun: false });
  return repositories.flatMap(({ tags: revoked }) => revoked);
}

function remarks(gun: string, tags: readonly string[], after: readonly RevokedTag[]): string[] {
  const left = after.filter(({ remainsIn }) => remainsIn.length > 0);
  return [
    `${gun}: no longer signed: ${tags.join(', ')}. What was pulled by it runs on: look for it.`,
    ...left.map(
      ({ tag, remainsIn }) => `${gun}: ${tag} is still signed as ${remainsIn.join(', ')}.`,
    ),
  ];
}

/** One new key for the signer in all repositories. */
async function rekeySigner(
  session: Session,
  { gun }: RepositoryAccess,
  record: RecoveryRecord,
  name: string,
): Promise<void> {
  const store = await session.keys();
  let id: string | undefined;
  for (const known of record.newKeys) {
    if ((await store.find(known))?.role === name) id = known;
  }
  if (id === undefined) {
    const key = generatePrivateKey('ecdsa');
    record.newKeys.push(key.id);
    await store.add(key, { role: name });
    id = key.id;
  }
  try {
    await rotateSigner(session, { name, repositories: [gun], keyIds: [id] });
  } catch (error) {
    // Done by an earlier run, or the signer is not in this repository any more.
    const isDone =
      error instanceof OperationError &&
      (error.code === 'KEY_UNCHANGED' || error.code === 'SIGNER_UNKNOWN');
    if (!isDone) throw error;
  }
}
