/**
 * Names of roles: the four base roles, and delegations `targets/…` (Notary's dialect of TUF).
 */

import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';

export const ROOT = 'root';
export const TARGETS = 'targets';
export const SNAPSHOT = 'snapshot';
export const TIMESTAMP = 'timestamp';

/** The delegation that `docker pull` trusts besides `targets`. */
export const RELEASES = 'targets/releases';

export type BaseRole = typeof ROOT | typeof TARGETS | typeof SNAPSHOT | typeof TIMESTAMP;
export const BASE_ROLES: readonly BaseRole[] = [ROOT, TARGETS, SNAPSHOT, TIMESTAMP];

const DELEGATION = /^targets(?:\/[-a-z0-9_]+)+$/;
const DELEGATION_NAME_LIMIT = 255;

export function isBaseRole(name: string): name is BaseRole {
  return (BASE_ROLES as readonly string[]).includes(name);
}

/** Whether `name` may name a delegation: `targets/` and clean lower-case segments, at most 255 bytes (tuf.md 4.1). */
export function isDelegationName(name: string): boolean {
  return name.length <= DELEGATION_NAME_LIMIT && DELEGATION.test(name);
}

/** Whether the role lists targets: `targets` itself or a delegation. */
export function isTargetsRole(name: string): boolean {
  return name === TARGETS || isDelegationName(name);
}

/** The role that delegates to `name`: everything before its last `/`. */
export function parentRole(name: string): string {
  return name.slice(0, name.lastIndexOf('/'));
}

/** Whether `name` is delegated by `parent` itself, not by one of its delegations. */
export function isDirectChild(name: string, parent: string): boolean {
  return isDelegationName(name) && parentRole(name) === parent;
}

/** Whether `name` is `ancestor` or somewhere below it. */
export function isWithin(name: string, ancestor: string): boolean {
  return name === ancestor || name.startsWith(`${ancestor}/`);
}

/** Depth of a targets role: 0 for `targets`, 1 for `targets/a`, and so on. */
export function roleDepth(name: string): number {
  return name.split('/').length - 1;
}

/**
 * The given name, when it can name a delegation.
 * @throws OperationError `ROLE_INVALID`
 */
export function checkDelegationName(name: string): string {
  if (isDelegationName(name)) return name;
  throw new OperationError(
    'ROLE_INVALID',
    `“${printable(name)}” is not a valid name for a delegation`,
    {
      hint: 'Use “targets/” and lower-case letters, digits, “-” and “_”, at most 255 characters in all.',
    },
  );
}

/** How people call a role's signer: `targets/alice` is `alice`, the repository key signs as `Repo Admin` (as `docker trust inspect` says). */
export function signerName(role: string): string {
  return role === TARGETS ? 'Repo Admin' : role.slice(TARGETS.length + 1);
}
