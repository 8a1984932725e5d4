/** What the server makes and when: keys, snapshots, timestamps, renewal, history (tuf.md 7.5, 8.4, 9). */
import { beforeEach, describe, expect, test } from 'vitest';
import { sha256Hex } from '../../src/crypto/digest.ts';
import { keyId } from '../../src/crypto/public-key.ts';
import { MemoryStorage } from '../../src/embedded-server/memory-storage.ts';
import { TrustApi } from '../../src/embedded-server/trust-api.ts';
import { TrustError } from '../../src/errors.ts';
import { fileMeta } from '../../src/tuf/fingerprint.ts';
import { NO_PINNING } from '../../src/tuf/pinning.ts';
import { DAY } from '../../src/tuf/time.ts';
import { update } from '../../src/tuf/update.ts';
import {
  Author,
  bareKey,
  bodyText,
  current,
  delegate,
  get,
  inShort,
  NOW,
  type Payload,
  post,
  rootKey,
  send,
  serverKey,
} from './author.ts';

const GUN = 'localhost:5000/team/app';
const BASE = `/v2/${GUN}/_trust/tuf`;

let now: Date;
let api: TrustApi;
const log: string[] = [];

beforeEach(() => {
  now = NOW;
  log.length = 0;
  api = new TrustApi({ storage: new MemoryStorage(), now: () => now, log: line => log.push(line) });
});

async function fileAt(name: string): Promise<Buffer> {
  const response = await get(api, `${BASE}/${name}`);
  expect(inShort(response)).toBe('200');
  return Buffer.from(response.body);
}

/** Reads the repository as a client does, from nothing. @returns versions by role */
async function clientView(): Promise<Record<string, number>> {
  const download = async (name: string) => {
    const response = await get(api, `${BASE}/${name}`);
    if (response.status !== 200) throw new TrustError('METADATA_NOT_FOUND', inShort(response));
    return response.body;
  };
  const { trusted } = await update({
    gun: GUN,
    now,
    pinning: NO_PINNING,
    cache: { read: async () => undefined },
    remote: {
      root: () => download('root.json'),
      rootVersion: version => download(`${version}.root.json`),
      timestamp: () => download('timestamp.json'),
      byHash: (role, hex) => download(`${role}.${hex}.json`),
    },
  });
  return {
    root: trusted.root.metadata.version,
    timestamp: trusted.timestamp?.metadata.version ?? 0,
    snapshot: trusted.snapshot?.metadata.version ?? 0,
    ...Object.fromEntries(
      [...trusted.targets].map(([role, { metadata }]) => [role, metadata.version]),
    ),
  };
}

/** The first publish of a client that leaves the snapshot to the server. */
async function begin(): Promise<Author> {
  const author = await Author.of(api, GUN, true);
  const files = { root: author.rootFile(), targets: author.targetsFile(['v1']) };
  expect(inShort(await post(api, GUN, files))).toBe('200');
  return author;
}

describe('with a snapshot of the server', () => {
  test('a publish makes a snapshot and a timestamp that clients verify', async () => {
    const author = await begin();
    expect(await clientView()).toEqual({ root: 1, timestamp: 1, snapshot: 1, targets: 1 });
    const snapshot = await current(api, GUN, 'snapshot');
    expect(snapshot.expires).toBe('2029-11-21T00:00:00Z');
    expect((await current(api, GUN, 'timestamp')).expires).toBe('2026-12-06T00:00:00Z');
    expect(Object.keys(snapshot.meta as Payload)).toEqual(['root', 'targets']);

    const alice = bareKey();
    const targets = author.targetsFile(['v1'], {
      version: 2,
      edit: payload => delegate(payload, 'targets/alice', alice),
    });
    const delegation = author.delegationFile(alice, ['a']);
    expect(inShort(await post(api, GUN, { 'targets/alice': delegation, targets }))).toBe('200');
    expect(await clientView()).toEqual({
      root: 1,
      timestamp: 2,
      snapshot: 2,
      targets: 2,
      'targets/alice': 1,
    });

    // Below a parent that is not sent again, and whose delegation has gone: the entry stays (tuf.md 9.1).
    expect(inShort(await post(api, GUN, { targets: author.targetsFile([], { version: 3 }) }))).toBe(
      '200',
    );
    const { meta } = await current(api, GUN, 'snapshot');
    expect((meta as Payload)['targets/alice']).toEqual(fileMeta(delegation));
  });

  test('a delegation may be sent alone, under parents that are stored', async () => {
    const author = await begin();
    const alice = bareKey();
    const targets = author.targetsFile([], {
      version: 2,
      edit: payload => delegate(payload, 'targets/alice', alice),
    });
    expect(inShort(await post(api, GUN, { targets }))).toBe('200');
    const ci = bareKey();
    const parent = author.delegationFile(alice, [], {
      edit: payload => delegate(payload, 'targets/alice/ci', ci),
    });
    expect(inShort(await post(api, GUN, { 'targets/alice': parent }))).toBe('200');
    const child = author.delegationFile(ci, ['x']);
    expect(inShort(await post(api, GUN, { 'targets/alice/ci': child }))).toBe('200');
    const stranger = author.delegationFile(alice, ['x'], { version: 2 });
    expect(inShort(await post(api, GUN, { 'targets/alice/ci': stranger }))).toMatch(
      /did not meet threshold/,
    );
    expect(await clientView()).toMatchObject({ 'targets/alice': 1, 'targets/alice/ci': 1 });
  });

  test('an empty publish makes a new snapshot and timestamp', async () => {
    await begin();
    expect(inShort(await post(api, GUN, {}))).toBe('200');
    expect(await clientView()).toEqual({ root: 1, timestamp: 2, snapshot: 2, targets: 1 });
  });

  test('versions may jump, and go on over a change of the timestamp key', async () => {
    const author = await begin();
    expect(
      inShort(await post(api, GUN, { targets: author.targetsFile([], { version: 14 }) })),
    ).toBe('200');
    author.timestampOfServer = await serverKey(api, 'POST', GUN, 'timestamp');
    expect(inShort(await post(api, GUN, { root: author.rootFile({ version: 2 }) }))).toBe('200');
    expect(await clientView()).toEqual({ root: 2, timestamp: 3, snapshot: 3, targets: 14 });
  });

  test('a root key is followed by the one that the old root signed too', async () => {
    const author = await begin();
    const old = author.root;
    author.root = rootKey(GUN);
    const both = author.rootFile({
      version: 2,
      signers: [author.root, old],
      edit: payload => {
        // Old root keys stay in the file for ever.
        const { keys } = JSON.parse(author.rootFile().toString()).signed;
        Object.assign(payload, { keys: { ...(payload.keys as Payload), ...keys } });
      },
    });
    expect(inShort(await post(api, GUN, { root: both }))).toBe('200');
    expect((await clientView()).root).toBe(2);
    expect(await fileAt('1.root.json')).not.toEqual(both);
    expect(await fileAt('2.root.json')).toEqual(both);
  });
});

describe('renewal on reading', () => {
  test('nothing is renewed before it expires', async () => {
    await begin();
    now = new Date(NOW.getTime() + 14 * DAY);
    expect(await clientView()).toMatchObject({ timestamp: 1, snapshot: 1 });
  });

  test('an expired timestamp is made anew, once', async () => {
    await begin();
    const old = await fileAt('timestamp.json');
    now = new Date(NOW.getTime() + 14 * DAY + 1);
    const readers = await Promise.all([clientView(), clientView(), clientView()]);
    for (const reader of readers)
      expect(reader).toEqual({ root: 1, timestamp: 2, snapshot: 1, targets: 1 });
    const response = await get(api, `${BASE}/timestamp.json`);
    expect(new Map(response.headers).get('Last-Modified')).toBe(now.toUTCString());
    expect(await fileAt('1.timestamp.json')).toEqual(old);
  });

  test('an expired snapshot of the server brings a timestamp with it', async () => {
    await begin();
    const before = await current(api, GUN, 'snapshot');
    now = new Date(NOW.getTime() + 1096 * DAY);
    const snapshot = await current(api, GUN, 'snapshot');
    expect(snapshot).toMatchObject({ version: 2, meta: before.meta });
    const { version, meta } = await current(api, GUN, 'timestamp');
    expect(version).toBe(2);
    const bytes = await fileAt('snapshot.json');
    expect((meta as Payload).snapshot).toEqual(fileMeta(bytes));
    expect(inShort(await get(api, `${BASE}/snapshot.${sha256Hex(bytes)}.json`))).toBe('200');
  });

  test('an expired snapshot takes a timestamp with it that has not expired', async () => {
    await begin();
    now = new Date(NOW.getTime() + 1094 * DAY);
    expect((await current(api, GUN, 'timestamp')).version).toBe(2);
    now = new Date(NOW.getTime() + 1096 * DAY);
    expect((await current(api, GUN, 'snapshot')).version).toBe(2);
    const { version, meta } = await current(api, GUN, 'timestamp');
    expect(version).toBe(3);
    expect((meta as Payload).snapshot).toEqual(fileMeta(await fileAt('snapshot.json')));
  });

  test('an expired snapshot of the client stops all until the client sends another', async () => {
    const author = await Author.of(api, GUN);
    const root = author.rootFile();
    const targets = author.targetsFile();
    const snapshot = author.snapshotFile({ root, targets });
    expect(inShort(await post(api, GUN, { root, targets, snapshot }))).toBe('200');

    author.now = now = new Date(NOW.getTime() + 1096 * DAY);
    for (const file of ['timestamp.json', 'snapshot.json']) {
      expect(inShort(await get(api, `${BASE}/${file}`))).toBe('500 UNKNOWN {}');
    }
    expect(log.join()).toContain('does not have');
    expect(inShort(await get(api, `${BASE}/root.json`))).toBe('200');

    const repaired = author.targetsFile([], { version: 2 });
    const files = {
      targets: repaired,
      snapshot: author.snapshotFile({ root, targets: repaired }, { version: 2 }),
    };
    expect(inShort(await post(api, GUN, files))).toBe('200');
    expect(await clientView()).toEqual({ root: 1, timestamp: 2, snapshot: 2, targets: 2 });
  });
});

describe("the server's keys", () => {
  test('stay the same until they are in use, whoever asks and however', async () => {
    const id = async (method: 'GET' | 'POST', role: 'timestamp' | 'snapshot') =>
      keyId(await serverKey(api, method, GUN, role));
    const first = await id('GET', 'timestamp');
    expect([await id('POST', 'timestamp'), await id('GET', 'timestamp')]).toEqual([first, first]);
    expect(await id('GET', 'snapshot')).not.toBe(first);
    expect(keyId(await serverKey(api, 'GET', 'other', 'timestamp'))).not.toBe(first);
    expect(
      new Set(await Promise.all(Array.from({ length: 8 }, () => id('POST', 'snapshot')))).size,
    ).toBe(1);

    const author = await begin();
    const next = await id('POST', 'timestamp');
    expect(next).not.toBe(first);
    // GET tells what the published root names; a rotation that was cut short gets the same new key again.
    expect(await id('GET', 'timestamp')).toBe(first);
    expect(await id('POST', 'timestamp')).toBe(next);

    author.timestampOfServer = await serverKey(api, 'POST', GUN, 'timestamp');
    expect(inShort(await post(api, GUN, { root: author.rootFile({ version: 2 }) }))).toBe('200');
    expect(await id('GET', 'timestamp')).toBe(next);
    expect([first, next]).not.toContain(await id('POST', 'timestamp'));
  });

  test('are printed as Notary prints them', async () => {
    const response = await send(api, 'POST', `${BASE}/timestamp.key`);
    expect(bodyText(response)).toMatch(
      /^\{"keytype":"ecdsa","keyval":\{"public":"[A-Za-z0-9+/=]+","private":null\}\}$/,
    );
  });

  test('a key that the root names, but the server does not have, is replaced by a new one', async () => {
    const author = await Author.of(api, GUN);
    const root = author.rootFile();
    const targets = author.targetsFile();
    await post(api, GUN, { root, targets, snapshot: author.snapshotFile({ root, targets }) });
    const offered = await serverKey(api, 'GET', GUN, 'snapshot');
    expect(keyId(offered)).not.toBe(keyId(author.snapshot?.listed ?? offered));
  });
});

test.each([
  [1, '200'],
  [2, '200'],
  [3, expect.stringContaining('Current 1, new 3')],
])('a first publish may bring root version %i: %s', async (version, answer) => {
  const author = await Author.of(api, GUN, true);
  const files = { root: author.rootFile({ version }), targets: author.targetsFile() };
  expect(inShort(await post(api, GUN, files))).toEqual(answer);
});

test('files are served as they came, by name, version and hash', async () => {
  const author = await Author.of(api, GUN, true);
  const root = author.rootFile();
  const first = author.targetsFile(['v1 <&> \u2028 é']);
  const second = author.targetsFile(['v2'], { version: 2 });
  expect(inShort(await post(api, GUN, { root, targets: first }))).toBe('200');
  expect(inShort(await post(api, GUN, { targets: second }))).toBe('200');

  expect(await fileAt('targets.json')).toEqual(second);
  expect(await fileAt('1.targets.json')).toEqual(first);
  expect(await fileAt('0002.targets.json')).toEqual(second);
  expect(await fileAt(`targets.${sha256Hex(first)}.json`)).toEqual(first);
  for (const name of [
    `targets.${sha256Hex(first).toUpperCase()}.json`,
    `root.${sha256Hex(first)}.json`,
    '0.targets.json',
    '3.targets.json',
  ]) {
    expect(inShort(await get(api, `${BASE}/${name}`)), name).toBe('404 METADATA_NOT_FOUND {}');
  }
  const headers = new Map((await get(api, `${BASE}/1.targets.json`)).headers);
  expect(headers.get('Cache-Control')).toBe('public, max-age=2592000, s-maxage=2592000');
});

test('of many publishers of one version one succeeds', async () => {
  const author = await begin();
  const attempts = Array.from({ length: 12 }, (_, index) =>
    post(api, GUN, { targets: author.targetsFile([`tag-${index}`], { version: 2 }) }),
  );
  const answers = (await Promise.all(attempts)).map(inShort);
  expect(answers.filter(answer => answer === '200')).toHaveLength(1);
  expect(answers.filter(answer => answer === '400 VERSION {}')).toHaveLength(11);
  expect(await clientView()).toEqual({ root: 1, timestamp: 2, snapshot: 2, targets: 2 });
});

test('DELETE removes one repository, and not those whose names begin alike', async () => {
  const neighbour = `${GUN}/x`;
  const author = await begin();
  const other = await Author.of(api, neighbour, true);
  await post(api, neighbour, { root: other.rootFile(), targets: other.targetsFile() });
  const targets = await fileAt('targets.json');
  expect(inShort(await send(api, 'DELETE', `${BASE}/`))).toBe('200');
  expect(inShort(await send(api, 'DELETE', `${BASE}/`))).toBe('200');

  for (const name of [
    'root.json',
    'timestamp.json',
    '1.targets.json',
    `targets.${sha256Hex(targets)}.json`,
  ]) {
    expect(inShort(await get(api, `${BASE}/${name}`)), name).toBe('404 METADATA_NOT_FOUND {}');
  }
  expect((await current(api, neighbour, 'timestamp')).version).toBe(1);

  // A client that still has everything can publish it again, since the keys are there: versions start over.
  const files = { root: author.rootFile(), targets: author.targetsFile(['v1']) };
  expect(inShort(await post(api, GUN, files))).toBe('200');
  expect(await clientView()).toEqual({ root: 1, timestamp: 1, snapshot: 1, targets: 1 });
});

describe('the changefeed', () => {
  const feed = async (query: string, gun?: string) => {
    const path = gun === undefined ? '/v2/_trust/changefeed' : `/v2/${gun}/_trust/changefeed`;
    const response = await get(api, `${path}?${query}`);
    expect(inShort(response)).toBe('200');
    const { count, records } = JSON.parse(bodyText(response));
    expect(count).toBe(records.length);
    return records as Record<string, unknown>[];
  };
  const ids = async (query: string, gun?: string) => (await feed(query, gun)).map(({ ID }) => ID);

  beforeEach(async () => {
    await begin();
    const other = await Author.of(api, 'other', true);
    await post(api, 'other', { root: other.rootFile(), targets: other.targetsFile() });
    for (let index = 0; index < 2; index++) await post(api, GUN, {});
    await send(api, 'DELETE', '/v2/other/_trust/tuf/');
  });

  test('tells of each timestamp and each deletion', async () => {
    const timestamp = await fileAt('timestamp.json');
    const records = await feed('records=0');
    expect(records.map(({ GUN: gun, Category, Version }) => [gun, Category, Version])).toEqual([
      [GUN, 'update', 1],
      ['other', 'update', 1],
      [GUN, 'update', 2],
      [GUN, 'update', 3],
      ['other', 'deletion', 0],
    ]);
    expect(records[3]).toEqual({
      ID: '4',
      CreatedAt: NOW.toISOString(),
      GUN,
      Version: 3,
      SHA256: sha256Hex(timestamp),
      Category: 'update',
    });
    expect(records[4]).toMatchObject({ SHA256: '' });
  });

  test.each([
    ['records=2', ['1', '2']],
    ['records=2&change_id=', ['1', '2']],
    ['records=2&change_id=0', ['1', '2']],
    ['records=2&change_id=2', ['3', '4']],
    ['records=2&change_id=-1', ['4', '5']],
    ['records=-2&change_id=4', ['2', '3']],
    ['records=-2', ['4', '5']],
    ['records=5&change_id=5', []],
    ['records=5&change_id=99', []],
  ])('%s', async (query, expected) => {
    expect(await ids(query)).toEqual(expected);
  });

  test('of one repository', async () => {
    expect(await ids('records=5', 'other')).toEqual(['2', '5']);
    expect(await ids('records=1&change_id=-1', GUN)).toEqual(['4']);
    expect(await ids('records=5', 'nobody')).toEqual([]);
  });

  test('is only read', async () => {
    const answer = await send(api, 'POST', `/v2/${GUN}/_trust/changefeed?records=1`);
    expect(inShort(answer)).toBe('404 METADATA_NOT_FOUND');
  });

  test('a renewal is told too', async () => {
    now = new Date(NOW.getTime() + 15 * DAY);
    await fileAt('timestamp.json');
    expect(await feed('records=1&change_id=-1')).toMatchObject([
      { GUN, Version: 4, Category: 'update' },
    ]);
  });
});
