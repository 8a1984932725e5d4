/** Reading a file that a person named: of any kind, also a pipe, but not without end. */
import { open } from 'node:fs/promises';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import { readError } from '../trust-dir/file-error.ts';

export interface InputFile {
  readonly content: Uint8Array;
  /** Whether it is a plain file that others than its owner can read or write. False on Windows. */
  readonly othersHaveAccess: boolean;
}

/** @throws OperationError `FILE_NOT_READABLE` (with the system's `reason` in the details) | `FILE_TOO_LARGE` */
export async function readInputFile(path: string, maxBytes: number): Promise<InputFile> {
  try {
    const file = await open(path, 'r');
    try {
      const stats = await file.stat();
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of file.createReadStream({ autoClose: false })) {
        chunks.push(Buffer.from(chunk));
        size += chunks.at(-1)?.length ?? 0;
        if (size > maxBytes) throw tooLarge(path, maxBytes);
      }
      const othersHaveAccess =
        process.platform !== 'win32' && stats.isFile() && (stats.mode & 0o077) !== 0;
      return { content: Buffer.concat(chunks), othersHaveAccess };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw readError(error, path);
  }
}

function tooLarge(path: string, maxBytes: number): OperationError {
  return new OperationError(
    'FILE_TOO_LARGE',
    `${printable(path)} has more than ${maxBytes} bytes, far more than a file with keys`,
    { details: { path, maxBytes } },
  );
}
