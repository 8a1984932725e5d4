/** What the tests of backups share: a folder with real trust data, and cheap seals. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BackupReport,
  type CreateBackupRequest,
  createBackup,
} from '../../../src/operations/backup/create-backup.ts';
import type { RestoreReport } from '../../../src/operations/backup/restore-backup.ts';
import {
  type RestoreOptions,
  restoreBackup,
} from '../../../src/operations/backup/restore-backup.ts';
import type { Machine } from '../../support/trust-scene.ts';

export const PASSPHRASE = 'a passphrase of the backup';
export const CHEAP = { logN: 1, r: 1, p: 1 };

export async function backUp(
  machine: Machine,
  file: string,
  request: Partial<CreateBackupRequest> = {},
): Promise<BackupReport> {
  return machine.run(session =>
    createBackup(session, { file, passphrase: PASSPHRASE, cost: CHEAP, ...request }),
  );
}

export async function restoring(
  machine: Machine,
  file: string,
  options: RestoreOptions = {},
): Promise<RestoreReport> {
  return machine.run(session =>
    restoreBackup(session, { file, secret: { passphrase: PASSPHRASE }, ...options }),
  );
}

/** Every file of a folder with its content, but not locks and half-written files. */
export async function contentsOf(folder: string): Promise<Record<string, string>> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = found.filter(entry => entry.isFile());
  const pairs = await Promise.all(
    files.map(async entry => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(folder.length + 1), (await readFile(path)).toString('latin1')] as const;
    }),
  );
  return Object.fromEntries(pairs.filter(([name]) => !name.includes('locks')).sort());
}

/** Files and folders that others than their owner can do anything with. */
export async function openToOthers(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  const modes = await Promise.all(names.map(name => stat(join(folder, name))));
  return names.filter((_, index) => ((modes[index]?.mode ?? 0) & 0o077) !== 0);
}
