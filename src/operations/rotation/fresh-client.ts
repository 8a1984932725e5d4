/** A repository as somebody reads it who has nothing but an older root: what a rotation must stand up to. */
import { ROOT } from '../../tuf/role-name.ts';
import type { TrustedSet } from '../../tuf/trusted-set.ts';
import { update } from '../../tuf/update.ts';
import type { RepositoryAccess, Session } from '../session.ts';

/**
 * Reads and verifies a repository from the server, without this machine's cache, and stores nothing.
 * @param root the root to begin with, as a consumer has it; without one, as at first contact
 * @throws TrustError, ConnectionError
 */
export async function readAfresh(
  session: Session,
  { gun, pinning, remote }: RepositoryAccess,
  root: Uint8Array | undefined,
): Promise<TrustedSet> {
  const { trusted } = await update({
    gun,
    now: session.now,
    pinning,
    cache: { read: async role => (role === ROOT ? root : undefined) },
    remote,
    requireFresh: true,
    forWrite: true,
    log: step => session.log(`as a fresh client: ${step}`),
  });
  return trusted;
}
