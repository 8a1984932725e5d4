/** Restoring a backup: keys first, then each repository, then records. Run again, it finds the same and completes. */
import type { Session } from '../session.ts';
import { noteBackup } from './create-backup.ts';
import { type BackupSecret, type OpenedBackup, openBackup } from './open-backup.ts';
import { planKeys, type RestoredKey, restoreKeys } from './restore-keys.ts';
import { type RestoredRecord, restoreRecords } from './restore-records.ts';
import { type RestoredRepository, restoreRepositories } from './restore-repositories.ts';
import { selectFromBackup } from './restore-selection.ts';

export interface RestoreOptions {
  /** Key IDs and GUNs; see `selectFromBackup`. All, unless given. */
  readonly only?: readonly string[];
  /** Whether keys, records and trust data that differ here are replaced. Trust data never by an older version. */
  readonly replace?: boolean;
  /** Only tells what would be done. */
  readonly dryRun?: boolean;
}

export interface RestoreReport {
  readonly file: string;
  readonly createdAt: string;
  readonly trustDir: string;
  readonly dryRun: boolean;
  readonly keys: readonly RestoredKey[];
  readonly repositories: readonly RestoredRepository[];
  readonly records: readonly RestoredRecord[];
  /** Why the backup could not be put on record here. */
  readonly recordProblem?: string;
}

/**
 * Opens a backup and restores it into the session's trust directory.
 * @throws what `openBackup` and {@link restoreOpenedBackup} throw
 */
export async function restoreBackup(
  session: Session,
  request: RestoreOptions & { readonly file: string; readonly secret: BackupSecret },
): Promise<RestoreReport> {
  session.progress({ message: 'opening the backup' });
  return restoreOpenedBackup(session, await openBackup(request.file, request.secret), request);
}

/**
 * As {@link restoreBackup}, for one that is open.
 * @throws OperationError `NOT_IN_BACKUP` | `DISK_FULL` | `FILE_NOT_WRITABLE` | `REPOSITORY_LOCKED`; KeyError
 *   `KEY_NOT_STORED`. What was restored before stays.
 */
export async function restoreOpenedBackup(
  session: Session,
  backup: OpenedBackup,
  { only = [], replace = false, dryRun = false }: RestoreOptions,
): Promise<RestoreReport> {
  const selection = selectFromBackup(backup.inventory, only);
  const planned = await planKeys(session, backup, selection, replace);
  const how = { replace, write: !dryRun };
  const keys = dryRun
    ? planned.map(({ bytes, modifiedAt, before, ...key }) => key)
    : await restoreKeys(session, planned);
  const repositories = await restoreRepositories(session, backup, selection, how);
  const records = selection.wantsRecords ? await restoreRecords(session, backup, how) : [];
  const recordProblem = dryRun ? undefined : await noteBackup(session, backup);
  return {
    file: backup.file,
    createdAt: backup.createdAt,
    trustDir: session.trustDir.path,
    dryRun,
    keys,
    repositories,
    records,
    ...(recordProblem === undefined ? {} : { recordProblem }),
  };
}
