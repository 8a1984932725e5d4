/**
 * A word about a new passphrase that no person typed. Those from variables, files and commands are taken as they are,
 * however weak (keys.md 6.2): scripts must go on working.
 */
import type { PassphraseAnswer, PassphraseRequest, PassphraseSource } from './passphrase.ts';

/** As few as this, in bytes of UTF-8, are not much for a key that lives for years. */
const SHORT = 12;
const FEW_CHARACTERS = 5;
const OBVIOUS =
  /^(?:(?:my|the|new|test|root|targets|repository|notary|docker)[-_ ]?)*(?:pass(?:word|phrase)?|secret|changeme|change me|admin|test|qwerty\w*|12345\w*|root|docker|notary)[-_ ]?\d*!?$/i;
/** Judged already, or made by ourselves. */
const KNOWN_SOURCES: ReadonlySet<string> = new Set(['prompt', 'generated']);

/** Hears of each new passphrase, and tells of a weak one once for each place that it came from. */
export class WeakPassphraseNotice implements PassphraseSource {
  readonly name = 'quality';
  readonly #notice: (line: string) => void;
  readonly #told = new Set<string>();

  constructor(notice: (line: string) => void) {
    this.#notice = notice;
  }

  async get(): Promise<undefined> {}

  /** Who listens is not counted among those asked. */
  searched(): void {}

  accepted({ purpose }: PassphraseRequest, { passphrase, source }: PassphraseAnswer): void {
    if (purpose !== 'create' || KNOWN_SOURCES.has(source) || this.#told.has(source)) return;
    if (!isObviouslyWeak(passphrase)) return;
    this.#told.add(source);
    this.#notice(
      `The new passphrase from ${source} is easy to guess: a long one, best generated, would protect the key`,
    );
  }
}

/** Cheap, and content with much: it finds only what nobody should use. */
export function isObviouslyWeak(passphrase: string): boolean {
  return (
    Buffer.byteLength(passphrase, 'utf8') < SHORT ||
    new Set(passphrase).size < FEW_CHARACTERS ||
    OBVIOUS.test(passphrase)
  );
}
