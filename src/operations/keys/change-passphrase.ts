/** A new passphrase for a private key. */
import { changePassphrase as change } from '../../keys/change-passphrase.ts';
import { EnvironmentPassphrase } from '../../keys/environment-passphrases.ts';
import type { PassphraseSource } from '../../keys/passphrase.ts';
import { PromptPassphrases } from '../../keys/prompt-passphrases.ts';
import { WeakPassphraseNotice } from '../../keys/weak-passphrase-notice.ts';
import type { Session } from '../session.ts';
import { generatedSources, keychainSources, notice, searchListeners } from './open-key-store.ts';

/** Where the new passphrase is when nobody can be asked; the old one comes from the usual variables. */
export const NEW_PASSPHRASE_VARIABLE = 'TABELLION_NEW_PASSPHRASE';

export interface ChangePassphraseRequest {
  /** The full key ID. */
  readonly id: string;
  /**
   * Where the new passphrase comes from; unless told, the variable `TABELLION_NEW_PASSPHRASE`, else the
   * person. The usual variables hold the old one.
   */
  readonly newPassphrases?: readonly PassphraseSource[];
}

export interface ChangePassphraseReport {
  readonly id: string;
  readonly role: string;
  readonly gun?: string;
  readonly file: string;
  /** Rounds of the key's derivation now; never fewer than before. */
  readonly iterations: number;
}

/**
 * Replaces the key's file by one under the new passphrase, with the same headers, and reads it back.
 * @throws KeyError `KEY_NOT_FOUND` | `KEY_ID_MISMATCH` | `KEY_PASSPHRASE_MISSING` | `KEY_PASSPHRASE_WRONG` |
 *   `KEY_PASSPHRASE_TOO_SHORT` | `KEY_FILE_DAMAGED` | `KEY_UNSUPPORTED` | `KEY_NOT_STORED`; then the old
 *   passphrase is still the one
 */
export async function changePassphrase(
  session: Session,
  request: ChangePassphraseRequest,
): Promise<ChangePassphraseReport> {
  const { id } = request;
  const sources = request.newPassphrases ?? newPassphraseSources(session);
  const { entry, iterations } = await change(await session.keys(), id, sources);
  const { role, gun, path } = entry;
  return { id, role, ...(gun === undefined ? {} : { gun }), file: path, iterations };
}

/** The keychain gives no new passphrase, but its entry for the key is to hold the new one. */
function newPassphraseSources(session: Session): PassphraseSource[] {
  const { env, askPassphrase } = session.options;
  return [
    ...generatedSources(session, { isNewKey: false }),
    new EnvironmentPassphrase(env, NEW_PASSPHRASE_VARIABLE),
    ...keychainSources(session, { renews: true }),
    ...(askPassphrase === undefined ? [] : [new PromptPassphrases(askPassphrase)]),
    new WeakPassphraseNotice(line => notice(session, line)),
    ...searchListeners(session),
  ];
}
