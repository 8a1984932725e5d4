import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { forgetOldUploads, uploadMemory } from '../../../src/operations/push/upload-records.ts';
import { openSession, type Session } from '../../../src/operations/session.ts';

const NOW = new Date('2026-11-22T00:00:00Z');
const DAY = 24 * 60 * 60 * 1000;
const DIGEST = `sha256:${'a'.repeat(64)}`;
const UPLOAD = {
  location: new URL('https://storage.example/1?signature=x'),
  offset: 100,
  minChunk: 0,
};

let home: string;
let session: Session;
let folder: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'tabellion-uploads-'));
  session = await openSession({
    env: {},
    home,
    now: () => NOW,
    log: () => {},
    progress: () => {},
  });
  folder = session.trustDir.own.path('uploads');
});
afterEach(async () => {
  await session.close();
  await rm(home, { recursive: true, force: true });
});

const memory = (repository = 'reg.example/app') => uploadMemory(session, repository, DIGEST);

it('remembers an upload for another run, and forgets it when it is done', async () => {
  expect(await memory().load()).toBeUndefined();
  await memory().save(UPLOAD);
  expect(await memory().load()).toEqual(UPLOAD);
  expect(await memory('reg.example/other').load()).toBeUndefined();
  const resumed = memory();
  await resumed.load();
  await resumed.clear();
  expect(await readdir(folder)).toEqual([]);
});

it.each([
  '',
  '{',
  '[]',
  '{"schemaVersion":2}',
  '{"schemaVersion":1,"repository":"reg.example/app"}',
  `{"schemaVersion":1,"repository":"reg.example/app","digest":"${DIGEST}","location":"no address","offset":1,"minChunk":0}`,
  `{"schemaVersion":1,"repository":"reg.example/app","digest":"${DIGEST}","location":"https://x/","offset":"1","minChunk":0}`,
  `{"schemaVersion":1,"repository":"reg.example/evil","digest":"${DIGEST}","location":"https://x/","offset":1,"minChunk":0}`,
])('begins anew after a record like %j', async text => {
  await memory().save(UPLOAD);
  const [name = ''] = await readdir(folder);
  await writeFile(join(folder, name), text);
  expect(await memory().load()).toBeUndefined();
});

it('throws away what no registry has any more', async () => {
  await forgetOldUploads(session);
  await mkdir(folder, { recursive: true });
  for (const [name, days] of [
    ['old.json', 8],
    ['new.json', 6],
  ] as const) {
    await writeFile(join(folder, name), '{}');
    const then = new Date(NOW.getTime() - days * DAY);
    await utimes(join(folder, name), then, then);
  }
  await forgetOldUploads(session);
  expect(await readdir(folder)).toEqual(['new.json']);
});
