import { spawn } from 'node:child_process';

export interface RunOptions {
  /** Exactly these variables: nothing is inherited. */
  env: Record<string, string>;
  cwd?: string;
  /** Written to standard input, which is then closed. Without it standard input is empty. */
  stdin?: string | Uint8Array;
  /** Milliseconds after which the program is killed and the run fails. Default 60,000. */
  timeoutMs?: number;
  /** Kills the program (SIGKILL) when it fires; the result then has the signal. */
  signal?: AbortSignal;
}

export interface RunResult {
  /** Exit code; null when a signal ended the program. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** Standard output as it came, for output that is not text. */
  stdoutBytes: Buffer;
}

/**
 * Runs a program to its end. Its exit code is a result, not an error.
 * @throws Error when it cannot be started or does not end in time.
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  return await new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: 'pipe' });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let timedOut = false;
    const kill = () => child.kill('SIGKILL');
    const timer = setTimeout(() => {
      timedOut = true;
      kill();
    }, timeoutMs);
    process.on('exit', kill);
    options.signal?.addEventListener('abort', kill);
    const settle = () => {
      clearTimeout(timer);
      process.off('exit', kill);
      options.signal?.removeEventListener('abort', kill);
    };
    child.stdout.on('data', chunk => stdout.push(chunk));
    child.stderr.on('data', chunk => stderr.push(chunk));
    // A program that ends without reading its input is no error of ours.
    child.stdin.on('error', () => {});
    child.stdin.end(options.stdin ?? '');
    child.on('error', error => {
      settle();
      reject(error);
    });
    child.on('close', (code, signal) => {
      settle();
      const stdoutBytes = Buffer.concat(stdout);
      const result: RunResult = {
        code,
        signal,
        stdout: stdoutBytes.toString('utf8'),
        stderr: Buffer.concat(stderr).toString('utf8'),
        stdoutBytes,
      };
      if (timedOut) {
        reject(new Error(describeRun(command, args, result, `did not end within ${timeoutMs} ms`)));
      } else {
        resolve(result);
      }
    });
    if (options.signal?.aborted) kill();
  });
}

/** Runs a program that must succeed. @throws Error with everything it said when its exit code is not 0. */
export async function runToSuccess(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  const result = await runProgram(command, args, options);
  if (result.code !== 0) {
    throw new Error(
      describeRun(command, args, result, `ended with ${result.signal ?? result.code}`),
    );
  }
  return result;
}

function describeRun(
  command: string,
  args: readonly string[],
  result: RunResult,
  what: string,
): string {
  return `${command} ${args.join(' ')}\n${what}\n--- stdout\n${result.stdout}\n--- stderr\n${result.stderr}`;
}
