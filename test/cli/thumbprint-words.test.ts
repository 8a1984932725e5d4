import { describe, expect, it } from 'vitest';
import { digitsOfWords, loadThumbprintWords } from '../../src/cli/thumbprint-words.ts';
import { UsageError } from '../../src/errors.ts';
import { expectFailure } from '../support/expect-failure.ts';

const HEX = 'a7'.repeat(16) + '3c'.repeat(16);

describe('a thumbprint in words', () => {
  it('becomes its digits again, with or without a role, however it was written down', async () => {
    const words = (await loadThumbprintWords())(HEX);
    expect(words).toHaveLength(24);
    expect(await digitsOfWords(words.join(' '))).toBe(HEX);
    expect(await digitsOfWords(`targets=${words.join(', ').toUpperCase()}`)).toBe(`targets=${HEX}`);
    for (const other of [HEX, 'root=AB:CD', 'SHA256 Fingerprint=AB:CD', 'dead beef '.repeat(8)])
      expect(await digitsOfWords(other)).toBe(other);
  });

  it('that was misheard, or cut short, is refused', async () => {
    const words = [...(await loadThumbprintWords())(HEX)];
    const [first = '', second = '', ...rest] = words;
    for (const [wrong, message] of [
      [['xylophone', second, ...rest], /“xylophone” is none/],
      [[second, first, ...rest], /misheard/],
      [words.slice(1), /24 words, and these are 23/],
    ] as const) {
      const failure = digitsOfWords(wrong.join(' '));
      await expectFailure(failure, UsageError, 'THUMBPRINT_INVALID');
      await expect(failure).rejects.toThrow(message);
    }
  });
});
