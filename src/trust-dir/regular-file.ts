/**
 * Reading files that others can write to: only plain ones, only inside the tree, only up to a size.
 */
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, realpath } from 'node:fs/promises';
import { isAbsolute, relative, sep } from 'node:path';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import { isMissing, readError } from './file-error.ts';

/** The largest metadata file that Notary takes (tuf.md 1.4), in bytes. */
export const METADATA_LIMIT = 100 * 1024 * 1024;

/** Whether `path` is `folder` or below it, by whole path segments: `/a/trust-evil` is not inside `/a/trust`. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/**
 * Reads a file; undefined when there is none.
 * @param within the folder that symbolic links must not lead out of
 * @throws OperationError `FILE_NOT_READABLE` | `FILE_NOT_REGULAR` | `FILE_TOO_LARGE` | `PATH_OUTSIDE_TRUST_DIR`
 */
export async function readRegularFile(
  path: string,
  within: string,
  maxBytes = METADATA_LIMIT,
): Promise<Uint8Array | undefined> {
  try {
    // Without O_NONBLOCK, opening a FIFO waits for ever.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      await checkInside(path, within);
      return await readAll(file, path, maxBytes);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!isMissing(error)) throw readError(error, path);
    // Made by another process since: now it is there.
    if (await appeared(path)) return readRegularFile(path, within, maxBytes);
    return undefined;
  }
}

/**
 * Checks that a file or folder, if it exists, lies inside `folder` when all symbolic links are followed.
 * `folder` itself may be a symbolic link.
 * @throws OperationError `PATH_OUTSIDE_TRUST_DIR`
 */
export async function checkInside(path: string, folder: string): Promise<void> {
  const [real, top] = await Promise.all([realpath(path), realpath(folder)]);
  if (isInside(real, top)) return;
  throw new OperationError(
    'PATH_OUTSIDE_TRUST_DIR',
    `${printable(path)} leads to ${printable(real)}, which is outside ${printable(top)}`,
    { hint: 'Remove the symbolic link, or make the whole trust directory one.', details: { path } },
  );
}

async function readAll(file: FileHandle, path: string, maxBytes: number): Promise<Uint8Array> {
  const { size } = await file.stat().then(stats => {
    if (stats.isFile()) return stats;
    throw new OperationError('FILE_NOT_REGULAR', `${printable(path)} is not a regular file`, {
      hint: 'Remove it, or move it away.',
      details: { path },
    });
  });
  if (size > maxBytes) {
    throw new OperationError(
      'FILE_TOO_LARGE',
      `${printable(path)} has ${size} bytes; at most ${maxBytes} are read`,
      { details: { path, size, maxBytes } },
    );
  }
  // A file that grows meanwhile is cut: its content is verified by whoever uses it.
  const bytes = Buffer.alloc(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(bytes, filled, size - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** A link to nowhere is not “no file”: a missing root means trust on first use. */
async function appeared(path: string): Promise<boolean> {
  try {
    const stats = await lstat(path);
    if (!stats.isSymbolicLink()) return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw readError(error, path);
  }
  throw new OperationError('FILE_NOT_REGULAR', `${printable(path)} is a symbolic link to nowhere`, {
    hint: 'Remove it, or bring back what it pointed to.',
    details: { path },
  });
}
