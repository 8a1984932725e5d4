/** A new passphrase for a stored key: the same key, in the same place, under the same headers. */
import { decodePrivateKeyPem } from '../crypto/private-key-pem.ts';
import { KeyError } from '../errors.ts';
import { headersOf, noWeakerThan, sealKey } from './key-file-text.ts';
import type { KeyEntry, KeyStore } from './key-store.ts';
import { createWithPassphrase, type PassphraseSource } from './passphrase.ts';

export interface ChangedPassphrase {
  readonly entry: KeyEntry;
  /** Rounds of the derivation, before (absent for a key that was not encrypted in this way) and now. */
  readonly iterationsBefore?: number;
  readonly iterations: number;
}

/**
 * Opens the key with what the store's own sources offer, and replaces its file in one step by one that is no
 * weaker (Notary lowers it, and drops headers: keys.md 9.24). The new file is read back; if that fails, the
 * old one is there again.
 * @param passphrases asked for the new passphrase, and for nothing else
 * @throws KeyError as {@link KeyStore.open}; `KEY_PASSPHRASE_MISSING` | `KEY_NOT_STORED`; what the writer throws
 */
export async function changePassphrase(
  store: KeyStore,
  id: string,
  passphrases: readonly PassphraseSource[],
): Promise<ChangedPassphrase> {
  // Also refuses a key that lies under the ID of another one, which Notary would store once more.
  const key = await store.open(id);
  const file = await store.file(id);
  if (file?.content === undefined) {
    throw file?.error ?? new KeyError('KEY_NOT_FOUND', `The key ${id} has been removed meanwhile`);
  }
  const { entry, content } = file;
  const headers = headersOf(entry, content);
  const encryption = noWeakerThan(content, store.encryption);
  const subject = {
    keyId: id,
    role: entry.role,
    ...(entry.gun === undefined ? {} : { gun: entry.gun }),
  };
  await createWithPassphrase(passphrases, subject, async passphrase => {
    const text = sealKey(key, passphrase, headers, encryption);
    if (decodePrivateKeyPem(text, passphrase).id !== id) {
      throw new KeyError('KEY_NOT_STORED', `The key ${id} could not be encrypted anew`);
    }
    await store.put([{ id, text, path: entry.path, before: content }]);
  });
  const { iterations } = encryption;
  return {
    entry,
    ...(entry.iterations === undefined ? {} : { iterationsBefore: entry.iterations }),
    iterations,
  };
}
