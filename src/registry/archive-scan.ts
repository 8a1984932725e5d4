import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Extract, Header } from 'tar-stream';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import { blobMismatch } from './image-store.ts';
import { MAX_MANIFEST_BYTES } from './manifest.ts';

/** What an archive may hold before it is refused. */
export interface ArchiveLimits {
  readonly entries: number;
  /** Bytes of all entries together, uncompressed. */
  readonly totalBytes: number;
  /** Bytes of the JSON blobs that are kept in memory, of which the manifests are some. */
  readonly keptBytes: number;
}

/** A blob of an archive, as it was found: its content is what its digest says. */
export interface ArchivedBlob {
  /** Where its content begins in the unpacked archive. */
  readonly offset: number;
  readonly size: number;
  /** Its first four bytes. */
  readonly head: Uint8Array;
  /** All of it, when it may be a manifest. */
  readonly bytes: Uint8Array | undefined;
}

/** What one pass over an archive keeps: an index may come after the blobs that it names. */
export interface ArchiveContents {
  readonly topFiles: ReadonlyMap<string, Uint8Array>;
  /** By `algorithm/hex`. */
  readonly blobs: ReadonlyMap<string, ArchivedBlob>;
}

const LIMITS: ArchiveLimits = {
  entries: 100_000,
  totalBytes: 256 * 1024 ** 3,
  keptBytes: 64 * 1024 ** 2,
};

const TOP_FILES: ReadonlySet<string> = new Set(['oci-layout', 'index.json', 'manifest.json']);

/** A member of the archive: its header, and a stream of its content. */
type Entry = Extract extends AsyncIterable<infer E> ? E : never;

/**
 * Reads an archive to its end. Names that lead out of it, links in the place of its parts and two parts of one name
 * are refused; whatever else there is, is passed over.
 *
 * @param where names the archive for messages; printable
 * @throws {OperationError} `OCI_ARCHIVE_INVALID`, `OCI_ARCHIVE_TOO_LARGE`, `BLOB_MISMATCH`
 */
export async function scanArchive(
  file: string,
  where: string,
  isGzip: boolean,
  limits: Partial<ArchiveLimits>,
): Promise<ArchiveContents> {
  const { extract: createExtract } = await import('tar-stream');
  const extract = createExtract();
  const source = createReadStream(file);
  const fed = (isGzip ? pipeline(source, createGunzip(), extract) : pipeline(source, extract)).then(
    () => undefined,
    (error: unknown) => error,
  );
  const scan = new Scan(where, { ...LIMITS, ...limits });
  try {
    for await (const entry of extract) await scan.take(entry);
    const problem = await fed;
    if (problem !== undefined) throw problem;
  } catch (error) {
    throw archiveInvalid(where, error);
  } finally {
    // The file must be closed before a caller on Windows may remove it.
    extract.destroy();
    await fed;
  }
  return scan;
}

/** An error while reading an archive; one of ours stays as it is. */
export function archiveInvalid(where: string, error: unknown): OperationError {
  if (error instanceof OperationError) return error;
  return new OperationError(
    'OCI_ARCHIVE_INVALID',
    `${where} cannot be read as a tar archive: ${printable((error as Error).message)}`,
    { cause: error },
  );
}

class Scan implements ArchiveContents {
  readonly topFiles = new Map<string, Uint8Array>();
  readonly blobs = new Map<string, ArchivedBlob>();
  readonly #where: string;
  readonly #limits: ArchiveLimits;
  #entries = 0;
  #totalBytes = 0;
  #keptBytes = 0;

  constructor(where: string, limits: ArchiveLimits) {
    this.#where = where;
    this.#limits = limits;
  }

  async take(entry: Entry): Promise<void> {
    const { header } = entry;
    this.#entries += 1;
    this.#totalBytes += header.size ?? 0;
    if (this.#entries > this.#limits.entries) {
      throw this.#tooLarge(`more than ${this.#limits.entries} entries`);
    }
    if (this.#totalBytes > this.#limits.totalBytes) {
      throw this.#tooLarge(`more than ${this.#limits.totalBytes} bytes`);
    }
    const name = this.#nameOf(header);
    const blob = /^blobs\/(sha(?:256|384|512)\/[a-f0-9]{64,128})$/.exec(name)?.[1];
    const isPart = blob !== undefined || TOP_FILES.has(name);
    if (isPart) this.#checkPart(header, name, blob);
    if (blob !== undefined) await this.#takeBlob(entry, blob);
    else if (isPart) await this.#takeTopFile(entry, name);
    else for await (const _ of entry);
    if (this.#keptBytes > this.#limits.keptBytes) {
      throw this.#tooLarge(`more than ${this.#limits.keptBytes} bytes of JSON`);
    }
  }

  #nameOf(header: Header): string {
    const name = header.name.replace(/^(?:\.\/)+/, '');
    if (name.startsWith('/') || name.split(/[\\/]/).includes('..')) {
      throw this.#invalid(`an entry whose name leads out of it: ${quoted(header.name)}`);
    }
    return name;
  }

  #checkPart(header: Header, name: string, blob: string | undefined): void {
    if (header.type !== 'file' && header.type !== 'contiguous-file') {
      throw this.#invalid(`a ${header.type ?? 'thing'} in the place of the file ${quoted(name)}`);
    }
    if (blob === undefined ? this.topFiles.has(name) : this.blobs.has(blob)) {
      throw this.#invalid(`two files named ${quoted(name)}`);
    }
  }

  async #takeTopFile(entry: Entry, name: string): Promise<void> {
    const { bytes } = await read(entry, () => true);
    // Of docker's own list it only matters whether it is there.
    if (bytes === undefined && name !== 'manifest.json') {
      throw this.#tooLarge(`an ${name} of more than ${MAX_MANIFEST_BYTES} bytes`);
    }
    this.topFiles.set(name, bytes ?? new Uint8Array());
    this.#keptBytes += bytes?.length ?? 0;
  }

  async #takeBlob(entry: Entry, blob: string): Promise<void> {
    const [algorithm = ''] = blob.split('/', 1);
    const { byteOffset: offset } = entry.header as Header & { readonly byteOffset: number };
    const hash = createHash(algorithm);
    const { head, bytes, size } = await read(entry, looksLikeJson, chunk => hash.update(chunk));
    const actual = `${algorithm}/${hash.digest('hex')}`;
    if (actual !== blob) {
      const digest = blob.replace('/', ':');
      throw blobMismatch(this.#where, digest, `the digest ${actual.replace('/', ':')}`);
    }
    this.blobs.set(blob, { offset, size, head, bytes });
    this.#keptBytes += bytes?.length ?? 0;
  }

  #invalid(what: string): OperationError {
    return new OperationError('OCI_ARCHIVE_INVALID', `${this.#where} holds ${what}`, {
      hint: 'No tool makes such an archive of an image: do not trust it.',
    });
  }

  #tooLarge(found: string): OperationError {
    return new OperationError('OCI_ARCHIVE_TOO_LARGE', `${this.#where} holds ${found}`);
  }
}

/** Reads an entry to its end; keeps the whole only when it is small and its start is wanted. */
async function read(
  entry: Entry,
  wanted: (head: Uint8Array) => boolean,
  see: (chunk: Uint8Array) => void = () => {},
): Promise<{ head: Uint8Array; bytes: Uint8Array | undefined; size: number }> {
  const isSmall = (entry.header.size ?? 0) <= MAX_MANIFEST_BYTES;
  const chunks: Uint8Array[] = [];
  let head = Buffer.alloc(0);
  let size = 0;
  for await (const chunk of entry as AsyncIterable<Uint8Array>) {
    see(chunk);
    size += chunk.length;
    if (head.length < 4) head = Buffer.concat([head, chunk.subarray(0, 4 - head.length)]);
    if (isSmall && wanted(head)) chunks.push(Buffer.from(chunk));
  }
  return { head, size, bytes: isSmall && wanted(head) ? Buffer.concat(chunks) : undefined };
}

/** A manifest starts with a brace, perhaps after white space. */
function looksLikeJson(head: Uint8Array): boolean {
  return /^[\t\n\r ]*(?:\{|$)/.test(Buffer.from(head).toString('latin1'));
}

function quoted(name: string): string {
  return `“${printable(name.slice(0, 300))}”`;
}
