import { describe, expect, it } from 'vitest';
import { renewBrief, renewErrors, renewLines } from '../../src/cli/reports/renew-report.ts';
import type { Renewal, RenewedPart } from '../../src/operations/renewal/renew.ts';
import { PLAIN, text } from './plain-style.ts';

function renewal(...parts: Partial<RenewedPart>[]): Renewal {
  return {
    repository: 'reg.example/app',
    server: 'https://reg.example',
    dryRun: false,
    expired: true,
    firstContact: false,
    parts: parts.map(part => ({
      role: 'targets',
      kind: 'metadata',
      status: 'renewed',
      expires: '2026-11-01T00:00:00Z',
      expired: true,
      version: 3,
      keyIds: ['a'.repeat(64)],
      threshold: 1,
      targets: [],
      ...part,
    })),
    versions: {},
    warnings: [],
    exitCode: 0,
  };
}

describe('a renewal', () => {
  it('says what was renewed, and what is vouched for', () => {
    const shown = text(
      renewLines(
        [renewal({ renewedUntil: '2029-11-21T00:00:00Z', targets: ['1', '2\u001b'] })],
        PLAIN,
      ),
    );
    expect(shown).toContain('✓ targets renewed until 2029-11-21');
    expect(shown).toContain('it vouches for 1, 2\\u001b');
    expect(shown).toContain('published to https://reg.example');
  });

  it('names the keys of what it cannot renew', () => {
    const parts = [{ status: 'key-missing' }, { role: 'targets/a', status: 'blocked' }] as const;
    const shown = text(renewLines([renewal(...parts)], PLAIN));
    expect(shown).toContain('its key is not here (aaaaaaaaaaaa)');
    expect(shown).toContain('what delegates to it must be renewed first');
    expect(shown).not.toContain('published');
    expect(renewBrief([renewal(...parts)])).toEqual([]);
  });

  it('tells what a new certificate means for others, the more so when the old one has expired', () => {
    const due = { role: 'root', kind: 'certificate', expired: false } as const;
    const ahead = text(renewLines([renewal(due)], PLAIN));
    expect(ahead).toContain('thumbprint changes');
    expect(ahead).not.toContain('stay stuck');
    expect(text(renewLines([renewal({ ...due, expired: true })], PLAIN))).toContain('stay stuck');
  });

  it('has nothing to say of a repository where nothing is due, and its errors on stderr', () => {
    expect(text(renewLines([renewal()], PLAIN))).toContain('nothing is due');
    const failed = { ...renewal(), error: { code: 'X', message: 'it failed' }, exitCode: 1 };
    expect(renewLines([failed], PLAIN)).toEqual([]);
    expect(text(renewErrors([failed]))).toContain('reg.example/app: it failed');
    expect(renewLines([], PLAIN)).toEqual(['No repositories in the trust directory.']);
  });
});
