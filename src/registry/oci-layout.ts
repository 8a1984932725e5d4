import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import { type ImageManifest, MAX_MANIFEST_BYTES } from './manifest.ts';
import { imageOfLayout, type OciReadOptions, type OciStore } from './oci-store.ts';

export type { OciReadOptions } from './oci-store.ts';

/**
 * Reads which manifest a push out of an OCI layout folder gives a tag, and verifies its bytes.
 *
 * @param reference annotated name of the image; not needed when the folder holds just one
 * @throws {OperationError} `OCI_LAYOUT_NOT_FOUND`, `FILE_UNREADABLE`, or what `imageOfLayout` throws
 */
export async function readOciLayout(
  directory: string,
  reference?: string,
  options: OciReadOptions = {},
): Promise<ImageManifest> {
  const where = printable(directory);
  const status = await stat(directory).catch(() => undefined);
  if (status?.isDirectory() !== true) {
    throw new OperationError(
      'OCI_LAYOUT_NOT_FOUND',
      status === undefined ? `There is no folder ${where}` : `${where} is not a folder`,
      status?.isFile() === true ? { hint: 'For a tar archive, write oci-archive: before it.' } : {},
    );
  }
  return imageOfLayout(folderStore(directory, where), reference, options);
}

function folderStore(directory: string, where: string): OciStore {
  const blobPath = (digest: string) => join(directory, 'blobs', ...digest.split(':'));
  return {
    where,
    topFile: name => readFileUpTo(join(directory, name), MAX_MANIFEST_BYTES),
    hasDockerManifest: async () =>
      (await readStart(join(directory, 'manifest.json'), 1)) !== undefined,
    manifestBlob: digest => readFileUpTo(blobPath(digest), MAX_MANIFEST_BYTES),
    blobHead: digest => readStart(blobPath(digest), 4),
  };
}

async function readFileUpTo(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const bytes = await readStart(path, maxBytes + 1);
  if (bytes !== undefined && bytes.length > maxBytes) {
    throw new OperationError(
      'OCI_LAYOUT_INVALID',
      `${printable(path)} is larger than ${maxBytes} bytes`,
    );
  }
  return bytes;
}

/** First bytes of a regular file, as many as there are up to `length`; undefined when there is no such file. */
async function readStart(path: string, length: number): Promise<Uint8Array | undefined> {
  try {
    // Looked at before it is opened: opening a named pipe would wait for ever.
    const status = await stat(path);
    if (!status.isFile()) throw new Error('not a regular file');
    const file = await open(path);
    try {
      const buffer = Buffer.alloc(Math.min(length, status.size));
      let filled = 0;
      while (filled < buffer.length) {
        const { bytesRead } = await file.read(buffer, filled, buffer.length - filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new OperationError(
      'FILE_UNREADABLE',
      `${printable(path)} cannot be read: ${printable((error as Error).message)}`,
      { cause: error },
    );
  }
}
