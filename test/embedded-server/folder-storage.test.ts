/** The storage on disk: what survives, and what is refused. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256Hex } from '../../src/crypto/digest.ts';
import { generatePrivateKey } from '../../src/crypto/private-key.ts';
import { FolderStorage } from '../../src/embedded-server/folder-storage.ts';
import { TrustApi } from '../../src/embedded-server/trust-api.ts';
import { bundleProgram } from '../support/bundle-program.ts';
import { Author, current, get, inShort, NOW, post, send } from './author.ts';

const GUN = 'localhost:5000/team/app';

let folder: string;
let directory: string;
const opened: FolderStorage[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-server-'));
  directory = join(folder, 'server');
});

afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(): Promise<FolderStorage> {
  const storage = await FolderStorage.open(directory);
  opened.push(storage);
  return storage;
}

async function restart(): Promise<FolderStorage> {
  for (const storage of opened.splice(0)) await storage.close();
  return await open();
}

function apiOn(storage: FolderStorage): TrustApi {
  return new TrustApi({ storage, now: () => NOW, log: () => {} });
}

function batch(version: number, gun = GUN) {
  const file = (role: string) => ({ role, version, bytes: Buffer.from(`${role} ${version}`) });
  return { gun, files: [file('targets'), file('timestamp')], signedBy: [], at: NOW };
}

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
}

test('all is there after a restart: files, history, keys, and which keys are in use', async () => {
  const api = apiOn(await open());
  const author = await Author.of(api, GUN, true);
  const alice = author.targetsFile(['v1']);
  expect(inShort(await post(api, GUN, { root: author.rootFile(), targets: alice }))).toBe('200');
  const pending = await send(api, 'POST', `/v2/${GUN}/_trust/tuf/snapshot.key`);
  const names = [
    'timestamp.json',
    'snapshot.json',
    '1.root.json',
    `targets.${sha256Hex(alice)}.json`,
  ];
  const targets = names
    .map(name => `/v2/${GUN}/_trust/tuf/${name}`)
    .concat([`/v2/${GUN}/_trust/tuf/timestamp.key`, '/v2/_trust/changefeed?records=10']);
  const before = await Promise.all(targets.map(target => get(api, target)));
  for (const response of before) expect(inShort(response)).toBe('200');

  const again = apiOn(await restart());
  expect(await Promise.all(targets.map(target => get(again, target)))).toEqual(before);
  expect(await send(again, 'POST', `/v2/${GUN}/_trust/tuf/snapshot.key`)).toEqual(pending);
  expect(inShort(await post(again, GUN, {}))).toBe('200');
  expect((await current(again, GUN, 'timestamp')).version).toBe(2);
});

test.skipIf(process.platform === 'win32')('only the owner can read it', async () => {
  const api = apiOn(await open());
  await Author.of(api, GUN, true);
  await post(api, GUN, {});
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    // The lock is a folder without content.
    if (path.endsWith('.lock')) continue;
    expect((await stat(path)).mode & 0o777, path).toBe(entry.isDirectory() ? 0o700 : 0o600);
  }
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
});

test('a deleted repository leaves no metadata, but its history and its neighbours', async () => {
  const storage = await open();
  await storage.append(batch(1));
  await storage.append(batch(1, `${GUN}/x`));
  await storage.append(batch(2));
  await storage.delete(GUN, NOW);
  const kept = (await filesBelow(join(directory, 'changes'))).filter(
    path => !path.endsWith('change.json'),
  );
  expect(await Promise.all(kept.map(path => readFile(path, 'utf8')))).toEqual(
    expect.arrayContaining(['targets 1', 'timestamp 1']),
  );
  expect(kept).toHaveLength(2);

  const again = await restart();
  expect(await again.newest(GUN, 'targets')).toBeUndefined();
  expect((await again.newest(`${GUN}/x`, 'targets'))?.version).toBe(1);
  expect(again.changes({ from: 0, records: 9 }).map(({ category }) => category)).toEqual([
    'update',
    'update',
    'update',
    'deletion',
  ]);
  await again.append(batch(1));
  expect((await (await restart()).newest(GUN, 'targets'))?.version).toBe(1);
});

test('a deletion that was cut short is finished at the next start', async () => {
  const storage = await open();
  await storage.append(batch(1));
  const files = await filesBelow(join(directory, 'changes', '000000000001'));
  const contents = await Promise.all(files.map(path => readFile(path)));
  await storage.delete(GUN, NOW);
  for (const [index, path] of files.entries()) await writeFile(path, contents[index] ?? '');
  await restart();
  expect(await filesBelow(join(directory, 'changes', '000000000001'))).toEqual([
    join(directory, 'changes', '000000000001', 'change.json'),
  ]);
});

test('what a publish left half written is no part of the history', async () => {
  const storage = await open();
  await storage.append(batch(1));
  const half = join(directory, 'changes', '.new-0123456789abcdef');
  await mkdir(half);
  await writeFile(join(half, 'change.json'), '{"at":');
  const again = await restart();
  expect((await again.newest(GUN, 'targets'))?.version).toBe(1);
  expect(await readdir(join(directory, 'changes'))).toEqual(['000000000001']);
  await again.append(batch(2));
});

test('a publish that cannot be written changes nothing', async () => {
  const storage = await open();
  await storage.append(batch(1));
  const inTheWay = join(directory, 'changes', '000000000002');
  await mkdir(inTheWay);
  await writeFile(join(inTheWay, 'x'), '');
  await expect(storage.append(batch(2))).rejects.toMatchObject({ code: 'FILE_NOT_WRITABLE' });
  expect((await storage.newest(GUN, 'targets'))?.version).toBe(1);
  expect((await readdir(join(directory, 'changes'))).length).toBe(2);
  await rm(inTheWay, { recursive: true });
  await storage.append(batch(2));
  expect((await (await restart()).newest(GUN, 'targets'))?.version).toBe(2);
});

test('versions must rise, for all files of a batch or none is stored', async () => {
  const storage = await open();
  await storage.append(batch(3));
  const mixed = batch(4);
  const files = [
    mixed.files[0] ?? mixed.files[1],
    { role: 'timestamp', version: 3, bytes: Buffer.from('x') },
  ];
  await expect(
    storage.append({ ...mixed, files: files.filter(file => file !== undefined) }),
  ).rejects.toMatchObject({ name: 'VersionConflict', role: 'timestamp', stored: 3 });
  expect((await storage.newest(GUN, 'targets'))?.version).toBe(3);
});

describe('damage is named', () => {
  test('a metadata file that was changed or lost', async () => {
    const storage = await open();
    await storage.append(batch(1));
    const path = join(
      directory,
      'changes',
      '000000000001',
      `${sha256Hex(Buffer.from('targets 1'))}.json`,
    );
    await writeFile(path, 'targets 2');
    await expect(storage.newest(GUN, 'targets')).rejects.toMatchObject({
      code: 'SERVER_DATA_DAMAGED',
      message: expect.stringContaining(path),
    });
    await rm(path);
    await expect(storage.byVersion(GUN, 'targets', 1)).rejects.toMatchObject({
      code: 'SERVER_DATA_DAMAGED',
    });
    expect(inShort(await get(apiOn(storage), `/v2/${GUN}/_trust/tuf/targets.json`))).toBe(
      '500 UNKNOWN {}',
    );
  });

  test.each([
    '',
    'null',
    '{"at":"2026-11-22T00:00:00Z","gun":"x","category":"update","files":[{}],"signedBy":[]}',
  ])('a change that reads %j', async text => {
    const storage = await open();
    await storage.append(batch(1));
    await writeFile(join(directory, 'changes', '000000000001', 'change.json'), text);
    await expect(restart()).rejects.toMatchObject({ code: 'SERVER_DATA_DAMAGED' });
  });

  test('a change that is missing among others', async () => {
    const storage = await open();
    await storage.append(batch(1));
    await storage.append(batch(2));
    await rm(join(directory, 'changes', '000000000001'), { recursive: true });
    await expect(restart()).rejects.toMatchObject({ code: 'SERVER_DATA_DAMAGED' });
  });

  test('a key under the name of another', async () => {
    const storage = await open();
    const key = generatePrivateKey('ecdsa');
    await storage.addKey(GUN, 'timestamp', key);
    const text = await readFile(join(directory, 'keys', `${key.id}.key`), 'utf8');
    await writeFile(join(directory, 'keys', `${'0'.repeat(64)}.key`), text);
    const failure = restart();
    await expect(failure).rejects.toMatchObject({ code: 'SERVER_DATA_DAMAGED' });
    await failure.catch(error => expect(String(error)).not.toContain('PRIVATE'));
  });
});

test('a repository whose name has blanks and percent signs keeps its keys', async () => {
  const storage = await open();
  const key = generatePrivateKey('ecdsa');
  const gun = ' a b%2Fc% é ';
  await storage.addKey(gun, 'timestamp', key);
  expect((await restart()).keys(gun, 'timestamp').map(({ key: { id } }) => id)).toEqual([key.id]);
});

test('one server at a time', async () => {
  await open();
  await expect(FolderStorage.open(directory)).rejects.toMatchObject({ code: 'DIRECTORY_LOCKED' });
  await restart();
});

test('a folder with other things in it is left alone', async () => {
  await mkdir(directory);
  await writeFile(join(directory, 'thesis.txt'), 'years of work');
  await expect(FolderStorage.open(directory)).rejects.toMatchObject({
    code: 'DIRECTORY_NOT_EMPTY',
  });
  expect(await readdir(directory)).toEqual(['thesis.txt']);
});

test('a server killed in the middle of publishing leaves whole batches only', async () => {
  const program = await bundleProgram(new URL('publisher-program.ts', import.meta.url), folder);
  let seen = 0;
  for (let round = 0; round < 3; round++) {
    const child = fork(program, [directory], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const ended = once(child, 'exit');
    const enough = seen + 8 + round;
    child.on('message', (version: number) => {
      seen = version;
      if (version === enough) child.kill('SIGKILL');
    });
    await ended;
    await removeLock(directory);
    const storage = await open();
    const targets = await storage.newest(GUN, 'targets');
    const timestamp = await storage.newest(GUN, 'timestamp');
    expect(targets?.version).toBe(timestamp?.version);
    // What was confirmed is there; one more may have been on its way.
    expect(targets?.version).toBeGreaterThanOrEqual(enough);
    expect(
      (await readdir(join(directory, 'changes'))).filter(name => name.startsWith('.')),
    ).toEqual([]);
    for (const opening of opened.splice(0)) await opening.close();
  }
});

/** The lock of a killed process would open by itself in ten seconds. */
async function removeLock(path: string): Promise<void> {
  await rm(join(path, '.server.lock'), { recursive: true, force: true });
}
