/** A stronger file for a stored key: the same key under the same passphrase and headers, in the same place. */
import type { EncryptionParameters } from '../crypto/encrypted-private-key.ts';
import { decodePrivateKeyPemAsync } from '../crypto/private-key-pem.ts';
import { KeyError } from '../errors.ts';
import { headersOf, noWeakerThan, sealKey } from './key-file-text.ts';
import { type KeyEntry, type KeyStore, keyNotFound } from './key-store.ts';
import { hasCopy, removeCopy } from './replace-key-file.ts';

/**
 * - `strong`: nothing to do.
 * - `weak`: fewer rounds than new files get, the old encryption of OpenSSL, or a hash that Notary cannot read.
 * - `interrupted`: strong, but the copy of the old file, which is weak, is still there.
 */
export type Hardness = 'strong' | 'weak' | 'interrupted';

/** What there is to do for a key's file. Only for encrypted ones that can be used. */
export async function hardnessOf(
  { path, iterations, prf }: KeyEntry,
  target: EncryptionParameters,
): Promise<Hardness> {
  if (prf !== 'sha1' || iterations === undefined || iterations < target.iterations) return 'weak';
  return (await hasCopy(path)) ? 'interrupted' : 'strong';
}

/**
 * Encrypts the file of a key anew, as new files are, or more strongly if it was; a copy of the old file lies beside it
 * until the new one has been read back and opened. What an interrupted run has left is brought to its end.
 * @returns the rounds of its derivation now
 * @throws KeyError as {@link KeyStore.open}; `KEY_NOT_ENCRYPTED` | `KEY_NOT_STORED` | `KEY_CHANGED`; what the writer
 *   throws. Then the file opens as before.
 */
export async function hardenKey(store: KeyStore, id: string): Promise<number> {
  const { key, passphrase, file } = await store.openFile(id);
  const { entry, content } = file;
  if (content === undefined) throw file.error ?? keyNotFound(id, store.privateDir);
  if (passphrase === '') throw notEncrypted(id);
  const { iterations, saltBytes } = noWeakerThan(content, store.encryption);
  // The file opens: whatever a run before has left beside it is not needed.
  await removeCopy(entry.path);
  if ((await hardnessOf(entry, store.encryption)) === 'strong')
    return entry.iterations ?? iterations;
  const text = sealKey(key, passphrase, headersOf(entry, content), { iterations, saltBytes });
  await store.replace(file, text, async readBack => {
    return (await decodePrivateKeyPemAsync(readBack, passphrase)).id === id;
  });
  return iterations;
}

/** Without a passphrase there is nothing to encrypt it with. */
export function notEncrypted(id: string): KeyError {
  return new KeyError('KEY_NOT_ENCRYPTED', 'The key file is not encrypted', {
    hint: `Give it a passphrase with: tabellion key passwd ${id.slice(0, 12)}`,
    details: { keyId: id },
  });
}
