import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import type { ImageStore } from './image-store.ts';
import { fileSize, openFile, readFileUpTo, readStart } from './local-file.ts';
import { MAX_MANIFEST_BYTES } from './manifest.ts';
import { imagesOfLayout } from './oci-index.ts';

/**
 * Opens an OCI layout folder. Links in it are followed: some build tools make layouts of links.
 *
 * @throws {OperationError} `OCI_LAYOUT_NOT_FOUND`
 */
export async function openOciLayout(directory: string): Promise<ImageStore> {
  const where = printable(directory);
  await checkFolder(directory, 'For a tar archive, write oci-archive: before it.');
  const blobPath = (digest: string) => join(directory, 'blobs', ...digest.split(':'));
  return {
    where,
    images: () =>
      imagesOfLayout({
        where,
        topFile: name => readFileUpTo(join(directory, name), MAX_MANIFEST_BYTES),
        hasDockerManifest: async () =>
          (await readStart(join(directory, 'manifest.json'), 1)) !== undefined,
      }),
    manifestBlob: digest => readFileUpTo(blobPath(digest), MAX_MANIFEST_BYTES),
    blobHead: digest => readStart(blobPath(digest), 4),
    blobSize: digest => fileSize(blobPath(digest)),
    openBlob: digest => openFile(blobPath(digest)),
  };
}

/** @throws {OperationError} `OCI_LAYOUT_NOT_FOUND` */
export async function checkFolder(directory: string, hintForFile: string): Promise<void> {
  const status = await stat(directory).catch(() => undefined);
  if (status?.isDirectory() === true) return;
  const where = printable(directory);
  throw new OperationError(
    'OCI_LAYOUT_NOT_FOUND',
    status === undefined ? `There is no folder ${where}` : `${where} is not a folder`,
    status?.isFile() === true ? { hint: hintForFile } : {},
  );
}
