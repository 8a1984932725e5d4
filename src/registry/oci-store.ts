import { createHash } from 'node:crypto';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import { isDigest } from './image-reference.ts';
import {
  type ImageManifest,
  isJsonObject,
  MAX_MANIFEST_BYTES,
  type ManifestContent,
  parseJsonObject,
  readManifest,
} from './manifest.ts';

/** An OCI image layout, wherever its files are. */
export interface OciStore {
  /** Names the layout for messages; printable. */
  readonly where: string;
  /** Whole file at the layout's top, at most `MAX_MANIFEST_BYTES`; undefined when there is none. */
  topFile(name: 'oci-layout' | 'index.json'): Promise<Uint8Array | undefined>;
  /** Whether `docker save` put its own manifest.json beside the layout. */
  hasDockerManifest(): Promise<boolean>;
  /** Whole blob, when it may be a manifest (at most `MAX_MANIFEST_BYTES`); undefined when there is none. */
  manifestBlob(digest: string): Promise<Uint8Array | undefined>;
  /** First four bytes of a blob; undefined when there is none. */
  blobHead(digest: string): Promise<Uint8Array | undefined>;
}

export interface OciReadOptions {
  /**
   * The caller vouches that the push will keep the bytes of the manifests (`--preserve-digests`), so
   * that uncompressed layers and absent platforms do not matter.
   */
  readonly assertPreserved?: boolean;
}

interface Descriptor {
  readonly mediaType: string | undefined;
  readonly digest: string;
  readonly size: number;
  /** Names from the annotations, the tag-like one first. */
  readonly names: readonly string[];
}

const NAME_ANNOTATIONS = ['org.opencontainers.image.ref.name', 'io.containerd.image.name'];
const MAX_INDEX_DEPTH = 4;
const MAX_MANIFESTS = 1000;
const MAX_NAMES_SHOWN = 20;

/**
 * The manifest that a push of an image out of an OCI layout will give its tag.
 *
 * @param reference picks the image by its annotated name; without it the layout must hold just one
 * @throws {OperationError} `OCI_LAYOUT_INVALID`, `OCI_REFERENCE_NOT_FOUND`, `OCI_REFERENCE_AMBIGUOUS`,
 *   `BLOB_MISSING`, `BLOB_MISMATCH`, `DIGEST_NOT_PRESERVED`, `IMAGE_INCOMPLETE`, `MANIFEST_…`
 * @see OCI image layout specification 1.1
 */
export async function imageOfLayout(
  store: OciStore,
  reference: string | undefined,
  options: OciReadOptions,
): Promise<ImageManifest> {
  const chosen = choose(await readIndex(store), reference, store.where);
  if (!chosen.digest.startsWith('sha256:')) {
    throw new OperationError(
      'OCI_LAYOUT_INVALID',
      `${store.where} names its image by ${chosen.digest}, and trust data needs a SHA-256 digest`,
    );
  }
  const content = await readBlob(store, chosen);
  if (content === undefined) {
    throw new OperationError(
      'BLOB_MISSING',
      `${store.where} lists the manifest ${chosen.digest} but does not hold it`,
    );
  }
  if (options.assertPreserved !== true) {
    await checkPreserved(store, content, { depth: 0, seen: new Set([chosen.digest]) });
  }
  return { digest: chosen.digest, size: chosen.size, mediaType: content.mediaType };
}

async function readIndex(store: OciStore): Promise<Descriptor[]> {
  const marker = await store.topFile('oci-layout');
  const bytes = await store.topFile('index.json');
  if (marker === undefined || bytes === undefined) {
    if (await store.hasDockerManifest()) {
      throw new OperationError(
        'OCI_LAYOUT_INVALID',
        `${store.where} is in the format of docker save, which does not say what digest a push will give`,
        { hint: 'Push the image, then sign it from the registry.' },
      );
    }
    throw new OperationError(
      'OCI_LAYOUT_INVALID',
      `${store.where} is not an OCI image layout: it has no ${marker === undefined ? 'oci-layout' : 'index.json'}`,
    );
  }
  const version = parseJsonObject(marker)?.imageLayoutVersion;
  if (typeof version !== 'string' || !/^1\./.test(version)) {
    throw new OperationError(
      'OCI_LAYOUT_INVALID',
      `${store.where} does not say in oci-layout that it is an image layout of version 1`,
    );
  }
  const index = parseJsonObject(bytes);
  if (index === undefined || !Array.isArray(index.manifests)) {
    throw new OperationError(
      'OCI_LAYOUT_INVALID',
      `index.json of ${store.where} lists no manifests`,
    );
  }
  return index.manifests.map(value => readDescriptor(value, `index.json of ${store.where}`));
}

function readDescriptor(value: unknown, where: string): Descriptor {
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

function choose(
  manifests: readonly Descriptor[],
  reference: string | undefined,
  where: string,
): Descriptor {
  const [first] = manifests;
  if (first === undefined) {
    throw new OperationError('OCI_LAYOUT_INVALID', `${where} holds no image`);
  }
  const matching =
    reference === undefined
      ? manifests
      : manifests.filter(({ names }) => names.includes(reference));
  const [candidate] = matching;
  if (candidate === undefined) {
    throw new OperationError(
      'OCI_REFERENCE_NOT_FOUND',
      `${where} holds no image named “${printable((reference ?? '').slice(0, 300))}”; it holds ${listNames(manifests)}`,
      { hint: 'Put one of those names after the path, separated by a colon.' },
    );
  }
  // One image under several tags is still one image.
  if (matching.some(({ digest, size }) => digest !== candidate.digest || size !== candidate.size)) {
    throw new OperationError(
      'OCI_REFERENCE_AMBIGUOUS',
      `${where} holds several images${reference === undefined ? '' : ` named “${printable(reference.slice(0, 300))}”`}: ${listNames(matching)}`,
      { hint: 'Put the name of one of them after the path, separated by a colon.' },
    );
  }
  return candidate;
}

function listNames(manifests: readonly Descriptor[]): string {
  const shown = manifests
    .slice(0, MAX_NAMES_SHOWN)
    .map(({ names: [name], digest }) =>
      name === undefined ? `${digest} (no name)` : `“${printable(name.slice(0, 300))}”`,
    );
  const more = manifests.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Reads and verifies a manifest blob; undefined when the layout does not hold it. */
async function readBlob(
  store: OciStore,
  descriptor: Descriptor,
): Promise<ManifestContent | undefined> {
  const { digest, size } = descriptor;
  if (size > MAX_MANIFEST_BYTES) {
    throw new OperationError(
      'OCI_LAYOUT_INVALID',
      `${store.where} lists a manifest of ${size} bytes (${digest}), and the largest that is read has ${MAX_MANIFEST_BYTES}`,
    );
  }
  const bytes = await store.manifestBlob(digest);
  if (bytes === undefined) return undefined;
  if (bytes.length !== size) {
    throw new OperationError(
      'BLOB_MISMATCH',
      `The blob ${digest} of ${store.where} has ${bytes.length} bytes instead of ${size}`,
    );
  }
  const colon = digest.indexOf(':');
  const actual = createHash(digest.slice(0, colon)).update(bytes).digest('hex');
  if (actual !== digest.slice(colon + 1)) {
    throw new OperationError(
      'BLOB_MISMATCH',
      `The blob ${digest} of ${store.where} has the digest ${digest.slice(0, colon)}:${actual}`,
    );
  }
  return readManifest(bytes, descriptor.mediaType, `${store.where} (${digest})`);
}

/** Walks an index down to its layers, to find what would make a push change a digest. */
async function checkPreserved(
  store: OciStore,
  content: ManifestContent,
  walk: { depth: number; seen: Set<string> },
): Promise<void> {
  for (const layer of content.layers) await checkLayer(store, layer);
  for (const value of content.manifests) {
    const child = readDescriptor(value, `an index in ${store.where}`);
    if (walk.seen.has(child.digest)) continue;
    walk.seen.add(child.digest);
    if (walk.depth >= MAX_INDEX_DEPTH || walk.seen.size > MAX_MANIFESTS) {
      throw new OperationError(
        'OCI_LAYOUT_INVALID',
        `${store.where} nests its indexes too deeply or lists more than ${MAX_MANIFESTS} manifests`,
      );
    }
    const manifest = await readBlob(store, child);
    if (manifest === undefined) throw incomplete(store, child.digest, 'manifest');
    await checkPreserved(store, manifest, { depth: walk.depth + 1, seen: walk.seen });
  }
}

async function checkLayer(store: OciStore, layer: unknown): Promise<void> {
  const { mediaType, digest } = isJsonObject(layer) ? layer : {};
  if (typeof mediaType !== 'string' || typeof digest !== 'string' || !isDigest(digest)) {
    throw new OperationError(
      'OCI_LAYOUT_INVALID',
      `A manifest in ${store.where} has a layer without a media type or a valid digest`,
    );
  }
  if (/\.tar$/.test(mediaType)) throw notPreserved(store, digest);
  const isArchive = /\.tar(?:\.gzip|\+[a-z]+)$/.test(mediaType);
  // Foreign layers are fetched from elsewhere; what is no tar (an attestation) is pushed as it is.
  if (!isArchive || /foreign|nondistributable/.test(mediaType)) return;
  const head = await store.blobHead(digest);
  if (head === undefined) throw incomplete(store, digest, 'layer');
  // Tools that push look at the bytes and compress what is not, whatever the media type says.
  if (!isCompressed(head)) throw notPreserved(store, digest);
}

/** gzip (RFC 1952, 2.3.1) or Zstandard (RFC 8878, 3.1.1). */
function isCompressed(head: Uint8Array): boolean {
  const hex = Buffer.from(head).toString('hex');
  return hex.startsWith('1f8b') || hex.startsWith('28b52ffd');
}

const AFTER_PUSH =
  'Push the image, then sign it from the registry; or push it with its digests preserved, and say so when signing.';

function notPreserved(store: OciStore, layer: string): OperationError {
  return new OperationError(
    'DIGEST_NOT_PRESERVED',
    `${store.where} has an uncompressed layer (${layer}), which a push compresses: the digest in the registry will be another one`,
    { hint: AFTER_PUSH, details: { layer } },
  );
}

function incomplete(store: OciStore, digest: string, what: string): OperationError {
  return new OperationError(
    'IMAGE_INCOMPLETE',
    `${store.where} does not hold the ${what} ${digest} of its image: a push from it will give another digest, or fail`,
    { hint: AFTER_PUSH, details: { missing: digest } },
  );
}
