/** Other repositories of a registry that may have an image's blobs already. */
import { printable } from '../../crypto/printable.ts';
import { UsageError } from '../../errors.ts';
import { parseImageReference } from '../../registry/image-reference.ts';
import type { ImageStore } from '../../registry/image-store.ts';

/** So many are asked for each blob at most: each costs a request. */
const MOST_FOUND = 3;

interface Place {
  readonly domain: string;
  readonly path: string;
}

/**
 * The paths of the repositories to take blobs over from: those that were named, those that this run has pushed to, and
 * those that the source gives as names of its images.
 *
 * @param named repositories, of the same registry
 * @throws UsageError `REFERENCE_INVALID`, `MOUNT_SOURCE_INVALID`
 */
export async function mountSources(
  store: ImageStore,
  target: Place,
  named: readonly string[],
  earlier: readonly Place[],
): Promise<string[]> {
  const wanted = named.map(text => mountSource(text, target));
  const names = (await store.images()).flatMap(image => image.names);
  const found = [...earlier, ...names.flatMap(placeOf)]
    .filter(({ domain }) => domain === target.domain)
    .map(({ path }) => path)
    .filter(path => path !== target.path && !wanted.includes(path));
  return [...new Set([...wanted, ...[...new Set(found)].slice(0, MOST_FOUND)])];
}

function mountSource(text: string, target: Place): string {
  const { domain, path } = parseImageReference(text);
  if (domain === target.domain) return path;
  throw new UsageError(
    'MOUNT_SOURCE_INVALID',
    `Blobs of “${printable(text)}” cannot be taken over into ${target.domain}: it is in another registry`,
    { hint: `Name a repository with its registry, as in ${target.domain}/team/base.` },
  );
}

/** A name in a source is a place only when it says which registry; what is no name at all is none. */
function placeOf(name: string): Place[] {
  if (!name.includes('/')) return [];
  try {
    return [parseImageReference(name)];
  } catch (error) {
    if (error instanceof UsageError) return [];
    throw error;
  }
}
