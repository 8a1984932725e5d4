import { describe, expect, it } from 'vitest';
import {
  pushBrief,
  pushErrors,
  pushLines,
  pushOutcome,
} from '../../src/cli/reports/push-report.ts';
import type { PushedRepository, PushReport } from '../../src/operations/push/push.ts';
import { PLAIN } from './plain-style.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const OLD = `sha256:${'b'.repeat(64)}`;

const pushed: PushedRepository = {
  repository: 'reg.example/app',
  server: 'https://reg.example:4443',
  initialised: false,
  createdKeys: [],
  tags: [
    {
      tag: '1.2',
      digest: DIGEST,
      size: 500,
      roles: ['targets/releases'],
      status: 'signed',
      registry: 'set',
      previousRegistryDigest: OLD,
    },
  ],
  versions: { 'targets/releases': 3 },
  warnings: [],
  upload: {
    blobs: { total: 7, sent: 3, mounted: 2, present: 2, resumed: 1 },
    manifests: { total: 3, sent: 1, present: 2 },
    bytesSent: 12_345_678,
  },
  exitCode: 0,
};
const failure = { code: 'FORBIDDEN', message: 'It is not allowed', hint: 'Ask for it.' };
const report = (...repositories: PushedRepository[]): PushReport => ({
  dryRun: false,
  repositories,
});
const { paint } = PLAIN;

describe('the report of a push', () => {
  it('says what was sent, signed and tagged', () => {
    expect(pushLines(report(pushed), paint)).toEqual([
      'reg.example/app',
      '  ✓ 1.2 signed into releases',
      `    ${DIGEST}`,
      '  published to https://reg.example:4443 (now releases 3)',
      '  uploaded 3 of 7 blobs (12.3 MB), 1 of them from where it broke off, 2 taken over from other repositories, 1 of 3 manifests',
      `  set the tag 1.2, which was ${OLD}`,
    ]);
    expect(pushBrief(report(pushed))).toEqual([`reg.example/app:1.2@${DIGEST}`]);
    expect(pushOutcome(report(pushed))).toBe(0);
  });

  it('does not take a signature without a tag for done, nor hide it', () => {
    const [tag] = pushed.tags;
    if (tag === undefined) throw new Error('no tag');
    const stuck = report({
      ...pushed,
      tags: [{ ...tag, registry: 'missing' }],
      error: failure,
      exitCode: 5,
    });
    const lines = pushLines(stuck, paint);
    expect(lines).toContain('  ✓ 1.2 signed into releases');
    expect(lines.slice(-2)).toEqual([
      '  ✗ signed, but not tagged: It is not allowed',
      '    hint: Ask for it.',
    ]);
    expect(pushBrief(stuck)).toEqual([]);
    expect(pushErrors(stuck).join('\n')).toContain('reg.example/app: It is not allowed');
    expect(pushOutcome(stuck)).toBe(5);
  });

  it('says what was not pushed', () => {
    const { upload: _, ...rest } = pushed;
    const none = report({ ...rest, tags: [], versions: {}, error: failure, exitCode: 5 });
    expect(pushLines(none, paint)).toEqual([
      'reg.example/app',
      '  ✗ not pushed: It is not allowed',
      '    hint: Ask for it.',
    ]);
  });
});
