/** Changing a repository: one change set, one request, one version, and proof by reading it back. */

import { sha256Hex } from '../crypto/digest.ts';
import { canonicalKeyId, keyId, type PublicKey } from '../crypto/public-key.ts';
import {
  ConnectionError,
  KeyError,
  OperationError,
  TabellionError,
  TrustError,
} from '../errors.ts';
import { applyChange } from '../tuf/apply-change.ts';
import type { Change } from '../tuf/change.ts';
import type { KeyRing } from '../tuf/key-ring.ts';
import type { RootMetadata } from '../tuf/metadata.ts';
import { Repository } from '../tuf/repository.ts';
import { ROOT, SNAPSHOT, TARGETS, TIMESTAMP } from '../tuf/role-name.ts';
import { type SignedFiles, signRepository } from '../tuf/sign-repository.ts';
import { highestVersion } from '../tuf/version-search.ts';
import { emptyReturningRoles } from './delegations/returning-roles.ts';
import type { RepositoryAccess, Session } from './session.ts';
import { movedPin } from './thumbprints/moved-pin.ts';
import { loadTrustData, type TrustData } from './trust-data.ts';

/** How often a publish that lost a race is done again on the new state. */
const ATTEMPTS = 4;

export interface PublishPlan {
  readonly changes: readonly Change[];
  /** Publish also when nothing changes: a new snapshot and timestamp, as Notary does it (tuf.md 6.1.6). */
  readonly always?: boolean;
  /** Root keys of earlier versions that shall sign a new root too. */
  readonly legacyRootKeys?: readonly PublicKey[];
  /** A root that was signed on another machine and verified by the caller, as the next of this state. */
  readonly signedRoot?: { readonly metadata: RootMetadata; readonly bytes: Uint8Array };
  /** Sign everything, so that every key that is needed has been opened, but send nothing. */
  readonly rehearsal?: boolean;
}

export interface Published {
  /** Whether anything was sent: nothing is when every change was there already. */
  readonly changed: boolean;
  readonly versions: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  /** The trust data after it, as a client reads it; absent when nothing was sent or it could not be read back. */
  readonly after?: TrustData;
}

/** The private keys of a session, for the metadata engine. */
export async function keyRing(session: Session): Promise<KeyRing> {
  const keys = await session.keys();
  return { has: id => keys.has(id), signer: id => keys.open(id) };
}

/**
 * Applies changes to a repository's newest state and publishes the result. Lost races are run again.
 * @param start the repository to begin with; by default the server's newest state
 * @param plan what to change, given that state
 * @param reload how to get the server's newest state where the usual way fails, as for one that has expired
 */
export async function publishChanges(
  session: Session,
  access: RepositoryAccess,
  plan: (repository: Repository) => Promise<PublishPlan>,
  start?: Repository,
  reload: () => Promise<Repository> = () => newestState(session, access),
): Promise<Published> {
  for (let attempt = 1; ; attempt++) {
    const repository = attempt === 1 && start !== undefined ? start : await reload();
    try {
      return await publishOnce(session, access, repository, await plan(repository));
    } catch (error) {
      if (!isConflict(error) || attempt === ATTEMPTS) throw error;
      session.log(
        `somebody else published first (${error.message}): trying again on the new state`,
      );
    }
  }
}

async function newestState(session: Session, access: RepositoryAccess): Promise<Repository> {
  const newest = await loadTrustData(session, access, { requireFresh: true, forWrite: true });
  return Repository.fromTrusted(newest.trusted);
}

async function publishOnce(
  session: Session,
  access: RepositoryAccess,
  repository: Repository,
  { changes, always = false, legacyRootKeys = [], signedRoot, rehearsal = false }: PublishPlan,
): Promise<Published> {
  const ring = await keyRing(session);
  let changed = repository.unpublished || always || signedRoot !== undefined;
  if (signedRoot !== undefined) repository.adoptSignedRoot(signedRoot.metadata, signedRoot.bytes);
  repository.legacyRootKeys = legacyRootKeys;
  for (const change of changes) changed = (await applyChange(repository, change, ring)) || changed;
  if (!changed) return { changed, versions: {}, warnings: repository.warnings };
  await emptyReturningRoles(access, repository, ring);
  await raiseNewVersions(access, repository);
  session.progress({ message: `signing ${access.gun}` });
  const signed = await signRepository(repository, ring, session.now);
  if (rehearsal) {
    // For a repository that it does not know, a server makes another key each time that it is asked.
    if (signed.snapshotByServer && !repository.unpublished) {
      await checkServerSignsSnapshot(access, repository);
    }
    return { changed, versions: {}, warnings: signed.warnings };
  }
  const { after, warnings } = await sendAndReadBack(session, access, repository, signed);
  return {
    changed,
    versions: Object.fromEntries(signed.versions),
    warnings: [...signed.warnings, ...warnings],
    ...(after === undefined ? {} : { after }),
  };
}

async function send(
  session: Session,
  access: RepositoryAccess,
  repository: Repository,
  signed: SignedFiles,
): Promise<void> {
  session.progress({ message: `publishing ${access.gun}` });
  session.log(
    `publishing ${[...signed.versions].map(([role, version]) => `${role} ${version}`).join(', ')}`,
  );
  try {
    await access.remote.publish(signed.files);
  } catch (error) {
    if (repository.unpublished && error instanceof OperationError)
      await explainRivalRoot(access, error);
    if (signed.snapshotByServer && isRejection(error))
      await explainMissingSnapshotKey(access, repository, error);
    throw error;
  }
}

/** An answer that was lost on the way is no failure when the server holds what was sent. */
async function sendAndReadBack(
  session: Session,
  access: RepositoryAccess,
  repository: Repository,
  signed: SignedFiles,
): Promise<{ after?: TrustData; warnings: string[] }> {
  const moved = await movedPin(session, access, signed);
  try {
    await send(session, access, repository, signed);
  } catch (error) {
    if (!(error instanceof ConnectionError) || error.code !== 'PUBLISH_UNCONFIRMED') throw error;
    session.log(`${error.message}: looking whether it arrived`);
    const { after, warnings } = await readBack(session, moved.access, signed);
    if (after === undefined || !holdsAll(after, signed)) throw error;
    await moved.keep();
    return { after, warnings };
  }
  await moved.keep();
  const seen = await readBack(session, moved.access, signed);
  if (seen.after === undefined) await checkStored(access, signed);
  return seen;
}

/**
 * Whoever stands in between may answer 200 to anything. A file asked for by its hash comes from no cache: nobody
 * can have asked for it before.
 * @throws OperationError `PUBLISH_NOT_STORED`
 */
async function checkStored(
  { gun, remote }: RepositoryAccess,
  { files }: SignedFiles,
): Promise<void> {
  // A batch is stored whole or not at all.
  const [first] = files;
  if (first === undefined) return;
  const [role, bytes] = first;
  try {
    await remote.byHash(role, sha256Hex(bytes), bytes.length);
  } catch (error) {
    if (error instanceof ConnectionError) return;
    if (!(error instanceof TrustError) || error.code !== 'METADATA_NOT_FOUND') throw error;
    throw new OperationError(
      'PUBLISH_NOT_STORED',
      `The trust server answered as if it had published ${gun}, but it has not stored the new ${role} metadata`,
      {
        cause: error,
        hint: 'Check the address of the trust server, and what stands in between; then run the command again.',
      },
    );
  }
}

function holdsAll({ trusted }: TrustData, { files }: SignedFiles): boolean {
  return [...files].every(([role, bytes]) => {
    const served =
      role === ROOT
        ? trusted.root.bytes
        : role === SNAPSHOT
          ? trusted.snapshot?.bytes
          : trusted.targets.get(role)?.bytes;
    return served !== undefined && Buffer.from(bytes).equals(served);
  });
}

/** A first publish is also refused when somebody else was quicker: their root stands, and ours never will. */
async function explainRivalRoot(access: RepositoryAccess, cause: OperationError): Promise<void> {
  try {
    await access.remote.root();
  } catch (error) {
    if (error instanceof TrustError && error.code === 'METADATA_NOT_FOUND') return;
    throw error;
  }
  throw new OperationError(
    'REPOSITORY_EXISTS',
    `Somebody else published ${access.gun} at the same time, with other keys; what was made for it here was not published`,
    {
      cause,
      hint: `Move ${access.dir.folder} aside, compare the root’s thumbprint with its owner, and ask to be added as a signer.`,
    },
  );
}

/**
 * A server that lacks the snapshot's key says so in words that help nobody: find out whose key it is (tuf.md 6.2).
 */
async function explainMissingSnapshotKey(
  access: RepositoryAccess,
  repository: Repository,
  cause: unknown,
): Promise<void> {
  await checkServerSignsSnapshot(access, repository, cause);
}

/**
 * Checks that the server holds the snapshot's key, for a repository whose snapshot cannot be signed here.
 * @throws KeyError `KEY_MISSING`
 */
export async function checkServerSignsSnapshot(
  access: RepositoryAccess,
  repository: Repository,
  cause?: unknown,
): Promise<void> {
  const { roleKeys, keys } = repository.keysFor(SNAPSHOT);
  const servers = keyId(await access.remote.publicKey(SNAPSHOT));
  if (roleKeys.keyIds?.includes(servers) === true) return;
  const ids = [...(roleKeys.keyIds ?? [])].flatMap(id => {
    const key = keys.get(id);
    return key === undefined ? [] : [canonicalKeyId(key)];
  });
  throw new KeyError(
    'KEY_MISSING',
    `Publishing to ${access.gun} needs its snapshot key ${ids.join(' or ')}, which neither this machine nor the server has`,
    {
      cause,
      hint: 'Publish from the machine that has it, or let the owner of the root key hand the snapshot to the server.',
      details: { role: SNAPSHOT, keyIds: ids },
    },
  );
}

/**
 * A role that is signed for the first time here may have been signed before and removed: its version goes on
 * from what the server has, else every publish would be refused for ever (tuf.md 5.4).
 */
async function raiseNewVersions(access: RepositoryAccess, repository: Repository): Promise<void> {
  if (repository.unpublished) return;
  for (const [role, edited] of repository.roles) {
    if (role === TARGETS || edited.metadata.version !== 0) continue;
    const version = await storedVersion(access, role);
    if (version === 0) continue;
    repository.edit(role, metadata => ({ ...metadata, version }));
    repository.warnings.push(
      `${role} existed before, up to version ${version}, and goes on from there`,
    );
  }
}

/** The highest version of a role that the server ever stored. */
async function storedVersion({ remote }: RepositoryAccess, role: string): Promise<number> {
  const exists = async (version: number): Promise<boolean> => {
    try {
      await remote.version(role, version);
      return true;
    } catch (error) {
      if (error instanceof TrustError && error.code === 'METADATA_NOT_FOUND') return false;
      throw error;
    }
  };
  return await highestVersion(exists, 0, () => endlessVersions(remote.url, role));
}

function endlessVersions(server: string, role: string): ConnectionError {
  return new ConnectionError(
    'RESPONSE_INVALID',
    `The trust server ${new URL(server).host} has every version of ${role} that it is asked for, which cannot be true`,
    { details: { role } },
  );
}

/** Reads the repository as a client does and checks that what was sent is what is served. */
async function readBack(
  session: Session,
  access: RepositoryAccess,
  signed: SignedFiles,
): Promise<{ after?: TrustData; warnings: string[] }> {
  try {
    const after = await loadTrustData(session, access, { requireFresh: true, forWrite: true });
    const stale = [...signed.versions].filter(
      ([role, version]) => (servedVersion(after, role) ?? 0) < version,
    );
    if (stale.length === 0) return { after, warnings: [] };
    const names = stale.map(([role]) => role).join(', ');
    return {
      warnings: [
        `The server accepted the change but still serves the old ${names}: a cache in between may hold it for some minutes`,
      ],
    };
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    return {
      warnings: [`The server accepted the change, but it could not be read back: ${error.message}`],
    };
  }
}

function servedVersion({ trusted }: TrustData, role: string): number | undefined {
  if (role === SNAPSHOT) return trusted.snapshot?.metadata.version;
  if (role === TIMESTAMP) return trusted.timestamp?.metadata.version;
  if (role === ROOT) return trusted.root.metadata.version;
  return trusted.targets.get(role)?.metadata.version;
}

function isConflict(error: unknown): error is OperationError {
  return error instanceof OperationError && error.code === 'VERSION_CONFLICT';
}

function isRejection(error: unknown): boolean {
  return error instanceof OperationError && error.code !== 'VERSION_CONFLICT';
}
