/**
 * Flags as the original's parser takes them: before, between and after arguments, `--` ends them, short ones
 * combine, list flags take commas and repeat. Its sentences for mistakes are part of the dialect.
 */
import {
  GoValueError,
  goQuote,
  parseGoBool,
  parseGoDecimal,
  parseGoInteger,
  parseGoList,
} from './go-values.ts';

/** A `list` is a flag that repeats and whose values are taken as they are, commas too. */
export type FlagKind = 'string' | 'bool' | 'strings' | 'list' | 'int' | 'ints';

export interface FlagSpec {
  readonly name: string;
  readonly short?: string;
  readonly kind: FlagKind;
  readonly usage: string;
  /** Shown in the help text. */
  readonly fallback?: string;
}

/** A command line that cannot be understood; the message is the sentence after `* fatal: `. */
export class CommandLineError extends Error {}

export interface ParsedFlags {
  readonly values: FlagValues;
  readonly args: string[];
}

type Value = string | boolean | string[] | bigint | bigint[];

/** What the flags were set to. */
export class FlagValues {
  readonly #values = new Map<string, Value>();

  /** Empty for a flag that was not given. */
  text(name: string): string {
    const value = this.#values.get(name);
    return typeof value === 'string' ? value : '';
  }

  is(name: string): boolean {
    return this.#values.get(name) === true;
  }

  /** undefined for a flag that was not given: an empty list is another thing. */
  list(name: string): string[] | undefined {
    const value = this.#values.get(name);
    return Array.isArray(value) ? value.map(String) : undefined;
  }

  integer(name: string): number {
    const value = this.#values.get(name);
    return typeof value === 'bigint' ? Number(value) : 0;
  }

  integers(name: string): number[] {
    const value = this.#values.get(name);
    return Array.isArray(value) ? value.map(Number) : [];
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** @throws GoValueError */
  set(flag: FlagSpec, text: string): void {
    const before = this.#values.get(flag.name);
    switch (flag.kind) {
      case 'string':
        this.#values.set(flag.name, text);
        break;
      case 'bool':
        this.#values.set(flag.name, parseGoBool(text));
        break;
      case 'int':
        this.#values.set(flag.name, parseGoInteger(text));
        break;
      case 'strings':
        this.#values.set(flag.name, [...((before as string[]) ?? []), ...parseGoList(text)]);
        break;
      case 'list':
        this.#values.set(flag.name, [...((before as string[]) ?? []), text]);
        break;
      case 'ints':
        this.#values.set(flag.name, [
          ...((before as bigint[]) ?? []),
          ...text.split(',').map(parseGoDecimal),
        ]);
    }
  }
}

/**
 * Parses what follows a command's name.
 * @throws CommandLineError
 */
export function parseFlags(words: readonly string[], flags: readonly FlagSpec[]): ParsedFlags {
  const values = new FlagValues();
  const args: string[] = [];
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') {
      args.push(...rest);
      break;
    }
    if (word.startsWith('--')) {
      setFlag(values, longSetting(word, rest, flags));
    } else if (word.startsWith('-') && word !== '-') {
      for (const setting of shortSettings(word, rest, flags)) setFlag(values, setting);
    } else {
      args.push(word);
    }
  }
  return { values, args };
}

/** The flag with a long name. */
export function longFlag(flags: readonly FlagSpec[], name: string): FlagSpec | undefined {
  return flags.find(flag => flag.name === name);
}

/** The flag with a short name. */
export function shortFlag(flags: readonly FlagSpec[], name: string): FlagSpec | undefined {
  return flags.find(flag => flag.short === name);
}

type Setting = readonly [flag: FlagSpec, text: string];

function longSetting(word: string, rest: string[], flags: readonly FlagSpec[]): Setting {
  const text = word.slice(2);
  if (text.startsWith('-') || text.startsWith('=')) {
    throw new CommandLineError(`bad flag syntax: ${word}`);
  }
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  const flag = longFlag(flags, name);
  if (flag === undefined) throw new CommandLineError(`unknown flag: --${name}`);
  if (equals >= 0) return [flag, text.slice(equals + 1)];
  if (flag.kind === 'bool') return [flag, 'true'];
  const next = rest.shift();
  if (next === undefined) throw new CommandLineError(`flag needs an argument: ${word}`);
  return [flag, next];
}

/** One after the other: a mistake counts only after what stands before it. */
function* shortSettings(
  word: string,
  rest: string[],
  flags: readonly FlagSpec[],
): Generator<Setting> {
  // What Go's test runner adds is passed over.
  if (word.startsWith('-test.')) return;
  for (let letters = word.slice(1); letters !== ''; ) {
    const [letter = ''] = letters;
    const flag = shortFlag(flags, letter);
    if (flag === undefined) {
      throw new CommandLineError(`unknown shorthand flag: ${quotedByte(letter)} in -${letters}`);
    }
    const text = letters.slice(letter.length);
    if (text.length > 1 && text.startsWith('=')) {
      yield [flag, text.slice(1)];
      return;
    }
    if (flag.kind === 'bool') {
      yield [flag, 'true'];
      letters = text;
      continue;
    }
    const value = text === '' ? rest.shift() : text;
    if (value === undefined) {
      throw new CommandLineError(`flag needs an argument: ${quotedByte(letter)} in -${letters}`);
    }
    yield [flag, value];
    return;
  }
}

function setFlag(values: FlagValues, [flag, text]: Setting): void {
  try {
    values.set(flag, text);
  } catch (error) {
    if (!(error instanceof GoValueError)) throw error;
    const name = flag.short === undefined ? `--${flag.name}` : `-${flag.short}, --${flag.name}`;
    throw new CommandLineError(
      `invalid argument ${goQuote(text)} for ${goQuote(name)} flag: ${error.message}`,
    );
  }
}

/** The first byte as a Go character literal: the original looks at bytes there. */
function quotedByte(letter: string): string {
  const byte = Buffer.from(letter, 'utf8')[0] ?? 0;
  if (letter === "'") return String.raw`'\''`;
  const literal = goQuote(String.fromCharCode(byte)).slice(1, -1);
  return `'${literal === '\\"' ? '"' : literal}'`;
}
