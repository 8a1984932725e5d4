import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { track, untrack } from './running.ts';

/** A program that runs in a terminal of its own, by the real `script`. */
export interface TerminalRun {
  /** Everything it showed so far, without control sequences. */
  text(): string;
  /** Waits until the text is shown, after what was waited for before. @throws Error when the program ends first */
  shows(text: string): Promise<void>;
  type(keys: string): void;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

/** @param env exactly these variables: nothing is inherited */
export function runInTerminal(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): TerminalRun {
  const quoted = [command, ...args].map(word => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const child = spawn('script', ['-qec', `stty cols 100 rows 40; exec ${quoted}`, '/dev/null'], {
    env: { TERM: 'xterm', SHELL: '/bin/sh', ...env },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let raw = '';
  let seen = 0;
  const waiting = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => {
    raw += chunk.toString('utf8');
    for (const look of waiting) look();
  });
  const text = (): string => stripVTControlCharacters(raw);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', code => resolve(code));
  });
  const running = track({
    name: `${command} in a terminal`,
    async stop() {
      untrack(running);
      // The program loses its terminal, and ends too.
      child.kill('SIGKILL');
      await ended.catch(() => {});
    },
    logs: text,
  });
  return {
    text,
    type: keys => void child.stdin.write(keys),
    ended,
    async shows(wanted) {
      await new Promise<void>((resolve, reject) => {
        const look = (): void => {
          const at = text().indexOf(wanted, seen);
          if (at === -1) return;
          seen = at + wanted.length;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        void ended.then(code =>
          reject(new Error(`ended with ${code} before it showed “${wanted}”:\n${text()}`)),
        );
        look();
      });
    },
  };
}
