/** The lines on standard error, in the form of the logger that the original uses. */
import type { OutputStream } from '../host.ts';
import { goQuote } from './command-line/go-values.ts';

export type LogLevel = 'error' | 'warning' | 'info' | 'debug';

const ORDER: readonly LogLevel[] = ['error', 'warning', 'info', 'debug'];
const COLORS: Readonly<Record<LogLevel, number>> = { error: 31, warning: 33, info: 36, debug: 37 };
const TERMINAL_WIDTH = 44;
/** Values of these characters alone need no quotes. */
const PLAIN = /^[A-Za-z0-9\-._/@^+]*$/;

export interface LoggerOptions {
  readonly stream: OutputStream;
  readonly level: LogLevel;
  readonly now: () => Date;
}

export class Logger {
  readonly #options: LoggerOptions;
  readonly #start: number;

  constructor(options: LoggerOptions) {
    this.#options = options;
    this.#start = options.now().getTime();
  }

  error(message: string): void {
    this.#log('error', message);
  }

  warning(message: string): void {
    this.#log('warning', message);
  }

  info(message: string): void {
    this.#log('info', message);
  }

  debug(message: string): void {
    this.#log('debug', message);
  }

  #log(level: LogLevel, message: string): void {
    const { stream, level: wanted, now } = this.#options;
    if (ORDER.indexOf(level) > ORDER.indexOf(wanted)) return;
    stream.write(
      stream.isTTY === true
        ? this.#colored(level, message, now())
        : `time=${quoted(rfc3339(now()))} level=${level} msg=${quoted(message)}\n`,
    );
  }

  #colored(level: LogLevel, message: string, now: Date): string {
    const seconds = Math.floor((now.getTime() - this.#start) / 1000);
    const name = level.toUpperCase().slice(0, 4);
    const text = message.replace(/\n$/, '').padEnd(TERMINAL_WIDTH);
    return `\u001b[${COLORS[level]}m${name}\u001b[0m[${String(seconds).padStart(4, '0')}] ${text} \n`;
  }
}

function quoted(text: string): string {
  return PLAIN.test(text) ? text : goQuote(text);
}

/** Local time with its offset, in whole seconds. */
function rfc3339(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, 19);
  if (minutes === 0) return `${local}Z`;
  const two = (value: number): string => String(value).padStart(2, '0');
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${local}${minutes < 0 ? '-' : '+'}${two(hours)}:${two(rest)}`;
}
