import { printable } from '../crypto/printable.ts';
import { TabellionError } from '../errors.ts';
import type { Display } from './display.ts';
import { Interrupted } from './interruption.ts';
import { SCHEMA_VERSION } from './json-document.ts';

/** An error as `--json` shows it. */
export interface ErrorJson {
  code: string;
  message: string;
  hint?: string;
  details?: Readonly<Record<string, unknown>>;
}

/**
 * What a person sees of an error they did not cause. No trace: it is long and names files of ours
 * that help nobody who has not been asked for them.
 */
const DEFECT_HINT =
  'This is a defect in Tabellion: run the command again with --verbose and report what it prints.';

/** Code, message and next step of anything that was thrown. */
export function describeError(error: unknown): ErrorJson {
  if (error instanceof TabellionError) {
    return {
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(error.details === undefined ? {} : { details: error.details }),
    };
  }
  if (error instanceof Interrupted) return { code: 'INTERRUPTED', message: 'Interrupted' };
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'UNEXPECTED', message: `Unexpected error: ${message}`, hint: DEFECT_HINT };
}

/** The lines that tell a person of an error: `tabellion: …`, then what to do next. */
export function errorLines(described: Pick<ErrorJson, 'message' | 'hint'>): string[] {
  const lines = [`tabellion: ${printable(described.message)}`];
  if (described.hint !== undefined) lines.push(`  hint: ${printable(described.hint)}`);
  return lines;
}

/** Shows an error that ended a command: on stderr, or with `--json` as the document on stdout. */
export function reportError(error: unknown, display: Display): void {
  const described = describeError(error);
  if (display.options.json) display.json({ schemaVersion: SCHEMA_VERSION, error: described });
  else display.error(...errorLines(described));
  if (display.options.verbose) {
    for (const line of traces(error)) display.error(display.errorPaint.dim(printable(line)));
  }
}

/** For `--verbose`: the stack of a defect, and of what caused an error that was foreseen. */
function traces(error: unknown): string[] {
  const lines: string[] = [];
  let current = error;
  // A chain of causes is short; the bound is for one that bites its own tail.
  for (let depth = 0; depth < 8 && current instanceof Error; depth += 1) {
    if (!(current instanceof TabellionError || current instanceof Interrupted)) {
      const [first = '', ...rest] = (current.stack ?? `${current.name}: ${current.message}`).split(
        '\n',
      );
      lines.push(depth === 0 ? first : `caused by ${first}`, ...rest);
    } else if (depth > 0 && current instanceof TabellionError) {
      lines.push(`caused by ${current.code}: ${current.message}`);
    }
    current = current.cause;
  }
  return lines;
}
