/** How hard a passphrase is to guess, by zxcvbn, which takes half a second to load: only for one that is being typed. */

/** From 0, among the first that are tried, to 4. */
export type PassphraseScore = 0 | 1 | 2 | 3 | 4;

export interface PassphraseQuality {
  readonly score: PassphraseScore;
  /** What makes it easy to guess; absent where nothing stands out. */
  readonly weakness?: string;
}

/** The least score of a new passphrase: some 10¹⁰ guesses. */
export const LEAST_SCORE: PassphraseScore = 3;

/** Longer ones are judged by their beginning: the time for it grows with the length. */
const JUDGED_CHARACTERS = 100;

/** By the library's names for its warnings. */
const WEAKNESSES: Readonly<Record<string, string>> = {
  straightRow: 'it is a row of keys',
  keyPattern: 'it is a pattern of keys',
  simpleRepeat: 'it repeats one character',
  extendedRepeat: 'it repeats itself',
  sequences: 'it is a sequence such as abc or 6543',
  recentYears: 'it has a year in it',
  dates: 'it has a date in it',
  topTen: 'it is one of the most common passwords',
  topHundred: 'it is one of the most common passwords',
  common: 'it is a common password, or like one',
  similarToCommon: 'it is like a common password',
  wordByItself: 'it is a single word',
  namesByThemselves: 'it is a name',
  commonNames: 'it is a common name',
  userInputs: 'it is made of words that belong to the key',
  pwned: 'it is known from a leak',
};

/** @param words that an attacker would try first: the role, the repository. */
export async function passphraseQuality(
  passphrase: string,
  words: readonly string[],
): Promise<PassphraseQuality> {
  const { ZxcvbnFactory } = await import('@zxcvbn-ts/core');
  const { adjacencyGraphs, dictionary } = await import('@zxcvbn-ts/language-common');
  const zxcvbn = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });
  const { score, feedback } = zxcvbn.check(passphrase.slice(0, JUDGED_CHARACTERS), [
    ...OWN_WORDS,
    ...words.flatMap(word => [word, ...word.split(/[^\p{L}\p{N}]+/u)]).filter(Boolean),
  ]);
  const weakness = WEAKNESSES[feedback.warning ?? ''];
  return { score, ...(weakness === undefined ? {} : { weakness }) };
}

const OWN_WORDS = ['tabellion', 'notary', 'docker', 'passphrase', 'content', 'trust', 'signing'];
