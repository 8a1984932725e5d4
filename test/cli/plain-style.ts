import pico from 'picocolors';
import { NOW } from './test-host.ts';

/** No colours, and the time of all tests. */
export const PLAIN = { paint: pico.createColors(false), now: NOW };

/** Lines as a terminal shows them. */
export function text(lines: readonly string[]): string {
  return lines.join('\n');
}
