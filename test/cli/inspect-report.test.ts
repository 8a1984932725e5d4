import { describe, expect, it } from 'vitest';
import {
  inspectBrief,
  inspectErrors,
  inspectJson,
  inspectLines,
} from '../../src/cli/reports/inspect-report.ts';
import type { InspectResult } from '../../src/operations/inspect.ts';
import { PLAIN, text } from './plain-style.ts';

const id = (digit: string): string => digit.repeat(64);
const role = (name: string, version: number, expires: string, key: string) => ({
  role: name,
  version,
  expires: `${expires}T00:00:00Z`,
  threshold: 1,
  keyIds: [id(key)],
});

const INSPECTED: InspectResult = {
  reminders: [],
  image: 'reg.example/app',
  repository: 'reg.example/app',
  exitCode: 0,
  signedTags: [
    { tag: '1.10', digest: `sha256:${id('a')}`, size: 7, signers: ['alice', 'bob'], roles: [] },
    { tag: '1.9', digest: `sha256:${id('b')}`, size: 7, signers: ['Repo Admin'], roles: [] },
  ],
  signers: [
    {
      name: 'bob',
      role: 'targets/bob',
      paths: ['rel-', 'v'],
      keys: [{ id: id('2') }, { id: id('3') }],
      threshold: 2,
    },
    { name: 'alice', role: 'targets/alice', paths: [''], keys: [{ id: id('1') }], threshold: 1 },
  ],
  administrativeKeys: [
    {
      name: 'Root',
      keys: [{ id: id('7'), certificateId: id('6'), notAfter: '2036-11-20T00:00:00.000Z' }],
    },
    { name: 'Repository', keys: [{ id: id('8') }] },
  ],
  roles: [
    role('root', 1, '2036-11-20', '7'),
    role('targets', 4, '2029-11-20', '8'),
    role('targets/alice', 2, '2029-11-20', '1'),
    role('targets/alice/nightly', 1, '2029-11-20', '1'),
    role('targets/releases', 3, '2026-11-21', '1'),
    role('snapshot', 9, '2029-11-20', '9'),
    role('timestamp', 20, '2026-12-05', '5'),
  ],
  trustData: {
    from: 'server',
    server: 'https://notary.example',
    checkedAt: '2026-11-22T00:00:00.000Z',
    ageSeconds: 0,
  },
  dockerJson: { Name: 'reg.example/app', SignedTags: [], Signers: [], AdministrativeKeys: [] },
  warnings: [],
};
const FAILED: InspectResult = {
  ...INSPECTED,
  image: 'reg.example/other',
  repository: 'reg.example/other',
  exitCode: 5,
  error: { code: 'SERVER_UNREACHABLE', message: 'Cannot reach it', hint: 'Try again.' },
  dockerJson: { ...INSPECTED.dockerJson, Name: 'reg.example/other' },
};

describe('the report of inspect', () => {
  it('shows tags as people count, signers, the tree of roles and the keys above', () => {
    expect(text(inspectLines({ images: [INSPECTED] }, PLAIN))).toMatchInlineSnapshot(`
      "reg.example/app
      trust data  https://notary.example, checked just now

      SIGNED TAG  DIGEST (SHA256)                                                   SIGNERS
      1.9         bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb  Repo Admin
      1.10        aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  alice, bob

      SIGNER  KEYS                              MAY SIGN
      alice   111111111111                      every tag
      bob     2 of: 222222222222, 333333333333  rel-*, v*

      ROLE              VERSION  VALID UNTIL                                   KEYS
      root              1        2036-11-20 (in 10 years)                      777777777777
      ├─ targets        4        2029-11-20 (in 3 years)                       888888888888
      │  ├─ alice       2        2029-11-20 (in 3 years)                       111111111111
      │  │  └─ nightly  1        2029-11-20 (in 3 years)                       111111111111
      │  └─ releases    3        2026-11-21 00:00 UTC (24 hours ago), expired  111111111111
      ├─ snapshot       9        2029-11-20 (in 3 years)                       999999999999
      └─ timestamp      20       2026-12-05 (in 13 days)                       555555555555

      ADMINISTRATIVE KEY  KEY ID        CERTIFICATE   VALID UNTIL
      Root key            777777777777  666666666666  2036-11-20 (in 10 years)
      Repository key      888888888888"
    `);
  });

  it('says so when nothing is signed', () => {
    const empty = { ...INSPECTED, signedTags: [], signers: [] };
    const lines = text(inspectLines({ images: [empty] }, PLAIN));
    expect(lines).toContain('No signed tags.');
    expect(lines).not.toContain('SIGNER');
  });

  it('leaves failures to stderr', () => {
    const report = { images: [FAILED, INSPECTED] };
    expect(inspectLines(report, PLAIN)[0]).toBe('reg.example/app');
    expect(inspectErrors(report)).toEqual([
      'tabellion: reg.example/other: Cannot reach it',
      '  hint: Try again.',
    ]);
  });

  it('is, in short, the signed tags', () => {
    expect(inspectBrief({ images: [INSPECTED, FAILED] })).toEqual([
      'reg.example/app:1.9',
      'reg.example/app:1.10',
    ]);
  });

  it("is, for programs, docker's array with ours last", () => {
    const [ok, failed] = inspectJson({ images: [INSPECTED, FAILED] });
    expect(Object.keys(ok ?? {})).toEqual([
      'Name',
      'SignedTags',
      'Signers',
      'AdministrativeKeys',
      'tabellion',
    ]);
    expect(ok).toMatchObject({ tabellion: { schemaVersion: 1, exitCode: 0 } });
    // An image that could not be asked about must not look like one without signatures.
    expect(failed).toEqual({
      Name: 'reg.example/other',
      tabellion: {
        schemaVersion: 1,
        image: 'reg.example/other',
        repository: 'reg.example/other',
        error: FAILED.error,
        exitCode: 5,
        warnings: [],
      },
    });
  });

  it('lets nothing untrusted reach the terminal as it is', () => {
    const evil = 'x\u001b[2J';
    const lines = text(
      inspectLines(
        {
          images: [
            {
              ...INSPECTED,
              image: evil,
              signedTags: [{ tag: evil, digest: evil, size: 1, signers: [evil], roles: [] }],
              signers: [
                { name: evil, role: evil, paths: [evil], keys: [{ id: evil }], threshold: 1 },
              ],
              roles: [{ ...role('root', 1, '2030-01-01', '1'), keyIds: [evil] }],
            },
          ],
        },
        PLAIN,
      ),
    );
    expect(lines).not.toContain('\u001b');
  });

  it('of expired trust data stands under a banner, and has no list for programs of Docker’s', () => {
    const error = { code: 'METADATA_EXPIRED', message: 'the targets metadata expired' };
    const expired: InspectResult = { ...INSPECTED, error, expired: true, exitCode: 3 };
    const lines = inspectLines({ images: [expired] }, PLAIN);
    expect(text(lines.slice(0, 3))).toContain('EXPIRED: nothing of this is trusted any more');
    expect(text(lines)).toContain('1.10');
    const [json] = inspectJson({ images: [expired] });
    expect(Object.keys(json ?? {})).toEqual(['Name', 'tabellion']);
    expect(json).toMatchObject({ tabellion: { expired: true, exitCode: 3, error } });
    expect(inspectBrief({ images: [expired] })).toEqual([]);
    expect(text(inspectErrors({ images: [expired] }))).toContain('the targets metadata expired');
  });
});
