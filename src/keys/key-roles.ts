/** What a key's role means for its file. */
import { SNAPSHOT, TARGETS, TIMESTAMP } from '../tuf/role-name.ts';

const ROLES_WITH_GUN: ReadonlySet<string> = new Set([TARGETS, SNAPSHOT, TIMESTAMP]);

/** Whether keys of this role belong to one repository, which their file then names (keys.md 5.4). */
export function needsGun(role: string): boolean {
  return ROLES_WITH_GUN.has(role);
}
