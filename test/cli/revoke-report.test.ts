import { describe, expect, it } from 'vitest';
import { revokeBrief, revokeLines, revokeOutcome } from '../../src/cli/reports/revoke-report.ts';
import type { RevokedTag, RevokeReport } from '../../src/operations/revoke.ts';
import { PLAIN, text } from './plain-style.ts';

const REVOKED: RevokedTag = {
  tag: '1.9',
  removedFrom: ['targets/releases', 'targets/alice'],
  remainsIn: [],
  status: 'revoked',
};
const PARTLY: RevokedTag = {
  tag: '1.10',
  removedFrom: ['targets/releases'],
  remainsIn: ['targets'],
  status: 'partly',
};
const UNSIGNED: RevokedTag = { tag: '2', removedFrom: [], remainsIn: [], status: 'not-signed' };

function report(...tags: RevokedTag[]): RevokeReport {
  const published = tags.some(
    ({ removedFrom, status }) => removedFrom.length > 0 && status !== 'would-revoke',
  );
  return {
    repositories: [
      {
        repository: 'reg.example/app',
        server: 'https://notary.example',
        tags,
        versions: published ? { 'targets/releases': 2 } : {},
        warnings: [],
        exitCode: 0,
      },
    ],
  };
}

describe('the report of revoke', () => {
  it('says of each tag what became of it', () => {
    expect(
      text(revokeLines(report(UNSIGNED, PARTLY, REVOKED), PLAIN.paint)),
    ).toMatchInlineSnapshot(`
      "reg.example/app
        ✓ 1.9 revoked from releases, alice
        ✗ 1.10 is still trusted through targets: no key for it here
        ! 2 is not signed
        published to https://notary.example"
    `);
  });

  it('shows a plan as a plan', () => {
    const plan = report(
      { ...REVOKED, status: 'would-revoke' },
      { ...PARTLY, status: 'would-revoke' },
    );
    expect(text(revokeLines(plan, PLAIN.paint))).toMatchInlineSnapshot(`
      "reg.example/app
        - 1.9 would be revoked from releases, alice
        - 1.10 would stay trusted through targets: no key for it here"
    `);
  });

  it('is a success only if every tag is gone', () => {
    expect(revokeOutcome(report(REVOKED))).toBe(0);
    expect(revokeOutcome(report(REVOKED, PARTLY))).toBe(1);
    expect(revokeOutcome(report(UNSIGNED))).toBe(1);
  });

  it('is, in short, the tags that nobody trusts any more', () => {
    expect(revokeBrief(report(REVOKED, PARTLY, UNSIGNED))).toEqual(['reg.example/app:1.9']);
  });
});
