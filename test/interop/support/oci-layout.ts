import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export interface OciLayoutOptions {
  /** Its `org.opencontainers.image.ref.name`. Default `latest`. */
  reference?: string;
  /** Architectures under linux; each gets a manifest of its own. Default amd64 and arm64. */
  architectures?: readonly string[];
  /** Text of the one file in the image: another text makes another digest. */
  content?: string;
}

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

export interface OciLayout {
  readonly folder: string;
  readonly reference: string;
  /** The image index, which is what a multi-platform tag names. */
  readonly index: Descriptor;
  /** The manifest of each architecture. */
  readonly manifests: readonly (Descriptor & { architecture: string })[];
}

const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';

/**
 * Writes a tiny multi-platform image as an OCI image layout into `folder` (made if absent); images of other
 * references that it holds already stay. The same options give the same digests.
 */
export async function writeOciLayout(
  folder: string,
  options: OciLayoutOptions = {},
): Promise<OciLayout> {
  const reference = options.reference ?? 'latest';
  const content = options.content ?? 'hello\n';
  const blobs = path.join(folder, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const store = async (mediaType: string, bytes: Buffer): Promise<Descriptor> => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    await writeFile(path.join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const storeJson = (mediaType: string, value: object) =>
    store(mediaType, Buffer.from(JSON.stringify(value)));

  const tar = await tarOf('hello.txt', content);
  const layer = await store(LAYER, gzipSync(tar));
  const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}`;
  const manifests: (Descriptor & { architecture: string })[] = [];
  for (const architecture of options.architectures ?? ['amd64', 'arm64']) {
    const config = await storeJson(CONFIG, {
      created: '2020-01-01T00:00:00Z',
      architecture,
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [diffId] },
    });
    const manifest = await storeJson(MANIFEST, {
      schemaVersion: 2,
      mediaType: MANIFEST,
      config,
      layers: [layer],
    });
    manifests.push({ ...manifest, architecture });
  }
  const index = await storeJson(INDEX, {
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: manifests.map(({ architecture, ...descriptor }) => ({
      ...descriptor,
      platform: { architecture, os: 'linux' },
    })),
  });

  const indexFile = path.join(folder, 'index.json');
  const present = await readFile(indexFile, 'utf8').then(JSON.parse, () => ({ manifests: [] }));
  const name = 'org.opencontainers.image.ref.name';
  const entries: { annotations?: Record<string, string> }[] = present.manifests;
  const top = {
    schemaVersion: 2,
    manifests: [
      ...entries.filter(entry => entry.annotations?.[name] !== reference),
      { ...index, annotations: { [name]: reference } },
    ],
  };
  await writeFile(indexFile, JSON.stringify(top));
  await writeFile(path.join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return { folder, reference, index, manifests };
}

async function tarOf(name: string, content: string): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name, mtime: new Date(0), mode: 0o644, uid: 0, gid: 0 }, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
