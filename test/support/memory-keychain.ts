import type { KeyError } from '../../src/errors.ts';
import type { Keychain } from '../../src/keys/keychain.ts';

/** A keychain that a test looks into, and breaks. */
export class MemoryKeychain implements Keychain {
  readonly entries: Map<string, string>;
  /** What it was asked: `get 135a78a`. */
  readonly asked: string[] = [];
  /** What every question fails with, from now on. */
  failure: KeyError | undefined;

  constructor(entries: Record<string, string> = {}) {
    this.entries = new Map(Object.entries(entries));
  }

  async get(account: string): Promise<string | undefined> {
    this.#note('get', account);
    return this.entries.get(account);
  }

  async set(account: string, passphrase: string): Promise<void> {
    this.#note('set', account);
    this.entries.set(account, passphrase);
  }

  async delete(account: string): Promise<boolean> {
    this.#note('delete', account);
    return this.entries.delete(account);
  }

  async list(): Promise<string[]> {
    this.#note('list', '');
    return [...this.entries.keys()].sort();
  }

  #note(question: string, account: string): void {
    this.asked.push(`${question} ${account.slice(0, 7)}`.trim());
    if (this.failure !== undefined) throw this.failure;
  }
}
