/**
 * Which new keys a rotation made before it was known whether the server took them: a rotation that was cut short
 * uses them again, or finds that it was done.
 */
import { sha256Hex } from '../../crypto/digest.ts';
import { damagedRecord } from '../../trust-dir/own-files.ts';
import type { Session } from '../session.ts';

export interface PendingRotation {
  readonly repository: string;
  readonly role: string;
  /** Canonical IDs. */
  readonly newKeys: readonly string[];
  readonly oldKeys: readonly string[];
  /** Whether somebody else may have the old keys. */
  readonly compromised: boolean;
  /** ISO 8601. */
  readonly startedAt: string;
}

const SCHEMA = 1;
const FOLDER = 'rotations/pending';

function recordName(gun: string, role: string): string {
  return `${FOLDER}/${sha256Hex(Buffer.from(gun, 'utf8')).slice(0, 32)}-${role.replaceAll('/', '.')}.json`;
}

/** @throws OperationError `RECORD_DAMAGED` | `FILE_NOT_READABLE` */
export async function readPending(
  session: Session,
  gun: string,
  role: string,
): Promise<PendingRotation | undefined> {
  const name = recordName(gun, role);
  const value = await session.trustDir.own.read(name);
  if (value === undefined) return undefined;
  const { schemaVersion, repository, newKeys, oldKeys, compromised, startedAt } = value as Record<
    string,
    unknown
  >;
  const isWhole =
    schemaVersion === SCHEMA &&
    repository === gun &&
    isIds(newKeys) &&
    isIds(oldKeys) &&
    typeof compromised === 'boolean' &&
    typeof startedAt === 'string';
  if (!isWhole) throw damagedRecord(session.trustDir.own.path(name));
  return { repository: gun, role, newKeys, oldKeys, compromised, startedAt };
}

/** All rotations that were not seen through. */
export async function pendingRotations(
  session: Session,
  guns: readonly string[],
  role: string,
): Promise<PendingRotation[]> {
  const names = new Set(await session.trustDir.own.list(FOLDER));
  const found: PendingRotation[] = [];
  for (const gun of guns) {
    if (!names.has(recordName(gun, role).slice(FOLDER.length + 1))) continue;
    const pending = await readPending(session, gun, role);
    if (pending !== undefined) found.push(pending);
  }
  return found;
}

/** @throws OperationError `DISK_FULL` | `FILE_NOT_WRITABLE` */
export async function writePending(session: Session, pending: PendingRotation): Promise<void> {
  const { repository, role } = pending;
  await session.trustDir.own.write(recordName(repository, role), {
    schemaVersion: SCHEMA,
    ...pending,
  });
}

export async function clearPending(session: Session, gun: string, role: string): Promise<void> {
  await session.trustDir.own.remove(recordName(gun, role));
}

function isIds(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(id => typeof id === 'string');
}
