/** Passphrases for new key files that nobody has to think up. */
import { randomInt } from 'node:crypto';
import { KeyError } from '../errors.ts';
import {
  keyName,
  type PassphraseAnswer,
  type PassphraseRequest,
  type PassphraseSource,
  type PassphraseSubject,
} from './passphrase.ts';

/** Without letters that are taken for digits or for each other. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';
const GROUPS = 7;
const GROUP_LENGTH = 4;

/** 28 of 31 letters and digits: 138 bits, from the system's generator; in groups, to be copied by hand. */
export function generatePassphrase(): string {
  const group = (): string =>
    Array.from({ length: GROUP_LENGTH }, () => LETTERS[randomInt(LETTERS.length)]).join('');
  return Array.from({ length: GROUPS }, group).join('-');
}

export interface GeneratedPassphrasesOptions {
  /** Puts it into the keychain; false where there is none that takes it. Absent where that has to wait. */
  readonly keep?: (keyId: string, passphrase: string) => Promise<boolean>;
  /** Told of each new key; shows a passphrase to the person once. Absent where nobody would see it, or too many would. */
  readonly show?: (key: PassphraseSubject, passphrase: string, isKept: boolean) => void;
}

/**
 * One passphrase for new root keys and one for all others, which is what Docker's two variables can hold. It is kept
 * or shown before it is used: no key may lie under a passphrase that nobody knows.
 */
export class GeneratedPassphrases implements PassphraseSource {
  readonly name = 'generated';
  readonly #options: GeneratedPassphrasesOptions;
  readonly #made = new Map<boolean, string>();
  readonly #told = new Set<string>();

  constructor(options: GeneratedPassphrasesOptions) {
    this.#options = options;
  }

  /** @throws KeyError `PASSPHRASE_NOT_KEPT` */
  async get(request: PassphraseRequest): Promise<PassphraseAnswer | undefined> {
    if (request.purpose !== 'create') return undefined;
    const isRoot = request.role === 'root';
    const passphrase = this.#made.get(isRoot) ?? generatePassphrase();
    this.#made.set(isRoot, passphrase);
    const { keep, show } = this.#options;
    const { keyId } = request;
    const isKept = keyId !== undefined && (await keep?.(keyId, passphrase)) === true;
    if (!isKept && show === undefined) throw notKept(request);
    const key = keyId ?? request.role;
    if (!this.#told.has(key)) show?.(request, passphrase, isKept);
    this.#told.add(key);
    return { passphrase, source: this.name };
  }
}

function notKept(request: PassphraseSubject): KeyError {
  return new KeyError(
    'PASSPHRASE_NOT_KEPT',
    `A passphrase for ${keyName(request)} was generated, but no keychain takes it and there is no terminal to show it at`,
    { hint: 'Nothing was made. Run the command at a terminal, or give a passphrase of your own.' },
  );
}
