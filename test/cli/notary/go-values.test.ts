import { describe, expect, it } from 'vitest';
import {
  GoValueError,
  goQuote,
  parseGoDecimal,
  parseGoInteger,
  parseGoList,
} from '../../../src/cli/notary/command-line/go-values.ts';

describe('values by Go’s rules', () => {
  it.each([
    ['16', 16n],
    ['0x10', 16n],
    ['-0X10', -16n],
    ['0b101', 5n],
    ['0o17', 15n],
    ['017', 15n],
    ['0_7', 7n],
    ['0x_1f', 31n],
    ['1_000', 1000n],
    ['+5', 5n],
    ['0', 0n],
    ['9223372036854775807', 2n ** 63n - 1n],
    ['-9223372036854775808', -(2n ** 63n)],
  ])('%s is an integer', (text, value) => {
    expect(parseGoInteger(text)).toBe(value);
  });

  it.each(['', '+', '0x', '_1', '1_', '1__0', '08', '0_', '1e3', ' 1', '٣', '9223372036854775808'])(
    '%j is none',
    text => {
      expect(() => parseGoInteger(text)).toThrow(GoValueError);
    },
  );

  it('decimal numbers have neither prefix nor underscore', () => {
    expect(parseGoDecimal('-007')).toBe(-7n);
    expect(() => parseGoDecimal('0x1')).toThrow(GoValueError);
    expect(() => parseGoDecimal('1_0')).toThrow(GoValueError);
  });

  it.each([
    ['', []],
    ['a', ['a']],
    ['a,b', ['a', 'b']],
    [',', ['', '']],
    ['""', ['']],
    ['a,"b,c"', ['a', 'b,c']],
    ['"a""b"', ['a"b']],
    ['"a\nb"', ['a\nb']],
    ['a\nb', ['a']],
    ['\n\na', ['a']],
    ['a\r', ['a']],
  ])('%j is a list', (text, list) => {
    expect(parseGoList(text)).toEqual(list);
  });

  it('quotes as Go does', () => {
    expect(goQuote('a"\\\n\t\u0001é\u200b\u{1f600}')).toBe(String.raw`"a\"\\\n\t\x01é\u200b😀"`);
  });
});
