import { closeSync, openSync } from 'node:fs';
import { homedir } from 'node:os';
import { ReadStream } from 'node:tty';
import type { Keychain } from '../keys/keychain.ts';

/** What the command needs of a stream: Node's, plus what only terminals have. */
export type OutputStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
};
export type InputStream = NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined };

/** A terminal that was opened beside standard input, and that is closed after use. */
export type TerminalInput = InputStream & { destroy(): unknown };

/** Everything the command takes from the process it runs in, so that a test can hand in its own. */
export interface Host {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
  /** `$HOME`, on Windows `%USERPROFILE%`. */
  readonly home: string;
  now(): Date;
  /** The terminal that the process belongs to, whatever standard input is; undefined where there is none. */
  terminal(): (() => TerminalInput) | undefined;
  /** The system's keychain. Nothing is loaded or asked before this is called. */
  openKeychain(): Promise<Keychain>;
  /** Listens for a signal; call the result to stop. */
  onSignal(signal: NodeJS.Signals, listener: () => void): () => void;
  /** Listens for errors that nothing awaited (a defect by definition); call the result to stop. */
  onUncaught(listener: (error: unknown) => void): () => void;
}

/** The real process. */
export function processHost(): Host {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    home: homedir(),
    now: () => new Date(),
    terminal: controllingTerminal,
    openKeychain: async () =>
      (await import('./system-keychain.ts')).openSystemKeychain(process.env),
    onSignal: (signal, listener) => {
      process.on(signal, listener);
      return () => process.off(signal, listener);
    },
    onUncaught: listener => {
      process.on('uncaughtException', listener);
      return () => process.off('uncaughtException', listener);
    },
  };
}

/** By its name on every Unix, and on Windows. */
const TERMINAL_DEVICE = process.platform === 'win32' ? '\\\\.\\CONIN$' : '/dev/tty';

function controllingTerminal(): (() => TerminalInput) | undefined {
  const open = (): number => openSync(TERMINAL_DEVICE, process.platform === 'win32' ? 'r+' : 'r');
  try {
    closeSync(open());
  } catch {
    return undefined;
  }
  return () => new ReadStream(open());
}
