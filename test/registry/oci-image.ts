import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip, gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';
import { OCI_INDEX, OCI_MANIFEST } from '../../src/registry/manifest.ts';

/** Files of an OCI layout by name, to be written as a folder or as an archive. */
export type LayoutFiles = Map<string, Uint8Array>;

export interface TestDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

export const LAYER_GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';
export const REF_NAME = 'org.opencontainers.image.ref.name';

export function addBlob(files: LayoutFiles, mediaType: string, content: unknown): TestDescriptor {
  const bytes = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
  const hex = createHash('sha256').update(bytes).digest('hex');
  files.set(`blobs/sha256/${hex}`, bytes);
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
}

export function addImage(
  files: LayoutFiles,
  layer: { mediaType?: string; bytes?: Uint8Array } = {},
  salt = '',
): TestDescriptor {
  const { mediaType = LAYER_GZIP, bytes = gzipSync(`layer${salt}`) } = layer;
  return addBlob(files, OCI_MANIFEST, {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: addBlob(files, 'application/vnd.oci.image.config.v1+json', { salt }),
    layers: [addBlob(files, mediaType, bytes)],
  });
}

export function addIndex(files: LayoutFiles, manifests: readonly unknown[]): TestDescriptor {
  return addBlob(files, OCI_INDEX, { schemaVersion: 2, mediaType: OCI_INDEX, manifests });
}

/** Writes index.json and oci-layout. */
export function finish(files: LayoutFiles, manifests: readonly unknown[]): LayoutFiles {
  files.set('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  files.set('index.json', Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })));
  return files;
}

export function named(descriptor: TestDescriptor, name: string, key = REF_NAME): TestDescriptor {
  return { ...descriptor, annotations: { ...descriptor.annotations, [key]: name } };
}

export async function writeFolder(folder: string, files: LayoutFiles): Promise<string> {
  for (const [name, bytes] of files) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  return folder;
}

export type ArchiveEntry = [header: Partial<Header> & { name: string }, bytes?: Uint8Array];

export async function writeArchive(
  file: string,
  entries: Iterable<ArchiveEntry>,
  { gzip = false } = {},
): Promise<string> {
  const archive = pack();
  const target = createWriteStream(file);
  const written = gzip ? pipeline(archive, createGzip(), target) : pipeline(archive, target);
  for (const [header, bytes] of entries) archive.entry(header, Buffer.from(bytes ?? []));
  archive.finalize();
  await written;
  return file;
}

export function entriesOf(files: LayoutFiles, prefix = ''): ArchiveEntry[] {
  return [...files].map(([name, bytes]) => [{ name: prefix + name }, bytes]);
}
