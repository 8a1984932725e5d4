import { TrustError } from '../errors.ts';

/** A value as `JSON.parse` makes it. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | JsonValue[]
  | { [name: string]: JsonValue };

/** Metadata nests less than ten levels; this leaves room for `custom` and spares the stack. */
const MAX_DEPTH = 500;

const SURROGATE = /[\ud800-\udfff]/;
const LONE_SURROGATE = /\p{Surrogate}/gu;
const ESCAPED = /["\\]/g;
/** What a string may hold that is not simply put between quotes. */
const SPECIAL_IN_STRING = /["\\\ud800-\udfff]/;
/** What tells that `JSON.stringify` escaped something, or that names may sort in another way. */
const SPECIAL_IN_TEXT = /[\\\ud800-\udfff]/;

type JsonObject = { [name: string]: JsonValue };

/**
 * The canonical form of a JSON value, which is what signatures and key IDs are made over: members
 * sorted by the UTF-8 bytes of their names, no white space, only `\` and `"` escaped, integers in
 * plain decimal. Halves of surrogate pairs become U+FFFD, as they do when Go decodes them.
 *
 * Source: spec/tuf.md 1.5; OLPC canonical JSON, in the dialect of Go's TUF libraries.
 *
 * @throws {TrustError} `CANONICAL_NUMBER` for a number that is no integer, or beyond 2^53;
 *   `CANONICAL_DEPTH` for more than 500 levels.
 */
export function canonicalJson(value: JsonValue): string {
  const unordered = new Set<JsonValue>();
  checkOrder(value, 0, unordered);
  return write(value, unordered);
}

/**
 * Checks numbers and depth, and finds the arrays and objects with unsorted names somewhere in them. What
 * TUF programs write is sorted, so that these are few or none, and the rest can go through
 * `JSON.stringify`, which is ten times faster than any code of ours.
 */
function checkOrder(value: JsonValue, depth: number, unordered: Set<JsonValue>): boolean {
  if (typeof value === 'number') {
    checkNumber(value);
    return true;
  }
  if (typeof value !== 'object' || value === null) {
    return true;
  }
  if (depth >= MAX_DEPTH) {
    throw new TrustError('CANONICAL_DEPTH', `JSON is nested more than ${MAX_DEPTH} levels deep.`);
  }
  let ordered = true;
  if (Array.isArray(value)) {
    for (const item of value) {
      ordered = checkOrder(item, depth + 1, unordered) && ordered;
    }
  } else {
    let last: string | undefined;
    for (const name of Object.keys(value)) {
      ordered = (last === undefined || last < name) && ordered;
      last = name;
      ordered = checkOrder(value[name] as JsonValue, depth + 1, unordered) && ordered;
    }
  }
  if (!ordered) {
    unordered.add(value);
  }
  return ordered;
}

function checkNumber(value: number): void {
  if (!Number.isInteger(value) || Math.abs(value) > 2 ** 53) {
    throw new TrustError(
      'CANONICAL_NUMBER',
      `The number ${value} cannot be signed: only integers up to 2^53 have a canonical form.`,
    );
  }
}

function write(value: JsonValue, unordered: ReadonlySet<JsonValue>): string {
  if (typeof value !== 'object' || value === null) {
    return writeScalar(value);
  }
  if (!unordered.has(value)) {
    const text = JSON.stringify(value);
    return SPECIAL_IN_TEXT.test(text) ? writeContainer(value, writeSlowly) : text;
  }
  return writeContainer(value, item => write(item, unordered));
}

/** Writes without `JSON.stringify`, all the way down. */
function writeSlowly(value: JsonValue): string {
  return typeof value === 'object' && value !== null
    ? writeContainer(value, writeSlowly)
    : writeScalar(value);
}

function writeScalar(value: null | boolean | number | string): string {
  return typeof value === 'string' ? quote(value) : String(value);
}

function writeContainer(
  value: JsonValue[] | JsonObject,
  writeItem: (item: JsonValue) => string,
): string {
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) {
      text += (text === '' ? '' : ',') + writeItem(item);
    }
    return `[${text}]`;
  }
  const members = Object.keys(value);
  if (members.some(name => SURROGATE.test(name))) {
    return writeUnusualObject(value, members, writeItem);
  }
  // Without surrogates the order of UTF-16 units is that of UTF-8 bytes.
  for (const name of members.sort()) {
    text += `${text === '' ? '' : ','}${quote(name)}:${writeItem(value[name] as JsonValue)}`;
  }
  return `{${text}}`;
}

/** Names beyond the basic plane, or broken ones that may fall together once repaired: the last wins. */
function writeUnusualObject(
  value: JsonObject,
  names: string[],
  writeItem: (item: JsonValue) => string,
): string {
  const members = new Map<string, JsonValue>();
  for (const name of names) {
    members.set(wellFormed(name), value[name] as JsonValue);
  }
  return `{${[...members]
    .map(([name, member]) => ({ name, member, bytes: Buffer.from(name) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ name, member }) => `${quote(name)}:${writeItem(member)}`)
    .join()}}`;
}

function quote(text: string): string {
  return SPECIAL_IN_STRING.test(text)
    ? `"${wellFormed(text).replace(ESCAPED, '\\$&')}"`
    : `"${text}"`;
}

function wellFormed(text: string): string {
  return text.replace(LONE_SURROGATE, '\ufffd');
}

const GO_ESCAPES = /[<>&\u2028\u2029]/g;

/**
 * Escapes the five characters `<`, `>`, `&`, U+2028 and U+2029 in JSON text as `\u003c` and so on: Go's
 * encoder writes them so inside a metadata file, although they are signed unescaped (spec/tuf.md 1.5).
 */
export function escapeForGo(text: string): string {
  return text.replace(
    GO_ESCAPES,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
