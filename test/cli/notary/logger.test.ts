import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { Logger, type LogLevel } from '../../../src/cli/notary/logger.ts';

const NOW = new Date('2026-11-22T00:00:00Z');

function logged(level: LogLevel, isTTY: boolean, write: (logger: Logger) => void): string {
  const stream = Object.assign(new PassThrough(), { isTTY });
  const times = [NOW, new Date(NOW.getTime() + 8400)];
  write(new Logger({ stream, level, now: () => times.shift() ?? NOW }));
  return (stream.read() ?? '').toString();
}

describe('the logger', () => {
  it('writes key and value where nobody looks', () => {
    const line = logged('warning', false, log => log.error('could not reach "x": no\troute'));
    expect(line).toMatch(/^time="2026-11-2\dT[\d:]{8}(?:Z|[+-]\d\d:\d\d)" level=error msg="/);
    expect(line.split('msg=')[1]).toBe('"could not reach \\"x\\": no\\troute"\n');
  });

  it('leaves plain words without quotes', () => {
    expect(logged('info', false, log => log.info('plain-word'))).toMatch(/ msg=plain-word\n$/);
  });

  it('writes colours and seconds at a terminal', () => {
    expect(logged('warning', true, log => log.warning('careful'))).toBe(
      `\u001b[33mWARN\u001b[0m[0008] ${'careful'.padEnd(44)} \n`,
    );
  });

  it('is silent below its level', () => {
    expect(logged('warning', false, log => log.info('x'))).toBe('');
    expect(logged('info', false, log => log.debug('x'))).toBe('');
  });
});
