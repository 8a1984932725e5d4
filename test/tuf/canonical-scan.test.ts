import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, type JsonValue } from '../../src/crypto/canonical-json.ts';
import { canonicalEnd, NESTING_LIMIT } from '../../src/tuf/canonical-scan.ts';
import { JsonRefused, parseStrictJson } from '../../src/tuf/strict-json.ts';

/** As the scanner wants it: a character for each byte of the UTF-8. */
function bytewise(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** Whether the scanner takes the whole text. */
function scanned(text: string): boolean {
  const bytes = bytewise(text);
  return canonicalEnd(bytes, 0) === bytes.length;
}

/** What the scanner is to tell: the text is JSON, and the canonical form of what it decodes to. */
function isCanonical(text: string): boolean {
  try {
    return canonicalJson(parseStrictJson(text)) === text;
  } catch (error) {
    if (error instanceof JsonRefused) return false;
    throw error;
  }
}

/** What the scanner leaves to the decoder on purpose: names with escapes, integers of more than 15 digits. */
function isLeftToTheDecoder(value: JsonValue): boolean {
  if (typeof value === 'number') return String(Math.abs(value)).length > 15;
  if (Array.isArray(value)) return value.some(isLeftToTheDecoder);
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(
    ([name, member]) => /["\\]/.test(name) || isLeftToTheDecoder(member),
  );
}

const TEXT = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      'a',
      'b',
      '"',
      '\\',
      '/',
      '<',
      '\n',
      '\u0000',
      '\u007f',
      'é',
      '\u2028',
      '\uff5e',
      '😀',
    ),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 5,
});
const VALUE: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>(tie => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom<JsonValue>(
      null,
      true,
      false,
      0,
      -1,
      10,
      2 ** 53,
      999_999_999_999_999,
      1_000_000_000_000_000,
    ),
    fc.maxSafeInteger(),
    TEXT,
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(TEXT, tie('value')), { maxLength: 4 })
      .map(members => Object.fromEntries(members) as JsonValue),
  ),
})).value;

const DIGEST = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map(digest => Buffer.from(digest).toString('base64'));
/** Targets as they stand in files, for which the scanner has a short cut. */
const TARGETS: fc.Arbitrary<JsonValue> = fc
  .array(
    fc.tuple(
      TEXT,
      fc.record(
        {
          length: fc.oneof(fc.nat(), fc.maxSafeInteger()),
          hashes: fc.record(
            { sha256: DIGEST(32), sha512: fc.oneof(DIGEST(64), DIGEST(32)) },
            { requiredKeys: [] },
          ),
          custom: VALUE,
        },
        { requiredKeys: ['length', 'hashes'] },
      ),
    ),
    { maxLength: 5 },
  )
  .map(members => Object.fromEntries(members) as JsonValue);

/** Spells a value in one of the many ways that JSON allows. */
function spelled(value: JsonValue, choose: () => number): string {
  const space = () => (choose() % 8 === 0 ? ' ' : '');
  if (typeof value === 'number') return choose() % 8 === 0 && value === 0 ? '-0' : String(value);
  if (typeof value === 'string') {
    const kind = choose() % 4;
    return kind === 0
      ? escapedAll(value)
      : kind === 1
        ? JSON.stringify(value)
        : canonicalText(value);
  }
  if (Array.isArray(value))
    return `[${space()}${value.map(item => spelled(item, choose)).join(`,${space()}`)}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const names = Object.keys(value).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  if (choose() % 4 === 0) names.reverse();
  if (choose() % 16 === 0 && names[0] !== undefined) names.push(names[0]);
  const members = names.map(
    name => `${spelled(name, choose)}${space()}:${spelled(value[name] as JsonValue, choose)}`,
  );
  return `{${members.join(',')}${space()}}`;
}

function canonicalText(text: string): string {
  return canonicalJson(text);
}

function escapedAll(text: string): string {
  const units = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
  return `"${units.map(unit => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`;
}

const SPELLED = fc
  .tuple(fc.oneof(VALUE, TARGETS), fc.infiniteStream(fc.nat(255)))
  .map(([value, stream]) => spelled(value, () => stream.next().value as number));

/** Text of JSON's own characters, nearly always broken. */
const NOISE = fc.string({
  unit: fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '"',
    '"a"',
    '"b":',
    '0',
    '1',
    '-',
    '.',
    'e',
    ' ',
    '\\',
    'true',
    'null',
    'é',
  ),
  maxLength: 14,
});

/** A canonical text with one character put in, taken out or exchanged. */
const BENT = fc
  .tuple(
    fc.oneof(VALUE, TARGETS),
    fc.nat(),
    fc.constantFrom('', ' ', ',', '"', '0', '}', 'a', '\\'),
  )
  .map(([value, at, what]) => {
    const text = canonicalJson(value);
    const place = at % (text.length + 1);
    return text.slice(0, place) + what + text.slice(place + (at % 2));
  });

describe('the scanner', () => {
  it('takes a text only if it is the canonical form of what it decodes to', () => {
    const check = (text: string) => {
      if (text.isWellFormed() && scanned(text)) expect(isCanonical(text)).toBe(true);
    };
    fc.assert(fc.property(SPELLED, check), { numRuns: 1500 });
    fc.assert(fc.property(BENT, check), { numRuns: 1500 });
    fc.assert(fc.property(NOISE, check), { numRuns: 3000 });
  });

  it('takes every canonical text but those that it leaves to the decoder on purpose', () => {
    fc.assert(
      fc.property(
        fc.oneof(SPELLED, VALUE.map(canonicalJson), TARGETS.map(canonicalJson), BENT, NOISE),
        text => {
          if (!text.isWellFormed() || !isCanonical(text)) return;
          expect(scanned(text)).toBe(!isLeftToTheDecoder(parseStrictJson(text)));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('stops at the end of the value, wherever that is', () => {
    fc.assert(
      fc.property(VALUE, fc.constantFrom(',', '}', ']', ',"signatures":[]}'), (value, rest) => {
        if (isLeftToTheDecoder(value)) return;
        const text = canonicalJson(value);
        if (!isCanonical(text)) return;
        expect(canonicalEnd(bytewise(`xx${text}${rest}`), 2)).toBe(2 + Buffer.byteLength(text));
      }),
    );
  });

  it.each([
    ['{"\uff5e":1,"😀":2}', true],
    ['{"😀":2,"\uff5e":1}', false],
    ['{"a":1,"a":2}', false],
    ['{"a":1,"ab":2,"b":3}', true],
    ['{"ab":1,"a":2}', false],
    ['{"10":1,"2":2}', true],
    ['{"2":2,"10":1}', false],
    ['"\\/"', false],
    ['"\\u0061"', false],
    ['"\\"\\\\"', true],
    ['-0', false],
    ['01', false],
    ['1.0', false],
    ['1e3', false],
    ['-', false],
    ['', false],
    ['{}', true],
    ['[]', true],
    ['[1,]', false],
    ['{"a":1,}', false],
    ['tru', false],
    ['{"a":1 }', false],
    ['"a\nb"', false],
  ])('%s: %s', (text, expected) => {
    expect(scanned(text)).toBe(expected);
    expect(isCanonical(text)).toBe(expected);
  });

  it('and the decoder draw the line at the same depth', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect([scanned(nested(NESTING_LIMIT)), isCanonical(nested(NESTING_LIMIT))]).toEqual([
      true,
      true,
    ]);
    expect([scanned(nested(NESTING_LIMIT + 2)), isCanonical(nested(NESTING_LIMIT + 2))]).toEqual([
      false,
      false,
    ]);
    expect(scanned(nested(1_000_000))).toBe(false);
  });
});

describe('the decoder', () => {
  it('decodes what JSON.parse decodes, or refuses it', () => {
    fc.assert(
      fc.property(fc.oneof(SPELLED, NOISE, BENT), text => {
        let value: JsonValue;
        try {
          value = parseStrictJson(text);
        } catch (error) {
          if (!(error instanceof JsonRefused)) throw error;
          return;
        }
        expect(canonicalJson(value)).toBe(canonicalJson(JSON.parse(text)));
      }),
      { numRuns: 3000 },
    );
  });

  it('takes all that JSON.stringify writes of integers and well-formed texts', () => {
    fc.assert(
      fc.property(VALUE, fc.constantFrom(0, 1, '\t'), (value, indent) => {
        expect(parseStrictJson(JSON.stringify(value, null, indent))).toEqual(
          JSON.parse(JSON.stringify(value)),
        );
      }),
    );
  });
});
