/** Passphrases out of the system's keychain, and the keeping of those that a person typed. */
import type { KeyError } from '../errors.ts';
import { isKeyId } from './key-files.ts';
import { isKeychainError, type Keychain } from './keychain.ts';
import {
  keyName,
  type PassphraseAbsence,
  type PassphraseAnswer,
  type PassphraseRequest,
  type PassphraseSource,
  type PassphraseSubject,
} from './passphrase.ts';

/** Whether a passphrase that was typed is kept: when the person says so, without question, or not at all. */
export type Remembering = 'ask' | 'always' | 'never';

/** What is known of a key's passphrase beside the keychain: whether one was kept there, or was not wanted there. */
export interface RememberedAnswers {
  get(keyId: string): Promise<'kept' | 'declined' | undefined>;
  put(keyId: string, answer: 'kept' | 'declined' | undefined): Promise<void>;
}

export interface KeychainPassphrasesOptions {
  readonly open: () => Promise<Keychain>;
  readonly answers: RememberedAnswers;
  readonly remembering: Remembering;
  /** Asks the person whether to keep it; absent where there is none. */
  readonly ask?: (subject: PassphraseSubject) => Promise<boolean>;
  /** Told, once, why the keychain does not serve. */
  readonly notice: (line: string) => void;
  /** Whether an entry is also replaced when the new passphrase was not typed: for commands that change it. */
  readonly renews?: boolean;
}

/** The name of the source whose answers a person typed. */
const TYPED = 'prompt';

/**
 * The entry of a key is tried once; when it is wrong, the next source is asked, and its answer replaces the entry.
 * A keychain that does not serve is left alone for the rest of the run.
 */
export class KeychainPassphrases implements PassphraseSource {
  readonly name = 'keychain';
  readonly mayBeOutdated = true;
  readonly #options: KeychainPassphrasesOptions;
  #keychain: Promise<Keychain> | undefined;
  /** Why it does not serve. */
  #failure: KeyError | undefined;
  /** Keys that have an entry; of those whose entry did not fit, until it is replaced. */
  readonly #entries = new Set<string>();
  /** What the person said in this run: of root keys, and of all others. */
  readonly #said = new Map<boolean, boolean>();

  constructor(options: KeychainPassphrasesOptions) {
    this.#options = options;
  }

  async get(request: PassphraseRequest): Promise<PassphraseAnswer | undefined> {
    const { purpose, keyId, attempt } = request;
    if (purpose !== 'unlock' || attempt > 0 || keyId === undefined || !isKeyId(keyId)) {
      return undefined;
    }
    const passphrase = await this.#ask(
      keychain => keychain.get(keyId),
      error => this.#isMissed(error, keyId),
    );
    if (passphrase === undefined) {
      await this.#tellOfLoss(request, keyId);
      return undefined;
    }
    this.#entries.add(keyId);
    if (request.isElsewhere === true) return { passphrase, source: this.name };
    return {
      passphrase,
      source: this.name,
      note: `The keychain’s entry is outdated: tabellion passphrase set ${keyId.slice(0, 12)}.`,
    };
  }

  advice({ purpose, keyId }: PassphraseRequest): string | undefined {
    if (purpose !== 'unlock' || keyId === undefined || !isKeyId(keyId)) return undefined;
    if (this.#failure !== undefined) return undefined;
    return `keep it in the keychain with “tabellion passphrase set ${keyId.slice(0, 12)}”`;
  }

  absence({ purpose }: PassphraseRequest): PassphraseAbsence[] {
    if (this.#failure !== undefined) return [{ detail: this.#failure.message }];
    return [
      { detail: purpose === 'unlock' ? 'has no entry for this key' : 'gives no new passphrases' },
    ];
  }

  async accepted(request: PassphraseRequest, answer: PassphraseAnswer): Promise<void> {
    const { keyId } = request;
    if (request.isElsewhere === true) return;
    if (answer.source === this.name || keyId === undefined || !isKeyId(keyId)) return;
    if (this.#failure !== undefined) return;
    const typed = answer.source === TYPED;
    if (!typed && this.#options.renews !== true) return;
    // Of a key that was opened by other means, nobody has asked the keychain yet; nor whether it serves.
    const known = this.#entries.has(keyId);
    const entry = known || (await this.#ask(keychain => keychain.get(keyId), false)) !== undefined;
    if (this.#failure !== undefined) return;
    if (entry) await this.#replace(keyId, answer.passphrase);
    else if (typed && (await this.#isWanted(request, keyId))) {
      await this.#keep(keyId, answer.passphrase);
    }
  }

  /** An entry that does not fit any more goes, whether a new one comes or not. */
  async #replace(keyId: string, passphrase: string): Promise<void> {
    if (this.#options.remembering !== 'never') return await this.#keep(keyId, passphrase);
    await this.#ask(keychain => keychain.delete(keyId), true);
    this.#entries.delete(keyId);
    await this.#options.answers.put(keyId, undefined);
  }

  async #keep(keyId: string, passphrase: string): Promise<void> {
    const kept = await this.#ask(async keychain => {
      await keychain.set(keyId, passphrase);
      return true;
    }, true);
    if (kept !== true) return;
    this.#entries.add(keyId);
    await this.#options.answers.put(keyId, 'kept');
  }

  async #isWanted(request: PassphraseRequest, keyId: string): Promise<boolean> {
    const { remembering, ask, answers } = this.#options;
    if (remembering !== 'ask') return remembering === 'always';
    // Asked once: neither after a “no”, nor where an entry is missing that was kept, of which the notice tells.
    if (ask === undefined || (await answers.get(keyId)) !== undefined) return false;
    const isRoot = request.role === 'root';
    const said = this.#said.get(isRoot) ?? (await ask(request));
    this.#said.set(isRoot, said);
    if (!said) await answers.put(keyId, 'declined');
    return said;
  }

  /** A locked Secret Service does not say so: it has no entry, as far as it tells. */
  async #tellOfLoss(request: PassphraseRequest, keyId: string): Promise<void> {
    if (this.#failure !== undefined) return;
    if ((await this.#options.answers.get(keyId)) !== 'kept') return;
    this.#options.notice(
      `The keychain does not give the passphrase of ${keyName(request)} that was kept there: it is locked, or the entry was removed (then: tabellion passphrase forget ${keyId.slice(0, 12)})`,
    );
  }

  /** Many machines have no keychain. That is worth a word only where it had the passphrase, or shall have it. */
  async #isMissed({ code }: KeyError, keyId: string): Promise<boolean> {
    const { remembering, answers } = this.#options;
    if (code !== 'KEYCHAIN_UNAVAILABLE' || remembering === 'always') return true;
    return (await answers.get(keyId)) === 'kept';
  }

  /** undefined also when the keychain does not serve. */
  async #ask<T>(
    question: (keychain: Keychain) => Promise<T>,
    isNeeded: boolean | ((error: KeyError) => Promise<boolean>),
  ) {
    if (this.#failure !== undefined) return undefined;
    try {
      this.#keychain ??= this.#options.open();
      return await question(await this.#keychain);
    } catch (error) {
      if (!isKeychainError(error)) throw error;
      this.#failure = error;
      if (typeof isNeeded === 'boolean' ? isNeeded : await isNeeded(error)) {
        this.#options.notice(`${error.message} (TABELLION_KEYCHAIN=off leaves it alone)`);
      }
      return undefined;
    }
  }
}
