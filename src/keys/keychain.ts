/** The operating system's keychain, as a place for the passphrases of keys. */
import { KeyError } from '../errors.ts';

/**
 * Passphrases by account: the key ID of a stored key (64 hex digits); other names, such as `backup`, are for other secrets.
 * Every method throws KeyError `KEYCHAIN_UNAVAILABLE` | `KEYCHAIN_LOCKED` | `KEYCHAIN_TIMEOUT`, none of them with
 * a secret in it.
 */
export interface Keychain {
  /** undefined when there is no entry; some systems say that of a locked keychain too. */
  get(account: string): Promise<string | undefined>;
  /** Makes an entry, or replaces the one that is there. */
  set(account: string, passphrase: string): Promise<void>;
  /** @returns whether there was one */
  delete(account: string): Promise<boolean>;
  /** The accounts that have an entry, sorted. */
  list(): Promise<string[]>;
}

/** Under which name the entries lie; the account of an entry is the key's ID. */
export const KEYCHAIN_SERVICE = 'tabellion';

export type KeychainProblem = 'unavailable' | 'locked' | 'timeout' | 'off';

const WITHOUT_IT =
  'Give the passphrase in another way, or leave the keychain out with --no-keychain or TABELLION_KEYCHAIN=off.';

/** @param what the rest of a sentence that begins with “The keychain” */
export function keychainError(problem: KeychainProblem, what: string, hint?: string): KeyError {
  return new KeyError(`KEYCHAIN_${problem.toUpperCase()}`, `The keychain ${what}`, {
    hint: hint ?? WITHOUT_IT,
  });
}

/** Whether a failure is the keychain's: whoever can do without it goes on. */
export function isKeychainError(error: unknown): error is KeyError {
  return error instanceof KeyError && error.code.startsWith('KEYCHAIN_');
}
