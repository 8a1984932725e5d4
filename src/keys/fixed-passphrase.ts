/** One passphrase for whatever key, from a place that is read once. */
import { paddingNote } from './environment-passphrases.ts';
import type { PassphraseAnswer, PassphraseRequest, PassphraseSource } from './passphrase.ts';

/** It is read when the first key needs it. A wrong one is final. */
export class FixedPassphrase implements PassphraseSource {
  readonly name: string;
  readonly #read: () => Promise<string>;
  #passphrase: Promise<string> | undefined;

  /**
   * @param name what people call the place: `--passphrase-file`
   * @param read what it throws, `get` throws
   */
  constructor(name: string, read: () => Promise<string>) {
    this.name = name;
    this.#read = read;
  }

  async get({ attempt }: PassphraseRequest): Promise<PassphraseAnswer | undefined> {
    if (attempt > 0) return undefined;
    this.#passphrase ??= this.#read();
    const passphrase = await this.#passphrase;
    return {
      passphrase,
      source: this.name,
      ...paddingNote(passphrase, 'The passphrase'),
    };
  }
}
