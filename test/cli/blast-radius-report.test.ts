import { describe, expect, it } from 'vitest';
import {
  blastRadiusBrief,
  blastRadiusJson,
  blastRadiusLines,
  blastRadiusWarnings,
} from '../../src/cli/reports/blast-radius-report.ts';
import type { BlastRadius, KeyReach } from '../../src/operations/inventory/blast-radius.ts';
import { PLAIN, text } from './plain-style.ts';

const tag = (name: string) => ({ tag: name, digest: 'sha256:0', size: 1, role: 'targets' });

function radius(...reach: Partial<KeyReach>[]): BlastRadius {
  return {
    keyId: 'a'.repeat(64),
    certificateIds: [],
    repositories: [
      {
        repository: 'reg.example/app',
        server: 'https://reg.example',
        state: 'verified',
        from: 'disk',
        reach: reach.map(one => ({
          role: 'targets',
          power: 'all-tags',
          threshold: 1,
          keys: 1,
          signs: [],
          couldReplace: [],
          ...one,
        })),
      },
    ],
    unknown: [],
  };
}

describe('the blast radius', () => {
  it('says what each role’s key can do', () => {
    const shown = text(
      blastRadiusLines(
        radius(
          { role: 'root', power: 'everything' },
          { signs: [tag('1')], couldReplace: [tag('1'), tag('2')] },
          { role: 'targets/ci', power: 'some-tags', paths: ['ci-'] },
          { role: 'targets/all', power: 'some-tags', paths: [''], threshold: 2, keys: 3 },
          { role: 'targets/none', power: 'some-tags', paths: [] },
          { role: 'snapshot', power: 'staleness' },
        ),
        PLAIN,
      ),
    );
    expect(shown).toContain('root: everything');
    expect(shown).toContain('signs today: 1\n');
    expect(shown).toContain('could replace or remove: 1, 2\n');
    expect(shown).toContain('ci: tags that begin with ci-');
    expect(shown).toContain('all: any tag in its own name');
    expect(shown).toContain('not alone: 2 of its 3 keys must sign');
    expect(shown).toContain('none: no tag');
    expect(shown).toContain('snapshot: no tag: it could show old trust data as new');
  });

  it('names ten tags, and counts the rest', () => {
    const tags = Array.from({ length: 12 }, (_, index) => tag(`t${index}`));
    expect(text(blastRadiusLines(radius({ couldReplace: tags }), PLAIN))).toContain('and 2 more');
  });

  it('is not said to be nothing where something could not be read', () => {
    const report = {
      ...radius(),
      repositories: [],
      unknown: [{ repository: 'reg.example/x', server: '', problem: { code: 'X', message: 'no' } }],
    };
    expect(blastRadiusWarnings(report)).toEqual([
      'Whether reg.example/x trusts the key is not known: no',
    ]);
    expect(text(blastRadiusLines(report, PLAIN))).toContain('that could be read');
    expect(blastRadiusBrief(report)).toEqual([]);
    expect(blastRadiusJson(report)).toEqual({ schemaVersion: 1, ...report });
  });
});
