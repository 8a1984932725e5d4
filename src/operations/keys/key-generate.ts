/** A new private key, and the file by which others let it sign. */
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { encodePublicKeyPem } from '../../crypto/public-key.ts';
import { OperationError, UsageError } from '../../errors.ts';
import { parseImageReference } from '../../registry/image-reference.ts';
import { writeFileAtomic } from '../../trust-dir/atomic-file.ts';
import { ROOT, SNAPSHOT, TARGETS } from '../../tuf/role-name.ts';
import { keyFile, type Session } from '../session.ts';

export type KeyAlgorithm = 'ecdsa' | 'ed25519';

export interface GenerateKeyRequest {
  /** `root`, `targets`, `snapshot`, or the name of a signer. */
  readonly role: string;
  /** ECDSA on P-256 unless told; a root key can be nothing else. */
  readonly algorithm?: KeyAlgorithm;
  /** The repository of a targets or snapshot key. */
  readonly repository?: string;
  /** Where to write the public key (PEM with a `role` header, as `docker trust key generate` writes it). */
  readonly publicKeyFile?: string;
  /** Told when nothing stands in the way any more, before a passphrase is asked for. */
  readonly onStart?: () => void;
}

export interface GeneratedKey {
  readonly id: string;
  readonly role: string;
  readonly algorithm: KeyAlgorithm;
  readonly file: string;
  readonly publicKeyFile?: string;
}

/**
 * Makes a key and stores it encrypted.
 * @throws UsageError, KeyError, OperationError `FILE_EXISTS`, `FILE_NOT_WRITABLE`
 */
export async function generateKey(
  session: Session,
  request: GenerateKeyRequest,
): Promise<GeneratedKey> {
  const { role, algorithm = 'ecdsa' } = request;
  if (role === ROOT && algorithm === 'ed25519') {
    throw new UsageError(
      'KEY_ALGORITHM',
      'A root key cannot be Ed25519: a root stands in trust data by a certificate, which Notary has for ECDSA and RSA only',
      { hint: 'Leave --algorithm out.' },
    );
  }
  const needsRepository = role === TARGETS || role === SNAPSHOT;
  if (needsRepository !== (request.repository !== undefined)) {
    throw new UsageError(
      'KEY_REPOSITORY',
      needsRepository
        ? `A ${role} key belongs to one repository: name it`
        : `A ${role} key belongs to no single repository`,
    );
  }
  const gun =
    request.repository === undefined
      ? undefined
      : parseImageReference(request.repository).repository;
  const publicKeyFile =
    request.publicKeyFile === undefined ? undefined : resolve(request.publicKeyFile);
  // Before the key is made: nobody would hear of one whose public half could not be written.
  if (publicKeyFile !== undefined) await checkNewFile(publicKeyFile);
  request.onStart?.();
  const keys = await session.keys();
  const key = await keys.generate({ role, algorithm, ...(gun === undefined ? {} : { gun }) });
  if (publicKeyFile !== undefined) {
    const pem = encodePublicKeyPem(key.publicKey, [['role', role]]);
    await writeFileAtomic(publicKeyFile, Buffer.from(pem, 'utf8'));
  }
  return {
    id: key.id,
    role,
    algorithm,
    file: keyFile(session, key.id),
    ...(publicKeyFile === undefined ? {} : { publicKeyFile }),
  };
}

async function checkNewFile(file: string): Promise<void> {
  if (await exists(file))
    throw new OperationError('FILE_EXISTS', `${file} exists already; it was not overwritten`, {
      hint: 'Choose another name, or another folder with --dir.',
    });
  if (!(await exists(dirname(file)))) {
    throw new OperationError(
      'FILE_NOT_WRITABLE',
      `${file} could not be written: its folder does not exist`,
    );
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
