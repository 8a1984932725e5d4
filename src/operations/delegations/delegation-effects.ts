/** What a change of delegations does to consumers: which roles change, and which targets nobody vouches for any more. */
import { canonicalKeyId } from '../../crypto/public-key.ts';
import { TrustError } from '../../errors.ts';
import { listTargets } from '../../tuf/delegation-walk.ts';
import { openEnvelope } from '../../tuf/envelope.ts';
import type { Repository } from '../../tuf/repository.ts';
import { TARGETS } from '../../tuf/role-name.ts';
import { sameTarget } from '../../tuf/target.ts';
import { verifySignatures } from '../../tuf/verify-signatures.ts';

export interface ChangedDelegation {
  readonly role: string;
  readonly status: 'added' | 'changed' | 'removed';
  /** Canonical IDs. */
  readonly addedKeys: readonly string[];
  readonly removedKeys: readonly string[];
  readonly addedPaths: readonly string[];
  readonly removedPaths: readonly string[];
  readonly keysLeft: number;
}

interface Entry {
  readonly keys: readonly string[];
  readonly paths: readonly string[];
}

/** Every delegation of the loaded files: its keys' canonical IDs and its paths. */
export function delegationEntries(repository: Repository): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const { metadata } of repository.roles.values()) {
    const { keys, roles } = metadata.delegations;
    for (const { name, keyIds, paths } of roles ?? []) {
      const ids = (keyIds ?? []).flatMap(id => {
        const key = keys.get(id);
        return key === undefined ? [] : [canonicalKeyId(key)];
      });
      entries.set(name, { keys: [...new Set(ids)], paths });
    }
  }
  return entries;
}

/** The delegations in which two states differ, by role. */
export function changedDelegations(
  before: ReadonlyMap<string, Entry>,
  after: ReadonlyMap<string, Entry>,
): ChangedDelegation[] {
  const nothing: Entry = { keys: [], paths: [] };
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap(role => {
    const old = before.get(role);
    const present = after.get(role);
    const from = old ?? nothing;
    const to = present ?? nothing;
    const change: ChangedDelegation = {
      role,
      status: old === undefined ? 'added' : present === undefined ? 'removed' : 'changed',
      addedKeys: without(to.keys, from.keys),
      removedKeys: without(from.keys, to.keys),
      addedPaths: without(to.paths, from.paths),
      removedPaths: without(from.paths, to.paths),
      keysLeft: to.keys.length,
    };
    const isSame =
      change.status === 'changed' &&
      [change.addedKeys, change.removedKeys, change.addedPaths, change.removedPaths].every(
        list => list.length === 0,
      );
    return isSame ? [] : [change];
  });
}

/** Roles whose files, as they were signed, no longer reach their threshold. */
export function unsignedRoles(repository: Repository): string[] {
  return [...repository.roles].flatMap(([role, { bytes }]) => {
    if (role === TARGETS || bytes === undefined || !repository.hasRole(role)) return [];
    const { roleKeys, keys } = repository.keysFor(role);
    try {
      verifySignatures(openEnvelope(bytes, role), role, roleKeys, keys);
      return [];
    } catch (error) {
      if (error instanceof TrustError) return [role];
      throw error;
    }
  });
}

/** Names that were trusted and are no more, and names that are trusted as something else. */
export function lostTargets(
  before: Repository,
  after: Repository,
): { lost: string[]; altered: string[] } {
  const unsigned = new Set(unsignedRoles(after));
  const present = listTargets(role => (unsigned.has(role) ? undefined : after.view(role)));
  const lost: string[] = [];
  const altered: string[] = [];
  for (const [name, { target }] of listTargets(before.view)) {
    const now = present.get(name);
    if (now === undefined) lost.push(name);
    else if (!sameTarget(now.target, target)) altered.push(name);
  }
  return { lost: lost.sort(), altered: altered.sort() };
}

function without(list: readonly string[], other: readonly string[]): string[] {
  return list.filter(item => !other.includes(item));
}
