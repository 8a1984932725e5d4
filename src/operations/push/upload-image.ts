/** Bringing an image's parts into a repository of a registry: everything but the tag. */
import { setTimeout as wait } from 'node:timers/promises';
import { backOff } from '../../http/retry.ts';
import { checkBlob, mayPass, uploadBlob } from '../../registry/blob-upload.ts';
import type { ImageBlob, ImageParts, StoredManifest } from '../../registry/image-parts.ts';
import type { ImageStore } from '../../registry/image-store.ts';
import type { RegistryClient } from '../../registry/registry-client.ts';
import { RepositoryPush, type UploadSession } from '../../registry/repository-push.ts';
import type { Session } from '../session.ts';
import { dataSize } from './data-size.ts';
import { uploadMemory } from './upload-records.ts';

export interface UploadRequest {
  /** `domain/path`. */
  readonly repository: string;
  readonly path: string;
  readonly registry: RegistryClient;
  readonly store: ImageStore;
  /** The images, which may share parts. */
  readonly images: readonly ImageParts[];
  /** Paths of repositories of the same registry that may have the blobs. */
  readonly mountFrom: readonly string[];
  /** Largest piece of a blob in one request, in bytes. */
  readonly chunkSize: number;
  readonly dryRun: boolean;
}

/** What was done for a repository, or would be. */
export interface UploadSummary {
  readonly blobs: {
    readonly total: number;
    readonly sent: number;
    readonly mounted: number;
    readonly present: number;
    /** How many of those that were sent went on where an earlier run had stopped. */
    readonly resumed: number;
  };
  readonly manifests: {
    readonly total: number;
    readonly sent: number;
    readonly present: number;
  };
  /** Bytes of blobs that were sent by this run; in a dry run, that would be. */
  readonly bytesSent: number;
}

/** Blobs at a time; the transport has room for a few more requests. */
const WORKERS = 4;
const MANIFEST_ATTEMPTS = 4;

/**
 * Uploads what the repository lacks: blobs, then manifests by their digests, an index after what it names. No tag is
 * touched. Each blob is compared with its digest before its first byte is sent, or another repository is asked for it.
 *
 * @throws OperationError `BLOB_MISMATCH`; what `RepositoryPush` throws
 */
export async function uploadImage(
  session: Session,
  request: UploadRequest,
): Promise<UploadSummary> {
  return await new ImageUpload(session, request).run();
}

class ImageUpload {
  readonly #session: Session;
  readonly #request: UploadRequest;
  readonly #push: RepositoryPush;
  readonly #blobs: readonly ImageBlob[];
  readonly #manifests: readonly StoredManifest[];
  /** Repositories that turned out not to be readable are not tried again. */
  readonly #mountFrom: Set<string>;
  readonly #arrived = new Map<string, number>();
  readonly #count = { sent: 0, mounted: 0, present: 0, resumed: 0 };
  readonly #manifestCount = { sent: 0, present: 0 };
  #bytesSent = 0;

  constructor(session: Session, request: UploadRequest) {
    this.#session = session;
    this.#request = request;
    this.#push = new RepositoryPush(request.registry.connection, request.path);
    this.#blobs = unique(request.images.flatMap(({ blobs }) => blobs));
    this.#manifests = unique(request.images.flatMap(({ manifests }) => manifests));
    this.#mountFrom = new Set(request.mountFrom);
  }

  async run(): Promise<UploadSummary> {
    await this.#request.registry.connection.explaining(async () => {
      await this.#allBlobs();
      for (const manifest of this.#manifests) await this.#manifest(manifest);
    });
    return {
      blobs: { total: this.#blobs.length, ...this.#count },
      manifests: { total: this.#manifests.length, ...this.#manifestCount },
      bytesSent: this.#bytesSent,
    };
  }

  /** Several at a time. After a failure no further one is begun, and none is left running. */
  async #allBlobs(): Promise<void> {
    const waiting = [...this.#blobs];
    const worker = async (): Promise<void> => {
      for (let blob = waiting.shift(); blob !== undefined; blob = waiting.shift()) {
        try {
          await this.#blob(blob);
        } catch (error) {
          waiting.length = 0;
          throw error;
        }
      }
    };
    const results = await Promise.allSettled(Array.from({ length: WORKERS }, worker));
    const failed = results.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }

  async #blob(blob: ImageBlob): Promise<void> {
    const { digest, size } = blob;
    const { store, dryRun, chunkSize, repository } = this.#request;
    if (await this.#push.hasBlob(digest)) {
      this.#count.present += 1;
      this.#progress(digest, size);
      return;
    }
    if (dryRun) {
      this.#count.sent += 1;
      this.#bytesSent += size;
      return;
    }
    const reader = await store.openBlob(digest);
    if (reader === undefined) throw new TypeError(`${digest} was there a moment ago`);
    try {
      // Before a mount too: else who knows no more of a blob than its digest could have it given out of a repository
      // that this login can read, and they cannot.
      await checkBlob(reader, blob, store.where);
      const begun = await this.#mount(digest);
      if (begun === 'mounted') {
        this.#count.mounted += 1;
        this.#progress(digest, size);
        return;
      }
      const { bytesSent, resumedAt } = await uploadBlob(this.#push, blob, reader, {
        chunkSize,
        memory: uploadMemory(this.#session, repository, digest),
        where: store.where,
        ...(begun === undefined ? {} : { begun }),
        progress: bytes => this.#progress(digest, bytes),
        sleep: wait,
        log: step => this.#session.log(step),
      });
      this.#count.sent += 1;
      if (resumedAt > 0) this.#count.resumed += 1;
      this.#bytesSent += bytesSent;
    } finally {
      await reader.close();
    }
  }

  /** Has the registry take a blob over from another repository; an upload that it began instead is of use. */
  async #mount(digest: string): Promise<'mounted' | UploadSession | undefined> {
    let begun: UploadSession | undefined;
    for (const from of this.#mountFrom) {
      const answer = await this.#push.mount(digest, from);
      if (answer === 'mounted') return answer;
      if (answer === 'refused') this.#mountFrom.delete(from);
      else begun = answer;
    }
    return begun;
  }

  async #manifest(manifest: StoredManifest): Promise<void> {
    const { digest } = manifest;
    if (await this.#push.hasManifest(digest)) {
      this.#manifestCount.present += 1;
      return;
    }
    this.#manifestCount.sent += 1;
    if (!this.#request.dryRun) await putManifest(this.#push, digest, manifest);
  }

  #progress(digest: string, bytes: number): void {
    this.#arrived.set(digest, bytes);
    const sum = (sizes: Iterable<number>) => [...sizes].reduce((total, size) => total + size, 0);
    const total = sum(this.#blobs.map(({ size }) => size));
    this.#session.progress({
      message: `uploading to ${this.#request.repository}: ${dataSize(sum(this.#arrived.values()))} of ${dataSize(total)}`,
    });
  }
}

/** Stores a manifest; a try that was in vain is repeated, which does no harm. */
export async function putManifest(
  push: RepositoryPush,
  reference: string,
  manifest: StoredManifest,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await push.putManifest(reference, manifest);
      return;
    } catch (error) {
      if (attempt === MANIFEST_ATTEMPTS || !mayPass(error)) throw error;
      await wait(backOff(attempt));
    }
  }
}

function unique<T extends { readonly digest: string }>(parts: readonly T[]): T[] {
  return [...new Map(parts.map(part => [part.digest, part])).values()];
}
