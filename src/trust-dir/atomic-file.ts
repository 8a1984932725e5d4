/**
 * Files that are old or new, never half: written beside their place, flushed to the disk, then renamed.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isMissing, systemCode, writeError } from './file-error.ts';

const OWNER_ONLY_FILE = 0o600;
const OWNER_ONLY_FOLDER = 0o700;

/** How long a rename is tried again on Windows, where a virus scanner may hold the file for a moment. */
const RENAME_WAITS_MS = [10, 20, 50, 100, 200, 400, 800];

/** Where folders cannot be flushed (Windows, some network file systems), these are the answers. */
const FOLDER_SYNC_UNSUPPORTED = new Set(['EINVAL', 'ENOTSUP', 'ENOSYS', 'EISDIR', 'EPERM']);

export interface AtomicWriteOptions {
  /** Permission bits of the new file; 0600 unless told. */
  readonly mode?: number;
  /** Where to write before the rename, for a folder whose every file counts: same file system, must not exist. */
  readonly temporary?: string;
  /** Whether to make the folder, for the owner alone, if it does not exist. */
  readonly makeFolder?: boolean;
}

/**
 * Replaces a file, or makes it, in one step: a process that is killed, or a disk that fills up, leaves what
 * was there before. When it returns, the file and its name are on the disk.
 * @throws OperationError `DISK_FULL` | `FILE_NOT_WRITABLE`
 */
export async function writeFileAtomic(
  path: string,
  bytes: Uint8Array | string,
  options: AtomicWriteOptions = {},
): Promise<void> {
  // The name starts with a dot and does not end in `.key`: other programs do not take it for one of theirs.
  const temporary =
    options.temporary ??
    join(dirname(path), `.${basename(path).slice(0, 100)}.${randomBytes(8).toString('hex')}.tmp`);
  try {
    if (options.makeFolder === true) await makeFolder(dirname(path));
    await writeNewFile(temporary, bytes, options.mode);
    await renameFile(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw writeError(error, path);
  }
}

/** Writes a file that must not exist yet, and flushes it. Errors are the system's. */
export async function writeNewFile(
  path: string,
  bytes: Uint8Array | string,
  mode = OWNER_ONLY_FILE,
): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Renames, over an existing file too. On Windows it waits a little for others to let go. */
export async function renameFile(from: string, to: string): Promise<void> {
  for (const wait of process.platform === 'win32' ? RENAME_WAITS_MS : []) {
    try {
      return await rename(from, to);
    } catch (error) {
      const code = systemCode(error);
      if (code !== 'EPERM' && code !== 'EBUSY' && code !== 'EACCES') throw error;
      await delay(wait);
    }
  }
  await rename(from, to);
}

/** Flushes the names in a folder, where the system can do that. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } catch (error) {
    if (!FOLDER_SYNC_UNSUPPORTED.has(systemCode(error) ?? '')) throw error;
  } finally {
    await folder.close();
  }
}

/** Makes a folder and those above it, for the owner alone, and flushes their names. Errors are the system's. */
export async function makeFolder(path: string): Promise<void> {
  const first = await makeFolders(path);
  if (first === undefined) return;
  const top = dirname(first);
  for (let folder = dirname(path); folder.length >= top.length; folder = dirname(folder)) {
    await syncFolder(folder);
    if (folder === top) break;
  }
}

async function makeFolders(path: string): Promise<string | undefined> {
  // Another process may remove an empty folder on the way while it tidies up after a deletion.
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      return await mkdir(path, { recursive: true, mode: OWNER_ONLY_FOLDER });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return mkdir(path, { recursive: true, mode: OWNER_ONLY_FOLDER });
}
