/** Rotating a base role's keys (tuf.md 7). No private key goes before the change is on the server and verified. */

import { printable } from '../crypto/printable.ts';
import type { PrivateKey } from '../crypto/private-key.ts';
import { canonicalKeyId, keyId, type PublicKey } from '../crypto/public-key.ts';
import { UsageError } from '../errors.ts';
import { replaceRoleKeys } from '../tuf/change.ts';
import type { KeyRing } from '../tuf/key-ring.ts';
import { Repository } from '../tuf/repository.ts';
import { hasAnyKey, requireKeys } from '../tuf/role-keys.ts';
import { BASE_ROLES, ROOT, SNAPSHOT, TARGETS, TIMESTAMP } from '../tuf/role-name.ts';
import { readGivenKey } from './given-key.ts';
import { type CreatedKey, certifiedKey, tellingCreated } from './initialise-repository.ts';
import { legacyRootKeys } from './legacy-root-keys.ts';
import { loadForChange } from './load-for-change.ts';
import { checkServerSignsSnapshot, keyRing, type Published, publishChanges } from './publish.ts';
import { keyFile, type RepositoryAccess, type Session } from './session.ts';
import { stagedChangesWarning } from './staged-changes.ts';

export interface RotateKeyRequest {
  readonly role: string;
  /** Let the server make and keep the new key. Default false. */
  readonly serverManaged?: boolean;
  /** Files with the private keys to rotate to, all of them; without any, a new key is made. */
  readonly keyFiles?: readonly string[];
  /** Sign a new root also with the root keys of so many earlier versions; −1 for all. Default 0. */
  readonly legacyVersions?: number;
  /** Whether a repository that nobody knows is made. Default false. */
  readonly initialiseIfUnknown?: boolean;
  /** Remove the files of replaced keys in the end. Default false; a root key is never removed. */
  readonly removeOldKeys?: boolean;
  /** Check all that can be checked, and change nothing. */
  readonly dryRun?: boolean;
  /** Told of each key as soon as it is stored, so that a later failure hides none. */
  readonly created?: CreatedKey[];
}

export interface RotatedKey {
  /** Canonical ID. */
  readonly id: string;
  /** Of a root key: ID of its certificate. */
  readonly certificateId?: string;
  /** Where its private key lies on this machine. */
  readonly file?: string;
}

export interface KeyRotation {
  readonly repository: string;
  readonly server: string;
  readonly role: string;
  readonly managedBy: 'client' | 'server';
  readonly dryRun: boolean;
  readonly initialised: boolean;
  readonly oldKeys: readonly RotatedKey[];
  /** Empty in a dry run. */
  readonly newKeys: readonly RotatedKey[];
  /** IDs of replaced keys whose files were removed. */
  readonly removedKeys: readonly string[];
  readonly createdKeys: readonly CreatedKey[];
  /** Of a rotation of `targets`: how many targets were signed again, unseen. */
  readonly resignedTargets: number;
  readonly versions: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}

/**
 * Checks who may hold a role's key, before anything is read or asked (keys.md 7.2).
 * @throws UsageError `ROTATION_NOT_ALLOWED`; details: `role`, and `by` (`client`, `server`) if the other may
 */
export function checkRotation(role: string, serverManaged: boolean): void {
  if (!BASE_ROLES.some(name => name === role)) {
    throw new UsageError(
      'ROTATION_NOT_ALLOWED',
      `The key of “${printable(role)}” is not rotated: only those of root, targets, snapshot and timestamp are`,
      { hint: 'Keys of a delegation are added to it and removed from it.', details: { role } },
    );
  }
  if (serverManaged && (role === ROOT || role === TARGETS)) {
    throw new UsageError(
      'ROTATION_NOT_ALLOWED',
      `The server may not manage the ${role} key: whoever runs it could sign anything`,
      { details: { role, by: 'server' } },
    );
  }
  if (!serverManaged && role === TIMESTAMP) {
    throw new UsageError(
      'ROTATION_NOT_ALLOWED',
      'The timestamp key belongs to the server, which signs a new timestamp whenever one has expired',
      { hint: 'Let the server make the new one.', details: { role, by: 'client' } },
    );
  }
}

/**
 * Gives a base role new keys, by one publish of that change alone; what is staged stays staged. Everything
 * that can fail without the new keys is tried before they are made.
 * @throws UsageError `ROTATION_NOT_ALLOWED`, `OPTIONS_CONFLICT`; KeyError `KEY_MISSING` and others, TrustError,
 *   OperationError, ConnectionError
 */
export async function rotateKey(
  session: Session,
  gun: string,
  request: RotateKeyRequest,
): Promise<KeyRotation> {
  const { role, serverManaged = false, keyFiles = [], created = [] } = request;
  checkRotation(role, serverManaged);
  if (serverManaged && keyFiles.length > 0) {
    throw new UsageError(
      'OPTIONS_CONFLICT',
      'The server makes a key that it manages: none can be given for it',
    );
  }
  const given: PrivateKey[] = [];
  for (const file of keyFiles)
    given.push(await readGivenKey(session, file, { encryptedOnly: role === ROOT }));
  const access = await session.repositoryByGun(gun);
  const work = () =>
    tellingCreated(created, () => rotate(session, access, request, given, created));
  return request.dryRun === true ? await work() : await access.dir.withLock(work);
}

async function rotate(
  session: Session,
  access: RepositoryAccess,
  request: RotateKeyRequest,
  given: readonly PrivateKey[],
  created: CreatedKey[],
): Promise<KeyRotation> {
  const { role, serverManaged = false, dryRun = false } = request;
  const { repository, initialised } = await loadForChange(
    session,
    access,
    { initialiseIfUnknown: request.initialiseIfUnknown === true && !dryRun },
    created,
  );
  const ring = await keyRing(session);
  await checkSigningKeys(access, repository, role, ring);
  const oldKeys = await describeOld(session, repository, role);
  const report = {
    repository: access.gun,
    server: access.server,
    role,
    managedBy: serverManaged ? 'server' : 'client',
    dryRun,
    initialised,
    oldKeys,
    createdKeys: created,
    resignedTargets: role === TARGETS ? (repository.view(TARGETS)?.targets.size ?? 0) : 0,
  } as const;
  const warnings = [
    ...(await stagedChangesWarning(access.dir)),
    ...sharedKeyWarnings(repository, role, oldKeys),
  ];
  if (dryRun) return { ...report, newKeys: [], removedKeys: [], versions: {}, warnings };

  const legacy = await legacyRootKeys(session, access, repository, request.legacyVersions ?? 0);
  const publicKeys = serverManaged
    ? [await access.remote.rotateKey(role === TIMESTAMP ? TIMESTAMP : SNAPSHOT)]
    : await localKeys(session, access, role, given, created);
  const published = await publishChanges(
    session,
    access,
    async () => ({ changes: [replaceRoleKeys(role, publicKeys)], legacyRootKeys: legacy }),
    repository,
  );
  const removed = await removeOldKeys(session, request, oldKeys, publicKeys, published);
  return {
    ...report,
    newKeys: await describe(session, publicKeys),
    oldKeys: oldKeys.map(key =>
      removed.ids.includes(key.id) ? { id: key.id, ...certificateOf(key) } : key,
    ),
    removedKeys: removed.ids,
    versions: published.versions,
    warnings: [...warnings, ...published.warnings, ...removed.warnings],
  };
}

/** The root key signs every rotation; the snapshot's must be at hand too, or with the server. */
async function checkSigningKeys(
  access: RepositoryAccess,
  repository: Repository,
  role: string,
  ring: KeyRing,
): Promise<void> {
  await openKeys(repository, ROOT, ring);
  if (role === SNAPSHOT) return;
  if (await hasAnyKey(repository.keysFor(SNAPSHOT), ring))
    await openKeys(repository, SNAPSHOT, ring);
  else if (!repository.unpublished) await checkServerSignsSnapshot(access, repository);
}

async function openKeys(repository: Repository, role: string, ring: KeyRing): Promise<void> {
  const { roleKeys, keys } = repository.keysFor(role);
  await requireKeys(role, { roleKeys, keys }, ring);
  for (const id of roleKeys.keyIds ?? []) {
    const key = keys.get(id);
    const canonical = key === undefined ? undefined : canonicalKeyId(key);
    if (canonical !== undefined && (await ring.has(canonical))) await ring.signer(canonical);
  }
}

/** The keys that were given, else a new one: stored before anything names them. */
async function localKeys(
  session: Session,
  access: RepositoryAccess,
  role: string,
  given: readonly PrivateKey[],
  created: CreatedKey[],
): Promise<PublicKey[]> {
  const { gun } = access;
  const store = await session.keys();
  const published = (key: PrivateKey): PublicKey =>
    role === ROOT ? certifiedKey(key, gun, session.now) : key.publicKey;
  if (given.length === 0) {
    const key = await store.generate({ role, gun });
    created.push({ id: key.id, role, file: keyFile(session, key.id) });
    return [published(key)];
  }
  const publicKeys = given.map(published);
  for (const key of given) {
    const isNew = !(await store.has(key.id));
    await store.add(key, { role, gun });
    if (isNew) created.push({ id: key.id, role, file: keyFile(session, key.id) });
  }
  return publicKeys;
}

/** Only a fresh, verified root that names the new keys shows that the old ones are needed no more. */
async function removeOldKeys(
  session: Session,
  request: RotateKeyRequest,
  oldKeys: readonly RotatedKey[],
  publicKeys: readonly PublicKey[],
  { after }: Published,
): Promise<{ ids: string[]; warnings: string[] }> {
  const { role } = request;
  if (request.removeOldKeys !== true) return { ids: [], warnings: [] };
  if (role === ROOT) {
    return { ids: [], warnings: ['The old root key was kept: old root keys are never removed'] };
  }
  const named = after?.trusted.root.metadata.roles.get(role)?.keyIds ?? [];
  if (after === undefined || publicKeys.some(key => !named.includes(keyId(key)))) {
    return { ids: [], warnings: [`The old ${role} key was kept: the new root was not seen yet`] };
  }
  const present = Repository.fromTrusted(after.trusted);
  const used = new Set([
    ...BASE_ROLES.flatMap(name => keysOf(present, name).map(canonicalKeyId)),
    ...delegationUses(present).map(({ id }) => id),
  ]);
  const keys = await session.keys();
  const ids: string[] = [];
  const warnings: string[] = [];
  for (const { id, file } of oldKeys) {
    if (file === undefined) continue;
    if (used.has(id)) {
      warnings.push(`The old ${role} key ${id} was kept: it is still used in the repository`);
      continue;
    }
    await keys.remove(id);
    ids.push(id);
  }
  return { ids, warnings };
}

/** A delegation with the replaced key goes on trusting it. */
function sharedKeyWarnings(
  repository: Repository,
  role: string,
  oldKeys: readonly RotatedKey[],
): string[] {
  const shared = delegationUses(repository).filter(({ id }) => oldKeys.some(old => old.id === id));
  return shared.map(
    use => `The delegation ${use.role} has the replaced ${role} key ${use.id} too, and keeps it`,
  );
}

function delegationUses(repository: Repository): { role: string; id: string }[] {
  return [...repository.roles.values()].flatMap(({ metadata: { delegations } }) =>
    (delegations.roles ?? []).flatMap(({ name, keyIds }) =>
      (keyIds ?? []).flatMap(scoped => {
        const key = delegations.keys.get(scoped);
        return key === undefined ? [] : [{ role: name, id: canonicalKeyId(key) }];
      }),
    ),
  );
}

function keysOf(repository: Repository, role: string): PublicKey[] {
  const { roleKeys, keys } = repository.keysFor(role);
  return (roleKeys.keyIds ?? []).flatMap(id => keys.get(id) ?? []);
}

async function describeOld(
  session: Session,
  repository: Repository,
  role: string,
): Promise<RotatedKey[]> {
  return await describe(session, keysOf(repository, role));
}

async function describe(session: Session, publicKeys: readonly PublicKey[]): Promise<RotatedKey[]> {
  const keys = await session.keys();
  const described: RotatedKey[] = [];
  for (const key of publicKeys) {
    const id = canonicalKeyId(key);
    const scoped = keyId(key);
    const file = (await keys.find(id))?.path;
    described.push({
      id,
      ...(scoped === id ? {} : { certificateId: scoped }),
      ...(file === undefined ? {} : { file }),
    });
  }
  return described;
}

function certificateOf({ certificateId }: RotatedKey): { certificateId?: string } {
  return certificateId === undefined ? {} : { certificateId };
}
