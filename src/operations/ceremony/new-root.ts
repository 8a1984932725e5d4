/** A root key for repositories, made where it shall stay, and its certificates to carry away (keys.md 3). */
import type { PrivateKey } from '../../crypto/private-key.ts';
import { canonicalKeyId } from '../../crypto/public-key.ts';
import { KeyError } from '../../errors.ts';
import { writeFileAtomic } from '../../trust-dir/atomic-file.ts';
import { checkGun } from '../../tuf/gun.ts';
import { ROOT } from '../../tuf/role-name.ts';
import { certifiedKey } from '../initialise-repository.ts';
import { resolveKeyIds } from '../keys/key-id.ts';
import { keyFile, type Session } from '../session.ts';
import { checkNewFile } from './input.ts';
import { type CeremonyKey, describeKey } from './view.ts';

export interface NewRootRequest {
  readonly repositories: readonly string[];
  /** Where the certificates go; it must not exist. */
  readonly output: string;
  /** ID of a root key that is here, whole or its beginning; without it a new key is made. */
  readonly key?: string;
}

export interface NewRoot {
  readonly keyId: string;
  readonly keyFile: string;
  readonly created: boolean;
  readonly certificates: readonly { readonly repository: string; readonly key: CeremonyKey }[];
  readonly file: string;
}

/**
 * Makes a root key, or takes one that is here, and writes a certificate of it for each repository. Only public
 * things are in the file.
 * @throws OperationError `FILE_EXISTS`; UsageError `GUN_INVALID`, `KEY_ID_INVALID`; KeyError `KEY_NOT_FOUND`,
 *   `KEY_ROLE_WRONG`, and those of making and opening a key
 */
export async function newRoot(session: Session, request: NewRootRequest): Promise<NewRoot> {
  const repositories = [...new Set(request.repositories)];
  for (const gun of repositories) checkGun(gun);
  await checkNewFile(request.output);
  const key = await rootKey(session, request.key);
  const made = repositories.map(gun => ({ gun, key: certifiedKey(key, gun, session.now) }));
  const text = made.map(item => Buffer.from(item.key.publicBytes).toString('utf8')).join('');
  await writeFileAtomic(request.output, text, { mode: 0o644 });
  return {
    keyId: canonicalKeyId(key.publicKey),
    keyFile: keyFile(session, key.id),
    created: request.key === undefined,
    certificates: made.map(item => ({ repository: item.gun, key: describeKey(item.key) })),
    file: request.output,
  };
}

async function rootKey(session: Session, given: string | undefined): Promise<PrivateKey> {
  const keys = await session.keys();
  if (given === undefined) return await keys.generate({ role: ROOT });
  const [id = ''] = await resolveKeyIds(session, [given]);
  const role = (await keys.find(id))?.role;
  if (role === ROOT) return await keys.open(id);
  throw new KeyError('KEY_ROLE_WRONG', `The key ${id} is not a root key, but of the role ${role}`, {
    hint: 'See which there are with: tabellion key list',
    details: { keyId: id, role },
  });
}
