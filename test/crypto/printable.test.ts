import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printable } from '../../src/crypto/printable.ts';

test.each([
  ['docker.io/library/app:1.2', 'docker.io/library/app:1.2'],
  ['Grüße 你好 مرحبا 😀', 'Grüße 你好 مرحبا 😀'],
  ['\u001b[31mred\u0007', '\\u001b[31mred\\u0007'],
  ['a\r\nb\tc\u007f\u0085', 'a\\u000d\\u000ab\\u0009c\\u007f\\u0085'],
  ['evil\u202etxt.exe\u2066\u200f', 'evil\\u202etxt.exe\\u2066\\u200f'],
  ['zero\u200bwidth\ufeff', 'zero\\u200bwidth\\ufeff'],
  ['half \ud83d', 'half \\ud83d'],
  ['tag \u{e0041}', 'tag \\u{e0041}'],
])('%j', (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('nothing that a terminal acts on is left', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      expect(printable(text)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u2028\u2029]/u);
    }),
  );
});
