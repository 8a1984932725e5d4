import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';

/** What a signature over an image pins: the manifest (or index) that a tag names. */
export interface ImageManifest {
  /** `sha256:` and 64 lower-case hex digits, over the exact bytes. */
  readonly digest: string;
  /** Length of those bytes. */
  readonly size: number;
  readonly mediaType: string;
}

/** Largest manifest that is read, in bytes: what registries accept. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';

/** All that are signed, in the order of the Accept header. With fewer, a registry answers with another manifest. */
export const MANIFEST_MEDIA_TYPES: readonly string[] = [
  OCI_INDEX,
  DOCKER_LIST,
  OCI_MANIFEST,
  DOCKER_MANIFEST,
];

const SCHEMA_1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+/;

/** The content of a manifest, as far as signing it needs to know. */
export interface ManifestContent {
  readonly mediaType: string;
  /** The manifests an index lists; empty for a single image. */
  readonly manifests: readonly unknown[];
  /** The configuration of a single image; undefined for an index. */
  readonly config: unknown;
  /** The layers of a single image; empty for an index. */
  readonly layers: readonly unknown[];
}

/**
 * Reads a manifest's bytes and settles its media type: the stated one (of the Content-Type header or
 * the descriptor) and the one inside must agree; the shape decides only for OCI, which may leave it out.
 *
 * @param stated media type from outside, without parameters; undefined when nothing useful was said
 * @param where names the image for messages
 * @throws {OperationError} `MANIFEST_SCHEMA1`, `MANIFEST_TYPE_UNSUPPORTED` or `MANIFEST_INVALID`
 */
export function readManifest(
  bytes: Uint8Array,
  stated: string | undefined,
  where: string,
): ManifestContent {
  if (stated !== undefined && SCHEMA_1.test(stated)) throw schema1(where);
  const body = parseJsonObject(bytes);
  if (body === undefined) {
    throw new OperationError('MANIFEST_INVALID', `The manifest of ${where} is not a JSON object`);
  }
  if (body.schemaVersion === 1) throw schema1(where);
  if (body.schemaVersion !== 2) {
    throw new OperationError('MANIFEST_INVALID', `The manifest of ${where} has no schemaVersion 2`);
  }

  const inside = typeof body.mediaType === 'string' ? body.mediaType : undefined;
  const isIndex = Array.isArray(body.manifests);
  const isImage = Array.isArray(body.layers) || body.config !== undefined;
  if (isIndex === isImage) {
    // Both at once would let two readers see two different images behind one digest.
    throw new OperationError(
      'MANIFEST_INVALID',
      `The manifest of ${where} is ${isIndex ? 'both an index and an image' : 'neither an index nor an image'}`,
    );
  }
  if (inside !== undefined && stated !== undefined && inside !== stated) {
    throw new OperationError(
      'MANIFEST_INVALID',
      `The manifest of ${where} is announced as ${printable(stated)} but calls itself ${printable(inside)}`,
    );
  }
  const mediaType = stated ?? inside ?? (isIndex ? OCI_INDEX : OCI_MANIFEST);
  if (!MANIFEST_MEDIA_TYPES.includes(mediaType)) {
    throw new OperationError(
      'MANIFEST_TYPE_UNSUPPORTED',
      `The manifest of ${where} has the media type ${printable(mediaType)}, which is no image's`,
    );
  }
  if ((mediaType === OCI_INDEX || mediaType === DOCKER_LIST) !== isIndex) {
    throw new OperationError(
      'MANIFEST_INVALID',
      `The manifest of ${where} does not have the shape of its media type ${mediaType}`,
    );
  }
  return {
    mediaType,
    manifests: isIndex ? (body.manifests as unknown[]) : [],
    config: isIndex ? undefined : body.config,
    layers: Array.isArray(body.layers) ? body.layers : [],
  };
}

/** Decodes UTF-8 JSON; undefined when it is not JSON or not an object. Never throws. */
export function parseJsonObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes),
    );
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function schema1(where: string): OperationError {
  return new OperationError(
    'MANIFEST_SCHEMA1',
    `${where} is an image of the old schema 1, whose digest does not cover the bytes that are stored`,
    { hint: 'Push the image again with a current tool, then sign it.' },
  );
}
