/** Which keys a person was shown last, for each repository: to tell what has changed since. */
import { sha256Hex } from '../../crypto/digest.ts';
import type { KeyThumbprints } from '../../crypto/thumbprint.ts';
import { damagedRecord, type OwnFiles } from '../../trust-dir/own-files.ts';

export interface SeenChange {
  readonly role: string;
  /** Key IDs, as metadata has them. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

interface RoleKeys {
  readonly role: string;
  readonly keys: readonly KeyThumbprints[];
}

/**
 * What differs from what was shown last; undefined when nothing was.
 * @throws OperationError `RECORD_DAMAGED`
 */
export async function seenChanges(
  own: OwnFiles,
  gun: string,
  server: string,
  now: readonly RoleKeys[],
): Promise<{ since: string; roles: SeenChange[] } | undefined> {
  const name = recordName(gun, server);
  const record = await own.read(name);
  if (record === undefined) return undefined;
  const { seenAt, roles } = record as { seenAt?: unknown; roles?: unknown };
  if (typeof seenAt !== 'string' || !isRoles(roles)) throw damagedRecord(own.path(name));
  const before = new Map(Object.entries(roles));
  const present = new Map(now.map(({ role, keys }) => [role, keys.map(({ keyId }) => keyId)]));
  const changes = [...new Set([...present.keys(), ...before.keys()])].map(role => {
    const [old, fresh] = [before.get(role) ?? [], present.get(role) ?? []];
    return {
      role,
      added: fresh.filter(id => !old.includes(id)),
      removed: old.filter(id => !fresh.includes(id)),
    };
  });
  const roleChanges = changes.filter(({ added, removed }) => added.length + removed.length > 0);
  return { since: seenAt, roles: roleChanges };
}

/** Notes what is shown now. */
export async function noteSeen(
  own: OwnFiles,
  gun: string,
  server: string,
  at: Date,
  now: readonly RoleKeys[],
): Promise<void> {
  const roles = Object.fromEntries(
    now.map(({ role, keys }) => [role, keys.map(({ keyId }) => keyId)]),
  );
  const record = { repository: gun, server, seenAt: at.toISOString(), roles };
  await own.write(recordName(gun, server), record);
}

/** One small file for each repository at each server, so that two processes never undo each other's notes. */
function recordName(gun: string, server: string): string {
  return `thumbprints/${sha256Hex(Buffer.from(`${server}\n${gun}`, 'utf8'))}.json`;
}

function isRoles(value: unknown): value is Record<string, string[]> {
  return (
    value !== null &&
    typeof value === 'object' &&
    Object.values(value).every(ids => Array.isArray(ids) && ids.every(id => typeof id === 'string'))
  );
}
