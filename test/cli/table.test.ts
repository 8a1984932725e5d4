import pico from 'picocolors';
import { describe, expect, it } from 'vitest';
import { table } from '../../src/cli/table.ts';
import { treeLines } from '../../src/cli/tree.ts';

describe('table', () => {
  it('aligns columns and leaves no blanks at the end of a line', () => {
    const rows = [
      ['TAG', 'SIGNERS'],
      ['1.10', 'alice'],
      ['9', ''],
    ];
    expect(table(rows)).toEqual(['TAG   SIGNERS', '1.10  alice', '9']);
  });

  it('counts code points, not UTF-16 units, and no colours', () => {
    const { red, dim } = pico.createColors(true);
    const rows = [
      ['K', 'V'],
      ['𝒳𝒴𝒵', '1'],
      [red('ab'), '2'],
    ];
    expect(table(rows, { indent: 2, header: dim })).toEqual([
      `  ${dim('K')}    ${dim('V')}`,
      '  𝒳𝒴𝒵  1',
      `  ${red('ab')}   2`,
    ]);
  });

  it('has no lines for no rows', () => {
    expect(table([])).toEqual([]);
  });
});

describe('treeLines', () => {
  it('draws branches, parents first', () => {
    const children: Record<string, string[]> = {
      root: ['targets', 'snapshot'],
      targets: ['alice', 'bob'],
      alice: ['deep'],
    };
    const lines = treeLines('root', node => children[node] ?? []);
    expect(lines.map(({ branches, node }) => branches + node)).toEqual([
      'root',
      '├─ targets',
      '│  ├─ alice',
      '│  │  └─ deep',
      '│  └─ bob',
      '└─ snapshot',
    ]);
  });
});
