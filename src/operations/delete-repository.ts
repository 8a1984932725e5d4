/** Deleting a repository's trust data, here and on the server. Private keys are never touched. */

import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import { servedRoot } from './served-root.ts';
import type { RepositoryAccess, Session } from './session.ts';

export interface DeletedTrustData {
  /** Whether there was anything on this machine. */
  readonly local: boolean;
  /** Whether the server had anything; false also when it was not asked. */
  readonly remote: boolean;
}

/**
 * Deletes the cached metadata and staged changes of exactly this GUN; with `remote`, first the server's data,
 * and proves that it is gone by asking for it.
 * @throws OperationError `DELETE_UNCONFIRMED` when the server still has it afterwards: nothing is deleted here then
 */
export async function deleteTrustData(
  session: Session,
  gun: string,
  { remote }: { readonly remote: boolean },
): Promise<DeletedTrustData> {
  const access = remote ? await session.repositoryByGun(gun) : undefined;
  const dir = access?.dir ?? session.trustDir.repository(gun);
  return await dir.withLock(async () => {
    const before = access !== undefined && (await servedRoot(access)) !== undefined;
    if (access !== undefined) await deleteRemote(access);
    const local = (await dir.roles()).length > 0 || (await dir.changelist.list()).length > 0;
    await dir.delete();
    session.log(`deleted the trust data of ${gun} on this machine`);
    return { local, remote: before };
  });
}

/**
 * Deletes a repository's trust data on the server, and proves it.
 * @throws OperationError `DELETE_UNCONFIRMED`; ConnectionError
 */
export async function deleteRemote(access: RepositoryAccess): Promise<void> {
  await access.remote.deleteRepository();
  // Any page in between says 200 as well (cli.md, trap 23).
  if ((await servedRoot(access)) === undefined) return;
  throw new OperationError(
    'DELETE_UNCONFIRMED',
    `The server said that it deleted the trust data of ${printable(access.gun)}, but still serves it`,
    {
      hint: 'A cache in between may hold it for some minutes; if it stays, ask the server’s operator.',
      details: { gun: access.gun, server: access.server },
    },
  );
}
