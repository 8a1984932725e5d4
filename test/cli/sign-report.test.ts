import { describe, expect, it } from 'vitest';
import {
  signBrief,
  signLines,
  signOutcome,
  signWarnings,
} from '../../src/cli/reports/sign-report.ts';
import type { SignReport } from '../../src/operations/sign.ts';
import { PLAIN, text } from './plain-style.ts';

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const ROLES = ['targets/releases', 'targets/alice'];

const SIGNED: SignReport = {
  dryRun: false,
  reminders: [],
  repositories: [
    {
      repository: 'reg.example/app',
      server: 'https://notary.example',
      initialised: true,
      signer: 'alice',
      createdKeys: [
        { id: 'c'.repeat(64), role: 'root', file: '/trust/private/ccc.key' },
        { id: 'd'.repeat(64), role: 'alice', file: '/trust/private/ddd.key' },
      ],
      tags: [
        { tag: '1.10', digest: digest('a'), size: 7, roles: ROLES, status: 'signed' },
        {
          tag: '1.9',
          digest: digest('a'),
          size: 7,
          roles: ROLES,
          status: 'signed',
          previousDigest: digest('b'),
        },
      ],
      versions: { targets: 1, 'targets/releases': 1 },
      warnings: ['Mind the gap'],
      exitCode: 0,
    },
  ],
};

describe('the report of sign', () => {
  it('shows what was signed, what it was before, and the keys to back up', () => {
    expect(text(signLines(SIGNED, PLAIN.paint))).toMatchInlineSnapshot(`
      "reg.example/app
        was not signed yet: initialised
        ✓ 1.9 signed into releases, alice
          sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
          was sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
        ✓ 1.10 signed into releases, alice
          sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        new keys, which nobody can restore: back up these files
          root key cccccccccccc
            /trust/private/ccc.key
          signer key alice dddddddddddd
            /trust/private/ddd.key
        published to https://notary.example (now targets 1, releases 1)"
    `);
    expect(signWarnings(SIGNED)).toEqual(['Mind the gap']);
  });

  it('says when there was nothing to do', () => {
    const repositories = SIGNED.repositories.map(repository => ({
      ...repository,
      initialised: false,
      createdKeys: [],
      versions: {},
      tags: repository.tags.map(tag => ({ ...tag, status: 'already-signed' as const })),
    }));
    const lines = text(signLines({ ...SIGNED, repositories }, PLAIN.paint));
    expect(lines).toContain('= 1.9 already signed, nothing to do');
    expect(lines).toContain('nothing to publish to https://notary.example');
    expect(lines).not.toContain('published');
  });

  it('claims nothing of a dry run', () => {
    const repositories = SIGNED.repositories.map(repository => ({
      ...repository,
      createdKeys: [],
      versions: {},
      tags: repository.tags.map(tag => ({ ...tag, status: 'would-sign' as const })),
    }));
    const lines = text(signLines({ ...SIGNED, dryRun: true, repositories }, PLAIN.paint));
    expect(lines).toContain('would be initialised');
    expect(lines).toContain('+ 1.9 would be signed into releases, alice');
    expect(lines).toContain('nothing was published');
  });

  it('is, in short, what each tag stands for', () => {
    expect(signBrief(SIGNED)).toEqual([
      `reg.example/app:1.9@${digest('a')}`,
      `reg.example/app:1.10@${digest('a')}`,
    ]);
  });

  it('names the keys that were made although nothing could be published', () => {
    const [repository] = SIGNED.repositories;
    if (repository === undefined) throw new Error('no repository');
    const failed = {
      ...repository,
      tags: [],
      versions: {},
      error: { code: 'SERVER_ERROR', message: 'The server failed', hint: 'Try again.' },
      exitCode: 5,
    };
    const report = { ...SIGNED, repositories: [repository, failed] };
    const shown = text(signLines({ ...SIGNED, repositories: [failed] }, PLAIN.paint));
    expect(shown).toContain('✗ not signed: The server failed');
    expect(shown).toContain('hint: Try again.');
    expect(shown).toContain('/trust/private/ccc.key');
    expect(shown).not.toContain('published to');
    expect(signOutcome(report)).toBe(5);
    expect(signOutcome(SIGNED)).toBe(0);
  });
});
