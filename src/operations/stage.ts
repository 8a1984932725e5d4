/** Staging changes for a later publish, as Notary's changelist has them (tuf.md 5.1). No server is asked. */

import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import type { StagedChange } from '../trust-dir/changelist.ts';
import { addTarget, type Change, removeTarget, witness } from '../tuf/change.ts';
import { isTargetsRole, TARGETS } from '../tuf/role-name.ts';
import { checkNewTarget, type Target } from '../tuf/target.ts';
import type { Session } from './session.ts';

export type { StagedChange } from '../trust-dir/changelist.ts';

/**
 * Stages changes behind those that are staged already, all or none, and returns the names of their files.
 * @throws UsageError `GUN_INVALID` | OperationError
 */
export async function stageChanges(
  session: Session,
  gun: string,
  changes: readonly Change[],
): Promise<string[]> {
  const { changelist } = session.trustDir.repository(gun);
  const names: string[] = [];
  try {
    for (const change of changes) names.push(await changelist.add(change));
  } catch (error) {
    await changelist.remove(names).catch(() => {});
    throw error;
  }
  return names;
}

export interface StagedTarget {
  /** `targets` or delegations; a wildcard is taken and fails when it is published. Default: `targets`. */
  readonly roles?: readonly string[];
  readonly name: string;
}

/**
 * Stages the signing of a target, one change for each role.
 * @throws OperationError `ROLE_INVALID`, `TARGET_NAME_INVALID`, `TARGET_CUSTOM_INVALID`
 */
export async function stageTarget(
  session: Session,
  gun: string,
  { roles, name, target }: StagedTarget & { readonly target: Target },
): Promise<string[]> {
  checkNewTarget(name, target);
  const changes = targetRoles(roles).map(role => addTarget(role, name, target));
  return await stageChanges(session, gun, changes);
}

/**
 * Stages the removal of a target, which need not exist, from each role.
 * @throws OperationError `ROLE_INVALID`
 */
export async function stageRemoval(
  session: Session,
  gun: string,
  { roles, name }: StagedTarget,
): Promise<string[]> {
  const changes = targetRoles(roles).map(role => removeTarget(role, name));
  return await stageChanges(session, gun, changes);
}

/** Stages a new signature over what roles hold; their names are not looked at before the publish. */
export async function stageWitness(
  session: Session,
  gun: string,
  roles: readonly string[],
): Promise<string[]> {
  return await stageChanges(session, gun, roles.map(witness));
}

/** What is staged, in the order in which it will apply; files that are no changes have a `problem`. */
export async function stagedChanges(session: Session, gun: string): Promise<StagedChange[]> {
  return await session.trustDir.repository(gun).changelist.list();
}

export interface ResetChanges {
  /** Names of the files that are gone. */
  readonly removed: readonly string[];
  /** Numbers that nothing was staged under. */
  readonly unknown: readonly number[];
}

/**
 * Drops staged changes: all, or those of the numbers that {@link stagedChanges} gives them, from 0. Files that
 * are staged meanwhile stay, since those to go are named once, at the beginning.
 */
export async function resetChanges(
  session: Session,
  gun: string,
  which: 'all' | readonly number[],
): Promise<ResetChanges> {
  const { changelist } = session.trustDir.repository(gun);
  const staged = await changelist.list();
  const numbers = which === 'all' ? staged.map((_, index) => index) : [...new Set(which)];
  const removed = numbers.flatMap(number => staged[number]?.name ?? []);
  await changelist.remove(removed);
  return { removed, unknown: numbers.filter(number => staged[number] === undefined) };
}

function targetRoles(roles: readonly string[] | undefined): readonly string[] {
  const given = roles === undefined || roles.length === 0 ? [TARGETS] : roles;
  for (const role of given) {
    if (isTargetsRole(role) || (role.endsWith('/*') && isTargetsRole(role.slice(0, -2)))) continue;
    throw new OperationError(
      'ROLE_INVALID',
      `“${printable(role)}” cannot hold targets: only “targets” and delegations can`,
      { details: { role } },
    );
  }
  return given;
}
