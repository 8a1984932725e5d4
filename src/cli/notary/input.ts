/** Standard input as the dialect reads it: whole, by lines, or by a line that is not shown. */
import type { InputStream } from '../host.ts';
import { Interrupted } from '../interruption.ts';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const END_OF_TEXT = 0x03;
const END_OF_TRANSMISSION = 0x04;
const BACKSPACE = 0x08;
const DELETE = 0x7f;
const KILL_LINE = 0x15;

/** A terminal that can be told not to show what is typed. */
type RawInput = InputStream & { setRawMode?: (mode: boolean) => unknown };

export class StandardInput {
  readonly #stream: RawInput;
  #buffer: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake: (() => void) | undefined;
  #listening = false;

  constructor(stream: InputStream) {
    this.#stream = stream;
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  /** The next line without its end; undefined at the end of input. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#buffer.indexOf(LINE_FEED);
      if (end >= 0)
        return this.#take(end + 1)
          .subarray(0, end)
          .toString('utf8');
      if (this.#ended) {
        return this.#buffer.length === 0
          ? undefined
          : this.#take(this.#buffer.length).toString('utf8');
      }
      await this.#more();
    }
  }

  /** Everything up to the end of input. */
  async all(): Promise<Buffer> {
    while (!this.#ended) await this.#more();
    return this.#take(this.#buffer.length);
  }

  /**
   * A line that is not shown while it is typed; undefined at the end of input. From a pipe, an ordinary line.
   * @throws Interrupted
   */
  async secret(): Promise<string | undefined> {
    if (!this.isTerminal || this.#stream.setRawMode === undefined) return await this.line();
    this.#stream.setRawMode(true);
    try {
      return await this.#typed();
    } finally {
      this.#stream.setRawMode(false);
    }
  }

  /** Lets the process end although input is left. */
  close(): void {
    if (!this.#listening) return;
    this.#stream.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onEnd);
    this.#stream.pause();
  }

  async #typed(): Promise<string | undefined> {
    const typed: number[] = [];
    for (;;) {
      if (this.#buffer.length === 0) {
        if (this.#ended) return typed.length === 0 ? undefined : Buffer.from(typed).toString();
        await this.#more();
        continue;
      }
      const [byte = 0] = this.#take(1);
      if (byte === END_OF_TEXT) throw new Interrupted();
      if (byte === LINE_FEED || byte === CARRIAGE_RETURN) return Buffer.from(typed).toString();
      if (byte === END_OF_TRANSMISSION && typed.length === 0) return undefined;
      if (byte === BACKSPACE || byte === DELETE) dropCharacter(typed);
      else if (byte === KILL_LINE) typed.length = 0;
      else typed.push(byte);
    }
  }

  #take(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  async #more(): Promise<void> {
    const more = new Promise<void>(resolve => {
      this.#wake = resolve;
    });
    if (!this.#listening) {
      this.#listening = true;
      this.#stream.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onEnd);
    }
    this.#stream.resume();
    await more;
  }

  readonly #onData = (chunk: Buffer | string): void => {
    this.#buffer = Buffer.concat([this.#buffer, Buffer.from(chunk)]);
    // What is not asked for stays with the terminal or the pipe.
    this.#stream.pause();
    this.#wake?.();
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#wake?.();
  };
}

/** A character may have several bytes. */
function dropCharacter(typed: number[]): void {
  for (let byte = typed.pop(); byte !== undefined; byte = typed.pop()) {
    if ((byte & 0xc0) !== 0x80) return;
  }
}
