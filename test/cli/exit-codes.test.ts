import { describe, expect, it } from 'vitest';
import { EXIT, exitCodeOf, worstExitCode } from '../../src/cli/exit-codes.ts';
import { Interrupted } from '../../src/cli/interruption.ts';
import {
  ConnectionError,
  KeyError,
  OperationError,
  TrustError,
  UsageError,
} from '../../src/errors.ts';

describe('exitCodeOf', () => {
  it.each([
    [new OperationError('X', 'x'), 1],
    [new UsageError('X', 'x'), 2],
    [new TrustError('X', 'x'), 3],
    [new KeyError('X', 'x'), 4],
    [new ConnectionError('X', 'x'), 5],
    [new Interrupted(), 130],
    [new TypeError('a defect'), 1],
    ['thrown text', 1],
    [undefined, 1],
  ])('%s', (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });
});

describe('worstExitCode', () => {
  it.each([
    [[], EXIT.done],
    [[0, 0], EXIT.done],
    [[0, 5, 0], EXIT.connection],
    // Not reached is an obstacle, not trusted is a finding: the finding is what matters.
    [[5, 3, 1], EXIT.untrusted],
    [[4, 5], EXIT.key],
    [[2, 1], EXIT.usage],
    // A code that nobody defined must not pass for success.
    [[0, 77], EXIT.failed],
  ])('%j', (codes, worst) => {
    expect(worstExitCode(codes)).toBe(worst);
  });
});
