import { describe, expect, it } from 'vitest';
import {
  passphraseCheckLines,
  passphraseListLines,
} from '../../src/cli/reports/passphrase-report.ts';
import { PLAIN } from './plain-style.ts';

const gun = 'registry.example.com/a-rather-long-name/of-a-namespace/and-an-image';
const keys = [
  { keyId: 'a'.repeat(64), present: true, role: 'targets', gun },
  { keyId: 'b'.repeat(64), present: true, role: 'a-signer-with-a-name-without-end' },
  { keyId: 'c'.repeat(64), present: false },
];

describe('80 columns', () => {
  it.each([
    ['list', passphraseListLines(keys, PLAIN.paint)],
    [
      'check',
      passphraseCheckLines(
        keys.map(key => ({ ...key, state: 'wrong' })),
        PLAIN.paint,
      ),
    ],
  ] as const)('hold what passphrase %s tells, with long names', (_name, lines) => {
    const text = lines.join('\n');
    for (const line of lines) expect([...line].length, line).toBeLessThanOrEqual(80);
    // The ends tell names apart.
    expect(text).toMatch(/aaaaaaaaaaaa {2}…[-\w/]*and-an-image/);
    expect(text).toMatch(/…[-\w]*without-end {2}bbbbbbbbbbbb/);
  });
});
