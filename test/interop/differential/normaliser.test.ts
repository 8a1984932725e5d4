import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { describeChange, describeMetadata } from './decoded.ts';
import { cacheOf, describeDisk, diskChanges } from './disk.ts';
import type { Entry } from './folder.ts';
import { KnownKeys } from './known-keys.ts';
import { diffLines } from './line-diff.ts';
import { normalise, type Surroundings } from './normaliser.ts';
import { splitWords } from './scenario.ts';

const ROOT = '1'.repeat(64);
const TARGETS = '2'.repeat(64);
const OTHER = '3'.repeat(64);
const FOLDER = '/tmp/workspace-abcdef/targets/real';

function surroundings(): Surroundings {
  const keys = new KnownKeys();
  keys.add(ROOT, 'root key');
  keys.add(TARGETS, 'targets key');
  return {
    keys,
    folder: FOLDER,
    places: [
      ['https://localhost:34567', '<server>'],
      ['localhost:34567', '<host>'],
    ],
  };
}

function file(name: string, text: string, stamp = '1'): Entry {
  return { name, kind: 'file', mode: 0o600, bytes: Buffer.from(text), stamp };
}

function folder(name: string): Entry {
  return { name, kind: 'folder', mode: 0o700, bytes: Buffer.alloc(0), stamp: '1' };
}

describe('text', () => {
  test('keys become names, digests stay', () => {
    expect(normalise(`${ROOT} ${TARGETS} ${OTHER}`, surroundings())).toBe(
      `<root key 1> <targets key 1> ${OTHER}`,
    );
  });

  test('a part of a longer hexadecimal text is no key', () => {
    expect(normalise(`${ROOT}1`, surroundings())).toBe(`${ROOT}1`);
  });

  test('servers and folders become names', () => {
    const text = `could not reach https://localhost:34567: localhost:34567 ${FOLDER}/trust`;
    expect(normalise(text, surroundings())).toBe('could not reach <server>: <host> <dir>/trust');
  });

  test('a folder that a table cut becomes a name', () => {
    const shown = `...${`${FOLDER}/trust/private`.slice(-37)}`;
    expect(normalise(`x    ${shown}\n`, surroundings())).toBe(
      'x    ...<end of dir>/trust/private\n',
    );
    const elsewhere = `...${'/another/place/of/37/characters/in/all'.slice(-37)}`;
    expect(normalise(elsewhere, surroundings())).toBe(elsewhere);
  });

  test('times of the logger, UUIDs, short IDs in prompts', () => {
    const text =
      'time="2026-11-21T00:36:39Z" 123e4567-e89b-42d3-a456-426614174000 with ID 1111111: ';
    expect(normalise(text, surroundings())).toBe('time="<time>" <uuid> with ID <root key 1>: ');
  });

  test('blanks and line ends stay', () => {
    expect(normalise('\n* fatal: x  \n\n', surroundings())).toBe('\n* fatal: x  \n\n');
  });

  test('rows that differ in the key only stand in the order of names', () => {
    const row = (id: string, place = 'p') => `targets    g    ${id}    ${place}`;
    const keys = surroundings();
    keys.keys.add('4'.repeat(64), 'targets key');
    const text = [row('4'.repeat(64)), row(TARGETS), row(ROOT, 'q')].join('\n');
    expect(normalise(text, keys)).toBe(
      [row('<targets key 1>'), row('<targets key 2>'), row('<root key 1>', 'q')].join('\n'),
    );
  });

  test('the body of a PEM block becomes its length, headers stay', () => {
    const block = '-----BEGIN X-----\nrole: root\n\nAAAA\n-----END X-----';
    expect(normalise(block, surroundings())).toBe(
      '-----BEGIN X-----\nrole: root\n\n<3 bytes>\n-----END X-----',
    );
  });

  test('a body that is that of a stored key is told from another', () => {
    const known = surroundings();
    const text = '-----BEGIN X-----\nrole: root\n\nAAAA\n-----END X-----\n';
    known.keys.discover([file(`trust/private/${ROOT}.key`, text)]);
    expect(normalise(text, known)).toContain('<as stored: <root key 1>>');
    expect(normalise(text.replace('AAAA', 'BBBB'), known)).toContain('<3 bytes>');
  });
});

describe('files', () => {
  const metadata = (version: number, extra = '') =>
    `{"signed":{"_type":"Targets","version":${version},"expires":"2027-01-01T00:00:00Z"${extra}},"signatures":[{"keyid":"${TARGETS}","method":"ecdsa","sig":"AA=="}]}`;

  test('names, permissions and content', () => {
    const disk = describeDisk([folder('work'), file('work/a.txt', `key ${ROOT}`)], surroundings());
    expect([...disk]).toEqual([['work/a.txt', '0600 in 0700\nkey <root key 1>']]);
  });

  test('what changed', () => {
    const before = new Map([
      ['a', '0600\nx'],
      ['b', '0600\nx'],
      ['c', '0600\nx'],
    ]);
    const after = new Map([
      ['a', '0600\nx'],
      ['b', '0644\nx'],
      ['d', '0600\ny'],
    ]);
    expect(diskChanges(before, after, () => false)).toEqual([
      '~ b 0644',
      '    b: x',
      '- c',
      '+ d 0600',
      '    d: y',
    ]);
  });

  test('changes are numbered, their payload is decoded', () => {
    const name = (nanoseconds: number) =>
      `t/${String(nanoseconds).padStart(20, '0')}_123e4567-e89b-42d3-a456-426614174000.change`;
    const data = Buffer.from('{"length":4}').toString('base64');
    const change = `{"action":"create","role":"targets","type":"target","path":"one","data":"${data}"}`;
    const disk = describeDisk(
      [folder('t'), file(name(1), change), file(name(2), '{}')],
      surroundings(),
    );
    expect([...disk.keys()]).toEqual(['t/<change 1>', 't/<change 2>']);
    expect(disk.get('t/<change 1>')).toContain(JSON.stringify('{"length":4}'));
  });

  test('the order of the members of a change counts', () => {
    const keys = new KnownKeys();
    expect(describeChange('{"action":"a","role":"b"}', keys)).not.toBe(
      describeChange('{"role":"b","action":"a"}', keys),
    );
    expect(describeChange('{"action": "a"}', keys)).not.toBe(
      describeChange('{"action":"a"}', keys),
    );
  });

  test('metadata: expiry in days, signatures by name', () => {
    const text = describeMetadata(
      metadata(3),
      surroundings().keys,
      new Date('2026-12-22T03:00:00Z'),
      () => undefined,
    );
    expect(text).toContain('"in 10 days, UTC"');
    expect(text).toContain('ecdsa by <targets key 1>');
    expect(text).toContain('"version": 3');
  });

  test('metadata: hashes are those of the files beside it, or not', () => {
    const targets = Buffer.from(metadata(1));
    const hash = createHash('sha256').update(targets).digest('base64');
    const snapshot = (length: number) =>
      `{"signed":{"meta":{"targets":{"hashes":{"sha256":"${hash}"},"length":${length}}}},"signatures":[]}`;
    const of = (text: string, bytes: Buffer) =>
      describeMetadata(text, new KnownKeys(), new Date(), () => bytes);
    expect(of(snapshot(targets.length), targets)).toContain(
      'sha256 of the file, the length of the file',
    );
    expect(of(snapshot(1), targets)).toContain('sha256 of the file, a length');
    expect(of(snapshot(1), Buffer.from('xy'))).toContain('"sha256, a length"');
  });

  test('the cache of one repository is not that of the one below', () => {
    const disk = describeDisk(
      [
        folder('trust/tuf/g/metadata'),
        file('trust/tuf/g/metadata/targets.json', metadata(1)),
        folder('trust/tuf/g/below/metadata'),
        file('trust/tuf/g/below/metadata/targets.json', metadata(2)),
      ],
      surroundings(),
    );
    const lines = cacheOf('g', disk).join('\n');
    expect(lines).toContain('"version": 1');
    expect(lines).not.toContain('"version": 2');
  });
});

describe('keys', () => {
  test('are called by role and by when they were first seen', () => {
    const keys = new KnownKeys();
    const key = (id: string, role: string) =>
      file(
        `trust/private/${id}.key`,
        `-----BEGIN X-----\nrole: ${role}\n\nAAAA\n-----END X-----\n`,
      );
    keys.discover([key(TARGETS, 'targets'), key(OTHER, 'root')]);
    keys.discover([key(ROOT, 'root')]);
    expect(keys.all().map(({ label }) => label)).toEqual([
      '<root key 1>',
      '<targets key 1>',
      '<root key 2>',
    ]);
    expect(keys.ofKind('root key', 2)).toBe(ROOT);
  });

  test('a copy does not follow', () => {
    const keys = new KnownKeys();
    const copy = keys.copy();
    keys.add(ROOT, 'root key');
    expect(copy.label(ROOT)).toBeUndefined();
  });
});

test('lines that differ', () => {
  expect(diffLines(['a', 'b'], ['a', 'b'])).toBeUndefined();
  expect(diffLines(['a', 'b', 'c', 'd'], ['a', 'x', 'c', 'd', 'e'])).toMatchObject({
    removed: ['b'],
    added: ['x', 'e'],
  });
  expect(diffLines([], ['x'])?.added).toEqual(['x']);
});

test('words of a command line', () => {
  expect(splitWords(`add {key targets 2} "a b" '' x'y z'`)).toEqual([
    'add',
    '{key targets 2}',
    'a b',
    '',
    'xy z',
  ]);
  expect(() => splitWords('"open')).toThrow('not closed');
});
