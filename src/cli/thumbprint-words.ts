/** A SHA-256 as words, to be read aloud over a telephone. */
import { printable } from '../crypto/printable.ts';
import { UsageError } from '../errors.ts';

/** 24 words of a list that many people have at hand; the last one holds a checksum of the others (BIP 39, English). */
export type ThumbprintWords = (sha256Hex: string) => readonly string[];

async function loadList() {
  return await Promise.all([import('@scure/bip39'), import('@scure/bip39/wordlists/english.js')]);
}

/** Loads the list of words, which only this needs. */
export async function loadThumbprintWords(): Promise<ThumbprintWords> {
  const [{ entropyToMnemonic }, { wordlist }] = await loadList();
  return hex => entropyToMnemonic(Buffer.from(hex, 'hex'), wordlist).split(' ');
}

/** How many words a SHA-256 has. */
const WORDS = 24;

/**
 * A thumbprint in words as digits; anything else as it is. A role may stand before it, as in `root=word word …`.
 * @throws UsageError `THUMBPRINT_INVALID` for words that are none of the list's, too few, or do not fit together
 */
export async function digitsOfWords(text: string): Promise<string> {
  const [, role = '', rest = ''] = /^\s*([^\s=]+=)?(.*)$/s.exec(text) ?? [];
  const words = rest
    .toLowerCase()
    .split(/[\s,.-]+/)
    .filter(word => word !== '');
  const isWords = words.every(word => /^[a-z]+$/.test(word)) && /[g-z]/.test(words.join(''));
  if (words.length < 12 || !isWords) return text;
  const [{ mnemonicToEntropy }, { wordlist }] = await loadList();
  try {
    if (words.length !== WORDS) throw new RangeError();
    const entropy = mnemonicToEntropy(words.join(' '), wordlist);
    return `${role}${Buffer.from(entropy).toString('hex')}`;
  } catch {
    const strange = words.find(word => !wordlist.includes(word));
    throw new UsageError(
      'THUMBPRINT_INVALID',
      strange !== undefined
        ? `“${printable(strange)}” is none of the words of a thumbprint`
        : words.length === WORDS
          ? 'These words are no thumbprint: one was misheard, or their order is another'
          : `A thumbprint has ${WORDS} words, and these are ${words.length}`,
      { hint: 'tabellion thumbprint --words shows them.' },
    );
  }
}
