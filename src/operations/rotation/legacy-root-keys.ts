/** Root keys of earlier versions, for consumers that are too old to follow a chain of roots (tuf.md 7.6). */

import { canonicalKeyId, keyId, type PublicKey } from '../../crypto/public-key.ts';
import { TabellionError } from '../../errors.ts';
import { NO_PINNING } from '../../tuf/pinning.ts';
import type { Repository } from '../../tuf/repository.ts';
import { verifyCachedRoot } from '../../tuf/root-trust.ts';
import type { RepositoryAccess, Session } from '../session.ts';

/** How many versions back: all of them. */
export const ALL_VERSIONS = -1;

/**
 * The root keys of the present and earlier versions whose private keys are here and can be unlocked. Versions
 * that the server no longer has, or that do not verify by themselves, are passed over.
 * @param back how many versions before the present one; {@link ALL_VERSIONS}
 */
export async function legacyRootKeys(
  session: Session,
  access: RepositoryAccess,
  repository: Repository,
  back: number,
): Promise<PublicKey[]> {
  const newest = repository.loadedRoot.version;
  const oldest = back === ALL_VERSIONS ? 1 : Math.max(1, newest - back);
  if (repository.unpublished || back === 0 || oldest >= newest) return [];
  const found = new Map<string, PublicKey>();
  for (let version = newest; version >= oldest; version--) {
    for (const key of await keysOfVersion(session, access, version)) found.set(keyId(key), key);
  }
  const usable: PublicKey[] = [];
  for (const key of found.values()) if (await canOpen(session, key)) usable.push(key);
  return usable;
}

async function keysOfVersion(
  session: Session,
  { gun, remote }: RepositoryAccess,
  version: number,
): Promise<PublicKey[]> {
  try {
    const bytes = await remote.rootVersion(version);
    const context = { gun, now: session.now, pinning: NO_PINNING };
    return verifyCachedRoot(bytes, context).certificates.map(({ key }) => key);
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    session.log(`root ${version} is passed over: ${error.message}`);
    return [];
  }
}

async function canOpen(session: Session, key: PublicKey): Promise<boolean> {
  const keys = await session.keys();
  const id = canonicalKeyId(key);
  if (!(await keys.has(id))) return false;
  try {
    await keys.open(id);
    return true;
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    session.log(`the old root key ${id} is passed over: ${error.message}`);
    return false;
  }
}
