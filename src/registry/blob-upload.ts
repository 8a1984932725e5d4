import { createHash } from 'node:crypto';
import { ConnectionError, OperationError, TabellionError } from '../errors.ts';
import { isTransient } from '../http/connection-failure.ts';
import { backOff } from '../http/retry.ts';
import type { ImageBlob } from './image-parts.ts';
import { type BlobReader, blobMismatch } from './image-store.ts';
import type { RepositoryPush, UploadSession } from './repository-push.ts';

/** Where an upload that takes several pieces is remembered, so that another run can go on with it. */
export interface UploadMemory {
  load(): Promise<UploadSession | undefined>;
  save(session: UploadSession): Promise<void>;
  clear(): Promise<void>;
}

export interface UploadOptions {
  /** Largest piece that is sent in one request, in bytes. */
  readonly chunkSize: number;
  readonly memory: UploadMemory;
  /** Names where the blob comes from, for messages; printable. */
  readonly where: string;
  /** An upload that has begun already. */
  readonly begun?: UploadSession;
  /** Told how many bytes the registry has by now. */
  readonly progress: (bytes: number) => void;
  readonly sleep: (ms: number) => Promise<unknown>;
  readonly log: (step: string) => void;
}

export interface Uploaded {
  /** Bytes that were sent by this run. */
  readonly bytesSent: number;
  /** Bytes that an earlier run had sent. */
  readonly resumedAt: number;
}

/** Tries without progress before a failure that may pass counts. */
const ATTEMPTS = 5;
/** Failures after which the same request may do better. */
const PASSING: ReadonlySet<string> = new Set(['RESPONSE_CUT', 'SERVER_ERROR', 'TOO_MANY_REQUESTS']);
/** Refusals that are about an upload, not about what it uploads: another one may do better. */
const LOST: ReadonlySet<string> = new Set([
  'BLOB_UPLOAD_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'RANGE_INVALID',
]);

/**
 * Uploads a blob: in one piece if it is small, else piece by piece. A connection that breaks is taken up again where
 * the registry says that it has got to.
 *
 * @throws {OperationError} `BLOB_MISMATCH` when the blob changed meanwhile; else what `RepositoryPush` throws
 */
export async function uploadBlob(
  push: RepositoryPush,
  blob: ImageBlob,
  reader: BlobReader,
  options: UploadOptions,
): Promise<Uploaded> {
  return await new Upload(push, blob, reader, options).run();
}

/**
 * Reads a blob to its end and compares it with its digest and size.
 *
 * @throws {OperationError} `BLOB_MISMATCH`; what the reader throws
 */
export async function checkBlob(
  reader: BlobReader,
  { digest, size }: ImageBlob,
  where: string,
): Promise<void> {
  const algorithm = digest.slice(0, digest.indexOf(':'));
  const hash = createHash(algorithm);
  let length = 0;
  for (;;) {
    const piece = await reader.read(length, READ_SIZE);
    if (piece.length === 0) break;
    hash.update(piece);
    length += piece.length;
  }
  const actual = `${algorithm}:${hash.digest('hex')}`;
  if (length !== size) throw blobMismatch(where, digest, `${length} bytes instead of ${size}`);
  if (actual !== digest) throw blobMismatch(where, digest, `the digest ${actual}`);
}

const READ_SIZE = 1024 * 1024;

/** Whether the same request may succeed a little later. */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof ConnectionError)) return false;
  const reason = error.details?.reason;
  return isTransient(error) || PASSING.has(error.code) || /_TIMEOUT$/.test(String(reason ?? ''));
}

class Upload {
  readonly #push: RepositoryPush;
  readonly #blob: ImageBlob;
  readonly #reader: BlobReader;
  readonly #options: UploadOptions;
  #bytesSent = 0;
  #resumedAt = 0;
  #session: UploadSession | undefined;

  constructor(push: RepositoryPush, blob: ImageBlob, reader: BlobReader, options: UploadOptions) {
    this.#push = push;
    this.#blob = blob;
    this.#reader = reader;
    this.#options = options;
  }

  async run(): Promise<Uploaded> {
    this.#session = (await this.#remembered()) ?? this.#options.begun;
    let failures = 0;
    let restarts = 0;
    for (;;) {
      try {
        this.#session ??= await this.#push.startUpload(this.#blob.digest);
        if (await this.#sendNext()) break;
        failures = 0;
      } catch (error) {
        const isLost = this.#isLost(error);
        if (!isLost && !mayPass(error)) throw error;
        failures += 1;
        if (failures === ATTEMPTS || restarts === ATTEMPTS) throw error;
        this.#options.log(`${this.#blob.digest}: ${(error as Error).message}; trying again`);
        if (!isLost) await this.#options.sleep(backOff(failures));
        if (await this.#hasArrived(isLost)) break;
        if (this.#session === undefined) restarts += 1;
      }
    }
    await this.#options.memory.clear();
    return { bytesSent: this.#bytesSent, resumedAt: this.#resumedAt };
  }

  /** Whether an error says that this upload leads nowhere, while another one may do. */
  #isLost(error: unknown): boolean {
    if (this.#session === undefined || !(error instanceof TabellionError)) return false;
    const { codes, status } = error.details ?? {};
    const said: readonly unknown[] = Array.isArray(codes) ? codes : [];
    // Of an upload that another run began nobody knows who else went on with it.
    if (said.includes('DIGEST_INVALID')) return this.#resumedAt > 0;
    return status === 404 || status === 416 || said.some(code => LOST.has(String(code)));
  }

  /** Sends the next piece; true when it was the last. */
  async #sendNext(): Promise<boolean> {
    const session = this.#session;
    if (session === undefined) return false;
    const { digest, size } = this.#blob;
    const { chunkSize, memory, progress, where } = this.#options;
    const length = Math.min(Math.max(chunkSize, session.minChunk), size - session.offset);
    const piece = await this.#reader.read(session.offset, length);
    if (piece.length !== length) throw blobMismatch(where, digest, 'become shorter');
    const isLast = session.offset + length === size;
    const next = isLast
      ? await this.#push.finishUpload(session, digest, piece)
      : await this.#push.sendPiece(session, digest, piece);
    this.#bytesSent += length;
    if (next !== undefined) {
      if (next.offset > size || next.offset <= session.offset) {
        throw new OperationError(
          'UPLOAD_OUT_OF_STEP',
          `The registry says that it has ${next.offset} bytes of ${digest} after ${session.offset + length} were sent`,
          { hint: 'Try again; if it happens each time, send it whole with a larger --chunk-size.' },
        );
      }
      this.#session = next;
      await memory.save(next);
    }
    progress(session.offset + length);
    return isLast;
  }

  /** The upload of an earlier run, if the registry still has it. */
  async #remembered(): Promise<UploadSession | undefined> {
    const { memory, log } = this.#options;
    const { digest, size } = this.#blob;
    const kept = await memory.load();
    if (kept === undefined) return undefined;
    const session = await this.#push.uploadStatus(kept, digest).catch((error: unknown) => {
      // The host that it lay on may be gone.
      if (error instanceof ConnectionError) return undefined;
      throw error;
    });
    if (session === undefined || session.offset === 0 || session.offset > size) {
      await memory.clear();
      return undefined;
    }
    log(`going on with the upload of ${digest} at byte ${session.offset}`);
    this.#resumedAt = session.offset;
    this.#options.progress(session.offset);
    return session;
  }

  /**
   * Finds out where things stand after a failure: the last request may have arrived though its answer did not.
   *
   * @returns whether the blob is there
   */
  async #hasArrived(isLost: boolean): Promise<boolean> {
    const { digest, size } = this.#blob;
    try {
      if (await this.#push.hasBlob(digest)) return true;
      if (isLost || this.#session === undefined) {
        this.#session = undefined;
        this.#resumedAt = 0;
        return false;
      }
      const status = await this.#push.uploadStatus(this.#session, digest);
      this.#session = status === undefined || status.offset > size ? undefined : status;
    } catch (error) {
      if (!mayPass(error)) throw error;
    }
    return false;
  }
}
