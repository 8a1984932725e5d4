import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunOptions, RunResult } from '../support/run-program.ts';

/** Between a prompt and the moment when the program has switched the echo off. */
const ECHO_OFF_MS = 60;

/**
 * Runs a program at a terminal of its own and types each answer when its prompt has appeared. Standard output and
 * error are one stream there, with CR LF as LF.
 */
export async function runAtTerminal(
  command: string,
  args: readonly string[],
  answers: readonly (readonly [prompt: string, answer: string])[],
  options: Pick<RunOptions, 'env' | 'cwd'>,
): Promise<RunResult> {
  const line = [command, ...args].map(word => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
    cwd: options.cwd,
    env: { ...options.env, SHELL: '/bin/sh', TERM: 'dumb' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let shown = '';
  let answered = 0;
  let from = 0;
  let typing = Promise.resolve();
  child.stdin.on('error', () => {});
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString('utf8');
    for (;;) {
      const next = answers[answered];
      if (next === undefined) return;
      const at = shown.indexOf(next[0], from);
      if (at === -1) return;
      from = at + next[0].length;
      answered += 1;
      typing = typing
        .then(() => delay(ECHO_OFF_MS))
        .then(() => void child.stdin.write(`${next[1]}\n`));
    }
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearTimeout(timer);
  const missing = answers.slice(answered).map(([prompt]) => `\n<never asked: ${prompt}>`);
  const stdout = shown.replaceAll('\r\n', '\n') + missing.join('');
  const signal = code === 128 + constants.signals.SIGKILL ? ('SIGKILL' as const) : null;
  return { code, signal, stdout, stderr: '', stdoutBytes: Buffer.from(stdout) };
}
