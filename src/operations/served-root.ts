/** What a server has of a repository, before anything is verified. */
import { TrustError } from '../errors.ts';
import type { RepositoryAccess } from './session.ts';

/** The root that a server offers, unverified; undefined when it has none. @throws ConnectionError, TrustError */
export async function servedRoot({
  remote,
}: Pick<RepositoryAccess, 'remote'>): Promise<Uint8Array | undefined> {
  try {
    return await remote.root();
  } catch (error) {
    if (error instanceof TrustError && error.code === 'METADATA_NOT_FOUND') return undefined;
    throw error;
  }
}
