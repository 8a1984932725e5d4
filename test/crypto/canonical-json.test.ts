import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, escapeForGo, type JsonValue } from '../../src/crypto/canonical-json.ts';
import { TrustError } from '../../src/errors.ts';
import { readVectorJson } from '../support/fixtures.ts';

/** The obvious, slow way: names as UTF-8 buffers, always sorted. */
function reference(value: JsonValue): string {
  if (typeof value === 'string') {
    const whole = Buffer.from(value).toString();
    return `"${whole.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  }
  if (Array.isArray(value)) {
    return `[${value.map(reference).join()}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const members = new Map(
      Object.entries(value).map(([name, member]) => [Buffer.from(name).toString('hex'), member]),
    );
    return `{${[...members]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([hex, member]) => `${reference(Buffer.from(hex, 'hex').toString())}:${reference(member)}`,
      )
      .join()}}`;
  }
  return String(value);
}

/** Names and strings of all kinds: any UTF-16 unit, also halves of pairs, and a few that meet often. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map(code => String.fromCharCode(code)) }),
  fc.constantFrom('', 'a', 'b', '10', '9', '\uff5e', '\u{1f600}', '\ud800', '\ufffd', '__proto__'),
);

const json = fc.letrec<{ value: JsonValue }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom<JsonValue>(null, true, false),
    fc.integer(),
    text,
    fc.array(tie('value')),
    fc.array(fc.tuple(text, tie('value'))).map(
      members =>
        // By way of text, as in real use: `__proto__` is a name like any other then.
        JSON.parse(
          `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`,
        ) as JsonValue,
    ),
  ),
})).value;

describe('canonical JSON', () => {
  test('is the same as by the slow way', () => {
    fc.assert(
      fc.property(json, value => {
        expect(canonicalJson(value)).toBe(reference(value));
      }),
      { numRuns: 1000 },
    );
  });

  test('does not depend on the order of members, and stays when read again', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme-ascii' }), fc.integer()), object => {
        const canonical = canonicalJson(object);
        expect(canonicalJson(Object.fromEntries(Object.entries(object).reverse()))).toBe(canonical);
        expect(canonicalJson(JSON.parse(canonical) as JsonValue)).toBe(canonical);
      }),
    );
  });

  test.each<[string, string]>([
    ['{"b":1,"a":{"d":[],"c":{}}}', '{"a":{"c":{},"d":[]},"b":1}'],
    ['{ "a" : [ 1 , true , null ] }', '{"a":[1,true,null]}'],
    // Code units would put the pair first, for its first half is below U+FF5E.
    ['{"\u{1f600}":1,"\uff5e":2}', '{"\uff5e":2,"\u{1f600}":1}'],
    ['{"10":1,"9":2,"a":3}', '{"10":1,"9":2,"a":3}'],
    ['"\\u003c<>&/\\/\\u2028"', '"<<>&//\u2028"'],
    ['"a\\\\b\\"c\\u0001\\n\\u007f"', '"a\\\\b\\"c\u0001\n\u007f"'],
    ['"\\ud800x\\udc00"', '"\ufffdx\ufffd"'],
    ['{"\\ud800":1,"\\udfff":2,"\ufffd":3}', '{"\ufffd":3}'],
    ['{"a":1,"a":2}', '{"a":2}'],
    ['{"__proto__":{"x":1},"a":1}', '{"__proto__":{"x":1},"a":1}'],
    [
      '[1.0,1e3,-0,-5,9007199254740992,-9007199254740992]',
      '[1,1000,0,-5,9007199254740992,-9007199254740992]',
    ],
  ])('%s', (input, output) => {
    expect(canonicalJson(JSON.parse(input) as JsonValue)).toBe(output);
  });

  test.each(['1.5', '1e400', '9007199254740994', '[-1e20]', '{"a":0.1}'])(
    '%s is refused',
    input => {
      const write = (): string => canonicalJson(JSON.parse(input) as JsonValue);
      expect(write).toThrow(TrustError);
      expect(write).toThrow(expect.objectContaining({ code: 'CANONICAL_NUMBER' }) as Error);
    },
  );

  test('what is nested without end is refused, and does not break the stack', () => {
    const deep = (levels: number): JsonValue =>
      JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as JsonValue;
    expect(canonicalJson(deep(400))).toHaveLength(800);
    expect(() => canonicalJson(deep(100_000))).toThrow(
      expect.objectContaining({ code: 'CANONICAL_DEPTH' }) as Error,
    );
  });

  test('real metadata was canonical already', () => {
    for (const name of ['root', 'targets', 'targets-bob']) {
      const { signed } = readVectorJson<{ signed: JsonValue }>(`keys/metadata/${name}.json`);
      expect(canonicalJson(signed)).toBe(JSON.stringify(signed));
    }
  });
});

test('escapeForGo touches the five characters and no other', () => {
  expect(escapeForGo('{"<a>&\u2028\u2029":"\u2027\u202a/\\""}')).toBe(
    '{"\\u003ca\\u003e\\u0026\\u2028\\u2029":"\u2027\u202a/\\""}',
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), value => {
      const escaped = escapeForGo(JSON.stringify(value));
      expect(escaped).not.toMatch(/[<>&\u2028\u2029]/);
      expect(JSON.parse(escaped)).toBe(value);
    }),
  );
});
