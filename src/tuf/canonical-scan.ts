/**
 * Tells whether a piece of JSON is already canonical, without decoding it.
 *
 * Canonical text has its members in strictly ascending order, so one pass proves both that the bytes are
 * the signed message and that no object has a member twice. Nearly every file in the world passes; the
 * others are decoded and canonicalised (tuf.md 1.5).
 */

/** Deeper nesting than any real metadata, and no danger to the stack. */
export const NESTING_LIMIT = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
/** Longer integers may not survive a float: they are left to the decoder. */
const DIGITS_LIMIT = 15;
const NO = -1;

/**
 * @param bytes valid UTF-8
 * @param start offset of a JSON value
 * @returns the offset just after the value when it is canonical JSON, else -1
 */
export function canonicalEnd(bytes: Uint8Array, start: number): number {
  return scanValue(bytes, start, 0);
}

function scanValue(bytes: Uint8Array, at: number, depth: number): number {
  if (depth > NESTING_LIMIT) return NO;
  switch (bytes[at]) {
    case OPEN_OBJECT:
      return scanObject(bytes, at + 1, depth);
    case OPEN_LIST:
      return scanList(bytes, at + 1, depth);
    case QUOTE:
      return scanString(bytes, at + 1);
    case 0x74:
      return scanWord(bytes, at, 'true');
    case 0x66:
      return scanWord(bytes, at, 'false');
    case 0x6e:
      return scanWord(bytes, at, 'null');
    default:
      return scanInteger(bytes, at);
  }
}

function scanObject(bytes: Uint8Array, first: number, depth: number): number {
  let at = first;
  if (bytes[at] === CLOSE_OBJECT) return at + 1;
  let previousStart = NO;
  let previousEnd = NO;
  for (;;) {
    if (bytes[at] !== QUOTE) return NO;
    const start = at + 1;
    const end = scanName(bytes, start);
    if (end === NO) return NO;
    if (previousStart !== NO && compare(bytes, previousStart, previousEnd, start, end) >= 0)
      return NO;
    previousStart = start;
    previousEnd = end;
    if (bytes[end + 1] !== COLON) return NO;
    at = scanValue(bytes, end + 2, depth + 1);
    if (at === NO) return NO;
    if (bytes[at] === CLOSE_OBJECT) return at + 1;
    if (bytes[at] !== COMMA) return NO;
    at++;
  }
}

function scanList(bytes: Uint8Array, first: number, depth: number): number {
  let at = first;
  if (bytes[at] === CLOSE_LIST) return at + 1;
  for (;;) {
    at = scanValue(bytes, at, depth + 1);
    if (at === NO) return NO;
    if (bytes[at] === CLOSE_LIST) return at + 1;
    if (bytes[at] !== COMMA) return NO;
    at++;
  }
}

/** The offset of the closing quote; names with escapes are left to the decoder, since they sort by what they decode to. */
function scanName(bytes: Uint8Array, start: number): number {
  let at = start;
  for (;;) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === undefined || byte < 0x20 || byte === BACKSLASH) return NO;
    at++;
  }
}

function scanString(bytes: Uint8Array, start: number): number {
  let at = start;
  for (;;) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === undefined || byte < 0x20) return NO;
    if (byte === BACKSLASH) {
      const escaped = bytes[at + 1];
      if (escaped !== QUOTE && escaped !== BACKSLASH) return NO;
      at++;
    }
    at++;
  }
}

function scanInteger(bytes: Uint8Array, start: number): number {
  let at = bytes[start] === MINUS ? start + 1 : start;
  const first = at;
  while (isDigit(bytes[at])) at++;
  const digits = at - first;
  if (digits === 0 || digits > DIGITS_LIMIT) return NO;
  if (bytes[first] === ZERO && (digits > 1 || first !== start)) return NO;
  const next = bytes[at];
  return next === COMMA || next === CLOSE_OBJECT || next === CLOSE_LIST || next === undefined
    ? at
    : NO;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function scanWord(bytes: Uint8Array, start: number, word: string): number {
  for (let index = 0; index < word.length; index++) {
    if (bytes[start + index] !== word.charCodeAt(index)) return NO;
  }
  return start + word.length;
}

function compare(
  bytes: Uint8Array,
  aStart: number,
  aEnd: number,
  bStart: number,
  bEnd: number,
): number {
  const length = Math.min(aEnd - aStart, bEnd - bStart);
  for (let index = 0; index < length; index++) {
    const difference = (bytes[aStart + index] as number) - (bytes[bStart + index] as number);
    if (difference !== 0) return difference;
  }
  return aEnd - aStart - (bEnd - bStart);
}
