/** The key store with its passphrase sources in the order in which they are asked: environment, (keychain,) person. */
import { EnvironmentPassphrases } from '../keys/environment-passphrases.ts';
import { KeyStore } from '../keys/key-store.ts';
import type { PassphraseSource } from '../keys/passphrase.ts';
import { PromptPassphrases } from '../keys/prompt-passphrases.ts';
import { writeFileAtomic } from '../trust-dir/atomic-file.ts';
import type { SessionOptions } from './session.ts';

export function openKeyStore(privateDir: string, options: SessionOptions): KeyStore {
  const passphrases: PassphraseSource[] = [
    new EnvironmentPassphrases(options.env, { notice: options.log }),
  ];
  if (options.askPassphrase !== undefined)
    passphrases.push(new PromptPassphrases(options.askPassphrase));
  return new KeyStore({ privateDir, passphrases, writeFile: writeFileAtomic });
}
