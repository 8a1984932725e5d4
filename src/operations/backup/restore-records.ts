/** Tabellion's own records out of a backup. Pins among them are anchors of trust: one that differs here stays. */
import { dirname } from 'node:path';
import { makeFolder, writeFileAtomic } from '../../trust-dir/atomic-file.ts';
import {
  BACKUP_RECORD,
  mergeBackupNotes,
  noteBackups,
  parseBackupNotes,
  readBackupNotes,
} from '../../trust-dir/backup-record.ts';
import { writeError } from '../../trust-dir/file-error.ts';
import { checkInside, readRegularFile } from '../../trust-dir/regular-file.ts';
import type { Session } from '../session.ts';
import type { NamedContent } from './contents.ts';
import type { OpenedBackup } from './open-backup.ts';
import type { RestoreAction } from './restore-keys.ts';

export interface RestoredRecord {
  /** Its path below `.tabellion`. */
  readonly name: string;
  readonly action: RestoreAction;
  readonly reason?: string;
}

/** @param write false only tells what would be done */
export async function restoreRecords(
  session: Session,
  { contents }: OpenedBackup,
  options: { replace: boolean; write: boolean },
): Promise<RestoredRecord[]> {
  const done: RestoredRecord[] = [];
  for (const record of contents.records) {
    done.push(
      record.name === BACKUP_RECORD
        ? await mergeNotes(session, record, options.write)
        : await restoreRecord(session, record, options),
    );
  }
  return done;
}

async function restoreRecord(
  session: Session,
  { name, bytes }: NamedContent,
  { replace, write }: { replace: boolean; write: boolean },
): Promise<RestoredRecord> {
  const { own } = session.trustDir;
  const path = own.path(name);
  const here = await readRegularFile(path, own.folder);
  if (here !== undefined && Buffer.compare(here, bytes) === 0) return { name, action: 'same' };
  if (here !== undefined && !replace) {
    return { name, action: 'kept', reason: 'what is here is another one' };
  }
  if (write) {
    try {
      await makeFolder(dirname(path));
      await checkInside(dirname(path), own.folder);
      await writeFileAtomic(path, bytes);
    } catch (error) {
      throw writeError(error, path);
    }
  }
  return { name, action: here === undefined ? 'restored' : 'replaced' };
}

/** Which backups there were is known here and there: neither list replaces the other. */
async function mergeNotes(
  session: Session,
  { name, bytes }: NamedContent,
  write: boolean,
): Promise<RestoredRecord> {
  const { own } = session.trustDir;
  const notes = parseBackupNotes(parse(bytes));
  if (notes === undefined)
    return { name, action: 'kept', reason: 'the one in the backup is damaged' };
  const here = await readBackupNotes(own);
  const isNew = JSON.stringify(mergeBackupNotes(here, notes)) !== JSON.stringify(here);
  if (!isNew) return { name, action: 'same' };
  if (write) await noteBackups(own, notes);
  return { name, action: 'restored' };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}
