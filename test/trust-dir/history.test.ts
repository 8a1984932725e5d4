import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RepositoryHistory, superfluous } from '../../src/trust-dir/history.ts';
import { OwnFiles } from '../../src/trust-dir/own-files.ts';

const NOON = new Date('2026-11-22T12:00:00Z').getTime();
const HOUR = 60 * 60 * 1000;

describe('the history of a repository', () => {
  let folder: string;
  let own: OwnFiles;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tabellion-history-'));
    own = new OwnFiles(folder);
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('keeps records in the order of their states, also within one moment', async () => {
    const history = new RepositoryHistory(own, 'reg.example/app');
    expect(await history.list()).toEqual([]);
    for (const state of ['b', 'a', 'c']) await history.add(new Date(NOON), state, { state });
    const records = [];
    for (const entry of await history.list()) records.push(await history.read(entry));
    expect(records).toEqual([{ state: 'b' }, { state: 'a' }, { state: 'c' }]);
  });

  test.each(['../../etc/passwd', 'a/../b', '.', 'CON', 'a:b', '\u0000', 'x'.repeat(5000)])(
    'of %j stays in its own folder',
    async gun => {
      const history = new RepositoryHistory(own, gun);
      await history.add(new Date(NOON), 'state', {});
      const [entry] = await history.list();
      expect(entry?.name).toMatch(/^history\/[0-9a-f]{32}\/[-0-9TZa-f]+\.json$/);
      expect(await own.list('')).toEqual(['history']);
    },
  );

  test('passes over files that are none of its records', async () => {
    const history = new RepositoryHistory(own, 'reg.example/app');
    await history.add(new Date(NOON), 'state', {});
    const [entry] = await history.list();
    const name = entry?.name ?? '';
    await own.write(name.replace('20261122', '20261399'), {});
    await own.write(name.replace(/[^/]*$/, 'notes.json'), {});
    expect(await history.list()).toEqual([entry]);
  });
});

test('of many records the newest stay, and of old times the last of each day, week and month', () => {
  const entries = Array.from({ length: 24 * 200 }, (_, index) => {
    const time = new Date(NOON - (24 * 200 - 1 - index) * HOUR);
    return { name: time.toISOString(), time, digest: '' };
  });
  const gone = new Set(superfluous(entries));
  const ages = entries
    .filter(entry => !gone.has(entry))
    .map(({ time }) => (NOON - time.getTime()) / HOUR);
  const young = ages.filter(age => age < 12);
  expect(young).toEqual([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  const daily = ages.filter(age => age >= 12 && age < 14 * 24);
  // The last hour of each day.
  expect(daily.map(age => (age - 13) % 24)).toEqual(daily.map(() => 0));
  expect(daily).toHaveLength(14);
  expect(ages.length).toBeLessThan(50);
  expect(Math.max(...ages)).toBeGreaterThan(150 * 24);
  // What stayed once stays when it is looked at again.
  expect(superfluous(entries.filter(entry => !gone.has(entry)))).toEqual([]);
});
