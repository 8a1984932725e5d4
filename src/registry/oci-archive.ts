import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import { type ArchiveLimits, archiveInvalid, scanArchive } from './archive-scan.ts';
import type { BlobReader, ImageStore } from './image-store.ts';
import { openFile } from './local-file.ts';
import { imagesOfLayout } from './oci-index.ts';

/**
 * Opens an archive: a tar of an OCI layout, plain or gzip, as skopeo, buildx and `docker save` make it. It is read
 * to its end and every blob is checked against its digest. Nothing is written to disk.
 *
 * @throws {OperationError} `OCI_ARCHIVE_NOT_FOUND`, `OCI_ARCHIVE_INVALID`, `OCI_ARCHIVE_TOO_LARGE`, `BLOB_MISMATCH`
 */
export async function openOciArchive(
  file: string,
  limits: Partial<ArchiveLimits> = {},
): Promise<ImageStore> {
  const where = printable(file);
  const status = await stat(file).catch(() => undefined);
  if (status?.isFile() !== true) {
    throw new OperationError(
      'OCI_ARCHIVE_NOT_FOUND',
      status === undefined ? `There is no file ${where}` : `${where} is not a file`,
      status?.isDirectory() === true
        ? { hint: 'For a folder, write oci: before it; or dir:, if skopeo made it so.' }
        : {},
    );
  }
  const isGzip = await checkFormat(file, where);
  const { topFiles, blobs } = await scanArchive(file, where, isGzip, limits);
  const blobOf = (digest: string) => blobs.get(digest.replace(':', '/'));
  return {
    where,
    images: () =>
      imagesOfLayout({
        where,
        topFile: async name => topFiles.get(name),
        hasDockerManifest: async () => topFiles.has('manifest.json'),
      }),
    async manifestBlob(digest) {
      const blob = blobOf(digest);
      if (blob !== undefined && blob.bytes === undefined) {
        throw new OperationError(
          'MANIFEST_INVALID',
          `The blob ${digest} of ${where} is listed as a manifest and is not one`,
        );
      }
      return blob?.bytes;
    },
    blobHead: async digest => blobOf(digest)?.head,
    blobSize: async digest => blobOf(digest)?.size,
    async openBlob(digest) {
      const blob = blobOf(digest);
      if (blob === undefined) return undefined;
      return isGzip ? new PackedBlob(file, where, blob) : await openFile(file, blob);
    },
  };
}

/** A blob inside a compressed archive: unpacked from the start each time that it is read from an earlier place. */
class PackedBlob implements BlobReader {
  readonly #file: string;
  readonly #where: string;
  readonly #part: { readonly offset: number; readonly size: number };
  #chunks: AsyncIterator<Buffer> | undefined;
  #rest: Buffer = Buffer.alloc(0);
  /** Where in the unpacked archive `#rest` begins. */
  #position = 0;

  constructor(file: string, where: string, part: { offset: number; size: number }) {
    this.#file = file;
    this.#where = where;
    this.#part = part;
  }

  async read(start: number, length: number): Promise<Uint8Array> {
    const from = this.#part.offset + start;
    const wanted = Math.max(0, Math.min(length, this.#part.size - start));
    try {
      if (this.#chunks === undefined || from < this.#position) await this.#restart();
      const pieces: Buffer[] = [];
      let filled = 0;
      while (filled < wanted && (await this.#advance(from + filled))) {
        const skipped = from + filled - this.#position;
        const piece = this.#rest.subarray(skipped, skipped + wanted - filled);
        pieces.push(piece);
        filled += piece.length;
      }
      return Buffer.concat(pieces);
    } catch (error) {
      throw archiveInvalid(this.#where, error);
    }
  }

  async close(): Promise<void> {
    await this.#chunks?.return?.();
    this.#chunks = undefined;
  }

  async #restart(): Promise<void> {
    await this.close();
    const source = createReadStream(this.#file);
    const unpacked = createGunzip();
    source.on('error', error => unpacked.destroy(error));
    unpacked.on('close', () => source.destroy());
    this.#chunks = source.pipe(unpacked)[Symbol.asyncIterator]();
    this.#rest = Buffer.alloc(0);
    this.#position = 0;
  }

  /** Reads on until `#rest` holds the byte at this place; false at the end of the archive. */
  async #advance(to: number): Promise<boolean> {
    while (to >= this.#position + this.#rest.length) {
      const next = await this.#chunks?.next();
      if (next === undefined || next.done === true) return false;
      this.#position += this.#rest.length;
      this.#rest = next.value;
    }
    return true;
  }
}

/** Whether the file is packed with gzip. @throws {OperationError} `OCI_ARCHIVE_INVALID` */
async function checkFormat(file: string, where: string): Promise<boolean> {
  const handle = await open(file).catch((error: unknown) => {
    throw new OperationError(
      'OCI_ARCHIVE_INVALID',
      `${where} cannot be read: ${printable((error as Error).message)}`,
      { cause: error },
    );
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    const magic = buffer.subarray(0, bytesRead).toString('hex');
    const other = [
      ['28b52ffd', 'Zstandard'],
      ['fd377a58', 'xz'],
      ['425a68', 'bzip2'],
      ['504b03', 'zip'],
    ].find(([start]) => magic.startsWith(start as string));
    if (other !== undefined) {
      throw new OperationError(
        'OCI_ARCHIVE_INVALID',
        `${where} is packed with ${other[1]}, and only plain and gzip tar archives are read`,
        { hint: 'Unpack it first.' },
      );
    }
    return magic.startsWith('1f8b');
  } finally {
    await handle.close();
  }
}
