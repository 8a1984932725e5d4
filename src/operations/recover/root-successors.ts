/** Roots that a leaked root key has signed the way to: after a leak they are as old as the one that leaked. */
import { TabellionError } from '../../errors.ts';
import { decodeRoot } from '../../tuf/decode.ts';
import { openEnvelope } from '../../tuf/envelope.ts';
import { NO_PINNING } from '../../tuf/pinning.ts';
import { ROOT } from '../../tuf/role-name.ts';
import { readAfresh } from '../rotation/fresh-client.ts';
import { servedRoot } from '../served-root.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import type { RecoveredRepository } from './record.ts';
import { isOldRoot } from './repository-anew.ts';
import { rootIds } from './root-keys.ts';

/**
 * When the server's root is a properly signed successor of the old one (a thief was first, or the owner shut him out by
 * a rotation), it counts as old from now on. A root that somebody made anew does not.
 * @throws ConnectionError, TrustError of the server
 */
export async function adoptSuccessor(
  session: Session,
  access: RepositoryAccess,
  repository: RecoveredRepository,
): Promise<void> {
  const served = await servedRoot(access);
  if (served === undefined || isOldRoot(served, repository)) return;
  if (!(await descends(session, access, repository, served))) return;
  const { keyIds, certificateIds } = rootIds(served);
  repository.oldRootKeys = [...repository.oldRootKeys, ...keyIds];
  repository.oldRootCertificates = [...repository.oldRootCertificates, ...certificateIds];
}

async function descends(
  session: Session,
  access: RepositoryAccess,
  repository: RecoveredRepository,
  served: Uint8Array,
): Promise<boolean> {
  const { version } = decodeRoot(openEnvelope(served, ROOT).signed);
  try {
    for (let before = version - 1; before >= 1; before -= 1) {
      const bytes = await access.remote.rootVersion(before);
      if (!isOldRoot(bytes, repository)) continue;
      await readAfresh(session, { ...access, pinning: NO_PINNING }, bytes);
      return true;
    }
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    session.log(`the root of ${access.gun} does not follow the old one: ${error.message}`);
  }
  return false;
}
