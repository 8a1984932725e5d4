import type { InputStream } from './host.ts';

/** Longer than any line that means something, in characters. */
const LINE_LIMIT = 64 * 1024;

/**
 * The lines of a stream as they come, without their ends. Reading begins with the first one that is asked for: nothing
 * that came before is lost, as it would be with `node:readline`.
 */
export async function* inputLines(stream: InputStream): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    const lines = rest.split(/\r?\n/);
    rest = (lines.pop() ?? '').slice(0, LINE_LIMIT);
    yield* lines;
  }
  if (rest !== '') yield rest;
}
