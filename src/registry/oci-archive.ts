import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Extract } from 'tar-stream';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import { type ImageManifest, MAX_MANIFEST_BYTES } from './manifest.ts';
import { imageOfLayout, type OciReadOptions, type OciStore } from './oci-store.ts';

/** A member of the archive: its header, and a stream of its content. */
type Entry = Extract extends AsyncIterable<infer E> ? E : never;

/** What an archive may hold before it is refused. */
export interface ArchiveLimits {
  readonly entries: number;
  /** Bytes of all entries together, uncompressed. */
  readonly totalBytes: number;
  /** Bytes of the JSON blobs that are kept in memory, of which the manifests are some. */
  readonly keptBytes: number;
}

const LIMITS: ArchiveLimits = {
  entries: 100_000,
  totalBytes: 256 * 1024 ** 3,
  keptBytes: 64 * 1024 ** 2,
};

/**
 * Reads which manifest a push out of an OCI archive (a tar of an OCI layout, plain or gzip) gives a
 * tag, and verifies its bytes. Nothing is written to disk; links and unknown names are ignored.
 *
 * @param reference annotated name of the image; not needed when the archive holds just one
 * @throws {OperationError} `OCI_ARCHIVE_NOT_FOUND`, `OCI_ARCHIVE_INVALID`, `OCI_ARCHIVE_TOO_LARGE`, or
 *   what `imageOfLayout` throws
 */
export async function readOciArchive(
  file: string,
  reference?: string,
  options: OciReadOptions & { readonly limits?: Partial<ArchiveLimits> } = {},
): Promise<ImageManifest> {
  const where = printable(file);
  const status = await stat(file).catch(() => undefined);
  if (status?.isFile() !== true) {
    throw new OperationError(
      'OCI_ARCHIVE_NOT_FOUND',
      status === undefined ? `There is no file ${where}` : `${where} is not a file`,
      status?.isDirectory() === true ? { hint: 'For a folder, write oci: before it.' } : {},
    );
  }
  const contents = await scan(file, where, { ...LIMITS, ...options.limits });
  return imageOfLayout(archiveStore(contents, where), reference, options);
}

/** What one pass over the archive keeps: an index may come after the blobs that it names. */
interface ArchiveContents {
  readonly topFiles: Map<string, Uint8Array>;
  /** Blobs that may be manifests, by `algorithm/hex`. */
  readonly blobs: Map<string, Uint8Array>;
  /** First bytes of every blob, by `algorithm/hex`. */
  readonly heads: Map<string, Uint8Array>;
}

function archiveStore({ topFiles, blobs, heads }: ArchiveContents, where: string): OciStore {
  const key = (digest: string) => digest.replace(':', '/');
  return {
    where,
    topFile: async name => topFiles.get(name),
    hasDockerManifest: async () => topFiles.has('manifest.json'),
    async manifestBlob(digest) {
      const bytes = blobs.get(key(digest));
      if (bytes === undefined && heads.has(key(digest))) {
        throw new OperationError(
          'MANIFEST_INVALID',
          `The blob ${digest} of ${where} is listed as a manifest and is not one`,
        );
      }
      return bytes;
    },
    blobHead: async digest => heads.get(key(digest)),
  };
}

async function scan(file: string, where: string, limits: ArchiveLimits): Promise<ArchiveContents> {
  const isGzip = await checkFormat(file, where);
  const { extract: createExtract } = await import('tar-stream');
  const extract = createExtract();
  const source = createReadStream(file);
  const fed = (isGzip ? pipeline(source, createGunzip(), extract) : pipeline(source, extract)).then(
    () => undefined,
    (error: unknown) => error,
  );
  const contents: ArchiveContents = { topFiles: new Map(), blobs: new Map(), heads: new Map() };
  try {
    let entries = 0;
    let totalBytes = 0;
    let keptBytes = 0;
    for await (const entry of extract) {
      entries += 1;
      totalBytes += entry.header.size ?? 0;
      if (entries > limits.entries) throw tooLarge(where, `more than ${limits.entries} entries`);
      if (totalBytes > limits.totalBytes) {
        throw tooLarge(where, `more than ${limits.totalBytes} bytes`);
      }
      keptBytes += await take(entry, contents, where);
      if (keptBytes > limits.keptBytes) {
        throw tooLarge(where, `more than ${limits.keptBytes} bytes of JSON`);
      }
    }
    const problem = await fed;
    if (problem !== undefined) throw problem;
  } catch (error) {
    if (error instanceof OperationError) throw error;
    throw new OperationError(
      'OCI_ARCHIVE_INVALID',
      `${where} cannot be read as a tar archive: ${printable((error as Error).message)}`,
      { cause: error },
    );
  } finally {
    // The file must be closed before a caller on Windows may remove it.
    extract.destroy();
    await fed;
  }
  return contents;
}

const TOP_FILES: ReadonlySet<string> = new Set(['oci-layout', 'index.json', 'manifest.json']);

/** Keeps what an entry contributes, and returns how many bytes of it were kept. */
async function take(entry: Entry, contents: ArchiveContents, where: string): Promise<number> {
  const name = entry.header.name.replace(/^(?:\.\/)+/, '');
  const blob = /^blobs\/(sha(?:256|384|512)\/[a-f0-9]{64,128})$/.exec(name)?.[1];
  const isTopFile = TOP_FILES.has(name);
  if (entry.header.type !== 'file' || (blob === undefined && !isTopFile)) {
    await drain(entry);
    return 0;
  }
  if (isTopFile) {
    if (contents.topFiles.has(name)) {
      throw new OperationError('OCI_ARCHIVE_INVALID', `${where} holds two files named ${name}`);
    }
    const mayBeLarge = name === 'manifest.json';
    const { kept } = await read(entry, () => true);
    if (kept === undefined && !mayBeLarge) {
      throw tooLarge(where, `an ${name} of more than ${MAX_MANIFEST_BYTES} bytes`);
    }
    contents.topFiles.set(name, kept ?? new Uint8Array());
    return kept?.length ?? 0;
  }
  if (blob === undefined || contents.heads.has(blob)) {
    await drain(entry);
    return 0;
  }
  const { head, kept } = await read(entry, looksLikeJson);
  contents.heads.set(blob, head);
  if (kept === undefined) return 0;
  contents.blobs.set(blob, kept);
  return kept.length;
}

/** Reads an entry to its end; keeps the whole only when it is small and its start is wanted. */
async function read(
  entry: Entry,
  wanted: (head: Uint8Array) => boolean,
): Promise<{ head: Uint8Array; kept: Uint8Array | undefined }> {
  const isSmall = (entry.header.size ?? 0) <= MAX_MANIFEST_BYTES;
  const chunks: Uint8Array[] = [];
  let head = Buffer.alloc(0);
  for await (const chunk of entry as AsyncIterable<Uint8Array>) {
    if (head.length < 4) head = Buffer.concat([head, chunk.subarray(0, 4 - head.length)]);
    if (isSmall && wanted(head)) chunks.push(Buffer.from(chunk));
  }
  return { head, kept: isSmall && wanted(head) ? Buffer.concat(chunks) : undefined };
}

/** A manifest starts with a brace, perhaps after white space. */
function looksLikeJson(head: Uint8Array): boolean {
  return /^[\t\n\r ]*(?:\{|$)/.test(Buffer.from(head).toString('latin1'));
}

async function drain(entry: Entry): Promise<void> {
  for await (const _ of entry);
}

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

function tooLarge(where: string, found: string): OperationError {
  return new OperationError('OCI_ARCHIVE_TOO_LARGE', `${where} holds ${found}`);
}
