import { describe, expect, it } from 'vitest';
import {
  thumbprintBrief,
  thumbprintErrors,
  thumbprintJson,
  thumbprintLines,
} from '../../src/cli/reports/thumbprint-report.ts';
import { loadThumbprintWords } from '../../src/cli/thumbprint-words.ts';
import type { KeyThumbprints } from '../../src/crypto/thumbprint.ts';
import type { ThumbprintReport } from '../../src/operations/thumbprints/thumbprint.ts';
import { PLAIN, text } from './plain-style.ts';

const VIEW = { ...PLAIN, changedOnly: false };
const id = (digit: string): string => digit.repeat(64);

function certificate(digit: string): KeyThumbprints {
  return {
    keyId: id('1'),
    privateKeyId: id('2'),
    algorithm: 'ECDSA P-256',
    publicKeySha256: id('3'),
    certificate: {
      sha256: id(digit),
      sha1: '5'.repeat(40),
      subject: 'CN=reg.example/app\u001b[31m',
      notBefore: '2026-11-22T00:00:00.000Z',
      notAfter: '2036-11-20T00:00:00.000Z',
    },
  };
}

const REPORT: ThumbprintReport = {
  repository: 'reg.example/app',
  server: 'https://reg.example',
  trusted: true,
  roles: [{ role: 'root', threshold: 1, file: '/home/me/root.json', keys: [certificate('a')] }],
  expected: [],
  pinned: false,
  warnings: [],
  exitCode: 0,
};

describe('thumbprints', () => {
  it('stand in groups that can be read aloud, and carry nothing to the terminal', () => {
    const shown = text(thumbprintLines([REPORT], VIEW));
    expect(shown).toContain(`certificate SHA-256  ${Array(8).fill('aaaa').join(' ')}\n`);
    expect(shown).toContain('in                   /home/me/root.json');
    expect(shown).toContain('\\u001b');
    expect(shown).not.toContain('\u001b');
  });

  it('are words too, where they are wanted', async () => {
    const words = await loadThumbprintWords();
    const report = { ...REPORT, roles: [{ ...REPORT.roles[0], keys: [certificate('f')] }] };
    const shown = text(thumbprintLines([report as ThumbprintReport], { ...VIEW, words }));
    // The vector of BIP 39 for 256 ones.
    const six = `${' '.repeat(23)}zoo zoo zoo zoo zoo zoo\n`;
    expect(shown).toContain(
      `  SHA-256 in words     zoo zoo zoo zoo zoo zoo\n${six}${six}${' '.repeat(23)}zoo zoo zoo zoo zoo vote`,
    );
  });

  it('are one line each with --quiet, and only of what is trusted', () => {
    expect(thumbprintBrief([REPORT])).toEqual([`reg.example/app root ${id('a')}`]);
    expect(thumbprintBrief([{ ...REPORT, trusted: false, exitCode: 3 }])).toEqual([]);
    expect(thumbprintBrief([{ ...REPORT, exitCode: 3 }])).toEqual([]);
  });

  it('that differ stand above each other, with marks where they do', () => {
    const digits = `aaab${'a'.repeat(60)}`;
    const expected = [{ given: digits, role: 'root', digits, elsewhere: [] }];
    const lines = thumbprintLines([{ ...REPORT, expected, exitCode: 3 }], VIEW);
    const at = lines.findIndex(line => line.includes('is not as expected'));
    expect(lines.slice(at + 1, at + 4)).toEqual([
      `  expected             aaab ${Array(7).fill('aaaa').join(' ')}`,
      `  found                ${Array(8).fill('aaaa').join(' ')}`,
      '                       ^^^^',
    ]);
  });

  it('of a root that is not the pinned one are shown beside it, under a warning', () => {
    const pin = {
      repository: 'reg.example/app',
      server: 'https://reg.example',
      pinnedAt: '2026-11-20T00:00:00.000Z',
      certificates: [certificate('b')],
    };
    const error = { code: 'PIN_MISMATCH', message: 'not the pinned root' };
    const report = { ...REPORT, trusted: false, pin, error, exitCode: 3 };
    const shown = text(thumbprintLines([report], VIEW));
    expect(shown).toContain('NOT TRUSTED');
    expect(shown).toMatch(/pinned +bbbb .*\n +offered +aaaa /);
    expect(text(thumbprintErrors([report]))).toContain('not the pinned root');
    expect(thumbprintJson([report])).toEqual({ schemaVersion: 1, repositories: [report] });
  });

  it('tell only what has changed, when that is asked', () => {
    const changedOnly = { ...VIEW, changedOnly: true };
    expect(text(thumbprintLines([REPORT], changedOnly))).toContain('nothing to compare');
    const roles = [{ role: 'targets', added: [id('8')], removed: [id('9')] }];
    const changes = { since: '2026-11-20T00:00:00.000Z', roles };
    const shown = text(thumbprintLines([{ ...REPORT, changes }], changedOnly));
    expect(shown).toContain('targets  − 999999999999  + 888888888888');
    expect(shown).not.toContain('SHA-256');
  });
});
