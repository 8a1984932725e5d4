/**
 * From decoded JSON to metadata: structure only, no trust (tuf.md 1.2).
 * All functions throw TrustError `METADATA_MALFORMED`.
 */
import type { JsonValue } from '../crypto/canonical-json.ts';
import { type PublicKey, publicKeyFromJson } from '../crypto/public-key.ts';
import { TabellionError } from '../errors.ts';
import { malformed } from './malformed.ts';
import {
  checkMembers,
  integerOf,
  type Members,
  membersOf,
  stringOf,
  stringsOf,
} from './members.ts';
import type {
  DelegatedRole,
  Delegations,
  FileMeta,
  RoleKeys,
  RootMetadata,
  SnapshotMetadata,
  TargetsMetadata,
  TimestampMetadata,
} from './metadata.ts';
import { BASE_ROLES, isDirectChild, ROOT, SNAPSHOT, TARGETS, TIMESTAMP } from './role-name.ts';
import { hashesProblem, readTarget, type Target } from './target.ts';
import { parseTime } from './time.ts';

const COMMON = ['_type', 'expires', 'version'];
const TARGET_MEMBERS = ['custom', 'hashes', 'length'];

export function decodeRoot(signed: Members): RootMetadata {
  const common = decodeCommon(signed, 'Root', ROOT, ['consistent_snapshot', 'keys', 'roles']);
  const keys = decodeKeys(signed.keys, ROOT);
  const roles = new Map<string, RoleKeys>();
  for (const [name, value] of Object.entries(membersOf(signed.roles, ROOT, '“roles”'))) {
    roles.set(name, decodeRoleKeys(membersOf(value, ROOT, `the role “${name}”`), keys, ROOT));
  }
  for (const role of BASE_ROLES) {
    const entry = roles.get(role);
    if (entry === undefined) throw malformed(ROOT, `it has no role “${role}”`);
    if (entry.keyIds === null || entry.keyIds.length === 0)
      throw malformed(ROOT, `its role “${role}” has no key`);
  }
  return { ...common, consistentSnapshot: signed.consistent_snapshot === true, keys, roles };
}

export function decodeTargets(signed: Members, role: string): TargetsMetadata {
  const common = decodeCommon(signed, 'Targets', role, ['delegations', 'targets']);
  return {
    ...common,
    targets: decodeTargetMap(signed.targets, role),
    delegations: decodeDelegations(signed.delegations, role),
  };
}

export function decodeSnapshot(signed: Members): SnapshotMetadata {
  const common = decodeCommon(signed, 'Snapshot', SNAPSHOT, ['meta']);
  const meta = decodeMeta(signed.meta, SNAPSHOT);
  for (const role of [ROOT, TARGETS]) requireSha256(meta, role, SNAPSHOT);
  return { ...common, meta };
}

export function decodeTimestamp(signed: Members): TimestampMetadata {
  const common = decodeCommon(signed, 'Timestamp', TIMESTAMP, ['meta']);
  const meta = decodeMeta(signed.meta, TIMESTAMP);
  requireSha256(meta, SNAPSHOT, TIMESTAMP);
  return { ...common, meta };
}

function decodeCommon(
  signed: Members,
  type: string,
  role: string,
  own: readonly string[],
): { version: number; expires: string } {
  checkMembers(signed, [...COMMON, ...own], role, 'the payload');
  if (signed._type !== type) throw malformed(role, `its “_type” is not “${type}”`);
  const expires = stringOf(signed, 'expires', role);
  parseTime(expires, role);
  return { version: integerOf(signed, 'version', 1, role), expires };
}

function decodeKeys(value: JsonValue | undefined, role: string): Map<string, PublicKey> {
  const keys = new Map<string, PublicKey>();
  if (value === null || value === undefined) return keys;
  for (const [id, key] of Object.entries(membersOf(value, role, '“keys”'))) {
    const members = membersOf(key, role, 'a key');
    checkMembers(members, ['keytype', 'keyval'], role, 'a key');
    checkMembers(membersOf(members.keyval, role, '“keyval”'), ['private', 'public'], role, 'a key');
    keys.set(id, decodeKey(key, role));
  }
  return keys;
}

function decodeKey(value: JsonValue, role: string): PublicKey {
  try {
    return publicKeyFromJson(value);
  } catch (error) {
    if (error instanceof TabellionError)
      throw malformed(role, `a key cannot be read (${error.message})`);
    throw error;
  }
}

function decodeRoleKeys(
  members: Members,
  keys: ReadonlyMap<string, PublicKey>,
  role: string,
): RoleKeys {
  checkMembers(members, ['keyids', 'threshold'], role, 'a role');
  const keyIds = stringsOf(members, 'keyids', role);
  for (const id of keyIds ?? []) {
    if (!keys.has(id))
      throw malformed(role, `a role names the key ${id.slice(0, 64)}, which it does not have`);
  }
  return { keyIds, threshold: integerOf(members, 'threshold', 1, role) };
}

function decodeTargetMap(value: JsonValue | undefined, role: string): Map<string, Target> {
  const targets = new Map<string, Target>();
  if (value === null || value === undefined) return targets;
  const members = membersOf(value, role, '“targets”');
  // A repository may have a hundred thousand of them: nothing is allocated here that is not kept.
  for (const name in members) {
    checkMembers(membersOf(members[name], role, 'a target'), TARGET_MEMBERS, role, 'a target');
    try {
      targets.set(name, readTarget(members[name], name));
    } catch (error) {
      if (error instanceof TabellionError) throw malformed(role, error.message);
      throw error;
    }
  }
  return targets;
}

function decodeDelegations(value: JsonValue | undefined, role: string): Delegations {
  if (value === null || value === undefined) return { keys: new Map(), roles: [] };
  const members = membersOf(value, role, '“delegations”');
  checkMembers(members, ['keys', 'roles'], role, '“delegations”');
  const keys = decodeKeys(members.keys, role);
  const list = members.roles;
  if (list === null || list === undefined) return { keys, roles: null };
  if (!Array.isArray(list)) throw malformed(role, 'its delegated roles are not a list');
  return { keys, roles: list.map(item => decodeDelegatedRole(item, keys, role)) };
}

function decodeDelegatedRole(
  value: JsonValue,
  keys: ReadonlyMap<string, PublicKey>,
  parent: string,
): DelegatedRole {
  const members = membersOf(value, parent, 'a delegated role');
  checkMembers(members, ['name', 'paths'], parent, 'a delegated role');
  const name = stringOf(members, 'name', parent);
  if (!isDirectChild(name, parent))
    throw malformed(parent, `it may not delegate to “${name.slice(0, 300)}”`);
  return {
    name,
    ...decodeRoleKeys(members, keys, parent),
    paths: stringsOf(members, 'paths', parent) ?? [],
  };
}

function decodeMeta(value: JsonValue | undefined, role: string): Map<string, FileMeta> {
  const meta = new Map<string, FileMeta>();
  for (const [name, entry] of Object.entries(membersOf(value, role, '“meta”'))) {
    const members = membersOf(entry, role, `the entry of “${name.slice(0, 300)}”`);
    checkMembers(members, ['hashes', 'length'], role, 'an entry');
    const hashes = membersOf(members.hashes ?? {}, role, '“hashes”');
    const problem = hashesProblem(hashes);
    if (problem !== undefined)
      throw malformed(role, `the entry of “${name.slice(0, 300)}” is damaged: ${problem}`);
    // A length that is missing downloads nothing, as with Notary.
    const length = members.length === undefined ? 0 : integerOf(members, 'length', 0, role);
    meta.set(name, { length, hashes: hashes as Readonly<Record<string, string>> });
  }
  return meta;
}

function requireSha256(meta: ReadonlyMap<string, FileMeta>, entry: string, role: string): void {
  const hashes = meta.get(entry)?.hashes;
  if (hashes === undefined) throw malformed(role, `it does not list “${entry}”`);
  if (!Object.hasOwn(hashes, 'sha256'))
    throw malformed(role, `it lists “${entry}” without its sha256`);
}
