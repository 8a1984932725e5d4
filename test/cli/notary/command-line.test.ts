import { describe, expect, it } from 'vitest';
import { fatal, notary } from './run-notary.ts';

const HOME = { env: { HOME: '/nowhere' } };

/** Command lines and what the original says of them. */
const MISTAKES: readonly (readonly [words: string[], sentence: string])[] = [
  [['bogus'], 'unknown command "bogus" for "notary"'],
  [['lst'], 'unknown command "lst" for "notary"\n\nDid you mean this?\n\tlist\n'],
  [['l'], 'unknown command "l" for "notary"\n\nDid you mean this?\n\tlookup\n\tlist\n'],
  [['--bogus', 'list', 'x'], 'unknown command "x" for "notary"'],
  [['--bogus', 'list'], 'unknown flag: --bogus'],
  [['-s'], "flag needs an argument: 's' in -s"],
  [['list', 'x', '--server'], 'flag needs an argument: --server'],
  [['list', '-é'], "unknown shorthand flag: 'Ã' in -é"],
  [['verify', '-qx'], "unknown shorthand flag: 'x' in -x"],
  [['list', '--=x'], 'bad flag syntax: --=x'],
  [['list', '--version'], 'unknown flag: --version'],
  [['list', '--help', '--bogus'], 'unknown flag: --bogus'],
  [
    ['list', '-v=x'],
    'invalid argument "x" for "-v, --verbose" flag: strconv.ParseBool: parsing "x": invalid syntax',
  ],
  [
    ['reset', 'x', '-n', '1,,2'],
    'invalid argument "1,,2" for "-n, --number" flag: strconv.Atoi: parsing "": invalid syntax',
  ],
  [
    ['key', 'rotate', '-l', 'x'],
    'invalid argument "x" for "-l, --legacy" flag: strconv.ParseInt: parsing "x": invalid syntax',
  ],
  [
    ['list', 'x', '--roles', 'a"b'],
    'invalid argument "a\\"b" for "-r, --roles" flag: parse error on line 1, column 2: bare " in non-quoted-field',
  ],
  [
    ['list', 'x', '--roles', '"a\nb'],
    'invalid argument "\\"a\\nb" for "-r, --roles" flag: record on line 1; parse error on line 2, column 2: extraneous or missing " in quoted-field',
  ],
];

describe('the command line', () => {
  it.each(MISTAKES)('%j is answered as by the original', async (words, sentence) => {
    const run = await notary(words, HOME);
    expect(fatal(run)).toBe(sentence);
    expect(run.out).not.toContain('Usage:');
    expect(run.err).toBe('');
  });

  it.each([
    [['list'], 'Must specify a GUN'],
    [['list', '-v=false', '--'], 'Must specify a GUN'],
    [['-s=x', '-vD', 'lookup', 'gun'], 'Must specify a GUN and target'],
    [['key', '-d', 'x', 'rotate', 'gun'], 'Must specify a GUN and a key role to rotate'],
    [
      ['addhash', 'gun', 't', '5'],
      'Must specify a GUN, target, byte size of target data, and at least one hash',
    ],
    [['reset', 'gun'], 'Must specify changes to reset with -n or the --all flag'],
    [['key', 'list', 'x'], ''],
  ])('%j prints the usage before the sentence', async (words, sentence) => {
    const run = await notary(words, HOME);
    expect(fatal(run)).toBe(sentence);
    expect(run.out).toMatch(/^Usage:\n {2}notary /);
  });

  it('remove with too few arguments prints no usage', async () => {
    expect((await notary(['remove', 'gun'], HOME)).out).toBe(
      '\n* fatal: Must specify a GUN and target\n',
    );
  });

  it.each([
    ['0x', 'strconv.ParseInt: parsing "0x": invalid syntax'],
    ['08', 'strconv.ParseInt: parsing "08": invalid syntax'],
    ['1__0', 'strconv.ParseInt: parsing "1__0": invalid syntax'],
    ['', 'strconv.ParseInt: parsing "": invalid syntax'],
    [
      '99999999999999999999',
      'strconv.ParseInt: parsing "99999999999999999999": value out of range',
    ],
    ['1_000', 'invalid sha256 hex contents provided'],
    ['0X1F', 'invalid sha256 hex contents provided'],
    ['0o17', 'invalid sha256 hex contents provided'],
  ])('takes %j as a size like the original', async (size, sentence) => {
    expect(fatal(await notary(['addhash', 'g', 't', '--sha256', 'aa', '--', size], HOME))).toBe(
      sentence,
    );
  });

  it('shows usage and exit code 0 without a command', async () => {
    const { exitCode, out } = await notary([]);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^Usage:\n {2}notary \[flags\]\n {2}notary \[command\]\n/);
  });

  it('prints a number for who asks for the version', async () => {
    expect((await notary(['version'])).out).toMatch(
      /^notary\n Version: {4}\d+\.\d+\.\d+\S*\n Git commit: \S+\n Go version: .+\n$/,
    );
    expect((await notary(['--version', 'ignored'])).exitCode).toBe(1);
    expect((await notary(['--version'])).out).toMatch(/^notary Version: \d.*, Git commit: .*\n$/);
  });
});
