import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDisplay } from '../../src/cli/context.ts';
import type { GlobalOptions } from '../../src/cli/global-options.ts';
import { createTestHost, type TestHostOptions } from './test-host.ts';

const TERMINAL = { stdin: true, stdout: true, stderr: true };

function setUp(globals: GlobalOptions = {}, options: TestHostOptions = {}) {
  const host = createTestHost(options);
  return { host, display: createDisplay(host, globals) };
}

const RESULT = {
  json: () => ({ answer: 42 }),
  text: () => ['The answer is', 'forty-two.'],
  brief: () => ['42'],
  warnings: ['it is \u001b[31mold'],
};

describe('result', () => {
  it('is text on stdout, with warnings on stderr', () => {
    const { host, display } = setUp();
    display.result(RESULT);
    expect(host.out()).toBe('The answer is\nforty-two.\n');
    expect(host.err()).toBe('tabellion: warning: it is \\u001b[31mold\n');
  });

  it('is bare with --quiet', () => {
    const { host, display } = setUp({ quiet: true });
    display.result(RESULT);
    expect(host.out()).toBe('42\n');
  });

  it('is one document with --json, and nothing else anywhere', () => {
    const { host, display } = setUp({ json: true, quiet: true }, { terminal: TERMINAL });
    display.progress({ message: 'working' });
    display.note('hello');
    display.result(RESULT);
    expect(JSON.parse(host.out())).toEqual({ answer: 42 });
    expect(host.err()).toBe('');
  });

  it('writes nothing at all for no lines', () => {
    const { host, display } = setUp();
    display.result({ ...RESULT, text: () => [], warnings: [] });
    expect(host.out()).toBe('');
  });
});

describe('colours', () => {
  it.each([
    ['a terminal', {}, { terminal: TERMINAL }, true],
    ['a pipe', {}, {}, false],
    ['--no-color', { color: false }, { terminal: TERMINAL }, false],
    ['NO_COLOR', {}, { terminal: TERMINAL, env: { NO_COLOR: '1' } }, false],
    [
      'an empty NO_COLOR, which counts as not set',
      {},
      { terminal: TERMINAL, env: { NO_COLOR: '' } },
      true,
    ],
    ['TERM=dumb', {}, { terminal: TERMINAL, env: { TERM: 'dumb' } }, false],
  ])('with %s', (_name, globals, options, coloured) => {
    const { display } = setUp(globals, options);
    expect(display.paint.red('x') !== 'x').toBe(coloured);
  });

  it('looks at each stream by itself', () => {
    const { display } = setUp({}, { terminal: { stderr: true } });
    expect(display.paint.red('x')).toBe('x');
    expect(display.errorPaint.red('x')).not.toBe('x');
  });
});

describe('steps', () => {
  it('are shown with --verbose only, printable', () => {
    const quiet = setUp();
    quiet.display.step('fetched');
    expect(quiet.host.err()).toBe('');

    const { host, display } = setUp({ verbose: true });
    display.step('fetched root\u0007');
    expect(host.err()).toBe('· fetched root\\u0007\n');
  });
});

describe('progress', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('rewrites one line, late, and takes it away before anything else is written', () => {
    const { host, display } = setUp({ color: false }, { terminal: TERMINAL });
    display.progress({ message: 'asking', done: 1, total: 3 });
    expect(host.err()).toBe('');
    vi.advanceTimersByTime(300);
    display.progress({ message: 'asking', done: 2, total: 3 });
    display.warn('careful');
    expect(host.err().split('\r\u001b[K')).toEqual([
      '',
      'asking 1 of 3 …',
      'asking 2 of 3 …',
      'tabellion: warning: careful\n',
    ]);
  });

  it('says nothing about work that is done at once', () => {
    const { host, display } = setUp({}, { terminal: TERMINAL });
    display.progress({ message: 'asking' });
    display.result({ ...RESULT, warnings: [] });
    vi.advanceTimersByTime(10_000);
    expect(host.err()).toBe('');
  });

  it('never wraps', () => {
    const { host, display } = setUp({ color: false }, { terminal: TERMINAL, columns: 20 });
    display.progress({ message: 'x'.repeat(100) });
    vi.advanceTimersByTime(300);
    expect(host.err()).toBe(`\r\u001b[K${'x'.repeat(19)}`);
  });

  it.each([{ json: true }, { quiet: true }, { verbose: true }])('is not shown with %j', globals => {
    const { host, display } = setUp(globals, { terminal: TERMINAL });
    display.progress({ message: 'asking' });
    vi.advanceTimersByTime(10_000);
    expect(host.err()).toBe('');
  });

  it('is not shown in a pipe', () => {
    const { host, display } = setUp();
    display.progress({ message: 'asking' });
    vi.advanceTimersByTime(10_000);
    expect(host.err()).toBe('');
  });
});
