/** Notary's constants (tuf.md 1.4). */

import { isTargetsRole, ROOT, SNAPSHOT, TIMESTAMP } from './role-name.ts';
import { DAY } from './time.ts';

/** Largest file that is read when its length is not known, in bytes. */
export const METADATA_LIMIT = 100 * 1024 * 1024;
/** Most that all targets files of one repository may have together, in bytes: two and a half million tags. */
export const ALL_TARGETS_LIMIT = 256 * 1024 * 1024;
/** Largest timestamp, in bytes. */
export const TIMESTAMP_LIMIT = 1024 * 1024;
/** A root that expires within so many calendar months is signed again on publish. */
export const NEAR_EXPIRY_MONTHS = 6;
/** How many links of a root chain are followed before giving up. */
export const ROOT_CHAIN_LIMIT = 256;
/** How many delegated roles of one repository are visited. */
export const DELEGATIONS_LIMIT = 1024;

/** How long newly signed metadata of a role is valid, in milliseconds. */
export function lifetime(role: string): number {
  if (role === ROOT) return 3650 * DAY;
  if (role === SNAPSHOT || isTargetsRole(role)) return 1095 * DAY;
  if (role === TIMESTAMP) return 14 * DAY;
  throw new RangeError(`no lifetime for role ${role}`);
}
