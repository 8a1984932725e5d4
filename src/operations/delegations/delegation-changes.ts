/** The changes by which delegations are altered, in the form and order of Notary's commands (tuf.md 5.2). */
import type { PublicKey } from '../../crypto/public-key.ts';
import {
  type Change,
  createDelegation,
  deleteDelegation,
  updateDelegation,
} from '../../tuf/change.ts';
import { TARGETS } from '../../tuf/role-name.ts';

/** The threshold of every delegation that Notary makes. */
const THRESHOLD = 1;

/** A new delegation, or more keys and paths for one: first the keys, then the paths. */
export function delegationAdditions(options: {
  readonly role: string;
  readonly keys: readonly PublicKey[];
  /** Prefixes of names; `""` for all. */
  readonly paths: readonly string[];
}): Change[] {
  const { role, keys, paths } = options;
  const changes: Change[] = [];
  if (keys.length > 0)
    changes.push(createDelegation(role, { threshold: THRESHOLD, addKeys: keys }));
  if (paths.length > 0) changes.push(createDelegation(role, { addPaths: paths }));
  return changes;
}

/** Paths and keys taken from a delegation, paths first; with neither the whole delegation goes. */
export function delegationRemovals(options: {
  readonly role: string;
  /** Canonical IDs. */
  readonly keyIds: readonly string[];
  readonly paths: readonly string[];
  readonly allPaths: boolean;
}): Change[] {
  const { role, keyIds, paths, allPaths } = options;
  const changes: Change[] = [];
  if (allPaths) changes.push(updateDelegation(role, { clearPaths: true }));
  else if (paths.length > 0) changes.push(updateDelegation(role, { removePaths: paths }));
  if (keyIds.length > 0) changes.push(updateDelegation(role, { removeKeys: keyIds }));
  return changes.length === 0 ? [deleteDelegation(role)] : changes;
}

/** Keys taken out of every delegation. @param keyIds canonical IDs */
export function keyPurge(keyIds: readonly string[]): Change {
  return updateDelegation(`${TARGETS}/*`, { removeKeys: keyIds });
}
