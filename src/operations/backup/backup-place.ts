/** Where a backup goes: whether it may lie there, and putting it there without replacing what nobody meant to replace. */
import { link, lstat, realpath, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { printable } from '../../crypto/printable.ts';
import { OperationError, UsageError } from '../../errors.ts';
import { makeFolder, renameFile } from '../../trust-dir/atomic-file.ts';
import { isMissing, systemCode, writeError } from '../../trust-dir/file-error.ts';
import { isInside } from '../../trust-dir/regular-file.ts';
import type { Session } from '../session.ts';

/**
 * Where the file goes, when it may. A symbolic link is followed.
 * @throws OperationError `FILE_EXISTS` | `FILE_NOT_REGULAR`; UsageError `BACKUP_IN_TRUST_DIR`
 */
export async function targetFile(
  session: Session,
  path: string,
  overwrite: boolean,
): Promise<string> {
  const file = await realPlace(path);
  const existing = await lstat(file).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw writeError(error, path);
  });
  if (existing !== undefined && !existing.isFile()) {
    throw new OperationError('FILE_NOT_REGULAR', `${printable(path)} is not a regular file`, {
      hint: 'Name a file for the backup.',
      details: { path },
    });
  }
  if (existing !== undefined && !overwrite) throw exists(path);
  // Any other folder must be there: it may be a disk that is not mounted.
  if (isInside(file, await realPlace(session.trustDir.own.folder))) await makeFolder(dirname(file));
  const { path: trustDir, privateDir } = session.trustDir;
  for (const folder of [privateDir, join(trustDir, 'tuf')]) {
    if (!isInside(file, await realPlace(folder))) continue;
    throw new UsageError(
      'BACKUP_IN_TRUST_DIR',
      `A backup cannot lie in ${printable(folder)}, among what it is a backup of`,
      { hint: 'Put it where it survives the loss of this folder: on another disk.' },
    );
  }
  return file;
}

/** Where a path leads when all symbolic links are followed, as far as it exists. */
async function realPlace(path: string): Promise<string> {
  const parent = dirname(path);
  return realpath(path).catch(async () =>
    parent === path ? path : join(await realPlace(parent), basename(path)),
  );
}

function exists(path: string): OperationError {
  return new OperationError(
    'FILE_EXISTS',
    `${printable(path)} exists already; it was not overwritten`,
    {
      hint: 'It may be the only copy of a key: choose another name, or say --force.',
      details: { path },
    },
  );
}

/**
 * Gives a file that was written beside it its name, so that of two processes one fails, and neither replaces the other's
 * backup.
 * @throws OperationError `FILE_EXISTS`; errors of the system
 */
export async function putInEmptyPlace(temporary: string, file: string): Promise<void> {
  const isLinked = await link(temporary, file).then(
    () => true,
    (error: unknown) => {
      if (systemCode(error) === 'EEXIST') throw exists(file);
      return false;
    },
  );
  if (isLinked) return await unlink(temporary);
  // Sticks and some network file systems have no links.
  if (await isThere(file)) throw exists(file);
  await renameFile(temporary, file);
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
