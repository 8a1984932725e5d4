/** The key store with its passphrase sources in the order in which they are asked: environment, (keychain,) person. */
import { EnvironmentPassphrases } from '../keys/environment-passphrases.ts';
import { KeyStore } from '../keys/key-store.ts';
import { newKeyEncryption } from '../keys/key-strength.ts';
import type { PassphraseSource } from '../keys/passphrase.ts';
import { PromptPassphrases } from '../keys/prompt-passphrases.ts';
import { writeFileAtomic } from '../trust-dir/atomic-file.ts';
import type { SessionOptions } from './session.ts';

export function openKeyStore(
  privateDir: string,
  passphrases: readonly PassphraseSource[],
  env: NodeJS.ProcessEnv,
): KeyStore {
  return new KeyStore({
    privateDir,
    passphrases,
    writeFile: writeFileAtomic,
    encryption: newKeyEncryption(env),
  });
}

/** The sources of a session, in the order in which they are asked. */
export function passphraseSources(options: SessionOptions): readonly PassphraseSource[] {
  if (options.passphraseSources !== undefined) return options.passphraseSources;
  const sources: PassphraseSource[] = [
    new EnvironmentPassphrases(options.env, { notice: options.log }),
  ];
  if (options.askPassphrase !== undefined)
    sources.push(new PromptPassphrases(options.askPassphrase));
  return sources;
}
