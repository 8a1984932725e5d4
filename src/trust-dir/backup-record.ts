/**
 * Which sealed backups were made of this trust directory: `.tabellion/backups.json`. It says where each was put and
 * what it holds, not that it is still there.
 */
import { damagedRecord, type OwnFiles } from './own-files.ts';
import { LOCK_TIMES, RepositoryLock } from './repository-lock.ts';

/** The record's path below the folder `.tabellion`. */
export const BACKUP_RECORD = 'backups.json';

/** No GUN begins like this, so that the lock is shared with no repository. */
const LOCK_NAME = '.tabellion-backups';
const VERSION = 1;

/** One backup that was written, read back and opened. */
export interface BackupNote {
  /** When it was made (ISO 8601). */
  readonly createdAt: string;
  /** The absolute path of the file, as it was then. */
  readonly file: string;
  /** Of the file, lower-case hex. */
  readonly sha256: string;
  /** Canonical IDs of the private keys in it, sorted. */
  readonly keyIds: readonly string[];
}

/**
 * All backups on record, oldest first.
 * @throws OperationError `RECORD_DAMAGED` | `FILE_NOT_READABLE`
 */
export async function readBackupNotes(own: OwnFiles): Promise<BackupNote[]> {
  const record = await own.read(BACKUP_RECORD);
  if (record === undefined) return [];
  const notes = parseBackupNotes(record);
  if (notes === undefined) throw damagedRecord(own.path(BACKUP_RECORD));
  return notes;
}

/**
 * For each key that is in some backup on record, the newest of these.
 * @returns by canonical key ID
 * @throws OperationError `RECORD_DAMAGED` | `FILE_NOT_READABLE`
 */
export async function backedUpKeys(own: OwnFiles): Promise<Map<string, BackupNote>> {
  const newest = new Map<string, BackupNote>();
  for (const note of await readBackupNotes(own)) {
    for (const id of note.keyIds) newest.set(id, note);
  }
  return newest;
}

/**
 * Adds backups to the record. One with a file name and digest that are there already is not added again; one that
 * replaced the file of another takes that one's place.
 * @throws OperationError `RECORD_DAMAGED` | `FILE_NOT_READABLE` | `FILE_NOT_WRITABLE` | `DISK_FULL` | `REPOSITORY_LOCKED`
 */
export async function noteBackups(own: OwnFiles, added: readonly BackupNote[]): Promise<void> {
  const lock = new RepositoryLock(own.path('locks'), LOCK_NAME, LOCK_TIMES);
  await lock.run(async () => {
    const before = await readBackupNotes(own);
    const backups = mergeBackupNotes(before, added);
    if (backups.length === before.length && backups.every((note, at) => note === before[at]))
      return;
    await own.write(BACKUP_RECORD, { version: VERSION, backups });
  });
}

/** Both, oldest first: of two for the same file, the newer. */
export function mergeBackupNotes(
  notes: readonly BackupNote[],
  added: readonly BackupNote[],
): BackupNote[] {
  const byFile = new Map<string, BackupNote>();
  for (const note of [...notes, ...added]) {
    const other = byFile.get(note.file);
    if (other !== undefined && other.createdAt > note.createdAt) continue;
    if (other?.sha256 !== note.sha256) byFile.set(note.file, note);
  }
  return [...byFile.values()].sort((a, b) =>
    a.createdAt === b.createdAt ? 0 : a.createdAt < b.createdAt ? -1 : 1,
  );
}

/** The notes in what a record file holds; undefined when it is not what {@link noteBackups} writes. */
export function parseBackupNotes(record: unknown): BackupNote[] | undefined {
  if (!isObject(record) || record.version !== VERSION || !Array.isArray(record.backups)) return;
  return record.backups.every(isNote) ? record.backups : undefined;
}

function isNote(value: unknown): value is BackupNote {
  return (
    isObject(value) &&
    typeof value.createdAt === 'string' &&
    typeof value.file === 'string' &&
    typeof value.sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(value.sha256) &&
    Array.isArray(value.keyIds) &&
    value.keyIds.every(id => typeof id === 'string')
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
