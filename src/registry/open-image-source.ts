import { chooseImage, type WantedImage } from './choose-image.ts';
import { checkDigestPreserved } from './digest-preserved.ts';
import { imageParts, readTopManifest } from './image-parts.ts';
import type { StoredSource } from './image-source.ts';
import type { ImageStore } from './image-store.ts';
import type { ImageManifest } from './manifest.ts';

/**
 * Opens the images of a source.
 *
 * @throws what `openOciLayout`, `openOciArchive` and `openDirImage` throw
 */
export async function openImageSource({ type, path }: StoredSource): Promise<ImageStore> {
  switch (type) {
    case 'oci':
      return await (await import('./oci-layout.ts')).openOciLayout(path);
    case 'dir':
      return await (await import('./dir-image.ts')).openDirImage(path);
    default:
      return await (await import('./oci-archive.ts')).openOciArchive(path);
  }
}

/**
 * The manifest that a push of an image out of a store will give its tag.
 *
 * @param preserveDigests the caller vouches that the push keeps the bytes of the manifests
 * @throws {OperationError} of `chooseImage`, `readTopManifest`, `imageParts` and `checkDigestPreserved`
 */
export async function pushedManifest(
  store: ImageStore,
  wanted: WantedImage,
  { preserveDigests = false }: { readonly preserveDigests?: boolean } = {},
): Promise<ImageManifest> {
  const top = await readTopManifest(store, await chooseImage(store, wanted));
  if (!preserveDigests) await checkDigestPreserved(store, await imageParts(store, top));
  return { digest: top.digest, size: top.size, mediaType: top.mediaType };
}
