import { fails, type Scenario, works } from '../scenario.ts';
import { SHA256, SHA512, someFiles } from './files.ts';

const EITHER_HASH = {
  pattern: /sha512 checksum for (\S+) did not match: expected [0-9a-f]{128}/g,
  becomes: `sha256 checksum for $1 did not match: expected ${SHA256}`,
  reason: 'the hashes are checked in the order of a Go map',
};

export const verify: Scenario = {
  name: 'verify',
  steps: [
    someFiles,
    works('init', 'init {gun}'),
    works('add', 'add {gun} one one.txt'),
    works('an empty target', 'add {gun} empty empty.txt'),
    works('a wrong length', `addhash {gun} long 4000 --sha256 ${SHA256}`),
    works('only sha512', `addhash {gun} by512 4 --sha512 ${SHA512}`),
    works('only sha256', `addhash {gun} by256 4 --sha256 ${SHA256}`),
    works('publish', 'publish {gun}'),
    works('from standard input', 'verify {gun} one', { stdin: 'one\n' }),
    works('from a file', 'verify {gun} one -i one.txt'),
    works('from a file, input ignored', 'verify {gun} one --input one.txt', { stdin: 'else' }),
    works('to a file', 'verify {gun} one -o out.txt', { stdin: 'one\n' }),
    works('from a file to a file', 'verify {gun} one -i one.txt --output copy.txt'),
    works('over a file that is there', 'verify {gun} one -i one.txt -o there.txt', {
      prepare: side => side.write('work/there.txt', 'a longer text\n'),
    }),
    works('quiet', 'verify {gun} one -q', { stdin: 'one\n' }),
    works('quiet wins over a file', 'verify {gun} one -q -o never.txt', { stdin: 'one\n' }),
    works('nothing', 'verify {gun} empty'),
    works('a wrong length is not noticed', 'verify {gun} long', { stdin: 'one\n' }),
    works('sha512 alone', 'verify {gun} by512', { stdin: 'one\n' }),
    works('more arguments', 'verify {gun} one more', { stdin: 'one\n' }),
    fails('other bytes', 'verify {gun} by256', { stdin: 'two\n' }),
    fails('other bytes by two hashes', 'verify {gun} one', {
      stdin: 'two\n',
      chance: [EITHER_HASH],
    }),
    fails('other bytes by sha512', 'verify {gun} by512', { stdin: 'two\n' }),
    fails('other bytes to a file', 'verify {gun} by256 -o bad.txt', { stdin: 'two\n' }),
    fails('other bytes quietly', 'verify {gun} by256 -q', { stdin: 'two\n' }),
    fails('no bytes', 'verify {gun} by256'),
    fails('unknown target', 'verify {gun} unknown', { stdin: 'one\n' }),
    fails('unknown repository', 'verify {gun}/unknown one', { stdin: 'one\n' }),
    fails('input file is absent', 'verify {gun} one -i absent.txt'),
    fails('input is a folder', 'verify {gun} one -i ../work'),
    fails('output is a folder', 'verify {gun} one -i one.txt -o ../work'),
    fails('output folder is absent', 'verify {gun} one -i one.txt -o absent/out.txt'),
    fails('no arguments', 'verify'),
    fails('no target', 'verify {gun}', { stdin: 'one\n' }),
    works('from the copy while the server is away', 'verify {gun} one -s {closed}', {
      stdin: 'one\n',
    }),
  ],
};
