/** A repository's newest state to begin a change with: the server's, or one that only this machine knows. */
import { TrustError } from '../errors.ts';
import { Repository } from '../tuf/repository.ts';
import { type CreatedKey, makeRepository, unpublishedRepository } from './initialise-repository.ts';
import type { RepositoryAccess, Session } from './session.ts';
import { loadTrustData } from './trust-data.ts';

/**
 * Loads what the server has. When it has nothing: what was initialised here and not yet published, else a new
 * repository, if that was asked for.
 * @param created told of each key of a new repository as soon as it is stored
 * @throws TrustError `NO_TRUST_DATA` and all others of an update; ConnectionError
 */
export async function loadForChange(
  session: Session,
  access: RepositoryAccess,
  options: { readonly initialiseIfUnknown: boolean },
  created: CreatedKey[],
): Promise<{ repository: Repository; initialised: boolean }> {
  try {
    const { trusted } = await loadTrustData(session, access, {
      requireFresh: true,
      forWrite: true,
    });
    return { repository: Repository.fromTrusted(trusted), initialised: false };
  } catch (error) {
    if (!(error instanceof TrustError) || error.code !== 'NO_TRUST_DATA') throw error;
    const unpublished = await unpublishedRepository(session, access);
    if (unpublished !== undefined) return { repository: unpublished, initialised: false };
    if (!options.initialiseIfUnknown) throw error;
  }
  session.log(`nobody knows ${access.gun}: initialising it`);
  const { repository } = await makeRepository(session, access, { snapshot: 'local' }, created);
  return { repository, initialised: true };
}
