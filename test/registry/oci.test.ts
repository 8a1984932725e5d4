import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OperationError, TabellionError } from '../../src/errors.ts';
import type { ArchiveLimits } from '../../src/registry/archive-scan.ts';
import { openDirImage } from '../../src/registry/dir-image.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../../src/registry/manifest.ts';
import { openOciArchive } from '../../src/registry/oci-archive.ts';
import { openOciLayout } from '../../src/registry/oci-layout.ts';
import { pushedManifest } from '../../src/registry/open-image-source.ts';
import {
  type ArchiveEntry,
  addBlob,
  addImage,
  addIndex,
  entriesOf,
  finish,
  type LayoutFiles,
  named,
  writeArchive,
  writeFolder,
} from './oci-image.ts';

const DEMO = fileURLToPath(new URL('../../fixtures/demo-image', import.meta.url));
const DEMO_DIGEST = 'sha256:9f10dc7a8d0d93e8b86a7e0e0bdc96dfd58b3862d8dba270d612ddc98430c7ee';
const TAR = 'application/vnd.oci.image.layer.v1.tar';

let folder: string;
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-oci-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const fresh = () => join(folder, String(count++));

type Options = NonNullable<Parameters<typeof pushedManifest>[2]>;
type Read = (
  files: LayoutFiles,
  reference?: string,
  options?: Options,
) => ReturnType<typeof pushedManifest>;

const wanted = (reference?: string) => (reference === undefined ? {} : { reference });
const readOciLayout = async (path: string, reference?: string, options?: Options) =>
  pushedManifest(await openOciLayout(path), wanted(reference), options);
const readOciArchive = async (
  path: string,
  reference?: string,
  { limits, ...options }: Options & { limits?: Partial<ArchiveLimits> } = {},
) => pushedManifest(await openOciArchive(path, limits), wanted(reference), options);

const readers: [string, Read][] = [
  [
    'a folder',
    async (files, reference, options) =>
      readOciLayout(await writeFolder(fresh(), files), reference, options),
  ],
  [
    'an archive',
    async (files, reference, options) =>
      readOciArchive(await writeArchive(fresh(), entriesOf(files)), reference, options),
  ],
];

async function code(result: Promise<unknown>): Promise<string> {
  const error = await result.then(
    value => value,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(OperationError);
  return (error as OperationError).code;
}

describe.each(readers)('the image in %s', (_what, read) => {
  it('is the index of a multi-platform image', async () => {
    const files: LayoutFiles = new Map();
    const index = addIndex(files, [addImage(files, {}, 'a'), addImage(files, {}, 'b')]);
    expect(await read(finish(files, [index]))).toEqual({
      digest: index.digest,
      size: index.size,
      mediaType: OCI_INDEX,
    });
  });

  it('is picked by either annotation, and else must be the only one', async () => {
    const files: LayoutFiles = new Map();
    const one = addImage(files, {}, '1');
    const two = addImage(files, {}, '2');
    finish(files, [
      named(named(one, '1.0'), 'docker.io/library/app:1.0', 'io.containerd.image.name'),
      named(two, '2.0'),
      two,
    ]);
    expect((await read(files, '1.0')).digest).toBe(one.digest);
    expect((await read(files, 'docker.io/library/app:1.0')).digest).toBe(one.digest);
    expect((await read(files, '2.0')).digest).toBe(two.digest);
    await expect(read(files)).rejects.toMatchObject({
      code: 'OCI_REFERENCE_AMBIGUOUS',
      message: expect.stringMatching(
        /“docker\.io\/library\/app:1\.0”, “2\.0”, sha256:[a-f0-9]{64} \(no name\)/,
      ),
    });
    await expect(read(files, '3.0')).rejects.toMatchObject({
      code: 'OCI_REFERENCE_NOT_FOUND',
      message: expect.stringContaining('“2.0”'),
    });
  });

  it('may have several tags, but not one tag for two images', async () => {
    const files: LayoutFiles = new Map();
    const one = addImage(files, {}, '1');
    expect((await read(finish(files, [named(one, 'a'), named(one, 'b')]))).digest).toBe(one.digest);
    const two = addImage(files, {}, '2');
    finish(files, [named(one, 'a'), named(two, 'a')]);
    expect(await code(read(files, 'a'))).toBe('OCI_REFERENCE_AMBIGUOUS');
  });

  it('has the bytes that its digest and size say', async () => {
    const files: LayoutFiles = new Map();
    const image = addImage(files);
    const path = `blobs/sha256/${image.digest.slice(7)}`;
    const good = files.get(path) as Uint8Array;
    finish(files, [image]);
    const changed = Buffer.from(good);
    changed.write(' ', changed.length - 1);
    files.set(path, changed);
    expect(await code(read(files))).toBe('BLOB_MISMATCH');
    files.set(path, Buffer.concat([good, Buffer.from(' ')]));
    expect(await code(read(files))).toBe('BLOB_MISMATCH');
    files.set(path, good);
    finish(files, [{ ...image, size: image.size + 1 }]);
    expect(await code(read(files))).toBe('BLOB_MISMATCH');
    files.delete(path);
    expect(await code(read(files))).toBe('BLOB_MISSING');
  });

  it('must keep its digest in a push, or the caller vouches for it', async () => {
    for (const layer of [
      { mediaType: TAR },
      { mediaType: 'application/vnd.docker.image.rootfs.diff.tar' },
      { bytes: Buffer.alloc(1024) },
      { mediaType: `${TAR}+zstd`, bytes: Buffer.from('ustar') },
    ]) {
      const files: LayoutFiles = new Map();
      const bad = addImage(files, layer);
      const index = addIndex(files, [addImage(files), bad]);
      for (const image of [bad, index]) {
        finish(files, [image]);
        const result = read(files);
        expect(await code(result)).toBe('DIGEST_NOT_PRESERVED');
        await expect(result).rejects.toHaveProperty(
          'hint',
          expect.stringContaining('Push the image'),
        );
        const asserted = await read(files, undefined, { preserveDigests: true });
        expect(asserted.digest).toBe(image.digest);
      }
    }
  });

  it('may have Zstandard layers, foreign layers and attestations', async () => {
    const files: LayoutFiles = new Map();
    const zstd = addImage(files, {
      mediaType: `${TAR}+zstd`,
      bytes: Buffer.from('28b52ffd00', 'hex'),
    });
    const attestation = addImage(files, {
      mediaType: 'application/vnd.in-toto+json',
      bytes: Buffer.from('{}'),
    });
    const foreign = addImage(files, {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    });
    const [elsewhere] = JSON.parse(
      Buffer.from(files.get(`blobs/sha256/${foreign.digest.slice(7)}`) ?? []).toString(),
    ).layers;
    const windows = addBlob(files, OCI_MANIFEST, {
      schemaVersion: 2,
      config: addBlob(files, 'application/vnd.oci.image.config.v1+json', {}),
      layers: [{ ...elsewhere, digest: `sha256:${'1'.repeat(64)}`, urls: ['https://x.example/1'] }],
    });
    const index = addIndex(files, [zstd, attestation, foreign, windows]);
    expect((await read(finish(files, [index]))).digest).toBe(index.digest);
  });

  it('is refused when a platform or a layer is not there', async () => {
    const files: LayoutFiles = new Map();
    const image = addImage(files);
    const absent = addImage(new Map(), {}, 'absent');
    const index = addIndex(files, [image, absent]);
    finish(files, [index]);
    expect(await code(read(files))).toBe('IMAGE_INCOMPLETE');
    expect((await read(files, undefined, { preserveDigests: true })).digest).toBe(index.digest);

    const manifest = JSON.parse(
      Buffer.from(files.get(`blobs/sha256/${image.digest.slice(7)}`) ?? '').toString(),
    );
    files.delete(`blobs/sha256/${manifest.layers[0].digest.slice(7)}`);
    finish(files, [image]);
    expect(await code(read(files))).toBe('IMAGE_INCOMPLETE');
  });

  it('is not looked for in what is no layout', async () => {
    const files = finish(new Map(), []);
    expect(await code(read(files))).toBe('OCI_LAYOUT_INVALID');
    for (const [name, text] of [
      ['oci-layout', '{}'],
      ['oci-layout', '{"imageLayoutVersion":"2.0.0"}'],
      ['oci-layout', '{"imageLayoutVersion":1}'],
      ['oci-layout', '['],
      ['index.json', '{}'],
      ['index.json', '{"manifests":[{}]}'],
      ['index.json', '{"manifests":[null]}'],
      ['index.json', '{"manifests":{"length":1}}'],
      ['index.json', 'not JSON'],
      ['index.json', `{"manifests":[{"digest":"sha256:${'../'.repeat(21)}x","size":1}]}`],
      ['index.json', `{"manifests":[{"digest":"sha256:${'0'.repeat(64)}","size":-1}]}`],
      ['index.json', `{"manifests":[{"digest":"sha256:${'0'.repeat(64)}","size":1e300}]}`],
      ['index.json', `{"manifests":[{"digest":"sha256:${'0'.repeat(64)}","size":5000000}]}`],
      ['index.json', `{"manifests":[{"digest":"sha512:${'0'.repeat(128)}","size":5}]}`],
    ] as const) {
      const broken = finish(new Map(), []);
      broken.set(name, Buffer.from(text));
      expect(await code(read(broken)), text).toBe('OCI_LAYOUT_INVALID');
    }
    for (const name of ['oci-layout', 'index.json']) {
      const less = finish(new Map(), []);
      less.delete(name);
      await expect(read(less)).rejects.toHaveProperty('message', expect.stringContaining(name));
      less.set('manifest.json', Buffer.from('[]'));
      await expect(read(less)).rejects.toHaveProperty(
        'message',
        expect.stringContaining('docker save'),
      );
      expect(await code(read(less))).toBe('DIGEST_UNKNOWN');
    }
  });

  it('may not nest indexes without end', async () => {
    const files: LayoutFiles = new Map();
    let index = addIndex(files, [addImage(files)]);
    for (let depth = 0; depth < 10; depth += 1) index = addIndex(files, [index]);
    expect(await code(read(finish(files, [index])))).toBe('OCI_LAYOUT_INVALID');
  });

  it('is what its descriptor says', async () => {
    const files: LayoutFiles = new Map();
    const image = addImage(files);
    finish(files, [{ ...image, mediaType: OCI_INDEX }]);
    expect(await code(read(files))).toBe('MANIFEST_INVALID');
    const layer = addBlob(files, OCI_MANIFEST, gzipSync('a layer'));
    expect(await code(read(finish(files, [layer])))).toBe('MANIFEST_INVALID');
    const { mediaType: _, ...untyped } = image;
    expect((await read(finish(files, [untyped]))).mediaType).toBe(OCI_MANIFEST);
  });

  it('never brings down the reader, whatever index.json holds', async () => {
    const keys = fc.constantFrom(
      'manifests',
      'digest',
      'size',
      'mediaType',
      'annotations',
      '__proto__',
    );
    const json = fc.letrec(tie => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, 1, -1, '', `sha256:${'0'.repeat(64)}`),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(keys, tie('value'), { maxKeys: 4 }),
      ),
    })).value;
    await fc.assert(
      fc.asyncProperty(json, async manifests => {
        const files = finish(new Map(), []);
        files.set('index.json', Buffer.from(JSON.stringify({ manifests })));
        await read(files).then(
          () => expect.unreachable('there is no image'),
          error => expect(error).toBeInstanceOf(TabellionError),
        );
      }),
      { numRuns: 60 },
    );
  });
});

describe('readOciLayout', () => {
  it('says what is wrong with the path', async () => {
    const file = fresh();
    await writeFile(file, '');
    await expect(readOciLayout(file)).rejects.toMatchObject({
      code: 'OCI_LAYOUT_NOT_FOUND',
      hint: expect.stringContaining('oci-archive:'),
    });
    await expect(readOciLayout(fresh())).rejects.toMatchObject({ code: 'OCI_LAYOUT_NOT_FOUND' });
  });

  it('does not take a folder for a file, nor read one that is too large', async () => {
    const files = finish(new Map(), []);
    files.delete('index.json');
    const layout = await writeFolder(fresh(), files);
    await mkdir(join(layout, 'index.json'));
    expect(await code(readOciLayout(layout))).toBe('FILE_UNREADABLE');
    await rm(join(layout, 'index.json'), { recursive: true });
    await writeFile(join(layout, 'index.json'), '');
    await truncate(join(layout, 'index.json'), 5_000_000);
    expect(await code(readOciLayout(layout))).toBe('OCI_LAYOUT_INVALID');
  });
});

describe('readOciArchive', () => {
  const files: LayoutFiles = new Map();
  const index = addIndex(files, [addImage(files)]);
  finish(files, [index]);
  const expected = { digest: index.digest, size: index.size, mediaType: OCI_INDEX };

  it.each([
    ['plain', '', false],
    ['plain, with ./', './', false],
    ['gzip', '', true],
    ['gzip, with ./', './', true],
  ])('reads %s', async (_what, prefix, gzip) => {
    const entries: ArchiveEntry[] = [
      [{ name: `${prefix}blobs/`, type: 'directory' }],
      ...entriesOf(files, prefix),
    ];
    expect(await readOciArchive(await writeArchive(fresh(), entries, { gzip }))).toEqual(expected);
    expect(await readOciArchive(await writeArchive(fresh(), entries.reverse(), { gzip }))).toEqual(
      expected,
    );
  });

  const evil = Buffer.from('{"manifests":[]}');

  it('passes over what is no part of a layout', async () => {
    const entries: ArchiveEntry[] = [
      [{ name: 'latest', type: 'symlink', linkname: 'index.json' }],
      [{ name: 'index.json\n' }, evil],
      [{ name: '__proto__' }, evil],
      [{ name: 'INDEX.JSON' }, evil],
      [{ name: 'repositories' }, evil],
      [{ name: `${'d/'.repeat(200)}index.json` }, evil],
      ...entriesOf(files),
    ];
    expect(await readOciArchive(await writeArchive(fresh(), entries))).toEqual(expected);
  });

  const blob = `blobs/sha256/${index.digest.slice(7)}`;
  it.each<[string, ArchiveEntry, string?]>([
    ['a symbolic link for index.json', [{ name: 'index.json', type: 'symlink', linkname: 'x' }]],
    ['a hard link for oci-layout', [{ name: './oci-layout', type: 'link', linkname: 'x' }]],
    ['a link for a blob', [{ name: blob, type: 'symlink', linkname: '/etc/passwd' }]],
    ['a name above it', [{ name: '../index.json' }, evil]],
    ['a name at the root', [{ name: '/index.json' }, evil]],
    ['a name by a detour', [{ name: 'a/../index.json' }, evil]],
    ['a name by Windows’ detour', [{ name: 'a\\..\\index.json' }, evil]],
    ['a detour among the blobs', [{ name: `blobs/sha256/../${'0'.repeat(64)}` }, evil]],
    ['a second index.json', [{ name: './index.json' }, files.get('index.json') ?? evil]],
    ['a second blob of one digest', [{ name: blob }, files.get(blob) ?? evil]],
    [
      'a blob of another digest',
      [{ name: `blobs/sha256/${'0'.repeat(64)}` }, evil],
      'BLOB_MISMATCH',
    ],
  ])('refuses %s', async (_what, entry, expectedCode = 'OCI_ARCHIVE_INVALID') => {
    for (const entries of [
      [...entriesOf(files), entry],
      [entry, ...entriesOf(files)],
    ]) {
      expect(await code(readOciArchive(await writeArchive(fresh(), entries)))).toBe(expectedCode);
    }
  });

  it('reads blobs piece by piece, also out of a compressed archive', async () => {
    const large = Buffer.alloc(300_000, 'some text, again and again. ');
    const more: LayoutFiles = new Map(files);
    const { digest } = addBlob(more, 'text/plain', large);
    for (const gzip of [false, true]) {
      const store = await openOciArchive(await writeArchive(fresh(), entriesOf(more), { gzip }));
      expect(await store.openBlob(`sha256:${'0'.repeat(64)}`)).toBeUndefined();
      expect(await store.blobSize(digest)).toBe(large.length);
      const reader = await store.openBlob(digest);
      for (const [start, length] of [
        [0, 10],
        [70_000, 100_000],
        [170_000, 1],
        [5, 5],
        [299_990, 100],
        [300_000, 10],
        [0, 300_000],
      ] as const) {
        const piece = await reader?.read(start, length);
        expect(Buffer.from(piece ?? []).equals(large.subarray(start, start + length))).toBe(true);
      }
      await reader?.close();
    }
  });

  it('refuses what it cannot read', async () => {
    const archive = await readFile(await writeArchive(fresh(), entriesOf(files)));
    const packed = gzipSync(archive);
    for (const bytes of [
      archive.subarray(0, 700),
      packed.subarray(0, packed.length - 20),
      Buffer.from('hello, I am not an archive'.repeat(100)),
      Buffer.from('28b52ffd00', 'hex'),
      Buffer.from('fd377a585a00', 'hex'),
      Buffer.from('BZh9'),
      Buffer.from('PK\u0003\u0004'),
      Buffer.from('1f8b0800', 'hex'),
    ]) {
      const file = fresh();
      await writeFile(file, bytes);
      expect(await code(readOciArchive(file))).toBe('OCI_ARCHIVE_INVALID');
    }
    const empty = fresh();
    await writeFile(empty, '');
    expect(await code(readOciArchive(empty))).toBe('OCI_LAYOUT_INVALID');
    expect(await code(readOciArchive(fresh()))).toBe('OCI_ARCHIVE_NOT_FOUND');
    await expect(readOciArchive(folder)).rejects.toMatchObject({
      code: 'OCI_ARCHIVE_NOT_FOUND',
      hint: expect.stringContaining('oci:'),
    });
  });

  it('stops at its limits', async () => {
    const file = await writeArchive(fresh(), entriesOf(files));
    for (const limits of [{ entries: files.size - 1 }, { totalBytes: 300 }, { keptBytes: 200 }]) {
      expect(await code(readOciArchive(file, undefined, { limits }))).toBe('OCI_ARCHIVE_TOO_LARGE');
    }
    const large = new Map(files).set('index.json', Buffer.alloc(5_000_000, ' '));
    expect(await code(readOciArchive(await writeArchive(fresh(), entriesOf(large))))).toBe(
      'OCI_ARCHIVE_TOO_LARGE',
    );
  });

  it('survives damage anywhere', async () => {
    const archive = await readFile(await writeArchive(fresh(), entriesOf(files)));
    const file = fresh();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.nat(archive.length),
        async (changes, length) => {
          const damaged = Buffer.from(archive);
          for (const [offset, byte] of changes) damaged[offset] = byte;
          await writeFile(file, length % 3 === 0 ? damaged.subarray(0, length) : damaged);
          const result = await readOciArchive(file).catch((error: unknown) => error);
          if (!(result instanceof TabellionError)) expect(result).toEqual(expected);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('a store with several images', () => {
  const files: LayoutFiles = new Map();
  const one = addImage(files, {}, '1');
  const two = addImage(files, {}, '2');
  const CONTAINERD = 'io.containerd.image.name';
  finish(files, [
    named(named(one, '1.0'), 'docker.io/library/app:1.0', CONTAINERD),
    named(named(two, '1.0'), 'reg.example/team/other:1.0', CONTAINERD),
    named(two, '2.0'),
  ]);
  const pick = async (repository: string, tag: string, reference?: string) =>
    pushedManifest(await openOciLayout(await writeFolder(fresh(), files)), {
      ...wanted(reference),
      target: { repository, tag },
    });

  it('knows which one is meant for a tag, by its whole name or else by the tag', async () => {
    expect((await pick('docker.io/library/app', '1.0')).digest).toBe(one.digest);
    expect((await pick('reg.example/team/other', '1.0')).digest).toBe(two.digest);
    expect((await pick('reg.example/any', '2.0')).digest).toBe(two.digest);
    // The reference decides, in any spelling of the name.
    expect((await pick('reg.example/any', '2.0', 'app:1.0')).digest).toBe(one.digest);
  });

  it('does not guess', async () => {
    expect(await code(pick('reg.example/any', '1.0'))).toBe('OCI_REFERENCE_AMBIGUOUS');
    expect(await code(pick('reg.example/any', '3.0'))).toBe('OCI_REFERENCE_AMBIGUOUS');
    expect(await code(pick('docker.io/library/app', '1.0', 'app:2.0'))).toBe(
      'OCI_REFERENCE_NOT_FOUND',
    );
  });
});

describe('a folder of skopeo’s dir: form', () => {
  const layout: LayoutFiles = new Map();
  const children = [addImage(layout, {}, 'a'), addImage(layout, {}, 'b')];
  const index = addIndex(layout, children);
  /** The layout's blobs under the names that skopeo gives them. */
  const files: LayoutFiles = new Map([
    ['version', Buffer.from('Directory Transport Version: 1.1\n')],
  ]);
  for (const [name, bytes] of layout) {
    const hex = name.slice(name.lastIndexOf('/') + 1);
    const isChild = children.some(({ digest }) => digest === `sha256:${hex}`);
    const own = index.digest === `sha256:${hex}`;
    files.set(own ? 'manifest.json' : isChild ? `${hex}.manifest.json` : hex, bytes);
  }
  const read = async (changed: LayoutFiles) =>
    pushedManifest(await openDirImage(await writeFolder(fresh(), changed)), {});

  it('is the manifest that lies at its top', async () => {
    expect(await read(files)).toEqual({
      digest: index.digest,
      size: index.size,
      mediaType: OCI_INDEX,
    });
  });

  it('must be whole, and what its digests say', async () => {
    const child = `${children[0]?.digest.slice(7)}.manifest.json`;
    const without = new Map(files);
    without.delete(child);
    expect(await code(read(without))).toBe('IMAGE_INCOMPLETE');
    const changed = new Map(files).set(child, Buffer.from('{}'));
    expect(await code(read(changed))).toBe('BLOB_MISMATCH');
    const raw: LayoutFiles = new Map();
    const bad = addImage(raw, { mediaType: TAR });
    const folder: LayoutFiles = new Map();
    for (const [name, bytes] of raw) {
      const hex = name.slice(name.lastIndexOf('/') + 1);
      folder.set(bad.digest === `sha256:${hex}` ? 'manifest.json' : hex, bytes);
    }
    expect(await code(read(folder))).toBe('DIGEST_NOT_PRESERVED');
  });

  it('is told from an OCI layout and from an archive', async () => {
    await expect(openDirImage(DEMO)).rejects.toMatchObject({
      code: 'DIR_IMAGE_INVALID',
      hint: expect.stringContaining('oci:'),
    });
    await expect(openDirImage(join(DEMO, 'index.json'))).rejects.toMatchObject({
      code: 'OCI_LAYOUT_NOT_FOUND',
      hint: expect.stringContaining('oci-archive:'),
    });
    const archive = new Map([['manifest.json', Buffer.from('[]')]]);
    expect(await code(read(archive))).toBe('MANIFEST_INVALID');
  });
});

describe('the demo image', () => {
  it('is small, valid, and named', async () => {
    const expected = { digest: DEMO_DIGEST, size: 491, mediaType: OCI_INDEX };
    expect(await readOciLayout(DEMO)).toEqual(expected);
    expect(await readOciLayout(DEMO, '1.0')).toEqual(expected);
    const all = await tree(DEMO);
    const size = [...all.values()].reduce((sum, bytes) => sum + bytes.length, 0);
    expect(size).toBeLessThan(10_000);
    expect([...all.keys()].join()).not.toContain(':');
  });

  it('is what its script makes, byte for byte', async () => {
    const made = fresh();
    const script = fileURLToPath(new URL('../../scripts/make-demo-image.js', import.meta.url));
    execFileSync(process.execPath, [script, made]);
    expect(await tree(made)).toEqual(await tree(DEMO));
  });
});

async function tree(root: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = new Map<string, Buffer>();
  for (const entry of entries.filter(each => each.isFile())) {
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(root.length + 1).replaceAll('\\', '/'), await readFile(path));
  }
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}
