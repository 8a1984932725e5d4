/**
 * The CBOR of backups: the deterministic form of RFC 8949 4.2.1 and little of the rest. Whole numbers from 0, byte
 * and text strings, arrays, maps with text keys, booleans and null; no tags, no floats, no indefinite lengths. One
 * value has one encoding, so that no two readers can see different things in one file.
 *
 * The bytes are checked here before cbor-x sees them: it evaluates tags, takes the last of two members of one name,
 * and goes as deep as the file does.
 */
import { Decoder, Encoder } from 'cbor-x/encode';
import { OperationError } from '../../errors.ts';

export type CborValue =
  | number
  | string
  | boolean
  | null
  | Uint8Array
  | readonly CborValue[]
  | { readonly [name: string]: CborValue | undefined };

/** What {@link decodeCbor} gives: maps are `Map`s, so that no name of a member means anything to JavaScript. */
export type Decoded =
  | number
  | string
  | boolean
  | null
  | Uint8Array
  | readonly Decoded[]
  | ReadonlyMap<string, Decoded>;

/** Far more than a backup needs. */
const DEPTH_LIMIT = 16;
const ITEM_LIMIT = 4_000_000;

const OPTIONS = {
  useRecords: false,
  mapsAsObjects: false,
  variableMapSize: true,
  tagUint8Array: false,
};

/** The value in CBOR; members that are undefined are left out. */
export function encodeCbor(value: CborValue): Uint8Array {
  return new Encoder(OPTIONS).encode(deterministic(value));
}

/** @throws OperationError `BACKUP_DAMAGED` */
export function decodeCbor(bytes: Uint8Array): Decoded {
  const scan = new Scan(bytes);
  scan.item(0);
  if (scan.at !== bytes.length) throw damaged('there is something after its end');
  return new Decoder(OPTIONS).decode(bytes);
}

/** The error for a backup that is not whole, or not as its format wants it. */
export function damaged(why: string): OperationError {
  return new OperationError('BACKUP_DAMAGED', `The backup is damaged: ${why}`, {
    hint: 'Use another copy of it.',
  });
}

function deterministic(value: CborValue): unknown {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  if (isList(value)) return value.map(deterministic);
  const members = Object.entries(value).flatMap(([name, member]) =>
    member === undefined ? [] : [{ name, key: Buffer.from(name, 'utf8'), member }],
  );
  members.sort((a, b) => a.key.length - b.key.length || Buffer.compare(a.key, b.key));
  return new Map(members.map(({ name, member }) => [name, deterministic(member)]));
}

function isList(value: object): value is readonly CborValue[] {
  return Array.isArray(value);
}

const UNSIGNED = 0;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const SIMPLE = [0xf4, 0xf5, 0xf6];

class Scan {
  at = 0;
  private items = 0;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  item(depth: number): void {
    this.items += 1;
    if (depth > DEPTH_LIMIT) throw damaged('it is nested too deeply');
    if (this.items > ITEM_LIMIT) throw damaged('it has too many items');
    const first = this.bytes[this.at];
    if (first !== undefined && SIMPLE.includes(first)) {
      this.at += 1;
      return;
    }
    const { major, value } = this.head();
    if (major === UNSIGNED) return;
    if (major === BYTES) this.take(value);
    else if (major === TEXT) this.text(value);
    else if (major === ARRAY) for (let index = 0; index < value; index++) this.item(depth + 1);
    else if (major === MAP) this.map(value, depth);
    else throw damaged('it uses a kind of value that backups do not have');
  }

  private map(length: number, depth: number): void {
    let before: Uint8Array | undefined;
    for (let index = 0; index < length; index++) {
      const start = this.at;
      const { major, value } = this.head();
      if (major !== TEXT) throw damaged('a member has no name');
      this.text(value);
      const key = this.bytes.subarray(start, this.at);
      // Ascending, so that none comes twice.
      if (before !== undefined && Buffer.compare(before, key) >= 0) {
        throw damaged('its members are out of order, or one comes twice');
      }
      before = key;
      this.item(depth + 1);
    }
  }

  private head(): { major: number; value: number } {
    const first = this.bytes[this.at];
    if (first === undefined) throw damaged('it is cut short');
    this.at += 1;
    const info = first & 0x1f;
    return { major: first >> 5, value: info < 24 ? info : this.argument(info) };
  }

  private argument(info: number): number {
    const width = { 24: 1, 25: 2, 26: 4 }[info];
    if (width === undefined) throw damaged('it has a number of a kind that backups do not have');
    if (this.at + width > this.bytes.length) throw damaged('it is cut short');
    const value =
      width === 1
        ? this.view.getUint8(this.at)
        : width === 2
          ? this.view.getUint16(this.at)
          : this.view.getUint32(this.at);
    this.at += width;
    const smallest = { 1: 24, 2: 0x100, 4: 0x10000 }[width] ?? 0;
    if (value < smallest) throw damaged('a number is written longer than it is');
    return value;
  }

  private take(length: number): Uint8Array {
    if (length > this.bytes.length - this.at) throw damaged('it is cut short');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  private text(length: number): void {
    try {
      this.utf8.decode(this.take(length));
    } catch (cause) {
      if (cause instanceof OperationError) throw cause;
      throw damaged('a text in it is not UTF-8');
    }
  }
}
