/** A new key pair in two files, and in no key store: what `notary key generate -o` makes (keys.md 7). */

import { generatePrivateKey } from '../../crypto/private-key.ts';
import { encodePrivateKeyPem } from '../../crypto/private-key-pem.ts';
import { encodePublicKeyPem } from '../../crypto/public-key.ts';
import { newKeyEncryption } from '../../keys/key-strength.ts';
import { createWithPassphrase } from '../../keys/passphrase.ts';
import { writeFileAtomic } from '../../trust-dir/atomic-file.ts';
import type { Session } from '../session.ts';

export interface KeyPairFilesRequest {
  /** Becomes the `role` header of both files. */
  readonly role: string;
  /** `NAME` makes `NAME.pem` (public) and `NAME-key.pem` (private, encrypted). */
  readonly name: string;
}

export interface KeyPairFiles {
  readonly id: string;
  readonly publicFile: string;
  readonly privateFile: string;
}

/**
 * Makes a P-256 key. The passphrase is asked for without naming the role, whatever it is (keys.md 6.1). Files
 * that are there are replaced.
 * @throws KeyError `KEY_PASSPHRASE_MISSING`; OperationError `FILE_NOT_WRITABLE` | `DISK_FULL`
 */
export async function generateKeyPairFiles(
  session: Session,
  { role, name }: KeyPairFilesRequest,
): Promise<KeyPairFiles> {
  const key = generatePrivateKey('ecdsa');
  const privateFile = `${name}-key.pem`;
  const publicFile = `${name}.pem`;
  await createWithPassphrase(
    await session.passphrases(),
    { keyId: key.id, role: '' },
    async passphrase => {
      const text = encodePrivateKeyPem(key, {
        passphrase,
        role,
        encryption: newKeyEncryption(session.options.env),
      });
      await writeFileAtomic(privateFile, Buffer.from(text, 'utf8'));
    },
  );
  const text = encodePublicKeyPem(key.publicKey, [['role', role]]);
  await writeFileAtomic(publicFile, Buffer.from(text, 'utf8'));
  return { id: key.id, publicFile, privateFile };
}
