/** The key store, and the passphrase sources of a session in the order in which they are asked. */
import {
  EnvironmentPassphrases,
  KeyVariablePassphrases,
} from '../../keys/environment-passphrases.ts';
import { GeneratedPassphrases } from '../../keys/generated-passphrases.ts';
import { KeyStore } from '../../keys/key-store.ts';
import { newKeyEncryption } from '../../keys/key-strength.ts';
import { isKeychainError } from '../../keys/keychain.ts';
import { KeychainPassphrases } from '../../keys/keychain-passphrases.ts';
import type { PassphraseSource } from '../../keys/passphrase.ts';
import { PromptPassphrases } from '../../keys/prompt-passphrases.ts';
import { WeakPassphraseNotice } from '../../keys/weak-passphrase-notice.ts';
import { writeFileAtomic } from '../../trust-dir/atomic-file.ts';
import {
  environmentPassphraseSources,
  givenPassphraseSources,
} from '../passphrases/given-passphrase.ts';
import { RememberedPassphrases } from '../passphrases/remembered-passphrases.ts';
import type { Session } from '../session.ts';

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
    ...generatedSources(session, { isNewKey: true }),
    ...givenPassphraseSources(givenPassphrase, given),
    new KeyVariablePassphrases(env),
    ...environmentPassphraseSources(given),
    new EnvironmentPassphrases(env, { notice: options.log }),
    ...keychainSources(session),
    ...(askPassphrase === undefined ? [] : [new PromptPassphrases(askPassphrase)]),
    new WeakPassphraseNotice(line => notice(session, line)),
    ...searchListeners(session),
  ];
}

/**
 * Generated passphrases, if the session wants them.
 * @param isNewKey else an entry of the keychain may be all that opens the key as it is: it stays until it is replaced
 */
export function generatedSources(
  session: Session,
  { isNewKey }: { readonly isNewKey: boolean },
): PassphraseSource[] {
  const { generatedPassphrases } = session.options;
  if (generatedPassphrases === undefined) return [];
  const { show } = generatedPassphrases;
  return [
    new GeneratedPassphrases({
      ...(isNewKey ? { keep: (keyId, passphrase) => keep(session, keyId, passphrase) } : {}),
      ...(show === undefined ? {} : { show }),
    }),
  ];
}

async function keep(session: Session, keyId: string, passphrase: string): Promise<boolean> {
  try {
    const keychain = await session.keychain();
    if (keychain === undefined) return false;
    await keychain.set(keyId, passphrase);
    if ((await keychain.get(keyId)) !== passphrase) return false;
  } catch (error) {
    if (!isKeychainError(error)) throw error;
    notice(session, error.message);
    return false;
  }
  const answers = new RememberedPassphrases(session.trustDir.own, step => session.log(step));
  await answers.put(keyId, 'kept');
  return true;
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

/** Tells the person, or else the log. */
export function notice({ options }: Session, line: string): void {
  (options.notice ?? options.log)(line);
}
