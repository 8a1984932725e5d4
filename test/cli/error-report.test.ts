import { describe, expect, it } from 'vitest';
import { createDisplay } from '../../src/cli/context.ts';
import { reportError } from '../../src/cli/error-report.ts';
import type { GlobalOptions } from '../../src/cli/global-options.ts';
import { Interrupted } from '../../src/cli/interruption.ts';
import { KeyError, TrustError } from '../../src/errors.ts';
import { createTestHost } from './test-host.ts';

function report(error: unknown, globals: GlobalOptions = {}) {
  const host = createTestHost();
  reportError(error, createDisplay(host, globals));
  return { out: host.out(), err: host.err() };
}

describe('reportError', () => {
  const error = new TrustError('METADATA_ROLLBACK', 'Version 3 of \u001b[2Jroot', {
    hint: 'Ask the owner.',
    details: { role: 'root' },
  });

  it('tells a person on stderr, in printable text', () => {
    expect(report(error)).toEqual({
      out: '',
      err: 'tabellion: Version 3 of \\u001b[2Jroot\n  hint: Ask the owner.\n',
    });
  });

  it('is shown also with --quiet', () => {
    expect(report(error, { quiet: true }).err).toContain('tabellion: Version 3');
  });

  it('tells a program on stdout with --json', () => {
    const { out, err } = report(error, { json: true });
    expect(err).toBe('');
    expect(JSON.parse(out)).toEqual({
      schemaVersion: 1,
      error: {
        code: 'METADATA_ROLLBACK',
        message: 'Version 3 of \u001b[2Jroot',
        hint: 'Ask the owner.',
        details: { role: 'root' },
      },
    });
  });

  it('leaves out what there is not', () => {
    const { out } = report(new KeyError('KEY_MISSING', 'No key'), { json: true });
    expect(JSON.parse(out).error).toEqual({ code: 'KEY_MISSING', message: 'No key' });
  });

  it('asks to report a defect, and shows its stack with --verbose only', () => {
    const defect = new TypeError('x is not a function');
    expect(report(defect).err).toMatchInlineSnapshot(`
      "tabellion: Unexpected error: x is not a function
        hint: This is a defect in Tabellion: run the command again with --verbose and report what it prints.
      "
    `);
    expect(report(defect, { verbose: true }).err).toMatch(
      /TypeError: x is not a function\n +at .*error-report/,
    );
  });

  it('shows with --verbose what caused an error that was foreseen, and no stack of it', () => {
    const cause = new TrustError('HASH_MISMATCH', 'Digests differ', { cause: new Error('deep') });
    const { err } = report(new TrustError('NO_TRUST_DATA', 'None', { cause }), { verbose: true });
    expect(err).toContain(
      'tabellion: None\ncaused by HASH_MISMATCH: Digests differ\ncaused by Error: deep\n',
    );
    expect(err).not.toContain('TrustError');
  });

  it('ends a chain of causes that leads back to itself', () => {
    const loop = new Error('loop');
    loop.cause = loop;
    expect(report(loop, { verbose: true }).err.split('caused by').length).toBeLessThan(20);
  });

  it('says little of an interruption', () => {
    expect(report(new Interrupted()).err).toBe('tabellion: Interrupted\n');
  });
});
