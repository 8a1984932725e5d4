/** Applying changes to a repository, with Notary's meaning of each (tuf.md 5.3). */

import { printable } from '../crypto/printable.ts';
import { canonicalKeyId, keyId, type PublicKey } from '../crypto/public-key.ts';
import { KeyError, OperationError } from '../errors.ts';
import {
  type Change,
  type DelegationChange,
  delegationChangeOf,
  roleChangeOf,
  targetOf,
} from './change.ts';
import { covers } from './delegation-walk.ts';
import type { KeyRing } from './key-ring.ts';
import type { DelegatedRole, Delegations, RootMetadata, TargetsMetadata } from './metadata.ts';
import type { Repository } from './repository.ts';
import { canSign, requireKeys } from './role-keys.ts';
import {
  BASE_ROLES,
  checkDelegationName,
  isBaseRole,
  isTargetsRole,
  isWithin,
  parentRole,
  ROOT,
  TARGETS,
} from './role-name.ts';
import { checkNewTarget, sameTarget } from './target.ts';

/**
 * Applies one change. On an error the repository may be half changed: throw it away.
 * @returns whether anything changed
 * @throws OperationError, KeyError
 */
export async function applyChange(
  repository: Repository,
  change: Change,
  ring: KeyRing,
): Promise<boolean> {
  if (change.type === 'role') return await replaceKeys(repository, change, ring);
  if (change.role.endsWith('/*') && change.type === 'delegation')
    return await purge(repository, change, ring);
  if (!isTargetsRole(change.role)) {
    throw new OperationError(
      'CHANGE_UNSUPPORTED',
      `A change cannot apply to the role “${printable(change.role)}”`,
      { details: { role: change.role, type: change.type, action: change.action } },
    );
  }
  if (change.type === 'target') return await changeTarget(repository, change, ring);
  if (change.type === 'witness') return await witness(repository, change.role, ring);
  return await changeDelegation(repository, change, ring);
}

async function changeTarget(
  repository: Repository,
  change: Change,
  ring: KeyRing,
): Promise<boolean> {
  const { role, path: name } = change;
  if (change.action === 'update') throw unsupported(change);
  if (!repository.hasRole(role)) throw unknownDelegation(role);
  const present = repository.view(role)?.targets.get(name);
  if (change.action === 'delete') {
    if (present === undefined) return false;
    await requireKeys(role, repository.keysFor(role), ring);
    repository.editableTargets(role).delete(name);
    return true;
  }
  const target = targetOf(change);
  checkNewTarget(name, target);
  if (!covers(repository.usablePaths(role), name)) throw outsidePaths(repository, role, name);
  if (present !== undefined && sameTarget(present, target)) return false;
  await requireKeys(role, repository.keysFor(role), ring);
  checkNothingLost(repository, role);
  repository.editableTargets(role).set(name, target);
  return true;
}

async function witness(repository: Repository, role: string, ring: KeyRing): Promise<boolean> {
  if (!repository.hasRole(role)) throw unknownDelegation(role, 'witness');
  const { roleKeys } = repository.keysFor(role);
  if ((roleKeys.keyIds?.length ?? 0) < roleKeys.threshold) {
    throw new OperationError(
      'ROLE_UNSIGNABLE',
      `The role ${role} has fewer keys than the ${roleKeys.threshold} signatures it needs`,
      { details: { role } },
    );
  }
  const content = repository.view(role) ?? repository.invalid.get(role)?.metadata;
  if (content === undefined) {
    throw new OperationError(
      'ROLE_UNSIGNED',
      `The role ${role} has never been signed: there is nothing to witness`,
      { details: { role } },
    );
  }
  await requireKeys(role, repository.keysFor(role), ring);
  repository.edit(role, () => content);
  repository.invalid.delete(role);
  return true;
}

async function changeDelegation(
  repository: Repository,
  change: Change,
  ring: KeyRing,
): Promise<boolean> {
  const role = checkDelegationName(change.role);
  const parent = parentRole(role);
  if (!repository.hasRole(parent)) throw unknownDelegation(parent);
  const exists = repository.delegation(role) !== undefined;
  if (change.action === 'delete')
    return exists && (await deleteDelegation(repository, role, parent, ring));
  if (change.action === 'update' && !exists) throw unknownDelegation(role);
  const payload = delegationChangeOf(change);
  for (const path of payload.addPaths ?? []) {
    if (!covers(repository.usablePaths(parent), path)) {
      throw new OperationError(
        'PATH_NOT_ALLOWED',
        `${role} cannot be given the path “${printable(path)}”: its parent ${parent} may not sign there`,
        { details: { role, path } },
      );
    }
  }
  await requireKeys(parent, repository.keysFor(parent), ring);
  checkNothingLost(repository, parent);
  repository.edit(parent, metadata => ({
    ...metadata,
    delegations: withDelegation(metadata.delegations, role, payload),
  }));
  if (!exists) repository.addedRoles.add(role);
  warnOfMissingKeys(repository, role);
  return true;
}

/**
 * What is not trusted is neither signed again unseen nor thrown away: only a witness adopts it.
 * @throws OperationError `ROLE_NOT_TRUSTED`
 */
function checkNothingLost(repository: Repository, role: string): void {
  const invalid = repository.invalid.get(role);
  if (invalid === undefined || repository.view(role) !== undefined) return;
  const { targets, delegations } = invalid.metadata;
  const children = delegations.roles?.length ?? 0;
  if (targets.size + children === 0) return;
  throw new OperationError(
    'ROLE_NOT_TRUSTED',
    `${role} is not trusted as it stands (${invalid.reason.message}), and adding to it would drop the ${targets.size} targets and ${children} delegations that it holds`,
    {
      cause: invalid.reason,
      hint: 'Review what it holds, then sign it again as it is with “witness”; or remove the delegation and add it anew.',
      details: { role },
    },
  );
}

function warnOfMissingKeys(repository: Repository, role: string): void {
  const entry = repository.delegation(role);
  const count = entry?.keyIds?.length ?? 0;
  if (entry === undefined || count >= entry.threshold) return;
  repository.warnings.push(
    count === 0
      ? `${role} has no key left: what it signed is no longer trusted`
      : `${role} has ${count} keys left, but needs ${entry.threshold} signatures: what it signed is no longer trusted`,
  );
}

async function deleteDelegation(
  repository: Repository,
  role: string,
  parent: string,
  ring: KeyRing,
): Promise<boolean> {
  await requireKeys(parent, repository.keysFor(parent), ring);
  repository.edit(parent, metadata => {
    const roles = metadata.delegations.roles?.filter(({ name }) => name !== role) ?? [];
    // Go prints an emptied list as null.
    const delegations = {
      keys: metadata.delegations.keys,
      roles: roles.length === 0 ? null : roles,
    };
    return { ...metadata, delegations: pruned(delegations) };
  });
  repository.forget(role);
  return true;
}

/** Takes a key out of every delegation below a role that this machine can sign the parent of. */
async function purge(repository: Repository, change: Change, ring: KeyRing): Promise<boolean> {
  if (change.action !== 'update') throw unsupported(change);
  const top = change.role.slice(0, -'/*'.length);
  if (!isTargetsRole(top)) throw unknownDelegation(top);
  const { removeKeys = [] } = delegationChangeOf(change);
  let changed = false;
  for (const [role, { metadata }] of [...repository.roles]) {
    if (!isWithin(role, top) || !usesKeys(metadata, removeKeys)) continue;
    if (!(await canSign(repository.keysFor(role), ring))) {
      repository.warnings.push(
        `${role} delegates to a purged key, but this machine cannot sign for ${role}`,
      );
      continue;
    }
    repository.edit(role, present => {
      const { delegations } = present;
      return {
        ...present,
        delegations: (delegations.roles ?? []).reduce(
          (all, { name }) => withDelegation(all, name, { removeKeys }),
          delegations,
        ),
      };
    });
    for (const { name } of metadata.delegations.roles ?? []) warnOfMissingKeys(repository, name);
    changed = true;
  }
  return changed;
}

async function replaceKeys(
  repository: Repository,
  change: Change,
  ring: KeyRing,
): Promise<boolean> {
  if (change.action !== 'create' || change.role !== ROOT) throw unsupported(change);
  const { role, keys } = roleChangeOf(change);
  if (!isBaseRole(role) || keys.length === 0) {
    throw new OperationError(
      'CHANGE_UNSUPPORTED',
      `The keys of “${printable(role)}” cannot be replaced`,
      { details: { role, type: change.type, action: change.action } },
    );
  }
  await requireKeys(ROOT, repository.keysFor(ROOT), ring);
  repository.editRoot(withRoleKeys(repository.root, role, keys));
  if (role === TARGETS) repository.edit(TARGETS, metadata => metadata);
  return true;
}

/** A root in which a base role has exactly these keys; its threshold stays as it was unless told. */
export function withRoleKeys(
  root: RootMetadata,
  role: string,
  keys: readonly PublicKey[],
  threshold = root.roles.get(role)?.threshold ?? 1,
): RootMetadata {
  const ids = keys.map(keyId);
  const roles = new Map(root.roles);
  const previous = root.roles.get(role);
  roles.set(role, { keyIds: ids, threshold });
  const all = new Map(root.keys);
  for (const key of keys) all.set(keyId(key), key);
  // Old root certificates stay in the file for ever; other keys go when no role uses them (tuf.md 7.1).
  for (const id of role === ROOT ? [] : (previous?.keyIds ?? [])) {
    if (!BASE_ROLES.some(name => roles.get(name)?.keyIds?.includes(id))) all.delete(id);
  }
  return { ...root, keys: all, roles };
}

/** A parent's delegations with one role added or altered: keys and paths removed first, then added. */
function withDelegation(
  delegations: Delegations,
  role: string,
  change: DelegationChange,
): Delegations {
  const list = [...(delegations.roles ?? [])];
  const index = list.findIndex(({ name }) => name === role);
  const present: DelegatedRole = list[index] ?? {
    name: role,
    keyIds: [],
    paths: [],
    threshold: change.threshold ?? 1,
  };
  if (index === -1 && (change.threshold ?? 0) < 1) throw unknownDelegation(role, 'create');
  const keys = new Map(delegations.keys);
  const removed = new Set(change.removeKeys);
  const kept = (present.keyIds ?? []).filter(id => {
    const key = keys.get(id);
    return key === undefined || !removed.has(canonicalKeyId(key));
  });
  const added = (change.addKeys ?? []).map(key => {
    if (key.publicBytes.length === 0)
      throw new KeyError('KEY_UNSUPPORTED', `A key for ${role} is empty`);
    keys.set(keyId(key), key);
    return keyId(key);
  });
  const keyIds = [...new Set([...kept, ...added])];
  const paths =
    change.clearPaths === true
      ? []
      : present.paths.filter(path => !change.removePaths?.includes(path));
  const altered: DelegatedRole = {
    name: role,
    // Go prints a list whose last member was taken as null.
    keyIds: keyIds.length === 0 && present.keyIds?.length !== 0 ? null : keyIds,
    paths: [...new Set([...paths, ...(change.addPaths ?? [])])],
    threshold: present.threshold,
  };
  list.splice(index === -1 ? list.length : index, 1, altered);
  return pruned({ keys, roles: list });
}

/** Without the keys that no delegation uses. */
function pruned(delegations: Delegations): Delegations {
  const used = new Set(delegations.roles?.flatMap(({ keyIds }) => keyIds ?? []));
  return {
    keys: new Map([...delegations.keys].filter(([id]) => used.has(id))),
    roles: delegations.roles,
  };
}

function usesKeys(metadata: TargetsMetadata, canonical: readonly string[]): boolean {
  return [...metadata.delegations.keys.values()].some(key =>
    canonical.includes(canonicalKeyId(key)),
  );
}

/** @param wanted what was to be done with the role */
function unknownDelegation(role: string, wanted = 'change'): OperationError {
  return new OperationError('ROLE_UNKNOWN', `The repository has no delegation ${printable(role)}`, {
    details: { role, wanted },
  });
}

function outsidePaths(repository: Repository, role: string, name: string): OperationError {
  const paths = repository.usablePaths(role).map(path => `“${printable(path)}”`);
  return new OperationError('PATH_NOT_ALLOWED', `${role} may not sign “${printable(name)}”`, {
    hint:
      paths.length === 0
        ? 'It may sign nothing: it has no paths.'
        : `It may sign names that begin with ${paths.join(' or ')}.`,
    details: { role, name },
  });
}

function unsupported(change: Change): OperationError {
  return new OperationError(
    'CHANGE_UNSUPPORTED',
    `A change of type “${change.type}” cannot ${change.action} ${printable(change.role)}`,
    { details: { role: change.role, type: change.type, action: change.action } },
  );
}
