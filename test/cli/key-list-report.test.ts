import { describe, expect, it } from 'vitest';
import { keyListBrief, keyListJson, keyListLines } from '../../src/cli/reports/key-list-report.ts';
import type { KeyList } from '../../src/operations/key-list.ts';
import { PLAIN, text } from './plain-style.ts';

const id = (digit: string): string => digit.repeat(64);
const GOOD = {
  path: '/trust/private/x.key',
  layout: 'current',
  encrypted: true,
  usable: true,
} as const;

const LIST: KeyList = {
  privateDir: '/trust/private',
  keys: [
    { ...GOOD, id: id('a'), role: 'root' },
    { ...GOOD, id: id('b'), role: '', usable: false, problem: 'No PEM block \u001b[2J' },
    { ...GOOD, id: id('c'), role: 'alice', encrypted: false },
    {
      ...GOOD,
      id: id('d'),
      role: 'targets',
      gun: 'reg.example/app',
      problem: 'Others can read it',
    },
  ],
};

describe('the report of key list', () => {
  it('names keys as people do, and what is wrong with them', () => {
    expect(text(keyListLines(LIST, PLAIN.paint))).toMatchInlineSnapshot(`
      "Private keys in /trust/private

      KEY               KEY ID        REPOSITORY
      root key          aaaaaaaaaaaa
      delegation key    bbbbbbbbbbbb                   No PEM block \\u001b[2J
      signer key alice  cccccccccccc                   not encrypted
      repository key    dddddddddddd  reg.example/app  Others can read it"
    `);
  });

  it('says how to make the first', () => {
    expect(text(keyListLines({ ...LIST, keys: [] }, PLAIN.paint))).toMatchInlineSnapshot(`
      "No private keys in /trust/private.
      Make one with: tabellion key generate NAME"
    `);
  });

  it('has full IDs for programs', () => {
    expect(keyListBrief(LIST)).toEqual(LIST.keys.map(key => key.id));
    expect(keyListJson(LIST)).toEqual({ schemaVersion: 1, ...LIST });
  });
});
