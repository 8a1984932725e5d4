/**
 * A JSON decoder for metadata that is not canonical: unlike `JSON.parse` it refuses what two programs may
 * read differently (a member twice, fractions, endless nesting).
 */
import type { JsonValue } from '../crypto/canonical-json.ts';
import { NESTING_LIMIT } from './canonical-scan.ts';
import { endOfString } from './json-string.ts';

/** Raised with the reason only; the caller knows whose file it is. */
export class JsonRefused extends Error {}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/**
 * Decodes one JSON text with nothing but white space around it.
 * Lone surrogates become U+FFFD, as in Go.
 * @throws JsonRefused
 */
export function parseStrictJson(text: string): JsonValue {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  value(depth: number): JsonValue {
    if (depth > NESTING_LIMIT) throw new JsonRefused('it nests deeper than any real metadata');
    this.skipSpace();
    switch (this.text[this.at]) {
      case '{':
        return this.object(depth);
      case '[':
        return this.list(depth);
      case '"':
        return this.string();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      default:
        return this.integer();
    }
  }

  end(): void {
    this.skipSpace();
    if (this.at !== this.text.length)
      throw new JsonRefused(`unexpected text at position ${this.at}`);
  }

  private object(depth: number): JsonValue {
    const members = new Map<string, JsonValue>();
    this.at++;
    if (this.next('}')) return {};
    do {
      this.skipSpace();
      const name = this.string();
      if (members.has(name))
        throw new JsonRefused(`the member “${name.slice(0, 100)}” stands there twice`);
      this.expect(':');
      members.set(name, this.value(depth + 1));
    } while (this.next(','));
    this.expect('}');
    return Object.fromEntries(members);
  }

  private list(depth: number): JsonValue {
    const items: JsonValue[] = [];
    this.at++;
    if (this.next(']')) return items;
    do items.push(this.value(depth + 1));
    while (this.next(','));
    this.expect(']');
    return items;
  }

  private string(): string {
    const end = endOfString(this.text, this.at, ESCAPE);
    if (end === -1) throw this.unexpected('a string');
    const token = this.text.slice(this.at, end);
    this.at = end;
    return (JSON.parse(token) as string).toWellFormed();
  }

  private integer(): number {
    const token = this.token(NUMBER, 'a value');
    if (!/^-?[0-9]+$/.test(token))
      throw new JsonRefused(`the number ${token.slice(0, 40)} is not an integer`);
    const value = Number(token);
    if (value === 0) return 0;
    // 2^53 itself is still exact, and Notary signs it (tuf.md 1.7); one more would be read as 2^53.
    if (Math.abs(value) > 2 ** 53 || String(value) !== token) {
      throw new JsonRefused(`the number ${token.slice(0, 40)} is too large`);
    }
    return value;
  }

  private word<T extends JsonValue>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw this.unexpected('a value');
    this.at += word.length;
    return value;
  }

  private token(pattern: RegExp, what: string): string {
    pattern.lastIndex = this.at;
    const token = pattern.exec(this.text)?.[0];
    if (token === undefined) throw this.unexpected(what);
    this.at += token.length;
    return token;
  }

  private next(mark: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== mark) return false;
    this.at++;
    return true;
  }

  private expect(mark: string): void {
    if (!this.next(mark)) throw this.unexpected(`“${mark}”`);
  }

  private skipSpace(): void {
    SPACE.lastIndex = this.at;
    SPACE.test(this.text);
    this.at = SPACE.lastIndex;
  }

  private unexpected(wanted: string): JsonRefused {
    if (this.at >= this.text.length) return new JsonRefused(`it ends where ${wanted} should stand`);
    return new JsonRefused(`${wanted} should stand at position ${this.at}`);
  }
}
