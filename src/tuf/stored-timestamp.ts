/** The newest timestamp that a server has kept, for when it cannot serve a present one (tuf.md 8.1, 9.2). */
import { TrustError } from '../errors.ts';
import type { TimestampMetadata } from './metadata.ts';
import { TIMESTAMP } from './role-name.ts';
import type { Verified } from './trusted-set.ts';
import { highestVersion } from './version-search.ts';

export interface StoredVersions {
  version?(role: string, version: number): Promise<Uint8Array>;
}

/**
 * Searches upwards from what is known already: a server counts timestamps without gaps. What is found must be
 * verified like any other.
 * @param known the verified timestamp of the cache
 * @returns undefined when there is none, or the remote has no such question
 * @throws what `version` throws, but for `METADATA_NOT_FOUND`; TrustError `TIMESTAMP_ENDLESS`
 */
export async function newestStoredTimestamp(
  remote: StoredVersions,
  known: Verified<TimestampMetadata> | undefined,
): Promise<Uint8Array | undefined> {
  const found = new Map<number, Uint8Array>();
  const from = known?.metadata.version ?? 0;
  const exists = async (version: number): Promise<boolean> => {
    const bytes = await find(remote, version);
    if (bytes !== undefined) found.set(version, bytes);
    return bytes !== undefined;
  };
  const newest = await highestVersion(exists, from, () => {
    return new TrustError(
      'TIMESTAMP_ENDLESS',
      'The server has every version of the timestamp that it is asked for, which cannot be true',
    );
  });
  return found.get(newest) ?? known?.bytes;
}

async function find(remote: StoredVersions, version: number): Promise<Uint8Array | undefined> {
  try {
    return await remote.version?.(TIMESTAMP, version);
  } catch (error) {
    if (error instanceof TrustError && error.code === 'METADATA_NOT_FOUND') return undefined;
    throw error;
  }
}
