/** The key store, and the passphrase sources of a session in the order in which they are asked. */
import { EnvironmentPassphrases, KeyVariablePassphrases } from '../keys/environment-passphrases.ts';
import { KeyStore } from '../keys/key-store.ts';
import { newKeyEncryption } from '../keys/key-strength.ts';
import { KeychainPassphrases } from '../keys/keychain-passphrases.ts';
import type { PassphraseSource } from '../keys/passphrase.ts';
import { PromptPassphrases } from '../keys/prompt-passphrases.ts';
import { writeFileAtomic } from '../trust-dir/atomic-file.ts';
import { environmentPassphraseSources, givenPassphraseSources } from './given-passphrase.ts';
import { RememberedPassphrases } from './remembered-passphrases.ts';
import type { Session } from './session.ts';

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

/**
 * The sources of a session, in the order in which they are asked: what the command was told, the environment, the
 * keychain, the person.
 */
export async function passphraseSources(session: Session): Promise<readonly PassphraseSource[]> {
  const { options } = session;
  const { env, givenPassphrase = {}, askPassphrase } = options;
  if (options.passphraseSources !== undefined) return await options.passphraseSources(session);
  const given = { env, warn: (line: string) => notice(session, line) };
  return [
    ...givenPassphraseSources(givenPassphrase, given),
    new KeyVariablePassphrases(env),
    ...environmentPassphraseSources(given),
    new EnvironmentPassphrases(env, { notice: options.log }),
    ...keychainSources(session),
    ...(askPassphrase === undefined ? [] : [new PromptPassphrases(askPassphrase)]),
    ...searchListeners(session),
  ];
}

/**
 * The keychain, where it is to be used.
 * @param renews whether what a key's entry holds is replaced also when nobody typed the new passphrase
 */
export function keychainSources(
  session: Session,
  { renews = false }: { readonly renews?: boolean } = {},
): PassphraseSource[] {
  const { openKeychain, remembering = 'ask', askRemember } = session.options;
  if (openKeychain === undefined) return [];
  return [
    new KeychainPassphrases({
      open: async () => (await session.keychain()) ?? (await openKeychain()),
      answers: new RememberedPassphrases(session.trustDir.own, step => session.log(step)),
      remembering,
      ...(askRemember === undefined ? {} : { ask: askRemember }),
      notice: line => notice(session, line),
      renews,
    }),
  ];
}

/** Who wants to hear how a passphrase was looked for. */
export function searchListeners({ options }: Session): PassphraseSource[] {
  const { onPassphraseSearch } = options;
  if (onPassphraseSearch === undefined) return [];
  return [{ name: 'listener', get: async () => undefined, searched: onPassphraseSearch }];
}

function notice({ options }: Session, line: string): void {
  (options.notice ?? options.log)(line);
}
