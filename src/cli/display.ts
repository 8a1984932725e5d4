import pico from 'picocolors';
import { printable } from '../crypto/printable.ts';
import type { Host } from './host.ts';
import { jsonDocument } from './json-document.ts';

/** Colours for one stream; every member returns its text unchanged where colours are off. */
export type Paint = ReturnType<typeof pico.createColors>;

export interface DisplayOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Whether colours are wished; they still need a terminal. */
  readonly color: boolean;
}

/** One result in its three forms; only the form that is wanted is made. */
export interface Result {
  /** For `--json`: an object or array that JSON can hold. */
  readonly json: () => unknown;
  /** For people: lines without newlines, untrusted text already made printable. */
  readonly text: () => readonly string[];
  /** For `--quiet`: the bare facts, one a line, for `$(…)`. */
  readonly brief: () => readonly string[];
  /** Lines for people on stderr; not shown with `--json`, whose document carries them. */
  readonly warnings?: readonly string[];
}

/** What a progress event looks like to the display: a sentence, and how far it has come. */
export interface Progress {
  readonly message: string;
  readonly done?: number;
  readonly total?: number;
}

/** Work that is done sooner is not worth a line that only flickers. */
const PROGRESS_AFTER_MS = 300;
const ERASE_LINE = '\r\u001b[K';

/**
 * The one place that writes to the terminal. Results go to stdout; notes, warnings, steps, progress
 * and errors to stderr, so that a pipe carries results alone.
 */
export class Display {
  readonly options: DisplayOptions;
  /** Colours for stdout. */
  readonly paint: Paint;
  /** Colours for stderr. */
  readonly errorPaint: Paint;
  readonly #host: Host;
  readonly #members: Record<string, unknown> = {};
  #progressLine: string | undefined;
  #progressDrawn = false;
  #progressTimer: NodeJS.Timeout | undefined;

  constructor(host: Host, options: DisplayOptions) {
    this.#host = host;
    this.options = options;
    this.paint = pico.createColors(options.color && host.stdout.isTTY === true);
    this.errorPaint = pico.createColors(options.color && host.stderr.isTTY === true);
  }

  /** Shows what a command found or did, in the form that was asked for. */
  result(result: Result): void {
    this.endProgress();
    const { json, quiet } = this.options;
    if (json) {
      this.json(result.json());
      return;
    }
    for (const warning of result.warnings ?? []) this.warn(warning);
    const lines = quiet ? result.brief() : result.text();
    if (lines.length > 0) this.#out(`${lines.join('\n')}\n`);
  }

  /** Part of a result that is told as it happens: lines on stdout, for people only. */
  tell(lines: readonly string[]): void {
    this.endProgress();
    if (!this.options.json && !this.options.quiet) this.#out(`${lines.join('\n')}\n`);
  }

  /** Text on stdout as it is, in every mode: help, a completion script. */
  raw(text: string): void {
    this.endProgress();
    this.#out(text);
  }

  /** A JSON document on stdout, in every mode: an error under `--json`. */
  json(value: unknown): void {
    this.endProgress();
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    this.#out(jsonDocument(isObject ? { ...value, ...this.#members } : value));
  }

  /** A member for every JSON document that is an object, of whatever command; it may still grow. */
  addMember(name: string, value: unknown): void {
    this.#members[name] = value;
  }

  /** Lines on stderr for the person who waits; nothing with `--json` or `--quiet`. */
  note(...lines: string[]): void {
    if (!this.options.json && !this.options.quiet) this.#err(lines);
  }

  /** A warning on stderr, also with `--quiet`; its text may be untrusted. */
  warn(text: string): void {
    if (this.options.json) return;
    this.#err([`tabellion: ${this.errorPaint.yellow('warning:')} ${printable(text)}`]);
  }

  /** Lines on stderr whatever the mode: errors. */
  error(...lines: string[]): void {
    this.#err(lines);
  }

  /** One step of the work, for `--verbose`. */
  step(text: string): void {
    if (this.options.verbose) this.#err([this.errorPaint.dim(`· ${printable(text)}`)]);
  }

  /** Where long work stands: one line that is rewritten, at a terminal only. */
  progress(event: Progress): void {
    const { json, quiet, verbose } = this.options;
    if (json || quiet || verbose || this.#host.stderr.isTTY !== true) return;
    const count = event.total === undefined ? '' : ` ${event.done ?? 0} of ${event.total}`;
    this.#progressLine = `${printable(event.message)}${count} …`;
    if (this.#progressDrawn) this.#drawProgress();
    else this.#progressTimer ??= setTimeout(() => this.#drawProgress(), PROGRESS_AFTER_MS).unref();
  }

  /** Takes the progress line away; called before anything else is written. */
  endProgress(): void {
    clearTimeout(this.#progressTimer);
    this.#progressTimer = undefined;
    this.#progressLine = undefined;
    this.#eraseProgress();
  }

  #drawProgress(): void {
    if (this.#progressLine === undefined) return;
    // A line that wraps cannot be rewritten.
    const room = (this.#host.stderr.columns ?? 80) - 1;
    const line = [...this.#progressLine].slice(0, room).join('');
    this.#host.stderr.write(`${ERASE_LINE}${this.errorPaint.dim(line)}`);
    this.#progressDrawn = true;
  }

  #eraseProgress(): void {
    if (!this.#progressDrawn) return;
    this.#progressDrawn = false;
    this.#host.stderr.write(ERASE_LINE);
  }

  #out(text: string): void {
    this.#host.stdout.write(text);
  }

  #err(lines: readonly string[]): void {
    if (lines.length === 0) return;
    this.endProgress();
    this.#host.stderr.write(lines.map(line => `${line}\n`).join(''));
  }
}
