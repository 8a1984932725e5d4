// Writes fixtures/demo-image: an OCI layout with one image for two platforms, the same bytes each time.
// Usage: node scripts/make-demo-image.js [FOLDER]
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { pack } from 'tar-stream';

const folder = process.argv[2] ?? fileURLToPath(new URL('../fixtures/demo-image', import.meta.url));
const blobs = join(folder, 'blobs', 'sha256');
const created = '2026-01-01T00:00:00Z';

rmSync(folder, { recursive: true, force: true });
mkdirSync(blobs, { recursive: true });

const manifests = [];
for (const architecture of ['amd64', 'arm64']) {
  const layer = await tar(
    'hello.txt',
    `Hello from Tabellion's demo image for linux/${architecture}.\n`,
  );
  const config = writeJson('application/vnd.oci.image.config.v1+json', {
    created,
    architecture,
    os: 'linux',
    config: { Cmd: ['/hello.txt'] },
    rootfs: { type: 'layers', diff_ids: [digest(layer)] },
    history: [{ created, created_by: 'scripts/make-demo-image.js' }],
  });
  const manifest = writeJson('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers: [writeBlob('application/vnd.oci.image.layer.v1.tar+gzip', gzip(layer))],
  });
  manifests.push({ ...manifest, platform: { architecture, os: 'linux' } });
}
const index = writeJson('application/vnd.oci.image.index.v1+json', {
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests,
});
const named = { ...index, annotations: { 'org.opencontainers.image.ref.name': '1.0' } };
writeFileSync(
  join(folder, 'index.json'),
  JSON.stringify({ schemaVersion: 2, mediaType: index.mediaType, manifests: [named] }),
);
writeFileSync(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));

function writeJson(mediaType, value) {
  return writeBlob(mediaType, Buffer.from(JSON.stringify(value)));
}

function writeBlob(mediaType, bytes) {
  writeFileSync(join(blobs, digest(bytes).slice('sha256:'.length)), bytes);
  return { mediaType, digest: digest(bytes), size: bytes.length };
}

function digest(bytes) {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

async function tar(name, text) {
  const archive = pack();
  archive.entry({ name, mode: 0o644, mtime: new Date(created) }, text);
  archive.finalize();
  const chunks = [];
  for await (const chunk of archive) chunks.push(chunk);
  return Buffer.concat(chunks);
}

// RFC 1952 around one stored block of RFC 1951: no compressor is asked, since the bytes that zlib
// chooses differ between its versions.
function gzip(bytes) {
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
  const block = Buffer.alloc(5);
  block.writeUInt8(1, 0);
  block.writeUInt16LE(bytes.length, 1);
  block.writeUInt16LE(~bytes.length & 0xffff, 3);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(bytes), 0);
  trailer.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([header, block, bytes, trailer]);
}
