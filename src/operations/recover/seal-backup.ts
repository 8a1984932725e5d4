/** The sealed backup that comes before everything else. */
import { dirname, join } from 'node:path';
import { printable } from '../../crypto/printable.ts';
import { OperationError } from '../../errors.ts';
import { readBackupNotes } from '../../trust-dir/backup-record.ts';
import { createBackup } from '../backup/create-backup.ts';
import { verifyBackup } from '../backup/verify-backup.ts';
import type { Session } from '../session.ts';
import type { RecoveryRecord } from './record.ts';

/** Where it goes unless told: beside the trust directory, so that it does not go with it. */
export function backupFile(session: Session, id: string, given: string | undefined): string {
  return given ?? join(dirname(session.trustDir.path), `tabellion-before-${id}.tbb`);
}

/**
 * Seals the whole trust folder, and opens the seal again to check it. A backup that an earlier run of the same
 * recovery has made is only opened.
 * @param passphrase what will open it
 * @returns the file
 * @throws OperationError `RECOVERY_BACKUP_INCOMPLETE`; what the backup throws
 */
export async function sealBackup(
  session: Session,
  record: RecoveryRecord,
  passphrase: string,
): Promise<string> {
  const file = backupFile(session, record.id, record.options.backupFile);
  const isOurs = (await readBackupNotes(session.trustDir.own)).some(
    note => note.file === file && note.createdAt >= record.startedAt,
  );
  if (!isOurs) {
    const { skipped } = await createBackup(session, { file, passphrase });
    if (skipped.length > 0) throw incomplete(skipped.map(({ path }) => path));
  }
  await verifyBackup(session, { file, secret: { passphrase } });
  return file;
}

function incomplete(paths: readonly string[]): OperationError {
  return new OperationError(
    'RECOVERY_BACKUP_INCOMPLETE',
    `The backup is not whole, so nothing was changed: ${paths.map(path => printable(path)).join(', ')} could not be read`,
    { hint: 'Look at the permissions of these files, or move them out of the trust folder.' },
  );
}
