import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultTrustDir, TrustDir } from '../../src/trust-dir/trust-dir.ts';

const POSIX = process.platform !== 'win32';
const data = (text: string) => Buffer.from(text);

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-trust-'));
  path = join(folder, 'trust');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function treeOf(top: string): Promise<string[]> {
  const entries = await readdir(top, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => !entry.isDirectory())
    .map(entry =>
      join(entry.parentPath, entry.name)
        .slice(top.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
}

describe('defaultTrustDir', () => {
  it('is docker’s, on each platform', () => {
    expect(defaultTrustDir({}, '/home/ann', 'linux')).toBe('/home/ann/.docker/trust');
    expect(defaultTrustDir({ DOCKER_CONFIG: '/etc/d' }, '/home/ann', 'darwin')).toBe(
      '/etc/d/trust',
    );
    expect(defaultTrustDir({ DOCKER_CONFIG: '' }, '/home/ann', 'linux')).toBe(
      '/home/ann/.docker/trust',
    );
    expect(defaultTrustDir({}, 'C:\\Users\\ann', 'win32')).toBe('C:\\Users\\ann\\.docker\\trust');
  });
});

describe('the layout', () => {
  it('is Notary’s: one folder for each part of the GUN, for the owner alone', async () => {
    const repository = new TrustDir(path).repository('localhost:5000/team/app');
    await repository.replace(
      new Map([
        ['root', data('r')],
        ['targets/alice/ci', data('c')],
      ]),
    );
    await repository.changelist.add({
      action: 'delete',
      role: 'targets',
      type: 'target',
      path: 'v1',
      data: null,
    });
    expect((await treeOf(join(path, 'tuf'))).map(name => name.replace(/\d{20}_.*/, '*'))).toEqual(
      [
        'localhost:5000/team/app/changelist/*',
        'localhost:5000/team/app/metadata/root.json',
        'localhost:5000/team/app/metadata/targets/alice/ci.json',
      ].map(name => (POSIX ? name : name.replace(':', '%3A'))),
    );
    if (!POSIX) return;
    for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
      const { mode } = await stat(join(entry.parentPath, entry.name));
      expect([entry.name, mode & 0o777]).toEqual([entry.name, entry.isDirectory() ? 0o700 : 0o600]);
    }
    expect((await stat(path)).mode & 0o777).toBe(0o700);
  });

  it('is not made by reading', async () => {
    const repository = new TrustDir(path).repository('app');
    expect(await repository.read('root')).toBeUndefined();
    expect(await repository.readAll()).toEqual(new Map());
    expect(await repository.changelist.list()).toEqual([]);
    expect(await repository.checkedAt()).toBeUndefined();
    expect(await new TrustDir(path).repositories()).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('GUNs', () => {
  it.each([
    '',
    '.',
    '..',
    '../../evil',
    'a/../../b',
    '/etc',
    'a//b',
    'a/',
    'a\\..\\..\\b',
    'a\0b',
    'a/./b',
    'a\nb',
    'a/.tabellion-committed',
    '.tabellion-staged-1/b',
  ])('%j is refused', gun => {
    expect(() => new TrustDir(path).repository(gun)).toThrow(
      expect.objectContaining({ code: 'GUN_INVALID' }),
    );
  });

  it('stay inside tuf, whatever they hold', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc
            .array(fc.constantFrom('..', '.', 'a', '/', '\\', 'C:', '%2e', '~'))
            .map(parts => parts.join('')),
        ),
        fc.constantFrom<NodeJS.Platform>('linux', 'win32'),
        (gun, platform) => {
          const tuf = join(path, 'tuf');
          try {
            const { folder } = new TrustDir(path, { platform }).repository(gun);
            const names = folder.slice(tuf.length + 1).split(sep);
            return (
              folder.startsWith(tuf + sep) &&
              names.length === gun.split('/').length &&
              !names.includes('..')
            );
          } catch (error) {
            return (error as { code?: string }).code === 'GUN_INVALID';
          }
        },
      ),
    );
  });

  it('are found again, those that nest in another’s folders too', async () => {
    const guns = [
      'g',
      'g/changelist',
      'g/metadata',
      'g/metadata/targets/x',
      'localhost:5000/a',
      'Ünï/b',
    ].sort();
    const trustDir = new TrustDir(path);
    for (const gun of guns) await trustDir.repository(gun).replace(new Map([['root', data(gun)]]));
    await mkdir(join(path, 'tuf', 'empty', 'metadata'), { recursive: true });
    await mkdir(join(path, 'tuf', 'empty', 'changelist'), { recursive: true });
    expect(await trustDir.repositories()).toEqual(guns);
    for (const gun of guns) {
      expect(Buffer.from((await trustDir.repository(gun).read('root')) ?? '').toString()).toBe(gun);
    }
  });

  it('are written on Windows without what Windows has no names for, and read back', async () => {
    const guns = ['con/nul.txt', 'dots./a', 'localhost:5000/a%3Ab', 'plain/app'];
    const trustDir = new TrustDir(path, { platform: 'win32' });
    for (const gun of guns)
      await trustDir.repository(gun).replace(
        new Map([
          ['targets/aux', data(gun)],
          ['root', data(gun)],
        ]),
      );
    expect((await treeOf(join(path, 'tuf'))).filter(name => name.endsWith('root.json'))).toEqual([
      '%63on/%6Eul.txt/metadata/root.json',
      'dots%2E/a/metadata/root.json',
      'localhost%3A5000/a%253Ab/metadata/root.json',
      'plain/app/metadata/root.json',
    ]);
    expect(await trustDir.repositories()).toEqual(guns);
    expect(await trustDir.repository('plain/app').roles()).toEqual(['root', 'targets/aux']);
    expect(
      Buffer.from((await trustDir.repository('plain/app').read('targets/aux')) ?? '').toString(),
    ).toBe('plain/app');
  });
});

describe.skipIf(!POSIX)('symbolic links', () => {
  it('may stand for the whole trust directory', async () => {
    await mkdir(join(folder, 'usb'));
    await symlink(join(folder, 'usb'), path);
    const repository = new TrustDir(path).repository('app');
    await repository.replace(new Map([['root', data('r')]]));
    expect(await treeOf(join(folder, 'usb', 'tuf'))).toEqual(['app/metadata/root.json']);
    expect(await repository.read('root')).toEqual(data('r'));
  });

  it('do not lead a reader or writer out of the tree', async () => {
    const outside = join(folder, 'trust-evil');
    await mkdir(join(outside, 'metadata'), { recursive: true });
    await writeFile(join(outside, 'metadata', 'root.json'), 'evil');
    await mkdir(join(path, 'tuf'), { recursive: true });
    await symlink(outside, join(path, 'tuf', 'app'));
    const repository = new TrustDir(path).repository('app');
    const refused = { code: 'PATH_OUTSIDE_TRUST_DIR' };
    await expect(repository.read('root')).rejects.toMatchObject(refused);
    await expect(repository.replace(new Map([['root', data('r')]]))).rejects.toMatchObject(refused);
    await expect(repository.delete()).rejects.toMatchObject(refused);
    await expect(
      repository.changelist.add({
        action: 'delete',
        role: 'targets',
        type: 'target',
        path: 'a',
        data: null,
      }),
    ).rejects.toMatchObject(refused);
    expect(await treeOf(outside)).toEqual(['metadata/root.json']);
    expect(await readFile(join(outside, 'metadata', 'root.json'), 'utf8')).toBe('evil');
    expect(await new TrustDir(path).repositories()).toEqual([]);
  });

  it('to nowhere are not the same as no file', async () => {
    const repository = new TrustDir(path).repository('app');
    await repository.replace(new Map([['targets', data('t')]]));
    await symlink('/nowhere', join(repository.folder, 'metadata', 'root.json'));
    await expect(repository.read('root')).rejects.toMatchObject({ code: 'FILE_NOT_REGULAR' });
  });
});
