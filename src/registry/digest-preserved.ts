import { OperationError } from '../errors.ts';
import { AFTER_PUSH, type ImageParts } from './image-parts.ts';
import type { ImageStore } from './image-store.ts';

/**
 * Checks that nothing in an image makes the tools that push it give it another digest: they compress layers that
 * are not.
 *
 * @throws {OperationError} `DIGEST_NOT_PRESERVED`, `IMAGE_INCOMPLETE`
 * @see cli.md 6.2
 */
export async function checkDigestPreserved(store: ImageStore, parts: ImageParts): Promise<void> {
  const layer = await uncompressedLayer(store, parts);
  if (layer === undefined) return;
  throw new OperationError(
    'DIGEST_NOT_PRESERVED',
    `${store.where} has an uncompressed layer (${layer}), which a push compresses: the digest in the registry will be another one`,
    { hint: AFTER_PUSH, details: { layer } },
  );
}

/** A layer that other tools would compress when they push the image; undefined when there is none. */
export async function uncompressedLayer(
  store: ImageStore,
  { blobs, layers }: ImageParts,
): Promise<string | undefined> {
  for (const { digest, mediaType } of blobs) {
    if (!layers.has(digest)) continue;
    if (/\.tar$/.test(mediaType)) return digest;
    // What is no tar (an attestation) is pushed as it is.
    if (!/\.tar(?:\.gzip|\+[a-z]+)$/.test(mediaType)) continue;
    // Tools that push look at the bytes and compress what is not, whatever the media type says.
    if (!isCompressed((await store.blobHead(digest)) ?? new Uint8Array())) return digest;
  }
  return undefined;
}

/** gzip (RFC 1952, 2.3.1) or Zstandard (RFC 8878, 3.1.1). */
function isCompressed(head: Uint8Array): boolean {
  const hex = Buffer.from(head).toString('hex');
  return hex.startsWith('1f8b') || hex.startsWith('28b52ffd');
}
