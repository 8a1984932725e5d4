/** Known differences in words. */
import type { KnownDifference } from '../known-differences.ts';
import { meant } from './meant.ts';

export const WORD_DIFFERENCES: readonly KnownDifference[] = [
  ...meant('Differences in words', 'it is another program', {
    'usage-errors/--version': {
      stdout: {
        notary: ['notary Version: , Git commit: , Go version: go<version>'],
        tabellion: [
          'notary Version: <version>, Git commit: tabellion, Go version: none (Node.js v<version>)',
        ],
      },
    },
    'usage-errors/version': {
      stdout: {
        notary: [' Version:    ', ' Git commit: ', ' Go version: go<version>'],
        tabellion: [
          ' Version:    <version>',
          ' Git commit: tabellion',
          ' Go version: none (Node.js v<version>)',
        ],
      },
    },
  }),
  ...meant('Differences in words', 'Notary crashes', {
    'key-generate/the trust folder is a file': {
      exit: { notary: ['exit 2'], tabellion: ['exit 1'] },
      stdout: {
        notary: [],
        tabellion: [
          '* fatal: Failed to create a new root key: The key store <dir>/work/one.txt/private cannot be read: ENOTDIR',
          '',
        ],
      },
      stderr: { notary: ['<panic>'], tabellion: [''] },
    },
  }),
  ...meant('Differences in words', 'a name that comes from a server must not control a terminal', {
    'strange-names/a line separator: list': {
      stdout: {
        notary: [
          'NAME    DIGEST                                                              SIZE (BYTES)    ROLE',
          '----    ------                                                              ------------    ----',
          'a\u2028b     2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806    4               targets',
        ],
        tabellion: [
          'NAME        DIGEST                                                              SIZE (BYTES)    ROLE',
          '----        ------                                                              ------------    ----',
          'a\\u2028b    2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806    4               targets',
        ],
      },
    },
  }),
  ...meant('Differences in words', 'Notary takes what it prints for a format', {
    'offline/without a copy: no URL': {
      stdout: {
        notary: [
          '* fatal: Could not parse remote trust server url (%!z(MISSING)z): parse "%!z(MISSING)z": invalid URL escape "%!z(MISSING)z"',
        ],
        tabellion: [
          '* fatal: Trust server url has to be in the form of http(s)://URL:PORT. Got: %zz',
        ],
      },
    },
  }),
];
