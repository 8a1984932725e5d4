import { homedir } from 'node:os';
import type { Keychain } from '../keys/keychain.ts';

/** What the command needs of a stream: Node's, plus what only terminals have. */
export type OutputStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
};
export type InputStream = NodeJS.ReadableStream & { readonly isTTY?: boolean | undefined };

/** Everything the command takes from the process it runs in, so that a test can hand in its own. */
export interface Host {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
  /** `$HOME`, on Windows `%USERPROFILE%`. */
  readonly home: string;
  now(): Date;
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
