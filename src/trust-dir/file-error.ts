/**
 * What the operating system says about a file, as an error that names the file and what can be done.
 */
import { printable } from '../crypto/printable.ts';
import { OperationError, TabellionError } from '../errors.ts';

const REASONS = new Map<string, string>([
  ['EACCES', 'permission denied'],
  ['EPERM', 'the operation is not permitted'],
  ['EROFS', 'the file system is read-only'],
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'a part of its path is not a folder'],
  ['ENOENT', 'its folder does not exist'],
  ['ENAMETOOLONG', 'the name is too long'],
  ['ELOOP', 'its symbolic links go round in a circle'],
  ['EMFILE', 'too many files are open'],
  ['EFBIG', 'it is larger than files may be here'],
  ['EIO', 'the disk reported an error'],
]);

const HINTS = new Map<string, string>([
  ['EACCES', 'Check who owns the file and its folder, and their permissions.'],
  ['EPERM', 'Check who owns the file and its folder, and whether another program has it open.'],
  ['EROFS', 'Use a trust directory on a disk that can be written.'],
]);

/** The system's name of an error (`ENOENT` and so on), if it is one of the system. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** Whether the error says that there is no such file or folder. */
export function isMissing(error: unknown): boolean {
  return systemCode(error) === 'ENOENT';
}

/**
 * The error to raise when writing, renaming or removing `path` failed: `DISK_FULL` or `FILE_NOT_WRITABLE`.
 * An error of Tabellion's own is handed back as it is.
 */
export function writeError(cause: unknown, path: string): TabellionError {
  const code = systemCode(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const what = code === 'ENOSPC' ? 'the disk is full' : 'the disk quota is used up';
    return new OperationError('DISK_FULL', `${printable(path)} could not be written: ${what}`, {
      hint: 'Free some space and run the command again; what was there before is untouched.',
      cause,
      details: { path },
    });
  }
  return fileError('FILE_NOT_WRITABLE', 'written', cause, path);
}

/** The error to raise when reading `path` failed: `FILE_NOT_READABLE`. */
export function readError(cause: unknown, path: string): TabellionError {
  return fileError('FILE_NOT_READABLE', 'read', cause, path);
}

/** Why `path` could not be read, as half a sentence: `there is no such file`. */
export function readFailure(cause: unknown): string {
  return isMissing(cause) ? 'there is no such file' : reasonOf(cause);
}

function reasonOf(cause: unknown): string {
  const system = systemCode(cause);
  return (
    (system === undefined ? undefined : REASONS.get(system)) ??
    (cause instanceof Error ? printable(cause.message) : 'unknown reason')
  );
}

function fileError(code: string, verb: string, cause: unknown, path: string): TabellionError {
  if (cause instanceof TabellionError) return cause;
  const system = systemCode(cause);
  const reason = verb === 'read' ? readFailure(cause) : reasonOf(cause);
  const hint = system === undefined ? undefined : HINTS.get(system);
  return new OperationError(code, `${printable(path)} could not be ${verb}: ${reason}`, {
    ...(hint === undefined ? {} : { hint }),
    cause,
    details: { path, ...(system === undefined ? {} : { reason: system }) },
  });
}
