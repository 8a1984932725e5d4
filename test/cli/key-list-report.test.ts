import { describe, expect, it } from 'vitest';
import {
  keyListBrief,
  keyListJson,
  keyListLines,
  keyListWarnings,
} from '../../src/cli/reports/key-list-report.ts';
import type { KeyList } from '../../src/operations/keys/key-list.ts';
import { PLAIN, text } from './plain-style.ts';

const id = (digit: string): string => digit.repeat(64);
const GOOD = {
  path: '/trust/private/x.key',
  layout: 'current',
  encrypted: true,
  usable: true,
  strength: 'strong',
  trustedBy: [],
  modified: '2026-11-20T00:00:00.000Z',
} as const;
const APP = 'reg.example/app';
const many = Array.from({ length: 8 }, (_, n) => ({ repository: `${APP}-${n}`, role: 'root' }));

const LIST: KeyList = {
  privateDir: '/trust/private',
  keys: [
    {
      ...GOOD,
      id: id('a'),
      role: 'root',
      certifiedAt: '2020-01-01T00:00:00.000Z',
      trustedBy: many,
      inKeychain: true,
    },
    {
      ...GOOD,
      id: id('b'),
      role: '',
      usable: false,
      problem: 'No PEM block \u001b[2J',
      inKeychain: null,
    },
    { ...GOOD, id: id('c'), role: 'alice', encrypted: false, strength: 'none', inKeychain: false },
    {
      ...GOOD,
      id: id('d'),
      role: 'targets',
      gun: APP,
      strength: 'weak',
      trustedBy: [{ repository: APP, role: 'targets' }],
      inKeychain: false,
      problem: 'Others can read it',
    },
  ],
  unreadable: [{ repository: 'reg.example/broken', message: 'It is no JSON' }],
  reminders: [],
};

describe('the report of key list', () => {
  it('stays within 80 columns, also with long names', () => {
    const gun = `reg.example/${'long/'.repeat(12)}app`;
    const key = { ...GOOD, id: id('e'), role: 'targets', gun, trustedBy: [] };
    const lines = keyListLines({ ...LIST, keys: [key] }, PLAIN);
    expect(lines.slice(-2)).toEqual([`  of ${gun}`, '  no trust data here names it']);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('names keys as people do, how they are kept, who trusts them and what is wrong', () => {
    const lines = keyListLines(LIST, PLAIN);
    expect(text(lines)).toMatchInlineSnapshot(`
      "Private keys in /trust/private

      KEY               KEY ID        FILE           AGE      PASSPHRASE
      root key          aaaaaaaaaaaa  strong         7 years  in keychain
        reg.example/app-0 (root)
        reg.example/app-1 (root)
        reg.example/app-2 (root)
        and 5 more repositories
      delegation key    bbbbbbbbbbbb  unusable       2 days   unknown
        no trust data here names it
        No PEM block \\u001b[2J
      signer key alice  cccccccccccc  not encrypted  2 days   not stored
        no trust data here names it
      repository key    dddddddddddd  weak           2 days   not stored
        reg.example/app (targets)
        Others can read it"
    `);
    expect(lines.every(line => line.length <= 80)).toBe(true);
  });

  it('leaves the keychain out when nobody asked', () => {
    const [, , , { inKeychain: _, ...key }] = LIST.keys as [
      object,
      object,
      object,
      (typeof LIST.keys)[0],
    ];
    expect(text(keyListLines({ ...LIST, keys: [key] }, PLAIN))).toMatchInlineSnapshot(`
      "Private keys in /trust/private

      KEY             KEY ID        FILE  AGE
      repository key  dddddddddddd  weak  2 days
        reg.example/app (targets)
        Others can read it"
    `);
  });

  it('says what is unknown', () => {
    expect(keyListWarnings({ ...LIST, keychainProblem: 'The keychain is locked' })).toEqual([
      'Which keys reg.example/broken trusts is unknown: It is no JSON',
    ]);
  });

  it('says how to make the first', () => {
    expect(text(keyListLines({ ...LIST, keys: [] }, PLAIN))).toMatchInlineSnapshot(`
      "No private keys in /trust/private.
      Make one with: tabellion key generate NAME"
    `);
  });

  it('has full IDs for programs', () => {
    expect(keyListBrief(LIST)).toEqual(LIST.keys.map(key => key.id));
    expect(keyListJson(LIST)).toEqual({ schemaVersion: 1, ...LIST });
  });
});
