/** After a rotation: what a fresh client makes of it, and rotations that were cut short. */
import { keyId } from '../../crypto/public-key.ts';
import { TabellionError } from '../../errors.ts';
import type { Repository } from '../../tuf/repository.ts';
import { canonicalIds } from '../../tuf/role-keys.ts';
import type { TrustedSet } from '../../tuf/trusted-set.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { readAfresh } from './fresh-client.ts';
import { type PendingRotation, readPending } from './pending.ts';
import type { Turn } from './turns.ts';

/** What a client saw that has only the root of before; or, in a sentence, why it could not. */
export interface FreshRead {
  readonly seen?: TrustedSet;
  readonly problem?: string;
}

/** Reads the repository as a consumer who has only the root of before, and looks for the new keys. */
export async function readByOldRoot(
  session: Session,
  { gun }: RepositoryAccess,
  before: Repository,
  turns: readonly Turn[],
): Promise<FreshRead> {
  try {
    const root = before.unpublished ? undefined : before.rootBytes;
    // Anew: a pin of this machine may have moved with the root.
    const seen = await readAfresh(session, await session.repositoryByGun(gun), root);
    const unseen = turns.find(({ role, keys }) => {
      const named = seen.root.metadata.roles.get(role)?.keyIds ?? [];
      return keys.some(key => !named.includes(keyId(key)));
    });
    if (unseen === undefined) return { seen };
    return {
      problem: `A client that has only the root of before does not see the new ${unseen.role} key yet`,
    };
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    return {
      problem: `A client that has only the root of before could not verify the result: ${error.message}`,
    };
  }
}

/**
 * A rotation that an earlier run published and did not see through: its keys are the role's keys now.
 * @param compromised a routine rotation is no answer to a theft of what it brought in
 */
export async function publishedBefore(
  session: Session,
  repository: Repository,
  role: string,
  compromised: boolean,
): Promise<PendingRotation | undefined> {
  if (repository.unpublished) return undefined;
  const pending = await readPending(session, repository.gun, role);
  if (pending === undefined || (compromised && !pending.compromised)) return undefined;
  const present = canonicalIds(repository.keysFor(role));
  const isDone =
    pending.newKeys.some(id => !pending.oldKeys.includes(id)) &&
    present.length === pending.newKeys.length &&
    present.every(id => pending.newKeys.includes(id));
  return isDone ? pending : undefined;
}
