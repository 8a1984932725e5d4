import type { OutputStream } from './host.ts';

/**
 * Keeps a stream's errors from ending the process. A reader that went away (`| head`) is no error:
 * the command goes on in silence and its exit code stays true. Anything else (a full disk) is kept.
 */
export function watchOutput(stream: OutputStream): { failure(): Error | undefined } {
  let failure: Error | undefined;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') failure ??= error;
  });
  return { failure: () => failure };
}

/** Resolves when everything written so far has left the process, or cannot. */
export function flush(stream: OutputStream): Promise<void> {
  return new Promise(resolve => {
    stream.write('', () => resolve());
  });
}
