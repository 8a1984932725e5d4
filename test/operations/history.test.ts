import { readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import {
  isKnownTarget,
  type KnownCopy,
  knownBefore,
  knownTarget,
  knownTimes,
} from '../../src/operations/history.ts';
import { loadTrustData } from '../../src/operations/trust-data.ts';
import { addTarget } from '../../src/tuf/change.ts';
import { imageTarget } from '../../src/tuf/target.ts';
import { content, DAY, it, type Machine, NOW } from '../support/trust-scene.ts';

const APP = 'reg.example/app';
const LATER = new Date(NOW.getTime() + 10 * DAY);

const knownAt = (machine: Machine, date: Date): Promise<KnownCopy | undefined> =>
  machine.run(session => knownBefore(session, APP, date));
const times = (machine: Machine): Promise<Date[]> =>
  machine.run(session => knownTimes(session, APP));
const tags = (copy: KnownCopy | undefined, role = 'targets'): [string, string][] =>
  [...(copy?.roles.get(role)?.targets ?? [])].map(([name, { sha256 }]) => [name, sha256]);

describe('what was verified', () => {
  it('is remembered with its time, until something else is verified', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${APP}:1.0`, { as: content('one'), roles: ['targets'] });
    const reader = await scene.machine();
    await reader.load(APP);
    scene.clock = new Date(NOW.getTime() + DAY);
    await reader.load(APP);
    expect(await times(reader)).toEqual([NOW]);
    await owner.signOne(`${APP}:1.0`, { as: content('two'), roles: ['targets'] });
    scene.clock = new Date(NOW.getTime() + 2 * DAY);
    await reader.load(APP);
    expect(await times(reader)).toEqual([NOW, scene.clock]);
    const old = await knownAt(reader, new Date(NOW.getTime() + DAY));
    expect(tags(old)).toEqual([['1.0', content('one').hex]]);
    expect(old).toMatchObject({ repository: APP, verifiedAt: NOW, from: 'server' });
    expect(tags(await knownAt(reader, LATER))).toEqual([['1.0', content('two').hex]]);
    expect(await knownAt(reader, new Date(NOW.getTime() - 1))).toBeUndefined();
    const role = old?.roles.get('targets');
    expect(role?.signedBy).toEqual(role?.keyIds);
    expect(role?.signedBy).toHaveLength(1);
  });

  it('of a repository’s first publish is known after it, not as it was made empty', async ({
    scene,
  }) => {
    // As on a real day: files are written after the moment at which the command began.
    scene.clock = new Date();
    const owner = await scene.machine();
    await owner.signOne(`${APP}:1.0`, { as: content('one'), roles: ['targets'] });
    const copy = await knownAt(owner, new Date(scene.clock.getTime() + DAY));
    expect(tags(copy)).toEqual([['1.0', content('one').hex]]);
  });

  it('of a publish is known as it was after it', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${APP}:1.0`, { as: content('one'), signer: 'alice' });
    await owner.signOne(`${APP}:2.0`, { as: content('two') });
    const copy = await knownAt(owner, scene.clock);
    expect(tags(copy, 'targets/alice').map(([tag]) => tag)).toEqual(['1.0', '2.0']);
    expect(copy?.roles.get('targets/alice')?.paths).toEqual(['']);
    expect((await times(owner)).length).toBeGreaterThan(1);
  });

  it('was in the trust directory before there was a history', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${APP}:1.0`, { as: content('one'), roles: ['targets'] });
    const reader = await scene.machine();
    await reader.load(APP);
    await rm(join(reader.trustDir, '.tabellion', 'history'), { recursive: true });
    await owner.signOne(`${APP}:2.0`, { as: content('two'), roles: ['targets'] });
    const written = new Date(NOW.getTime() - DAY);
    for (const role of ['root', 'targets'])
      await utimes(reader.cacheFile(APP, role), written, written);
    await reader.load(APP);
    expect(await times(reader)).toEqual([written, NOW]);
    const copy = await knownAt(reader, written);
    expect(tags(copy)).toEqual([['1.0', content('one').hex]]);
    expect(copy?.from).toBe('folder');
    expect(tags(await knownAt(reader, NOW)).map(([tag]) => tag)).toEqual(['1.0', '2.0']);
  });

  it('is noted from the trust directory only as far as its signatures hold', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${APP}:1.0`, { as: content('one'), roles: ['targets'] });
    const reader = await scene.machine();
    await reader.load(APP);
    await rm(join(reader.trustDir, '.tabellion', 'history'), { recursive: true });
    const file = reader.cacheFile(APP, 'targets');
    const forged = (await readFile(file, 'utf8')).replace('"1.0"', '"6.6"');
    await writeFile(file, forged);
    await utimes(file, NOW, NOW);
    await utimes(reader.cacheFile(APP, 'root'), NOW, NOW);
    scene.clock = LATER;
    await owner.signOne(`${APP}:2.0`, { as: content('two'), roles: ['targets'] });
    await reader.load(APP);
    expect(tags(await knownAt(reader, NOW))).toEqual([]);
  });
});

it('is whole: names and all digests, however they look', async ({ scene }) => {
  const owner = await scene.machine();
  await owner.signOne(`${APP}:1.0`, { roles: ['targets'] });
  const plain = imageTarget(content('x').digest, 7);
  const custom = { ...plain, custom: { a: [1, '€'] } };
  const both = {
    ...plain,
    hashes: { ...plain.hashes, sha512: Buffer.alloc(64).toString('base64') },
  };
  const names = ['__proto__', 'a b  c', ' ', '-', 'x+y', 'ü', 'constructor'];
  await owner.publish(
    APP,
    ...names.map(name => addTarget('targets', name, plain)),
    addTarget('targets', 'custom', custom),
    addTarget('targets', 'both', both),
  );
  const targets = (await knownAt(owner, scene.clock))?.roles.get('targets')?.targets;
  expect([...(targets?.keys() ?? [])].sort()).toEqual([...names, '1.0', 'custom', 'both'].sort());
  expect(isKnownTarget(targets?.get('a b  c'), plain)).toBe(true);
  expect(isKnownTarget(targets?.get('custom'), custom)).toBe(true);
  expect(isKnownTarget(targets?.get('custom'), plain)).toBe(false);
  expect(isKnownTarget(targets?.get('both'), both)).toBe(true);
  expect(isKnownTarget(targets?.get('both'), plain)).toBe(false);
  expect(isKnownTarget(targets?.get('nothing'), plain)).toBe(false);
  expect(isKnownTarget(knownTarget(plain), { ...plain, length: 8 })).toBe(false);
});

describe('a record', () => {
  it('that is damaged, or of another repository, is passed over for the one before', async ({
    scene,
  }) => {
    const owner = await scene.machine();
    await owner.signOne(`${APP}:1.0`, { as: content('one'), roles: ['targets'] });
    const reader = await scene.machine();
    await reader.load(APP);
    scene.clock = new Date(NOW.getTime() + DAY);
    await owner.signOne(`${APP}:2.0`, { as: content('two'), roles: ['targets'] });
    await reader.load(APP);
    const folder = join(reader.trustDir, '.tabellion', 'history');
    const [gun = ''] = await readdir(folder);
    const [, newest = ''] = (await readdir(join(folder, gun))).sort();
    const path = join(folder, gun, newest);
    const text = await readFile(path, 'utf8');
    for (const bad of [text.slice(0, -20), text.replace(APP, 'reg.example/other'), '[]']) {
      await writeFile(path, bad);
      expect(tags(await knownAt(reader, LATER))).toEqual([['1.0', content('one').hex]]);
    }
  });

  it('that cannot be written is a warning', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${APP}:1.0`, { roles: ['targets'] });
    const reader = await scene.machine();
    await reader.load(APP);
    const folder = join(reader.trustDir, '.tabellion', 'history');
    await rm(folder, { recursive: true });
    await writeFile(folder, 'a file where a folder should be');
    await owner.signOne(`${APP}:2.0`, { roles: ['targets'] });
    const { warnings } = await reader.run(async session =>
      loadTrustData(session, await session.repositoryByGun(APP)),
    );
    expect(warnings).toEqual([expect.stringContaining('could not be noted')]);
  });
});
