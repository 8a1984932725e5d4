/** A child process that answers one question, and that is ended when it does not. */
import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/** How a child ended by itself, with what it wrote. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
}

/** A child that did not end by itself. */
export class ChildFailure extends Error {
  readonly kind: 'slow' | 'endless' | 'not-started';
  /** The system's word for why it could not be started. */
  readonly reason: string | undefined;

  constructor(kind: ChildFailure['kind'], reason?: string) {
    super(`child process: ${kind}`);
    this.name = 'ChildFailure';
    this.kind = kind;
    this.reason = reason;
  }
}

export interface ChildLimits {
  readonly timeoutMs: number;
  /** Bytes on its standard output. */
  readonly outputLimit: number;
}

/**
 * Waits for the end of a child. Nothing of one that is given up holds this process.
 * @param child just started; its standard error is not looked at
 * @param input for its standard input, if that is a pipe
 * @throws ChildFailure
 */
export async function childEnd(
  child: ChildProcessByStdio<Writable | null, Readable, null>,
  { timeoutMs, outputLimit }: ChildLimits,
  input = '',
): Promise<ChildEnd> {
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const giveUp = (failure: ChildFailure): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      // Children of its own may hold the pipes.
      child.stdout.destroy();
      child.stdin?.destroy();
      child.unref();
      reject(failure);
    };
    const timer = setTimeout(() => giveUp(new ChildFailure('slow')), timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > outputLimit) giveUp(new ChildFailure('endless'));
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      giveUp(new ChildFailure('not-started', error.code));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout: Buffer.concat(chunks) });
    });
    // One that ends without reading is known by its exit code.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
