import { KeyError } from '../errors.ts';
import { printable } from './printable.ts';

/** A PEM block: label, headers in the order of the file, and the decoded body. */
export interface PemBlock {
  readonly label: string;
  readonly headers: Map<string, string>;
  readonly bytes: Uint8Array;
}

const BEGIN = '-----BEGIN ';
const END = '\n-----END ';
const DASHES = '-----';
/** Each is linear in the length: the text may be hostile. */
const NOT_BASE64 = /[^A-Za-z0-9+/=\s]/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * The first PEM block in a text, by the rules of Go's reader (spec/keys.md 4.2.5): text before it is
 * ignored, line ends may be CRLF, lines of any width, headers are split at the first `:` and trimmed,
 * the blank line after them is optional. A block that is cut or damaged counts as no block.
 */
export function decodePem(text: string | Uint8Array): PemBlock | undefined {
  return new PemScanner(text).next();
}

/** All PEM blocks in a text, in order. Same rules as {@link decodePem}. */
export function decodeAllPem(text: string | Uint8Array): PemBlock[] {
  const scanner = new PemScanner(text);
  const blocks: PemBlock[] = [];
  for (let block = scanner.next(); block !== undefined; block = scanner.next()) {
    blocks.push(block);
  }
  return blocks;
}

/** Finds one block after the other. */
class PemScanner {
  readonly #text: string;
  #position = 0;
  /** Where the next END line stands; kept, so that many BEGIN lines do not mean many long searches. */
  #end = -1;

  constructor(text: string | Uint8Array) {
    this.#text = typeof text === 'string' ? text : Buffer.from(text).toString('utf8');
  }

  next(): PemBlock | undefined {
    while (this.#toAfterBegin()) {
      const typeLine = this.#line();
      this.#position = typeLine.next;
      if (!typeLine.text.endsWith(DASHES)) {
        continue;
      }
      const label = typeLine.text.slice(0, -DASHES.length);
      const headers = this.#headers();
      if (headers === undefined) {
        return undefined;
      }
      // One back: in an empty block the END line follows the type line at once.
      const end = this.#nextEnd(this.#position - (headers.size === 0 ? 1 : 0));
      if (end < 0) {
        return undefined;
      }
      const block = this.#body(label, headers, end);
      if (block !== undefined) {
        return block;
      }
    }
    return undefined;
  }

  #toAfterBegin(): boolean {
    const text = this.#text;
    if (text.startsWith(BEGIN, this.#position)) {
      this.#position += BEGIN.length;
      return true;
    }
    const found = text.indexOf(`\n${BEGIN}`, this.#position);
    if (found < 0) {
      return false;
    }
    this.#position = found + 1 + BEGIN.length;
    return true;
  }

  /** The line at the position without its end and trailing blanks, and where the next one starts. */
  #line(from: number = this.#position): { text: string; next: number } {
    const newline = this.#text.indexOf('\n', from);
    const end = newline < 0 ? this.#text.length : newline;
    let last = end;
    if (newline >= 0 && last > from && this.#text[last - 1] === '\r') {
      last--;
    }
    while (last > from && (this.#text[last - 1] === ' ' || this.#text[last - 1] === '\t')) {
      last--;
    }
    return { text: this.#text.slice(from, last), next: newline < 0 ? end : end + 1 };
  }

  /** Leaves the position after the headers. `undefined`: the text ends in them. */
  #headers(): Map<string, string> | undefined {
    const headers = new Map<string, string>();
    while (this.#position < this.#text.length) {
      const { text, next } = this.#line();
      const colon = text.indexOf(':');
      if (colon < 0) {
        return headers;
      }
      headers.set(text.slice(0, colon).trim(), text.slice(colon + 1).trim());
      this.#position = next;
    }
    return undefined;
  }

  #nextEnd(from: number): number {
    if (this.#end < from) {
      this.#end = this.#text.indexOf(END, from);
    }
    return this.#end;
  }

  #body(label: string, headers: Map<string, string>, end: number): PemBlock | undefined {
    const trailer = `${label}${DASHES}`;
    const afterEnd = end + END.length;
    if (!this.#text.startsWith(trailer, afterEnd)) {
      return undefined;
    }
    const restOfLine = this.#line(afterEnd + trailer.length);
    if (restOfLine.text !== '') {
      return undefined;
    }
    const bytes = decodeBase64Body(this.#text.slice(this.#position, Math.max(this.#position, end)));
    if (bytes === undefined) {
      return undefined;
    }
    this.#position = restOfLine.next;
    return { label, headers, bytes };
  }
}

function decodeBase64Body(body: string): Uint8Array | undefined {
  if (NOT_BASE64.test(body)) {
    return undefined;
  }
  const compact = body.replace(/\s+/g, '');
  return compact.length % 4 === 0 && BASE64.test(compact)
    ? Buffer.from(compact, 'base64')
    : undefined;
}

/**
 * Writes a PEM block as Go does: `Proc-Type` first, the other headers sorted by name, a blank line after
 * them, 64 columns of base64, LF line ends, one final newline (spec/keys.md 4.2).
 *
 * @throws {KeyError} `KEY_HEADER_INVALID` if a header could not be read back: a line break in it, or a
 *   colon in its name.
 */
export function encodePem(block: {
  label: string;
  headers?: Iterable<readonly [string, string]>;
  bytes: Uint8Array;
}): string {
  const headers = [...(block.headers ?? [])]
    .map(([name, value]) => ({ name, value, order: headerOrder(name) }))
    .sort((a, b) => Buffer.compare(a.order, b.order));
  for (const { name, value } of headers) {
    if (/[\r\n:]/.test(name) || /[\r\n]/.test(value)) {
      throw new KeyError(
        'KEY_HEADER_INVALID',
        `"${printable(name)}: ${printable(value)}" cannot be a header of a key file: it would not be one line.`,
      );
    }
  }
  const head = headers.map(({ name, value }) => `${name}: ${value}\n`).join('');
  const body = Buffer.from(block.bytes)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n');
  return `${BEGIN}${block.label}${DASHES}\n${head}${head === '' ? '' : '\n'}${body}-----END ${block.label}${DASHES}\n`;
}

function headerOrder(name: string): Buffer {
  return Buffer.from(name === 'Proc-Type' ? '' : `\u0001${name}`);
}
