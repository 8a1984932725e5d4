/**
 * Tells whether a piece of JSON is already canonical, without decoding it.
 *
 * Canonical text has its members in strictly ascending order, so one pass proves both that the bytes are
 * the signed message and that no object has a member twice. Nearly every file in the world passes; the
 * others are decoded and canonicalised (tuf.md 1.5).
 */

import { endOfString } from './json-string.ts';

/** Deeper nesting than any real metadata, and no danger to the stack. */
export const NESTING_LIMIT = 64;

const NO = -1;
/** A member's name; one with escapes is left to the decoder, since names sort by what they decode to. */
const NAME = /"([^"\\\u0000-\u001f]*)":/y;
const ESCAPE = /\\["\\]/y;
/** No minus zero; longer integers may not survive a float and are left to the decoder. */
const SCALAR = /(?:true|false|null|0|-?[1-9][0-9]{0,14})(?=[,\]}]|$)/y;
/**
 * A target as nearly all are, with what follows it. Nothing but speed: large files consist of these, and a
 * compiled expression reads them many times faster than code that has only just been started.
 */
const TARGET =
  /"([^"\\\u0000-\u001f]*)":\{"hashes":\{"sha256":"[+/-9A-Za-z]{43}="(?:,"sha512":"[+/-9A-Za-z]{86}==")?\},"length":(?:0|[1-9][0-9]{0,14})\}([,}])/y;

/**
 * @param text bytes that are valid UTF-8, one character for each byte (`latin1`), so that text order is byte order
 * @param start offset of a JSON value
 * @returns the offset just after the value when it is canonical JSON, else -1
 */
export function canonicalEnd(text: string, start: number): number {
  return scanValue(text, start, 0);
}

function scanValue(text: string, at: number, depth: number): number {
  if (depth > NESTING_LIMIT) return NO;
  switch (text[at]) {
    case '{':
      return scanObject(text, at + 1, depth);
    case '[':
      return scanList(text, at + 1, depth);
    case '"':
      return endOfString(text, at, ESCAPE);
    default:
      return endOfScalar(text, at);
  }
}

function scanObject(text: string, first: number, depth: number): number {
  let at = first;
  if (text[at] === '}') return at + 1;
  let previous: string | undefined;
  for (;;) {
    TARGET.lastIndex = at;
    const target = TARGET.exec(text);
    const name = target?.[1] ?? nameAt(text, at);
    if (name === undefined || (previous !== undefined && name <= previous)) return NO;
    previous = name;
    at = target === null ? scanValue(text, NAME.lastIndex, depth + 1) + 1 : TARGET.lastIndex;
    if (at === 0) return NO;
    if (text[at - 1] === '}') return at;
    if (text[at - 1] !== ',') return NO;
  }
}

function scanList(text: string, first: number, depth: number): number {
  let at = first;
  if (text[at] === ']') return at + 1;
  for (;;) {
    at = scanValue(text, at, depth + 1);
    if (at === NO) return NO;
    if (text[at] === ']') return at + 1;
    if (text[at] !== ',') return NO;
    at++;
  }
}

function nameAt(text: string, at: number): string | undefined {
  NAME.lastIndex = at;
  return NAME.exec(text)?.[1];
}

function endOfScalar(text: string, at: number): number {
  SCALAR.lastIndex = at;
  return SCALAR.test(text) ? SCALAR.lastIndex : NO;
}
