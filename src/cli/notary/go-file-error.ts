/** Failures of files in the words of Go programs. */
import { readFile } from 'node:fs/promises';
import { Fatal } from './fatal.ts';

const WORDS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'no such file or directory'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'operation not permitted'],
  ['EISDIR', 'is a directory'],
  ['ENOTDIR', 'not a directory'],
  ['ENAMETOOLONG', 'file name too long'],
  ['ENOSPC', 'no space left on device'],
  ['EROFS', 'read-only file system'],
  ['ELOOP', 'too many levels of symbolic links'],
]);

/** `open FILE: no such file or directory`. */
export function goFileError(error: unknown, file: string): string {
  const code = errorCode(error);
  const words = (code === undefined ? undefined : WORDS.get(code)) ?? code ?? String(error);
  // A folder can be opened; only reading it fails.
  return `${code === 'EISDIR' ? 'read' : 'open'} ${file}: ${words}`;
}

/** The system's code of a failure, also of its cause. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('code' in error && typeof error.code === 'string' && WORDS.has(error.code)) return error.code;
  return errorCode(error.cause);
}

/** @throws Fatal `prefix` and the failure */
export async function readFileOrFail(file: string, prefix = ''): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new Fatal(`${prefix}${goFileError(error, file)}`, error);
  }
}
