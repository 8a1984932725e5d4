/** A new private key, and the file by which others let it sign. */
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { encodePem } from '../crypto/pem.ts';
import { OperationError, UsageError } from '../errors.ts';
import { parseImageReference } from '../registry/image-reference.ts';
import { writeFileAtomic } from '../trust-dir/atomic-file.ts';
import { SNAPSHOT, TARGETS } from '../tuf/role-name.ts';
import { keyFile, type Session } from './session.ts';

export interface GenerateKeyRequest {
  /** `root`, `targets`, `snapshot`, or the name of a signer. */
  readonly role: string;
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
  readonly file: string;
  readonly publicKeyFile?: string;
}

/**
 * Makes a P-256 key and stores it encrypted.
 * @throws UsageError, KeyError, OperationError `FILE_EXISTS`, `FILE_NOT_WRITABLE`
 */
export async function generateKey(
  session: Session,
  request: GenerateKeyRequest,
): Promise<GeneratedKey> {
  const { role } = request;
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
  const key = await keys.generate({ role, ...(gun === undefined ? {} : { gun }) });
  if (publicKeyFile !== undefined) {
    const pem = encodePem({
      label: 'PUBLIC KEY',
      headers: [['role', role]],
      bytes: key.publicKey.publicBytes,
    });
    await writeFileAtomic(publicKeyFile, Buffer.from(pem, 'utf8'));
  }
  return {
    id: key.id,
    role,
    file: keyFile(session, key.id),
    ...(publicKeyFile === undefined ? {} : { publicKeyFile }),
  };
}

async function checkNewFile(file: string): Promise<void> {
  if (await exists(file))
    throw new OperationError('FILE_EXISTS', `${file} exists already; it was not overwritten`);
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
