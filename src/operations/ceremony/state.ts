/** The state that a ceremony begins with and ends with: what the server has, verified, expired or not. */
import { ROOT, SNAPSHOT, TARGETS } from '../../tuf/role-name.ts';
import type { TrustedSet } from '../../tuf/trusted-set.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { loadTrustData } from '../trust-data.ts';

/**
 * Loads a repository's newest state. What the publish will sign again may have expired: the root always, `targets` when
 * it gets a new key, the snapshot.
 * @throws TrustError, ConnectionError as an update does
 */
export async function ceremonyState(
  session: Session,
  access: RepositoryAccess,
  role: string,
): Promise<TrustedSet> {
  const fresh = { requireFresh: true, forWrite: true, store: false };
  const { trusted } = await loadTrustData(session, access, { ...fresh, reportExpiry: true });
  const renewed = [ROOT, SNAPSHOT, ...(role === TARGETS ? [TARGETS] : [])];
  if (trusted.expired.every(part => renewed.includes(part.role))) return trusted;
  return (await loadTrustData(session, access, fresh)).trusted;
}
