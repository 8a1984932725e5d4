/** What Go's `encoding/json` says of a text that is not JSON. */

const END = 'unexpected end of JSON input';

/** The sentence for the first mistake; undefined for JSON. */
export function goJsonError(text: string): string | undefined {
  try {
    new Scanner(text).document();
    return undefined;
  } catch (error) {
    if (error instanceof Mistake) return error.message;
    throw error;
  }
}

class Mistake extends Error {}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#space();
    this.#value('looking for beginning of value');
    this.#space();
    if (this.#at < this.#text.length) this.#fail('after top-level value');
  }

  #value(context: string): void {
    const first = this.#text[this.#at];
    if (first === '{') this.#members();
    else if (first === '[') this.#elements();
    else if (first === '"') this.#string();
    else if (first === 't') this.#literal('true');
    else if (first === 'f') this.#literal('false');
    else if (first === 'n') this.#literal('null');
    else if (first !== undefined && /[-0-9]/.test(first)) this.#number();
    else this.#fail(context);
  }

  #members(): void {
    this.#at += 1;
    this.#space();
    if (this.#take('}')) return;
    for (;;) {
      if (this.#text[this.#at] !== '"') this.#fail('looking for beginning of object key string');
      this.#string();
      this.#space();
      if (!this.#take(':')) this.#fail('after object key');
      this.#space();
      this.#value('looking for beginning of value');
      this.#space();
      if (this.#take('}')) return;
      if (!this.#take(',')) this.#fail('after object key:value pair');
      this.#space();
    }
  }

  #elements(): void {
    this.#at += 1;
    this.#space();
    if (this.#take(']')) return;
    for (;;) {
      this.#value('looking for beginning of value');
      this.#space();
      if (this.#take(']')) return;
      if (!this.#take(',')) this.#fail('after array element');
      this.#space();
    }
  }

  #string(): void {
    this.#at += 1;
    while (!this.#take('"')) {
      const character = this.#text[this.#at];
      if (character === undefined || character < ' ') this.#fail('in string literal');
      this.#at += 1;
      if (character === '\\') this.#escape();
    }
  }

  #escape(): void {
    if (this.#take('u')) {
      for (let digit = 0; digit < 4; digit += 1) {
        if (!this.#takeOne(/[0-9a-fA-F]/)) this.#fail('in \\u hexadecimal character escape');
      }
    } else if (!this.#takeOne(/[bfnrt\\/"]/)) {
      this.#fail('in string escape code');
    }
  }

  #literal(word: string): void {
    this.#at += 1;
    for (const letter of word.slice(1)) {
      // At the end of the text Go's scanner is handed a space.
      if (!this.#take(letter)) this.#fail(`in literal ${word} (expecting '${letter}')`, ' ');
    }
  }

  #number(): void {
    const isNegative = this.#take('-');
    if (!this.#take('0') && !this.#digits()) {
      this.#fail(isNegative ? 'in numeric literal' : 'looking for beginning of value', ' ');
    }
    if (this.#take('.') && !this.#digits())
      this.#fail('after decimal point in numeric literal', ' ');
    if (this.#takeOne(/[eE]/)) {
      this.#takeOne(/[-+]/);
      if (!this.#digits()) this.#fail('in exponent of numeric literal', ' ');
    }
  }

  #digits(): boolean {
    const start = this.#at;
    while (this.#takeOne(/[0-9]/));
    return this.#at > start;
  }

  #space(): void {
    while (this.#takeOne(/[ \t\r\n]/));
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #takeOne(form: RegExp): boolean {
    const character = this.#text[this.#at];
    if (character === undefined || !form.test(character)) return false;
    this.#at += 1;
    return true;
  }

  #fail(context: string, atEnd?: string): never {
    const rest = this.#text.slice(this.#at);
    const [character = atEnd] = rest;
    if (character === undefined) throw new Mistake(END);
    // Go looks at bytes.
    const byte = String.fromCharCode(Buffer.from(character, 'utf8')[0] ?? 0);
    throw new Mistake(`invalid character ${quoted(byte)} ${context}`);
  }
}

function quoted(character: string): string {
  if (character === "'") return String.raw`'\''`;
  if (character === '"') return `'"'`;
  return `'${JSON.stringify(character).slice(1, -1)}'`;
}
