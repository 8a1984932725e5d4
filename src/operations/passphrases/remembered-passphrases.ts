/**
 * Which passphrases were kept in the keychain, and of which it was said that they should not be: one record for each
 * key, without any passphrase.
 */
import { TabellionError } from '../../errors.ts';
import type { RememberedAnswers } from '../../keys/keychain-passphrases.ts';
import { damagedRecord, type OwnFiles } from '../../trust-dir/own-files.ts';

type Answer = 'kept' | 'declined';

/** Nothing fails for the sake of these records: what is wrong with one goes to `log`. */
export class RememberedPassphrases implements RememberedAnswers {
  readonly #own: OwnFiles;
  readonly #log: (step: string) => void;

  constructor(own: OwnFiles, log: (step: string) => void) {
    this.#own = own;
    this.#log = log;
  }

  async get(keyId: string): Promise<Answer | undefined> {
    return await this.#unharmed(async () => {
      const record = await this.#own.read(recordName(keyId));
      if (record === undefined) return undefined;
      const { answer } = record as { answer?: unknown };
      if (answer === 'kept' || answer === 'declined') return answer;
      throw damagedRecord(this.#own.path(recordName(keyId)));
    });
  }

  async put(keyId: string, answer: Answer | undefined): Promise<void> {
    const name = recordName(keyId);
    await this.#unharmed(async () => {
      if (answer === undefined) await this.#own.remove(name);
      else await this.#own.write(name, { version: 1, answer });
    });
  }

  async #unharmed<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TabellionError)) throw error;
      this.#log(error.message);
      return undefined;
    }
  }
}

/** @param keyId 64 hex digits */
function recordName(keyId: string): string {
  return `passphrases/${keyId}.json`;
}
