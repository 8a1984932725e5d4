import { describe, expect, it } from 'vitest';
import { table } from '../../../src/cli/notary/table.ts';

describe('tables', () => {
  it('pads columns to four more than the longest cell, but not the last', () => {
    expect(
      table(
        ['#', 'PATH'],
        [
          ['0', 'a'],
          ['10', ''],
        ],
      ),
    ).toBe('#     PATH\n-     ----\n0     a\n10    \n');
  });

  it('counts characters, and keeps the blanks of empty cells', () => {
    expect(
      table(
        ['ROLE', 'PATHS', 'THRESHOLD'],
        [
          ['targets/a', 'ü', '1'],
          ['', 'long path', ''],
        ],
      ),
    ).toBe(
      [
        'ROLE         PATHS        THRESHOLD',
        '----         -----        ---------',
        'targets/a    ü            1',
        '             long path    ',
        '',
      ].join('\n'),
    );
  });
});
