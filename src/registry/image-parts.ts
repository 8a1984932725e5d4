import { createHash } from 'node:crypto';
import { OperationError } from '../errors.ts';
import { blobMismatch, type Descriptor, type ImageStore, readDescriptor } from './image-store.ts';
import {
  isJsonObject,
  MAX_MANIFEST_BYTES,
  type ManifestContent,
  readManifest,
} from './manifest.ts';

/** A manifest or index, verified. */
export interface StoredManifest {
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** A configuration or a layer; it is there, of the size that its manifest says, and not verified. */
export interface ImageBlob {
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
}

/** All that an image consists of, each part once. */
export interface ImageParts {
  /** An index comes after the manifests that it names: the image's own is last. */
  readonly manifests: readonly StoredManifest[];
  /** Without layers that are to be fetched from elsewhere. */
  readonly blobs: readonly ImageBlob[];
  /** The digests among `blobs` that are layers. */
  readonly layers: ReadonlySet<string>;
}

const MAX_INDEX_DEPTH = 4;
const MAX_MANIFESTS = 1000;

/**
 * Reads an image's own manifest or index, and verifies its bytes.
 *
 * @throws {OperationError} `OCI_LAYOUT_INVALID`, `BLOB_MISSING`, `BLOB_MISMATCH`, `MANIFEST_…`
 */
export async function readTopManifest(
  store: ImageStore,
  image: Descriptor,
): Promise<StoredManifest & ManifestContent> {
  if (!image.digest.startsWith('sha256:')) {
    throw new OperationError(
      'OCI_LAYOUT_INVALID',
      `${store.where} names its image by ${image.digest}, and trust data needs a SHA-256 digest`,
    );
  }
  const content = await readStored(store, image);
  if (content !== undefined) return content;
  throw new OperationError(
    'BLOB_MISSING',
    `${store.where} lists the manifest ${image.digest} but does not hold it`,
  );
}

/**
 * Finds all parts of an image, from its index down to its layers.
 *
 * @throws {OperationError} `IMAGE_INCOMPLETE` when one is absent; else as `readTopManifest`
 */
export async function imageParts(
  store: ImageStore,
  top: StoredManifest & ManifestContent,
): Promise<ImageParts> {
  const manifests: StoredManifest[] = [];
  const blobs = new Map<string, ImageBlob>();
  const layers = new Set<string>();
  const seen = new Set([top.digest]);

  const take = async (content: StoredManifest & ManifestContent, depth: number): Promise<void> => {
    for (const value of content.manifests) {
      const child = readDescriptor(value, `an index in ${store.where}`);
      if (seen.has(child.digest)) continue;
      seen.add(child.digest);
      if (depth >= MAX_INDEX_DEPTH || seen.size > MAX_MANIFESTS) {
        throw new OperationError(
          'OCI_LAYOUT_INVALID',
          `${store.where} nests its indexes too deeply or lists more than ${MAX_MANIFESTS} manifests`,
        );
      }
      const manifest = await readStored(store, child);
      if (manifest === undefined) throw incomplete(store, child.digest, 'manifest');
      await take(manifest, depth + 1);
    }
    if (content.config !== undefined) await blob(content.config, 'configuration');
    for (const layer of content.layers) await blob(layer, 'layer');
    const { digest, size, mediaType, bytes } = content;
    manifests.push({ digest, size, mediaType, bytes });
  };
  const blob = async (value: unknown, what: string): Promise<void> => {
    const { mediaType, digest, size } = readBlobDescriptor(value, store.where);
    if (isElsewhere(value, mediaType)) return;
    const held = await store.blobSize(digest);
    if (held === undefined) throw incomplete(store, digest, what);
    if (held !== size) throw blobMismatch(store.where, digest, `${held} bytes instead of ${size}`);
    if (what === 'layer') layers.add(digest);
    blobs.set(digest, { digest, size, mediaType });
  };
  await take(top, 0);
  return { manifests, blobs: [...blobs.values()], layers };
}

/** Whether a layer is not to be pushed, but fetched from where it says. */
function isElsewhere(layer: unknown, mediaType: string): boolean {
  const urls = isJsonObject(layer) ? layer.urls : undefined;
  return /foreign|nondistributable/.test(mediaType) && Array.isArray(urls) && urls.length > 0;
}

/** The advice for an image whose digest in the registry is not known before a push. */
export const AFTER_PUSH =
  'Push the image, then sign it from the registry; or push and sign it with tabellion push, which keeps the digest; or push it with its digests preserved, and say so with --preserve-digests.';

function readBlobDescriptor(value: unknown, where: string): ImageBlob {
  const mediaType = isJsonObject(value) ? value.mediaType : undefined;
  if (typeof mediaType !== 'string' || mediaType === '') {
    throw new OperationError(
      'OCI_LAYOUT_INVALID',
      `A manifest in ${where} has a layer without a media type or a valid digest`,
    );
  }
  const { digest, size } = readDescriptor(value, `A manifest in ${where}`);
  return { digest, size, mediaType };
}

/** Reads and verifies a manifest blob; undefined when the store does not hold it. */
async function readStored(
  store: ImageStore,
  { digest, size, mediaType }: Descriptor,
): Promise<(StoredManifest & ManifestContent) | undefined> {
  const { where } = store;
  if (size > MAX_MANIFEST_BYTES) {
    throw new OperationError(
      'OCI_LAYOUT_INVALID',
      `${where} lists a manifest of ${size} bytes (${digest}), and the largest that is read has ${MAX_MANIFEST_BYTES}`,
    );
  }
  const bytes = await store.manifestBlob(digest);
  if (bytes === undefined) return undefined;
  if (bytes.length !== size) {
    throw blobMismatch(where, digest, `${bytes.length} bytes instead of ${size}`);
  }
  const algorithm = digest.slice(0, digest.indexOf(':'));
  const actual = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
  if (actual !== digest) throw blobMismatch(where, digest, `the digest ${actual}`);
  return { digest, size, bytes, ...readManifest(bytes, mediaType, `${where} (${digest})`) };
}

function incomplete(store: ImageStore, digest: string, what: string): OperationError {
  return new OperationError(
    'IMAGE_INCOMPLETE',
    `${store.where} does not hold the ${what} ${digest} of its image: a push from it will give another digest, or fail`,
    {
      hint: 'Save the image with all its platforms, or push it with the tool that has them, then sign it from the registry.',
      details: { missing: digest },
    },
  );
}
