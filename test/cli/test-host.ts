import { PassThrough } from 'node:stream';
import type { Host, TerminalInput } from '../../src/cli/host.ts';
import { type RunResult, run } from '../../src/cli/run.ts';
import { type Keychain, keychainError } from '../../src/keys/keychain.ts';
import { QUICK_KEYS } from '../support/quick-keys.ts';

/** When everything in these tests happens. */
export const NOW = new Date('2026-11-22T00:00:00Z');

export interface TestHostOptions {
  /** Which streams are terminals. */
  readonly terminal?: { stdin?: boolean; stdout?: boolean; stderr?: boolean };
  readonly columns?: number;
  readonly env?: NodeJS.ProcessEnv;
  /** The terminal beside standard input; unless given there is none. */
  readonly ownTerminal?: () => TerminalInput;
  /** Unless given there is none, as on a server. */
  readonly keychain?: Keychain;
}

/** A host that a test looks into: its streams keep what was written, its signals are sent by hand. */
export interface TestHost extends Host {
  readonly stdin: PassThrough & { isTTY?: boolean };
  readonly out: () => string;
  readonly err: () => string;
  /** Sends a signal; false if nobody listens, in which case Node.js would end the process. */
  signal(name: NodeJS.Signals): boolean;
  /** An error that no promise carries. */
  throwUncaught(error: unknown): boolean;
  /** Resolves as soon as stdout holds the text. */
  outShows(text: string): Promise<void>;
  /** The same of stderr. */
  errShows(text: string): Promise<void>;
}

export function createTestHost(options: TestHostOptions = {}): TestHost {
  const { terminal = {}, columns = 80, env = {} } = options;
  const stdout = capture(terminal.stdout === true, columns);
  const stderr = capture(terminal.stderr === true, columns);
  const listeners = new Map<string, Set<(value: unknown) => void>>();
  const listen = (name: string, listener: (value: unknown) => void): (() => void) => {
    const set = listeners.get(name) ?? new Set();
    listeners.set(name, set.add(listener));
    return () => set.delete(listener);
  };
  const emit = (name: string, value?: unknown): boolean => {
    const set = [...(listeners.get(name) ?? [])];
    for (const listener of set) listener(value);
    return set.length > 0;
  };
  return {
    stdin: Object.assign(new PassThrough(), terminal.stdin === true ? { isTTY: true } : {}),
    stdout: stdout.stream,
    stderr: stderr.stream,
    env: { ...QUICK_KEYS, ...env },
    home: '/home/somebody',
    now: () => NOW,
    terminal: () => options.ownTerminal,
    openKeychain: async () => {
      if (options.keychain !== undefined) return options.keychain;
      throw keychainError('unavailable', 'cannot be used: there is none in this test');
    },
    onSignal: (signal, listener) => listen(signal, listener),
    onUncaught: listener => listen('uncaught', listener),
    out: stdout.text,
    err: stderr.text,
    signal: name => emit(name),
    throwUncaught: error => emit('uncaught', error),
    outShows: stdout.shows,
    errShows: stderr.shows,
  };
}

/** Runs a command line on a host of its own. */
export async function runCli(
  argv: readonly string[],
  options: TestHostOptions = {},
): Promise<RunResult & { out: string; err: string }> {
  const host = createTestHost(options);
  const result = await run(argv, host);
  return { ...result, out: host.out(), err: host.err() };
}

function capture(isTTY: boolean, columns: number) {
  // Marked as what nobody may end, as Node.js marks the process's own streams.
  const stream = Object.assign(
    new PassThrough(),
    { _isStdio: true },
    isTTY ? { isTTY, columns } : {},
  );
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  const shows = (wanted: string): Promise<void> =>
    new Promise(resolve => {
      const look = (): void => {
        if (!text.includes(wanted)) return;
        stream.off('data', look);
        resolve();
      };
      stream.on('data', look);
      look();
    });
  return { stream, text: () => text, shows };
}

/** What a command says on stderr, without its reminders of keys and expiries. */
export function apartFromReminders(err: string): string {
  return err.replace(/^reminder: .*\n/gm, '');
}
