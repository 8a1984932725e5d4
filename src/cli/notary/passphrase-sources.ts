/** Where a dialect finds passphrases, beside the variables of the program that it stands in for. */
import {
  EnvironmentPassphrases,
  KeyVariablePassphrases,
  type VariableFamily,
} from '../../keys/environment-passphrases.ts';
import type { PassphraseSource } from '../../keys/passphrase.ts';
import type { Session, SessionOptions } from '../../operations/session.ts';
import type { Host } from '../host.ts';
import { keychainVariable } from '../keychain-switch.ts';
import { rememberVariable } from '../passphrase-settings.ts';
import type { Logger } from './logger.ts';

export interface DialectPassphrases {
  readonly host: Host;
  readonly log: Logger;
  /** Whose variables count. */
  readonly family: VariableFamily;
  /** The old program's own way: its variables, its questions. */
  readonly own: PassphraseSource;
}

/**
 * By environment variables alone, for the flags of a dialect are not ours to add: the variable of one key,
 * `TABELLION_PASSPHRASE_FILE`, `TABELLION_PASSPHRASE_COMMAND`; and the keychain, but only with `TABELLION_KEYCHAIN=on`:
 * else a script would see lines that the old program never wrote.
 * @throws UsageError `VARIABLE_INVALID`
 */
export function dialectPassphrases({
  host,
  log,
  family,
  own,
}: DialectPassphrases): Partial<SessionOptions> {
  const { env } = host;
  const usesKeychain = keychainVariable(env) === 'on';
  return {
    notice: line => log.warning(line),
    remembering: rememberVariable(env),
    ...(usesKeychain ? { openKeychain: () => host.openKeychain() } : {}),
    passphraseSources: async session => [
      new KeyVariablePassphrases(env),
      ...(await furtherSources(session)),
      ...(usesKeychain ? [new EnvironmentPassphrases(env, { families: [family] })] : []),
      ...(await keychainOf(session)),
      own,
    ],
  };
}

async function furtherSources(session: Session): Promise<PassphraseSource[]> {
  const { environmentPassphraseSources } = await import(
    '../../operations/passphrases/given-passphrase.ts'
  );
  const { env, log, notice = log } = session.options;
  return environmentPassphraseSources({ env, warn: notice });
}

async function keychainOf(session: Session): Promise<PassphraseSource[]> {
  const { keychainSources } = await import('../../operations/keys/open-key-store.ts');
  return keychainSources(session);
}
