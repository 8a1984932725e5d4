import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Changelist } from '../../src/trust-dir/changelist.ts';
import { TrustDir } from '../../src/trust-dir/trust-dir.ts';
import type { Change } from '../../src/tuf/change.ts';
import { vectorPath } from '../support/fixtures.ts';

const UUID = '00000000-0000-4000-8000-000000000000';
const STAGED_BY_NOTARY = vectorPath('metadata/d/trust/tuf/localhost:5000/specb/d/changelist');
const change = (path: string): Change => ({
  action: 'delete',
  role: 'targets',
  type: 'target',
  path,
  data: null,
});

let path: string;
let clock: bigint;
let folder: string;
let changelist: Changelist;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'tabellion-changelist-'));
  clock = 1795222424139599171n;
  const repository = new TrustDir(path, { clock: () => clock, uuid: () => UUID }).repository('app');
  changelist = repository.changelist;
  folder = join(repository.folder, 'changelist');
});
afterEach(() => rm(path, { recursive: true, force: true }));

describe('what Notary staged', () => {
  it('is read in order, and written back byte for byte under the same kind of name', async () => {
    await mkdir(dirname(folder), { recursive: true });
    await cp(STAGED_BY_NOTARY, folder, { recursive: true });
    const names = (await readdir(STAGED_BY_NOTARY)).sort();
    const staged = await changelist.list();
    expect(staged.map(item => item.name)).toEqual(names);
    expect(staged[0]?.change).toMatchObject({
      action: 'create',
      role: 'targets',
      type: 'target',
      path: 'v3',
    });

    clock = 1795222424300000000n;
    for (const item of staged) {
      if (item.change === undefined) throw new Error(item.problem);
      const name = await changelist.add(item.change);
      expect(name).toMatch(/^017952224243\d{8}_00000000-0000-4000-8000-000000000000\.change$/);
      expect(await readFile(join(folder, name))).toEqual(
        await readFile(join(STAGED_BY_NOTARY, item.name)),
      );
    }
  });
});

describe('add', () => {
  it('keeps the order of staging when the clock stands still or goes back', async () => {
    const names = [await changelist.add(change('1')), await changelist.add(change('2'))];
    clock -= 3_600_000_000_000n;
    names.push(await changelist.add(change('3')));
    expect((await changelist.list()).map(item => item.change?.path)).toEqual(['1', '2', '3']);
    expect(names[0]).toBe(`01795222424139599171_${UUID}.change`);
  });

  it('is not led astray by a name that no clock made', async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `99999999999999999999_${UUID}.change`), '{}');
    expect(await changelist.add(change('1'))).toBe(`01795222424139599171_${UUID}.change`);
  });

  it('leaves nothing else in the repository’s folder', async () => {
    await changelist.add(change('1'));
    expect(await readdir(dirname(folder))).toEqual(['changelist']);
    expect(await readdir(folder)).toHaveLength(1);
  });
});

describe('list', () => {
  it('shows broken files with the reason, whatever their names, and leaves folders to nested GUNs', async () => {
    const good = await changelist.add(change('1'));
    await writeFile(join(folder, 'README'), 'not JSON');
    await writeFile(join(folder, 'empty'), '');
    await writeFile(join(folder, '\u{1F600}'), '[]');
    await writeFile(join(folder, '\uFF5E'), '{}');
    await mkdir(join(folder, 'metadata'));
    if (process.platform !== 'win32') await symlink('/etc/hostname', join(folder, 'link'));
    const staged = await changelist.list();
    expect(staged.map(item => item.name)).toEqual(
      [
        good,
        'README',
        'empty',
        process.platform === 'win32' ? '' : 'link',
        '\uFF5E',
        '\u{1F600}',
      ].filter(Boolean),
    );
    for (const item of staged.slice(1)) {
      expect(item.change).toBeUndefined();
      expect(item.problem).toMatch(/\w/);
    }
  });
});

describe('remove', () => {
  it('removes exactly the named files', async () => {
    const [a, b] = [await changelist.add(change('a')), await changelist.add(change('b'))];
    await changelist.remove([a, 'gone already']);
    expect((await changelist.list()).map(item => item.name)).toEqual([b]);
    await writeFile(join(folder, 'broken'), '');
    await changelist.remove(['broken', b]);
    expect(await changelist.list()).toEqual([]);
  });

  it.each(['', '.', '..', '../metadata/root.json', 'a/b', 'a\0'])(
    'refuses the name %j',
    async name => {
      const kept = await changelist.add(change('a'));
      await expect(changelist.remove([kept, name])).rejects.toMatchObject({
        code: 'CHANGE_NAME_INVALID',
      });
      expect(await changelist.list()).toHaveLength(1);
    },
  );
});
