/** Which keys stand behind which repositories: what is on this machine, and what of it can sign. */
import { canonicalKeyId } from '../../crypto/public-key.ts';
import type { KeyEntry } from '../../keys/key-store.ts';
import { usablePaths } from '../../tuf/delegation-walk.ts';
import { BASE_ROLES, ROOT, SNAPSHOT, TIMESTAMP } from '../../tuf/role-name.ts';
import type { TrustedSet } from '../../tuf/trusted-set.ts';
import { meansKey } from '../rotation/meant-key.ts';
import type { Session } from '../session.ts';
import { viewOf } from '../signed-tags.ts';
import {
  type LoadedRepository,
  type LoadOptions,
  loadRepositories,
} from './loaded-repositories.ts';

export interface InventoryRequest extends LoadOptions {
  /** Only what is under this root key: its ID or its certificate's, or the beginning of one. */
  readonly root?: string;
}

/** How a private key lies on this machine. */
export interface KeyAtHand {
  readonly file: string;
  readonly form: 'encrypted' | 'not-encrypted' | 'unusable';
  readonly layout: KeyEntry['layout'];
  /** Role and GUN of its header. */
  readonly role: string;
  readonly gun?: string;
  readonly problem?: string;
}

/** A key that a role trusts. */
export interface TrustedKey {
  /** Canonical ID: the name of the private key's file. */
  readonly id: string;
  /** The ID that the metadata uses, where that is another: a certificate's. */
  readonly certificateId?: string;
  /** End of the certificate (ISO 8601), of a root key. */
  readonly notAfter?: string;
  /** Absent when the private key is not on this machine. */
  readonly atHand?: KeyAtHand;
}

export interface InventoryRole {
  readonly role: string;
  readonly threshold: number;
  readonly keys: readonly TrustedKey[];
  /** Absent for a role whose file is not here: one that never signed, or that does not verify. */
  readonly version?: number;
  readonly expires?: string;
  readonly expired: boolean;
  /** Whether enough of its keys are on this machine. */
  readonly canSign: boolean;
  /** Of a delegation: the prefixes of tags that it may sign. */
  readonly paths?: readonly string[];
}

export interface InventoryRepository extends Omit<LoadedRepository, 'trusted' | 'expired'> {
  readonly tags: number;
  /** Canonical IDs. */
  readonly rootKeyIds: readonly string[];
  readonly roles: readonly InventoryRole[];
}

export interface InventoryRootKey {
  readonly id: string;
  readonly atHand?: KeyAtHand;
  /** A root key has another certificate in each repository. */
  readonly repositories: readonly {
    readonly repository: string;
    readonly server: string;
    readonly certificateId: string;
    readonly notAfter?: string;
    readonly threshold: number;
  }[];
}

export interface Inventory {
  readonly trustDir: string;
  readonly rootKeys: readonly InventoryRootKey[];
  readonly repositories: readonly InventoryRepository[];
  /** Private keys that no repository on this machine trusts. */
  readonly unusedKeys: readonly (KeyAtHand & { readonly id: string })[];
}

/**
 * Makes an inventory of the trust directory. No key is unlocked; without `fresh`, no server is asked.
 * @throws KeyError `KEY_STORE_UNREADABLE`, `KEY_NOT_FOUND`; UsageError `KEY_ID_INVALID`, `KEY_ID_AMBIGUOUS`
 */
export async function inventory(
  session: Session,
  request: InventoryRequest = {},
): Promise<Inventory> {
  const { root, ...options } = request;
  const loaded = await loadRepositories(session, options);
  return await inventoryOf(session, loaded, root);
}

/** The same of repositories that were loaded before. */
export async function inventoryOf(
  session: Session,
  loaded: readonly LoadedRepository[],
  root?: string,
): Promise<Inventory> {
  const atHand = await keysAtHand(session);
  const all = loaded.map(repository => describeRepository(repository, atHand));
  const rootKeys = rootKeysOf(all, atHand);
  const used = new Set(
    all.flatMap(({ roles }) => roles.flatMap(({ keys }) => keys.map(({ id }) => id))),
  );
  const report = {
    trustDir: session.trustDir.path,
    rootKeys,
    repositories: all,
    unusedKeys: [...atHand].flatMap(([id, key]) => (used.has(id) ? [] : [{ id, ...key }])),
  };
  if (root === undefined) return report;
  const id = meansKey(
    root,
    rootKeys.flatMap(key => [
      { id: key.id, keyId: key.id },
      ...key.repositories.map(({ certificateId }) => ({ id: key.id, keyId: certificateId })),
    ]),
  );
  return {
    ...report,
    rootKeys: rootKeys.filter(key => key.id === id),
    repositories: all.filter(({ rootKeyIds }) => rootKeyIds.includes(id)),
    unusedKeys: [],
  };
}

/** The private keys of this machine, by ID; of several files the one that would be used. */
export async function keysAtHand(session: Session): Promise<Map<string, KeyAtHand>> {
  const keys = await session.keys();
  const found = new Map<string, KeyAtHand>();
  for (const { id } of await keys.list()) {
    const entry = found.has(id) ? undefined : await keys.find(id);
    if (entry !== undefined) found.set(id, describeKey(entry));
  }
  return found;
}

function describeKey({ path, layout, role, gun, encrypted, usable, problem }: KeyEntry): KeyAtHand {
  return {
    file: path,
    form: usable ? (encrypted ? 'encrypted' : 'not-encrypted') : 'unusable',
    layout,
    role,
    ...(gun === undefined ? {} : { gun }),
    ...(problem === undefined ? {} : { problem }),
  };
}

function describeRepository(
  { trusted, expired, ...about }: LoadedRepository,
  atHand: ReadonlyMap<string, KeyAtHand>,
): InventoryRepository {
  if (trusted === undefined) return { ...about, tags: 0, rootKeyIds: [], roles: [] };
  const names = new Set([...trusted.targets.values()].flatMap(t => [...t.metadata.targets.keys()]));
  const over = new Set(expired.filter(({ kind }) => kind === 'metadata').map(({ role }) => role));
  const roles = rolesOf(trusted).map(role => describeRole(trusted, role, atHand, over.has(role)));
  const rootKeyIds = roles.find(({ role }) => role === ROOT)?.keys.map(({ id }) => id) ?? [];
  return { ...about, tags: names.size, rootKeyIds, roles };
}

/** The base roles, then all that is delegated to, signed or not. */
export function rolesOf(trusted: TrustedSet): string[] {
  const delegated = [...trusted.targets.values()].flatMap(({ metadata }) =>
    (metadata.delegations.roles ?? []).map(({ name }) => name),
  );
  return [...BASE_ROLES, ...[...new Set(delegated)].sort()];
}

function describeRole(
  trusted: TrustedSet,
  role: string,
  atHand: ReadonlyMap<string, KeyAtHand>,
  expired: boolean,
): InventoryRole {
  const { roleKeys } = trusted.keysFor(role);
  const keys = trustedKeys(trusted, role, atHand);
  const file = fileOf(trusted, role);
  const usable = keys.filter(key => key.atHand !== undefined && key.atHand.form !== 'unusable');
  return {
    role,
    threshold: roleKeys.threshold,
    keys,
    ...(file === undefined ? {} : { version: file.version, expires: file.expires }),
    expired,
    canSign: new Set(usable.map(({ id }) => id)).size >= roleKeys.threshold,
    ...(role.includes('/') ? { paths: usablePaths(viewOf(trusted), role) } : {}),
  };
}

/** The keys of a role, with what is known of each. */
export function trustedKeys(
  trusted: TrustedSet,
  role: string,
  atHand: ReadonlyMap<string, KeyAtHand>,
): TrustedKey[] {
  const { roleKeys, keys } = trusted.keysFor(role);
  const ends = new Map(trusted.root.certificates.map(({ id, leaf }) => [id, leaf.notAfter]));
  return [...new Set(roleKeys.keyIds ?? [])].flatMap(keyId => {
    const key = keys.get(keyId);
    if (key === undefined) return [];
    const id = canonicalKeyId(key);
    const notAfter = role === ROOT ? ends.get(keyId)?.toISOString() : undefined;
    const own = atHand.get(id);
    return [
      {
        id,
        ...(keyId === id ? {} : { certificateId: keyId }),
        ...(notAfter === undefined ? {} : { notAfter }),
        ...(own === undefined ? {} : { atHand: own }),
      },
    ];
  });
}

function fileOf(
  trusted: TrustedSet,
  role: string,
): { version: number; expires: string } | undefined {
  if (role === ROOT) return trusted.root.metadata;
  if (role === SNAPSHOT) return trusted.snapshot?.metadata;
  if (role === TIMESTAMP) return trusted.timestamp?.metadata;
  return trusted.targets.get(role)?.metadata;
}

/** Root keys that a repository trusts, and those that only lie here. */
function rootKeysOf(
  repositories: readonly InventoryRepository[],
  atHand: ReadonlyMap<string, KeyAtHand>,
): InventoryRootKey[] {
  const uses = new Map<string, InventoryRootKey['repositories'][number][]>();
  for (const [id, { role }] of atHand) if (role === ROOT) uses.set(id, []);
  for (const { repository, server, roles } of repositories) {
    const root = roles.find(({ role }) => role === ROOT);
    for (const { id, certificateId = id, notAfter } of root?.keys ?? []) {
      const use = { repository, server, certificateId, threshold: root?.threshold ?? 1 };
      uses.set(id, [...(uses.get(id) ?? []), { ...use, ...(notAfter && { notAfter }) }]);
    }
  }
  return [...uses].map(([id, under]) => {
    const own = atHand.get(id);
    return { id, ...(own === undefined ? {} : { atHand: own }), repositories: under };
  });
}
