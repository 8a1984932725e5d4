/** One repository under a lost root, from its old trust data to its new: each stage can be run again. */

import { sha256Hex } from '../../crypto/digest.ts';
import { printable } from '../../crypto/printable.ts';
import { canonicalKeyId, type PublicKey } from '../../crypto/public-key.ts';
import { OperationError } from '../../errors.ts';
import { Repository } from '../../tuf/repository.ts';
import { canonicalIds } from '../../tuf/role-keys.ts';
import { TARGETS } from '../../tuf/role-name.ts';
import type { TrustedSet } from '../../tuf/trusted-set.ts';
import { makeRepository, unpublishedRepository } from '../initialise-repository.ts';
import { keyRing, publishChanges } from '../publish.ts';
import { readAfresh } from '../rotation/fresh-client.ts';
import { servedRoot } from '../served-root.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import type { RecoveredRepository } from './record.ts';
import { recordedTags, visibleTags } from './recorded-content.ts';
import { rootIds } from './root-keys.ts';
import { type SignAgainOptions, signAgain } from './sign-again.ts';

/** What the server has of a repository that is to be made anew. */
export type ServerState = 'old' | 'gone' | 'new';

/**
 * @param rootKeyId canonical ID of the root key that the new repository has
 * @throws OperationError `RECOVERY_FOREIGN_ROOT` when somebody made it anew with another key
 */
export async function serverState(
  access: RepositoryAccess,
  repository: RecoveredRepository,
  rootKeyId: string | undefined,
): Promise<ServerState> {
  const bytes = await servedRoot(access);
  if (bytes === undefined) return 'gone';
  if (isOldRoot(bytes, repository)) return 'old';
  if (rootKeyId !== undefined && rootIds(bytes).keyIds.includes(rootKeyId)) return 'new';
  throw new OperationError(
    'RECOVERY_FOREIGN_ROOT',
    `${printable(access.gun)} has a root on the server that is neither the old one nor of this recovery`,
    {
      hint: 'Somebody has made it anew: compare its thumbprint with whoever may have, and ask to be added as a signer; leave it out with --skip.',
      details: { gun: access.gun, certificateIds: rootIds(bytes).certificateIds },
    },
  );
}

/** Whether a root file is of the time before the recovery. */
export function isOldRoot(bytes: Uint8Array, repository: RecoveredRepository): boolean {
  const { keyIds, certificateIds } = rootIds(bytes);
  if (certificateIds.some(id => repository.oldRootCertificates.includes(id))) return true;
  // Under another root, which stays, the key is the same before and after: only its certificate tells.
  return repository.under === 'affected' && keyIds.some(id => repository.oldRootKeys.includes(id));
}

/**
 * Makes the new repository under a root key that is in the store, with all that was recorded, by one publish. What an
 * earlier run has made is carried on.
 */
export async function signAnew(
  session: Session,
  access: RepositoryAccess,
  repository: RecoveredRepository,
  rootKeyId: string,
  options: SignAgainOptions,
): Promise<void> {
  const { content } = repository;
  if (content === undefined) throw notRecorded(access.gun);
  await access.dir.withLock(async () => {
    const plan = await signAgain(content, await keyRing(session), options);
    const start =
      (await servedRoot(access)) === undefined
        ? await unpublished(session, access, rootKeyId)
        : undefined;
    await publishChanges(session, access, async () => ({ changes: plan.changes }), start);
    repository.signedTags = plan.tags;
    repository.unsigned = plan.unsigned;
  });
}

async function unpublished(
  session: Session,
  access: RepositoryAccess,
  rootKeyId: string,
): Promise<Repository> {
  const begun = await unpublishedRepository(session, access);
  if (begun !== undefined) {
    const { roleKeys, keys } = begun.keysFor('root');
    if (canonicalIds({ roleKeys, keys }).includes(rootKeyId)) return begun;
  }
  const rootKey = await (await session.keys()).open(rootKeyId);
  return (await makeRepository(session, access, { snapshot: 'server', rootKey }, [])).repository;
}

/**
 * Reads the repository as somebody who has never seen it, and compares.
 * @returns the keys of the new root: its certificates
 * @throws OperationError `RECOVERY_INCOMPLETE`; TrustError, ConnectionError
 */
export async function verifyAnew(
  session: Session,
  access: RepositoryAccess,
  repository: RecoveredRepository,
  rootKeyId: string,
): Promise<PublicKey[]> {
  const trusted = await readAfresh(session, access, undefined);
  const seen = new Set(visibleTags(trusted).map(({ tag, sha256 }) => `${tag} ${sha256}`));
  const missing = recordedTags(
    repository.content ?? { from: 'server', checkedAt: '', versions: {}, roles: [] },
  )
    .filter(({ leftOut, tag, sha256 }) => leftOut === undefined && !seen.has(`${tag} ${sha256}`))
    .map(({ tag }) => tag);
  const rootKeys = Repository.fromTrusted(trusted).keysFor('root');
  if (missing.length > 0 || !canonicalIds(rootKeys).includes(rootKeyId)) {
    throw new OperationError(
      'RECOVERY_INCOMPLETE',
      `A fresh reading of ${printable(access.gun)} does not show what was published: ${missing.length === 0 ? 'its root is another one' : `${missing.map(tag => printable(tag)).join(', ')} missing`}`,
      {
        hint: 'A cache in between may hold the old data for some minutes: resume the recovery then.',
        details: { gun: access.gun, missing },
      },
    );
  }
  return noteNewRoot(repository, trusted);
}

/** Writes down under which root, and with which repository keys, a repository is now. @returns the root's certificates */
export function noteNewRoot(repository: RecoveredRepository, { root }: TrustedSet): PublicKey[] {
  const { certificates, metadata } = root;
  repository.newRootCertificates = certificates.map(({ id }) => id);
  repository.newRootFingerprints = certificates.map(({ leaf }) => sha256Hex(leaf.der));
  repository.newTargetsKeys = (metadata.roles.get(TARGETS)?.keyIds ?? []).flatMap(id => {
    const key = metadata.keys.get(id);
    return key === undefined ? [] : [canonicalKeyId(key)];
  });
  return certificates.map(({ key }) => key);
}

function notRecorded(gun: string): OperationError {
  return new OperationError(
    'RECOVERY_NOT_RECORDED',
    `The content of ${printable(gun)} was not recorded: nothing is made anew without it`,
  );
}
