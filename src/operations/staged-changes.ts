/** Changes that somebody staged with `notary` and that are not ours to publish or to drop. */
import type { RepositoryDir } from '../trust-dir/repository-dir.ts';

/** A warning for the person, or nothing. */
export async function stagedChangesWarning(dir: RepositoryDir): Promise<string[]> {
  const { length } = await dir.changelist.list();
  if (length === 0) return [];
  return [
    `${length} change${length === 1 ? '' : 's'} staged with notary ${length === 1 ? 'was' : 'were'} left as they are; publish them with notary`,
  ];
}
