import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import type { Descriptor, ImageStore } from './image-store.ts';
import { fileSize, openFile, readFileUpTo, readStart } from './local-file.ts';
import { MAX_MANIFEST_BYTES } from './manifest.ts';
import { checkFolder } from './oci-layout.ts';

/**
 * Opens a folder that `skopeo copy … dir:` made: `manifest.json` is the image's own manifest or index, the others
 * are `<hex>.manifest.json`, blobs are named by their bare hex.
 *
 * @throws {OperationError} `OCI_LAYOUT_NOT_FOUND`, `DIR_IMAGE_INVALID`, `FILE_UNREADABLE`
 * @see cli.md 6.2
 */
export async function openDirImage(directory: string): Promise<ImageStore> {
  const where = printable(directory);
  await checkFolder(
    directory,
    'For a tar archive, write oci-archive: or docker-archive: before it.',
  );
  const manifest = await readFileUpTo(join(directory, 'manifest.json'), MAX_MANIFEST_BYTES);
  if (manifest === undefined) {
    const isLayout = (await readStart(join(directory, 'oci-layout'), 1)) !== undefined;
    throw new OperationError(
      'DIR_IMAGE_INVALID',
      `${where} has no manifest.json, which skopeo puts into the folders that it makes`,
      isLayout ? { hint: 'It is an OCI layout: write oci: before it.' } : {},
    );
  }
  const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
  const image: Descriptor = { mediaType: undefined, digest, size: manifest.length, names: [] };
  const file = (of: string, suffix = '') => join(directory, of.slice(of.indexOf(':') + 1) + suffix);
  return {
    where,
    images: async () => [image],
    manifestBlob: async of =>
      of === digest ? manifest : await readFileUpTo(file(of, '.manifest.json'), MAX_MANIFEST_BYTES),
    blobHead: of => readStart(file(of), 4),
    blobSize: of => fileSize(file(of)),
    openBlob: of => openFile(file(of)),
  };
}
