/**
 * Texts as values, by the rules of Go's `strconv` and `encoding/csv`, with Go's sentences when they are none:
 * scripts pass `0x10`, `1_000` and quoted commas, and some read the sentences.
 */

/** A text that is not a value of its kind; the message is Go's. */
export class GoValueError extends Error {}

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** A Go string literal, as `%q` prints it. */
export function goQuote(text: string): string {
  return `"${[...text].map(character => (character === '"' ? '\\"' : escaped(character))).join('')}"`;
}

const NAMED_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\\\'],
  ['\u0007', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
]);

function escaped(character: string): string {
  const named = NAMED_ESCAPES.get(character);
  if (named !== undefined) return named;
  if (/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code < 0x10000) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}

/** `strconv.ParseBool`. */
export function parseGoBool(text: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw syntaxError('ParseBool', text);
}

/** `strconv.Atoi`: decimal digits with an optional sign. */
export function parseGoDecimal(text: string): bigint {
  if (!/^[+-]?[0-9]+$/.test(text)) throw syntaxError('Atoi', text);
  return inRange('Atoi', text, BigInt(text.replace(/^\+/, '')));
}

/** `strconv.ParseInt` with base 0 and 64 bits: `0x`, `0o`, `0b`, a leading `0` for octal, `_` between digits. */
export function parseGoInteger(text: string): bigint {
  const [, sign = '', digits = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  const value = magnitude(digits);
  if (value === undefined) throw syntaxError('ParseInt', text);
  return inRange('ParseInt', text, sign === '-' ? -value : value);
}

const BASES: readonly (readonly [string, RegExp])[] = [
  ['0x', /^0[xX](?:_?[0-9a-fA-F])+$/],
  ['0b', /^0[bB](?:_?[01])+$/],
  ['0o', /^0[oO](?:_?[0-7])+$/],
  ['', /^(?:0|[1-9](?:_?[0-9])*)$/],
];

function magnitude(digits: string): bigint | undefined {
  for (const [prefix, form] of BASES) {
    if (form.test(digits)) {
      const bare = digits.slice(prefix.length).replaceAll('_', '');
      return BigInt(prefix + bare);
    }
  }
  return /^0(?:_?[0-7])+$/.test(digits)
    ? BigInt(`0o${digits.slice(1).replaceAll('_', '')}`)
    : undefined;
}

function inRange(name: string, text: string, value: bigint): bigint {
  if (value >= INT64_MIN && value <= INT64_MAX) return value;
  throw new GoValueError(`strconv.${name}: parsing ${goQuote(text)}: value out of range`);
}

function syntaxError(name: string, text: string): GoValueError {
  return new GoValueError(`strconv.${name}: parsing ${goQuote(text)}: invalid syntax`);
}

/** The first record of a CSV text: what one list flag holds. */
export function parseGoList(text: string): string[] {
  if (text === '') return [];
  // Go's reader skips empty lines, and ends the record at the first other line's end.
  const lines = text.replace(/\r\n/g, '\n').replace(/\r$/, '');
  const record = lines.replace(/^\n+/, '');
  if (record === '') throw new GoValueError('EOF');
  return new CsvRecord(record, lines.length - record.length).fields();
}

class CsvRecord {
  readonly #text: string;
  readonly #line: number;
  #at = 0;

  constructor(text: string, linesSkipped: number) {
    this.#text = text;
    this.#line = linesSkipped + 1;
  }

  fields(): string[] {
    const fields: string[] = [];
    for (;;) {
      fields.push(this.#text[this.#at] === '"' ? this.#quoted() : this.#bare());
      if (this.#text[this.#at] !== ',') return fields;
      this.#at += 1;
    }
  }

  #bare(): string {
    const rest = this.#text.slice(this.#at);
    const field = /^[^,\n]*/.exec(rest)?.[0] ?? '';
    const quote = field.indexOf('"');
    if (quote >= 0) throw this.#error(this.#at + quote, 'bare " in non-quoted-field');
    this.#at += field.length;
    return field;
  }

  #quoted(): string {
    let field = '';
    this.#at += 1;
    for (;;) {
      const end = this.#text.indexOf('"', this.#at);
      if (end < 0) throw this.#error(this.#text.length, 'extraneous or missing " in quoted-field');
      field += this.#text.slice(this.#at, end);
      this.#at = end + 1;
      if (this.#text[this.#at] !== '"') break;
      field += '"';
      this.#at += 1;
    }
    const next = this.#text[this.#at];
    if (next === undefined || next === ',' || next === '\n') return field;
    throw this.#error(this.#at - 1, 'extraneous or missing " in quoted-field');
  }

  #error(at: number, problem: string): GoValueError {
    const before = this.#text.slice(0, at);
    const lines = before.split('\n');
    const start = this.#line;
    const line = start + lines.length - 1;
    const column = Buffer.byteLength(lines.at(-1) ?? '') + 1;
    const place =
      line === start
        ? `parse error on line ${line}, column ${column}`
        : `record on line ${start}; parse error on line ${line}, column ${column}`;
    return new GoValueError(`${place}: ${problem}`);
  }
}
