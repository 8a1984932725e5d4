/**
 * The part of CBOR that Tabellion's own files use: the deterministic form of RFC 8949 4.2.1 and little of the rest.
 * Whole numbers of 32 bits from 0, byte and text strings, lists, maps with text keys in ascending order, and such
 * simple values as a format permits; no tags, no floats, no indefinite lengths. One value has one encoding, so that no
 * two readers can see different things in one file.
 *
 * The bytes are checked here before a general decoder sees them: that one evaluates tags, takes the last of two members
 * of one name, and goes as deep as the file does.
 */
import { isUtf8 } from 'node:buffer';

export interface StrictCborRules {
  /** Makes the error to throw, of a clause about the file: “it is cut short”. */
  readonly malformed: (why: string) => Error;
  readonly depthLimit: number;
  /** Most values in all, those inside others included. */
  readonly itemLimit: number;
  /** The simple values that are permitted, of {@link SIMPLE_VALUES}. */
  readonly simple: readonly number[];
}

/** First bytes of the simple values that a format may permit. */
export const SIMPLE_VALUES = { false: 0xf4, true: 0xf5, null: 0xf6 } as const;

const MAJOR = { unsigned: 0, bytes: 2, text: 3, list: 4, map: 5 } as const;

/**
 * Checks that the bytes are exactly one value in the permitted form. No length is believed before it is compared with
 * what is there.
 * @throws what `rules.malformed` makes
 */
export function checkStrictCbor(bytes: Uint8Array, rules: StrictCborRules): void {
  const scanner = new Scanner(bytes, rules);
  scanner.value(0);
  if (scanner.rest !== 0) throw rules.malformed('something follows its end');
}

class Scanner {
  private readonly bytes: Uint8Array;
  private readonly rules: StrictCborRules;
  private at = 0;
  private items = 0;

  constructor(bytes: Uint8Array, rules: StrictCborRules) {
    this.bytes = bytes;
    this.rules = rules;
  }

  get rest(): number {
    return this.bytes.length - this.at;
  }

  value(depth: number): void {
    this.items += 1;
    if (depth > this.rules.depthLimit) throw this.rules.malformed('it is nested too deeply');
    if (this.items > this.rules.itemLimit) throw this.rules.malformed('it has too many items');
    if (this.rules.simple.includes(this.bytes[this.at] ?? 0)) {
      this.at += 1;
      return;
    }
    const [major, argument] = this.head();
    switch (major) {
      case MAJOR.unsigned:
        return;
      case MAJOR.bytes:
        this.take(argument);
        return;
      case MAJOR.text:
        this.text(argument);
        return;
      case MAJOR.list:
        this.checkCount(argument);
        for (let index = 0; index < argument; index++) this.value(depth + 1);
        return;
      case MAJOR.map:
        this.checkCount(argument * 2);
        this.members(argument, depth);
        return;
      default:
        throw this.rules.malformed('it has a kind of value that such files never have');
    }
  }

  /** Keys are text and strictly ascending by their encoded bytes: none twice, and one order for all. */
  private members(count: number, depth: number): void {
    let previous: Uint8Array | undefined;
    for (let index = 0; index < count; index++) {
      const start = this.at;
      const [major, length] = this.head();
      if (major !== MAJOR.text) throw this.rules.malformed('a name in it is not text');
      this.text(length);
      const key = this.bytes.subarray(start, this.at);
      if (previous !== undefined && Buffer.compare(previous, key) >= 0)
        throw this.rules.malformed('its names are not in order, or one is there twice');
      previous = key;
      this.value(depth + 1);
    }
  }

  private head(): [major: number, argument: number] {
    const [first = 0] = this.take(1);
    const major = first >> 5;
    const size = first & 0x1f;
    if (size < 24) return [major, size];
    if (size > 26) throw this.rules.malformed('it has a length that such files never have');
    const argument = this.take(2 ** (size - 24)).reduce((sum, byte) => sum * 256 + byte, 0);
    const smallest = size === 24 ? 24 : size === 25 ? 2 ** 8 : 2 ** 16;
    if (argument < smallest)
      throw this.rules.malformed('a number in it is written longer than it is');
    return [major, argument];
  }

  private text(length: number): void {
    if (!isUtf8(this.take(length))) throw this.rules.malformed('a text in it is not valid UTF-8');
  }

  private take(length: number): Uint8Array {
    if (length > this.rest) throw this.rules.malformed('it is cut short');
    const part = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return part;
  }

  /** Each item takes a byte at least. */
  private checkCount(items: number): void {
    if (items > this.rest) throw this.rules.malformed('it is cut short');
  }
}
