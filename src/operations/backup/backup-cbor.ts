/** The CBOR of backups: strict, with booleans and null. */
import { Decoder, Encoder } from 'cbor-x/encode';
import { checkStrictCbor, SIMPLE_VALUES, type StrictCborRules } from '../../crypto/strict-cbor.ts';
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

/** Limits are far beyond what a backup needs. */
const RULES: StrictCborRules = {
  malformed: damaged,
  depthLimit: 16,
  itemLimit: 4_000_000,
  simple: Object.values(SIMPLE_VALUES),
};

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
  checkStrictCbor(bytes, RULES);
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
