import { open, stat } from 'node:fs/promises';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import type { BlobReader } from './image-store.ts';

/**
 * First bytes of a regular file, as many as there are up to `length`; undefined when there is no such file.
 *
 * @throws {OperationError} `FILE_UNREADABLE`
 */
export async function readStart(path: string, length: number): Promise<Uint8Array | undefined> {
  const size = await fileSize(path);
  if (size === undefined) return undefined;
  const reader = await openFile(path);
  if (reader === undefined) return undefined;
  try {
    return await reader.read(0, Math.min(length, size));
  } finally {
    await reader.close();
  }
}

/** A whole regular file; undefined when there is none. @throws {OperationError} `OCI_LAYOUT_INVALID`, `FILE_UNREADABLE` */
export async function readFileUpTo(
  path: string,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const bytes = await readStart(path, maxBytes + 1);
  if (bytes !== undefined && bytes.length > maxBytes) {
    throw new OperationError(
      'OCI_LAYOUT_INVALID',
      `${printable(path)} is larger than ${maxBytes} bytes`,
    );
  }
  return bytes;
}

/** Length of a regular file; undefined when there is none. @throws {OperationError} `FILE_UNREADABLE` */
export async function fileSize(path: string): Promise<number | undefined> {
  return await unlessAbsent(path, async () => {
    const status = await stat(path);
    if (!status.isFile()) throw new Error('not a regular file');
    return status.size;
  });
}

/**
 * Opens a regular file, or a part of it; undefined when there is none.
 *
 * @param part where the part begins and how long it is, in bytes
 * @throws {OperationError} `FILE_UNREADABLE`, also when it is read
 */
export async function openFile(
  path: string,
  part: { readonly offset: number; readonly size: number } = {
    offset: 0,
    size: Number.MAX_SAFE_INTEGER,
  },
): Promise<BlobReader | undefined> {
  // Looked at before it is opened: opening a named pipe would wait for ever.
  if ((await fileSize(path)) === undefined) return undefined;
  const file = await unlessAbsent(path, () => open(path));
  if (file === undefined) return undefined;
  return {
    async read(start, length) {
      try {
        const buffer = Buffer.alloc(Math.max(0, Math.min(length, part.size - start)));
        let filled = 0;
        while (filled < buffer.length) {
          const at = part.offset + start + filled;
          const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, at);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return buffer.subarray(0, filled);
      } catch (error) {
        throw unreadable(path, error);
      }
    },
    close: () => file.close(),
  };
}

async function unlessAbsent<T>(path: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): OperationError {
  return new OperationError(
    'FILE_UNREADABLE',
    `${printable(path)} cannot be read: ${printable((error as Error).message)}`,
    { cause: error },
  );
}
