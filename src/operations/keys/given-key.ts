/** Private keys that are given as files, for `--key` of a rotation and for a repository's root. */

import { printable } from '../../crypto/printable.ts';
import type { PrivateKey } from '../../crypto/private-key.ts';
import {
  decodePrivateKeyPem,
  decodePrivateKeyPemAsync,
  inspectPrivateKeyPem,
  isEncryptedPem,
} from '../../crypto/private-key-pem.ts';
import { KeyError } from '../../errors.ts';
import { type PassphraseSubject, unlock } from '../../keys/passphrase.ts';
import { ROOT } from '../../tuf/role-name.ts';
import { readKeyText } from '../delegations/delegation-keys.ts';
import type { Session } from '../session.ts';

const LOCKED = new Set(['KEY_PASSPHRASE_WRONG', 'KEY_PASSPHRASE_MISSING']);

/**
 * Reads a private key file; what is encrypted is unlocked by the passphrase of its role if that is at hand, else with
 * one for a root key, whatever the key is for, as Notary does it (keys.md 6.1).
 * @throws KeyError `KEY_FILE_UNREADABLE`, `KEY_FILE_DAMAGED`, `KEY_UNSUPPORTED`, `KEY_NOT_ENCRYPTED`,
 *   `KEY_PASSPHRASE_MISSING`, `KEY_PASSPHRASE_WRONG`
 */
export async function readGivenKey(
  session: Session,
  file: string,
  options: { readonly encryptedOnly: boolean },
): Promise<PrivateKey> {
  const text = await readKeyText(file);
  try {
    if (!isEncryptedPem(text)) {
      const key = decodePrivateKeyPem(text, '');
      if (options.encryptedOnly) throw notEncrypted();
      return key;
    }
    return (await openSilently(session, text)) ?? (await open(session, text, { role: ROOT }));
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    const { code, message, hint, details } = error;
    throw new KeyError(code, `${printable(file)}: ${message}`, {
      ...(hint === undefined ? {} : { hint }),
      cause: error,
      details: { ...details, file },
    });
  }
}

/** By the passphrase of the role that the file names, if nobody has to be asked for it: a stored key is given that way. */
async function openSilently(session: Session, text: Uint8Array): Promise<PrivateKey | undefined> {
  const role = inspectPrivateKeyPem(text)?.headers.get('role') ?? '';
  if (role === '' || role === ROOT) return undefined;
  try {
    return await open(session, text, { role, isOptional: true });
  } catch (error) {
    if (error instanceof KeyError && LOCKED.has(error.code)) return undefined;
    throw error;
  }
}

async function open(
  session: Session,
  text: Uint8Array,
  subject: PassphraseSubject,
): Promise<PrivateKey> {
  return await unlock(await session.passphrases(), subject, async passphrase => {
    try {
      return await decodePrivateKeyPemAsync(text, passphrase);
    } catch (error) {
      if (error instanceof KeyError && error.code === 'KEY_PASSPHRASE_WRONG') return undefined;
      throw error;
    }
  });
}

function notEncrypted(): KeyError {
  return new KeyError('KEY_NOT_ENCRYPTED', 'A root key is only taken from an encrypted file', {
    hint: 'Encrypt it first, with a passphrase that you use nowhere else.',
  });
}
