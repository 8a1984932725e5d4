/**
 * Passphrases that a person types (keys.md 6.3). How the question looks is up to the caller's prompt.
 */
import { KeyError } from '../errors.ts';
import {
  keyName,
  type PassphraseAnswer,
  type PassphraseRequest,
  type PassphraseSource,
} from './passphrase.ts';

export interface PassphraseQuestion {
  readonly kind: 'unlock' | 'create';
  readonly keyId?: string;
  readonly role: string;
  readonly gun?: string;
  /** How often this was asked before, for this key. */
  readonly attempt: number;
  /** Why it is asked again. */
  readonly previousProblem?: 'wrong' | 'too-short';
}

/**
 * Asks for a passphrase without showing it. For `create` it also has it repeated, and asks again itself when
 * the two differ. It may throw when the person gives up.
 */
export type PassphrasePrompt = (question: PassphraseQuestion) => Promise<string>;

export interface PromptPassphrasesOptions {
  /** How often it is asked for one key; 3 unless told. */
  readonly unlockAttempts?: number;
  /** How often a new passphrase may be too short; 12 unless told. */
  readonly createAttempts?: number;
}

/** In bytes of UTF-8, after trimming, for new passphrases only. */
export const SHORTEST_PASSPHRASE = 8;

/**
 * A passphrase that opened a key is tried for further keys of the same role before the person is asked, and
 * a new one is used for further new keys of that role. None of that counts as an attempt.
 */
export class PromptPassphrases implements PassphraseSource {
  readonly name = 'prompt';
  readonly #ask: PassphrasePrompt;
  readonly #unlockAttempts: number;
  readonly #createAttempts: number;
  readonly #worked = new Map<string, string[]>();
  readonly #created = new Map<string, string>();

  constructor(ask: PassphrasePrompt, options: PromptPassphrasesOptions = {}) {
    this.#ask = ask;
    this.#unlockAttempts = options.unlockAttempts ?? 3;
    this.#createAttempts = options.createAttempts ?? 12;
  }

  /** @throws KeyError `KEY_PASSPHRASE_TOO_SHORT`, and whatever the prompt throws */
  async get(request: PassphraseRequest): Promise<PassphraseAnswer | undefined> {
    return request.purpose === 'create' ? this.#create(request) : this.#unlock(request);
  }

  accepted(request: PassphraseRequest, answer: PassphraseAnswer): void {
    if (answer.source !== this.name) return;
    const { role } = request;
    const others = (this.#worked.get(role) ?? []).filter(other => other !== answer.passphrase);
    this.#worked.set(role, [answer.passphrase, ...others]);
    if (request.purpose === 'create') this.#created.set(role, answer.passphrase);
  }

  async #unlock(request: PassphraseRequest): Promise<PassphraseAnswer | undefined> {
    const known = this.#worked.get(request.role) ?? [];
    const again = known[request.attempt];
    if (again !== undefined) return this.#answer(again);
    const attempt = request.attempt - known.length;
    if (request.isOptional === true || attempt >= this.#unlockAttempts) return undefined;
    return this.#answer(await this.#typed(request, attempt, attempt > 0 ? 'wrong' : undefined));
  }

  async #create(request: PassphraseRequest): Promise<PassphraseAnswer> {
    const again = this.#created.get(request.role);
    if (again !== undefined) return this.#answer(again);
    for (let attempt = 0; attempt < this.#createAttempts; attempt++) {
      const typed = await this.#typed(request, attempt, attempt > 0 ? 'too-short' : undefined);
      if (Buffer.byteLength(typed, 'utf8') >= SHORTEST_PASSPHRASE) return this.#answer(typed);
    }
    throw new KeyError(
      'KEY_PASSPHRASE_TOO_SHORT',
      `The passphrase typed for ${keyName(request)} has fewer than ${SHORTEST_PASSPHRASE} bytes`,
      { hint: 'Use a password manager to make and keep a long one.' },
    );
  }

  async #typed(
    request: PassphraseRequest,
    attempt: number,
    previousProblem: PassphraseQuestion['previousProblem'],
  ): Promise<string> {
    const { purpose, keyId, role, gun } = request;
    const typed = await this.#ask({
      kind: purpose,
      ...(keyId === undefined ? {} : { keyId }),
      role,
      ...(gun === undefined ? {} : { gun }),
      attempt,
      ...(previousProblem === undefined ? {} : { previousProblem }),
    });
    return trimSpace(typed);
  }

  #answer(passphrase: string): PassphraseAnswer {
    return { passphrase, source: this.name };
  }
}

/** What Go takes for white space: U+0085 too, but not U+FEFF. Keys are shared with Go programs. */
function trimSpace(text: string): string {
  const space = '[^\\S\\ufeff]|\\u0085';
  return text.replace(new RegExp(`^(?:${space})+|(?:${space})+$`, 'g'), '');
}
