/**
 * The part of CBOR that ceremony files may use, checked before a general decoder sees the bytes (RFC 8949 4.2.1):
 * whole numbers of 32 bits, byte and text strings, lists, maps with text keys in order, null. One value, one encoding.
 */
import { isUtf8 } from 'node:buffer';
import { OperationError } from '../errors.ts';

/** Deeper than any ceremony file nests. */
const DEPTH_LIMIT = 8;
const NULL = 0xf6;

const MAJOR = { unsigned: 0, bytes: 2, text: 3, list: 4, map: 5 } as const;

/** For a file that is not what Tabellion wrote. */
export function malformedCeremony(why: string, cause?: unknown): OperationError {
  return new OperationError('CEREMONY_MALFORMED', `This is not a ceremony file: ${why}`, {
    cause,
    hint: 'Copy the file once more from the machine that wrote it.',
  });
}

/**
 * Checks that the bytes are exactly one value in the permitted form. No length is believed before it is compared
 * with what is there.
 * @throws OperationError `CEREMONY_MALFORMED`
 */
export function checkStrictCbor(bytes: Uint8Array): void {
  const scanner = new Scanner(bytes);
  scanner.value(0);
  if (scanner.rest !== 0) throw malformedCeremony('something follows its end');
}

class Scanner {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get rest(): number {
    return this.bytes.length - this.at;
  }

  value(depth: number): void {
    if (depth > DEPTH_LIMIT) throw malformedCeremony('it nests too deep');
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
        throw malformedCeremony('it has a kind of value that such files never have');
    }
  }

  /** Keys are text and strictly ascending by their encoded bytes: none twice, and one order for all. */
  private members(count: number, depth: number): void {
    let previous: Uint8Array | undefined;
    for (let index = 0; index < count; index++) {
      const start = this.at;
      const [major, length] = this.head();
      if (major !== MAJOR.text) throw malformedCeremony('a name in it is not text');
      this.text(length);
      const key = this.bytes.subarray(start, this.at);
      if (previous !== undefined && Buffer.compare(previous, key) >= 0)
        throw malformedCeremony('its names are not in order, or one is there twice');
      previous = key;
      this.value(depth + 1);
    }
  }

  private head(): [major: number, argument: number] {
    const [first = 0] = this.take(1);
    if (first === NULL) return [MAJOR.unsigned, 0];
    const major = first >> 5;
    const size = first & 0x1f;
    if (size < 24) return [major, size];
    if (size > 26) throw malformedCeremony('it has a length that such files never have');
    const argument = this.take(2 ** (size - 24)).reduce((sum, byte) => sum * 256 + byte, 0);
    const smallest = size === 24 ? 24 : size === 25 ? 2 ** 8 : 2 ** 16;
    if (argument < smallest) throw malformedCeremony('a number in it is longer than it need be');
    return [major, argument];
  }

  private text(length: number): void {
    if (!isUtf8(this.take(length))) throw malformedCeremony('a text in it is not valid UTF-8');
  }

  private take(length: number): Uint8Array {
    if (length > this.rest) throw malformedCeremony('it ends too soon');
    const part = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return part;
  }

  /** Each item takes a byte at least. */
  private checkCount(items: number): void {
    if (items > this.rest) throw malformedCeremony('it ends too soon');
  }
}
