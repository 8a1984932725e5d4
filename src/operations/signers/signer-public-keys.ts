/** The public keys of a signer, from files and from the keys of this machine. */
import type { PublicKey } from '../../crypto/public-key.ts';
import { readDelegationKeys } from '../delegations/delegation-keys.ts';
import { resolveKeyIds } from '../keys/key-id.ts';
import type { Session } from '../session.ts';

export interface SignerKeys {
  /** Certificates or public keys (PEM). */
  readonly keyFiles?: readonly string[];
  /** IDs of stored private keys, or beginnings of 7 digits or more. */
  readonly keyIds?: readonly string[];
}

/** @throws KeyError `KEY_FILE_UNREADABLE`, `KEY_FILE_DAMAGED`, `KEY_UNSUPPORTED`, `KEY_NOT_FOUND`; UsageError */
export async function signerPublicKeys(
  session: Session,
  { keyFiles = [], keyIds = [] }: SignerKeys,
): Promise<PublicKey[]> {
  const keys = await readDelegationKeys(keyFiles, session.now, { ed25519: true });
  const store = await session.keys();
  for (const id of await resolveKeyIds(session, keyIds))
    keys.push((await store.open(id)).publicKey);
  return keys;
}
