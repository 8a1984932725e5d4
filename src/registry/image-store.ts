import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import { isDigest } from './image-reference.ts';
import { isJsonObject } from './manifest.ts';

/** Images on disk, in whatever form: their manifests and the blobs that these name. */
export interface ImageStore {
  /** Names the store for messages; printable. */
  readonly where: string;
  /**
   * What the store lists as its images.
   *
   * @throws {OperationError} `OCI_LAYOUT_INVALID`, `DIGEST_UNKNOWN`
   */
  images(): Promise<readonly Descriptor[]>;
  /** Whole blob, when it may be a manifest (at most `MAX_MANIFEST_BYTES`); undefined when there is none. */
  manifestBlob(digest: string): Promise<Uint8Array | undefined>;
  /** First four bytes of a blob, fewer if it has fewer; undefined when there is none. */
  blobHead(digest: string): Promise<Uint8Array | undefined>;
  /** Length of a blob in bytes; undefined when there is none. */
  blobSize(digest: string): Promise<number | undefined>;
  /** Opens a blob for reading piece by piece; undefined when there is none. */
  openBlob(digest: string): Promise<BlobReader | undefined>;
}

/** An open blob. Its content is not verified. */
export interface BlobReader {
  /** Up to `length` bytes from `start` on; fewer only at the end. */
  read(start: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** What an index says of a manifest, or a manifest of a blob. */
export interface Descriptor {
  readonly mediaType: string | undefined;
  readonly digest: string;
  readonly size: number;
  /** Names from the annotations, the tag-like one first. */
  readonly names: readonly string[];
}

const NAME_ANNOTATIONS = ['org.opencontainers.image.ref.name', 'io.containerd.image.name'];

/**
 * Reads a descriptor.
 *
 * @param where names what it stands in, for messages; printable
 * @throws {OperationError} `OCI_LAYOUT_INVALID`
 * @see OCI image specification 1.1, "Content Descriptors"
 */
export function readDescriptor(value: unknown, where: string): Descriptor {
  const { mediaType, digest, size, annotations } = isJsonObject(value) ? value : {};
  if (typeof digest !== 'string' || !isDigest(digest)) {
    throw new OperationError('OCI_LAYOUT_INVALID', `${where} has an entry without a valid digest`);
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new OperationError(
      'OCI_LAYOUT_INVALID',
      `${where} has an entry for ${digest} without a valid size`,
    );
  }
  const annotated = new Map(isJsonObject(annotations) ? Object.entries(annotations) : []);
  const names = NAME_ANNOTATIONS.map(name => annotated.get(name)).filter(
    name => typeof name === 'string' && name !== '',
  ) as string[];
  return {
    mediaType: typeof mediaType === 'string' && mediaType !== '' ? mediaType : undefined,
    digest,
    size,
    names,
  };
}

/** The error for a blob that is not what its digest or size says. */
export function blobMismatch(where: string, digest: string, found: string): OperationError {
  return new OperationError('BLOB_MISMATCH', `The blob ${digest} of ${where} has ${found}`, {
    hint: 'It is damaged, or was changed: make the image again.',
    details: { digest, where: printable(where) },
  });
}
