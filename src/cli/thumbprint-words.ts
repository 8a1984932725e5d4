/** A SHA-256 as words, to be read aloud over a telephone. */

/** 24 words of a list that many people have at hand; the last one holds a checksum of the others (BIP 39, English). */
export type ThumbprintWords = (sha256Hex: string) => readonly string[];

/** Loads the list of words, which only this needs. */
export async function loadThumbprintWords(): Promise<ThumbprintWords> {
  const [{ entropyToMnemonic }, { wordlist }] = await Promise.all([
    import('@scure/bip39'),
    import('@scure/bip39/wordlists/english.js'),
  ]);
  return hex => entropyToMnemonic(Buffer.from(hex, 'hex'), wordlist).split(' ');
}
