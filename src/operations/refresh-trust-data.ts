/** Brings the cached trust data of every repository in the trust directory up to date. */
import { ConnectionError, TabellionError } from '../errors.ts';
import type { Session } from './session.ts';
import { loadTrustData } from './trust-data.ts';
import type { UnreadableRepositories } from './trusting-roles.ts';

/**
 * Asks the trust servers. One that cannot be reached is asked once, not for each of its repositories.
 * @returns the repositories of which is not known what is published now, and why
 */
export async function refreshTrustData(session: Session): Promise<UnreadableRepositories> {
  const failed: { repository: string; message: string }[] = [];
  const unreachable = new Map<string, string>();
  const repositories = await session.trustDir.repositories();
  for (const [done, repository] of repositories.entries()) {
    session.progress({ message: 'asking what is published', done, total: repositories.length });
    const message = await refresh(session, repository, unreachable);
    if (message !== undefined) failed.push({ repository, message });
  }
  return failed;
}

async function refresh(
  session: Session,
  repository: string,
  unreachable: Map<string, string>,
): Promise<string | undefined> {
  try {
    const access = await session.repositoryByGun(repository);
    const before = unreachable.get(access.server);
    if (before !== undefined) return before;
    try {
      await loadTrustData(session, access, { requireFresh: true });
      return undefined;
    } catch (error) {
      if (error instanceof ConnectionError) unreachable.set(access.server, error.message);
      throw error;
    }
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    return error.message;
  }
}
