import { describe, expect, it } from 'vitest';
import {
  verifyBrief,
  verifyErrors,
  verifyJson,
  verifyLines,
  verifyWarnings,
} from '../../src/cli/reports/verify-report.ts';
import type { VerifyResult } from '../../src/operations/verify.ts';
import { PLAIN, text } from './plain-style.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const TRUSTED: VerifyResult = {
  image: 'reg.example/app:1.2',
  repository: 'reg.example/app',
  tag: '1.2',
  digest: DIGEST,
  size: 1234,
  trusted: true,
  exitCode: 0,
  signedBy: [
    { name: 'alice', role: 'targets/alice', keyIds: [] },
    { name: 'bob', role: 'targets/bob', keyIds: [] },
    { name: 'releases', role: 'targets/releases', keyIds: [] },
  ],
  validUntil: '2029-11-20T00:00:00.000Z',
  trustData: {
    from: 'server',
    server: 'https://notary.example',
    checkedAt: '2026-11-22T00:00:00.000Z',
    ageSeconds: 0,
  },
  registry: { status: 'matches', digest: DIGEST },
  warnings: [],
};
const UNSIGNED: VerifyResult = {
  image: 'reg.example/app:9',
  repository: 'reg.example/app',
  digest: '',
  size: 0,
  trusted: false,
  exitCode: 3,
  error: { code: 'NOT_SIGNED', message: 'The tag 9 is not signed', hint: 'Look.' },
  signedBy: [],
  validUntil: '',
  registry: { status: 'skipped' },
  warnings: [],
};

function shown(...images: VerifyResult[]): string {
  return text(verifyLines({ images }, PLAIN));
}

describe('the report of verify', () => {
  it('says what trust rests on', () => {
    expect(shown(TRUSTED)).toMatchInlineSnapshot(`
      "✓ trusted  reg.example/app:1.2
        sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        signed by    alice, bob
        valid until  2029-11-20 (in 3 years)
        trust data   https://notary.example, checked just now
        registry     serves this digest"
    `);
  });

  it('says why not, and what to do', () => {
    expect(shown(TRUSTED, UNSIGNED).split('\n\n')[1]).toMatchInlineSnapshot(`
      "✗ not trusted  reg.example/app:9
        The tag 9 is not signed
        hint: Look."
    `);
  });

  it('does not call an image untrusted because a server could not be reached', () => {
    const error = { code: 'SERVER_UNREACHABLE', message: 'Cannot reach it' };
    expect(shown({ ...UNSIGNED, exitCode: 5, error })).toMatch(/^✗ not verified {2}reg.example/);
  });

  it('shows both digests when the tag moved', () => {
    const moved = `sha256:${'b'.repeat(64)}`;
    const error = { code: 'TAG_MOVED', message: 'The tag moved' };
    const lines = shown({
      ...TRUSTED,
      trusted: false,
      exitCode: 3,
      error,
      registry: { status: 'moved', digest: moved },
    });
    expect(lines).toMatch(/^✗ not trusted/);
    expect(lines).toContain(DIGEST);
    expect(lines).toContain(`serves another digest, ${moved}`);
  });

  it('dates a cached copy and says why it was used', () => {
    const trustData = {
      from: 'cache',
      server: 'https://notary.example',
      checkedAt: '2026-11-21T22:00:00.000Z',
      ageSeconds: 7200,
      reason: 'asked to stay offline',
    } as const;
    expect(shown({ ...TRUSTED, trustData })).toContain(
      'cached copy, checked 2 hours ago: asked to stay offline',
    );
  });

  it.each([
    ['unreachable', 'could not be asked: timed out'],
    ['skipped', 'not asked'],
    ['absent', 'does not have this image'],
  ] as const)('registry %s: %s', (status, words) => {
    const message = status === 'unreachable' ? { message: 'timed out' } : {};
    expect(shown({ ...TRUSTED, registry: { status, ...message } })).toContain(words);
  });

  it('shows a warning that images share once', () => {
    const warnings = ['The root expires soon'];
    const images = [
      { ...TRUSTED, warnings },
      { ...TRUSTED, image: 'reg.example/app:1.3', warnings },
    ];
    expect(shown(...images).split('The root expires soon')).toHaveLength(2);
    expect(verifyWarnings({ images })).toEqual(warnings);
  });

  it('lets nothing untrusted reach the terminal as it is', () => {
    const evil = 'x\u001b[2J\u202e';
    const lines = shown({
      ...TRUSTED,
      image: evil,
      signedBy: [{ name: evil, role: evil, keyIds: [] }],
      warnings: [evil],
      registry: { status: 'unreachable', message: evil },
    });
    expect(lines).not.toContain('\u001b');
    expect(lines).not.toContain('\u202e');
  });

  it('is, in short, the references that may be used', () => {
    const report = { images: [TRUSTED, UNSIGNED, { ...TRUSTED, exitCode: 5 }] };
    expect(verifyBrief(report)).toEqual([`reg.example/app@${DIGEST}`]);
    expect(verifyErrors(report)).toEqual([
      'tabellion: reg.example/app:9: The tag 9 is not signed',
      '  hint: Look.',
      'tabellion: reg.example/app:1.2: Not trusted',
    ]);
  });

  it('is, for programs, all of it', () => {
    expect(verifyJson({ images: [TRUSTED] })).toEqual({ schemaVersion: 1, images: [TRUSTED] });
  });
});
