import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TrustDir } from '../../src/trust-dir/trust-dir.ts';

const POSIX = process.platform !== 'win32';
const NOW = new Date('2026-11-22T00:00:00Z');
const data = (text: string) => Buffer.from(text);
const files = (...roles: string[]) => new Map(roles.map(role => [role, data(role)]));

let path: string;
let now: Date;
let trustDir: TrustDir;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'tabellion-repository-'));
  now = NOW;
  trustDir = new TrustDir(path, { now: () => now });
});
afterEach(() => rm(path, { recursive: true, force: true }));

describe('metadata', () => {
  it('is kept byte for byte, invalid UTF-8 and trailing space included', async () => {
    const repository = trustDir.repository('app');
    const bytes = Buffer.from([0x7b, 0x7d, 0xff, 0x00, 0x20, 0x0a]);
    await repository.replace(new Map([['timestamp', bytes]]));
    expect(await repository.read('timestamp')).toEqual(bytes);
  });

  it('is replaced, added and removed at once; the rest stays', async () => {
    const repository = trustDir.repository('app');
    await repository.replace(files('root', 'targets', 'targets/a', 'targets/a/b'));
    await repository.replace(
      new Map([
        ['root', data('new')],
        ['snapshot', data('s')],
      ]),
      {
        remove: ['targets/a', 'targets/never'],
      },
    );
    const all = [...(await repository.readAll())].map(([role, bytes]) => [role, `${bytes}`]);
    expect(all).toEqual([
      ['root', 'new'],
      ['snapshot', 's'],
      ['targets', 'targets'],
      ['targets/a/b', 'targets/a/b'],
    ]);
    expect(await repository.roles()).toEqual(['root', 'snapshot', 'targets', 'targets/a/b']);
  });

  it.each([
    '../root',
    'targets/../root',
    'Targets',
    'targets/A',
    'targets/',
    '',
    'root.json',
    'private/x',
  ])('has no role %j', async role => {
    const repository = trustDir.repository('app');
    await expect(repository.read(role)).rejects.toMatchObject({ code: 'ROLE_INVALID' });
    await expect(repository.replace(new Map([[role, data('x')]]))).rejects.toMatchObject({
      code: 'ROLE_INVALID',
    });
    await expect(repository.replace(new Map(), { remove: [role] })).rejects.toMatchObject({
      code: 'ROLE_INVALID',
    });
  });

  it.skipIf(!POSIX)('is not read from a FIFO, a folder or an endless file', async () => {
    const repository = trustDir.repository('app');
    const metadata = join(repository.folder, 'metadata');
    await mkdir(join(metadata, 'snapshot.json'), { recursive: true });
    execFileSync('mkfifo', [join(metadata, 'root.json')]);
    const big = await open(join(metadata, 'targets.json'), 'w');
    await big.truncate(100 * 1024 * 1024 + 1);
    await big.close();
    await expect(repository.read('root')).rejects.toMatchObject({ code: 'FILE_NOT_REGULAR' });
    await expect(repository.read('snapshot')).rejects.toMatchObject({ code: 'FILE_NOT_REGULAR' });
    await expect(repository.read('targets')).rejects.toMatchObject({ code: 'FILE_TOO_LARGE' });
  });

  it('can be read where a swap was committed and cannot be finished', async () => {
    const repository = trustDir.repository('app');
    await repository.replace(files('root', 'targets/gone'));
    const committed = join(repository.folder, '.tabellion-committed');
    await mkdir(join(committed, 'metadata'), { recursive: true });
    await writeFile(join(committed, 'metadata', 'root.json'), 'new');
    await writeFile(join(committed, 'removed'), 'targets/gone.json\n');
    // A file where the locks should be stands for a directory that cannot be written.
    await rm(join(path, '.tabellion'), { recursive: true });
    await writeFile(join(path, '.tabellion'), '');
    expect(`${await repository.read('root')}`).toBe('new');
    expect(await repository.read('targets/gone')).toBeUndefined();
    expect(await repository.roles()).toEqual(['root']);
    expect(await readdir(committed)).toHaveLength(2);
    await expect(repository.replace(files('root'))).rejects.toMatchObject({
      code: 'FILE_NOT_WRITABLE',
    });

    await rm(join(path, '.tabellion'));
    expect(`${await repository.read('root')}`).toBe('new');
    expect(await readdir(repository.folder)).toEqual(['metadata']);
  });

  it.skipIf(!POSIX || process.getuid?.() === 0)(
    'can be read where nothing can be written',
    async () => {
      const repository = trustDir.repository('app');
      await repository.replace(files('root'));
      const folders = [
        path,
        ...(await readdir(path, { recursive: true, withFileTypes: true }))
          .filter(e => e.isDirectory())
          .map(e => join(e.parentPath, e.name)),
      ];
      for (const folder of folders) await chmod(folder, 0o500);
      try {
        expect(`${await repository.read('root')}`).toBe('root');
        await expect(repository.replace(files('root'))).rejects.toMatchObject({
          code: 'FILE_NOT_WRITABLE',
        });
      } finally {
        for (const folder of folders) await chmod(folder, 0o700);
      }
    },
  );
});

describe('checkedAt', () => {
  it('is when the timestamp was stored or found unchanged', async () => {
    const repository = trustDir.repository('app');
    await repository.touch();
    expect(await repository.checkedAt()).toBeUndefined();
    await repository.replace(files('timestamp', 'root'));
    expect(await repository.checkedAt()).toEqual(NOW);
    now = new Date('2026-11-23T12:00:00Z');
    await repository.replace(files('root'));
    expect(await repository.checkedAt()).toEqual(NOW);
    await repository.touch();
    expect(await repository.checkedAt()).toEqual(now);
    expect(`${await repository.read('timestamp')}`).toBe('timestamp');
  });
});

describe('the lock', () => {
  it('lets one call at a time in, and nested calls join', async () => {
    const [one, two] = [trustDir.repository('app'), new TrustDir(path).repository('app')];
    const events: string[] = [];
    const work = (name: string, repository: typeof one) =>
      repository.withLock(async () => {
        events.push(`${name} in`);
        await repository.withLock(() => repository.replace(files('root')));
        await trustDir.repository('app').changelist.remove(['gone']);
        events.push(`${name} out`);
      });
    await Promise.all([work('a', one), work('b', two), work('c', one)]);
    expect(events.map(event => event.slice(2))).toEqual(['in', 'out', 'in', 'out', 'in', 'out']);
    expect(
      events
        .filter((_, i) => i % 2 === 0)
        .map(event => event[0])
        .sort(),
    ).toEqual(['a', 'b', 'c']);
  });

  it('is free again after a failure', async () => {
    const repository = trustDir.repository('app');
    await expect(repository.withLock(() => Promise.reject(new Error('oops')))).rejects.toThrow(
      'oops',
    );
    await repository.replace(files('root'));
    expect(await readdir(join(path, '.tabellion', 'locks'))).toEqual([]);
  });

  it('is noticed when another process took it over, and nothing is written then', async () => {
    const repository = trustDir.repository('app');
    await repository.replace(files('root'));
    const locks = join(path, '.tabellion', 'locks');
    const broken = repository.withLock(async () => {
      const owner = (await readdir(locks)).find(name => name.endsWith('.owner')) ?? '';
      await writeFile(
        join(locks, owner),
        JSON.stringify({ token: 'another', pid: 1, host: 'h', since: 's' }),
      );
      await repository.replace(new Map([['root', data('late')]]));
    });
    await expect(broken).rejects.toMatchObject({ code: 'LOCK_LOST' });
    expect(`${await repository.read('root')}`).toBe('root');
    expect(await readdir(repository.folder)).toEqual(['metadata']);
  });
});

describe('delete', () => {
  it('removes this GUN’s data only, and folders that are empty then', async () => {
    const others = ['g/metadata', 'g/changelist', 'g/x', 'g/metadata/targets/y'];
    for (const gun of ['g', ...others]) {
      const repository = trustDir.repository(gun);
      await repository.replace(files('root', 'targets/y', 'targets/z/deep', 'timestamp'));
      await repository.changelist.add({
        action: 'delete',
        role: 'targets',
        type: 'target',
        path: gun,
        data: null,
      });
    }
    await mkdir(trustDir.privateDir);
    await writeFile(join(trustDir.privateDir, 'a.key'), 'key');
    const g = trustDir.repository('g');
    await writeFile(join(g.folder, '.tabellion-staged-0'), 'left over');

    await g.delete();
    expect(await g.readAll()).toEqual(new Map());
    expect(await g.changelist.list()).toEqual([]);
    expect(await trustDir.repositories()).toEqual([...others].sort());
    for (const gun of others) {
      const repository = trustDir.repository(gun);
      expect(await repository.roles()).toEqual([
        'root',
        'targets/y',
        'targets/z/deep',
        'timestamp',
      ]);
      expect(await repository.changelist.list()).toHaveLength(1);
    }
    for (const gun of others) await trustDir.repository(gun).delete();
    expect(await readdir(join(path, 'tuf'))).toEqual([]);
    expect(await readdir(trustDir.privateDir)).toEqual(['a.key']);
  });

  it('of what is not there does nothing', async () => {
    await trustDir.repository('a/b').replace(files('root'));
    await trustDir.repository('a').delete();
    await trustDir.repository('a/c').delete();
    expect(await trustDir.repositories()).toEqual(['a/b']);
    expect((await stat(join(path, 'tuf', 'a', 'b'))).isDirectory()).toBe(true);
  });
});
