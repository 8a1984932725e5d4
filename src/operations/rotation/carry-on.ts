/** A rotation that an earlier run published and did not see through. */
import type { Repository } from '../../tuf/repository.ts';
import { BASE_ROLES } from '../../tuf/role-name.ts';
import { keyRing } from '../publish.ts';
import { publishedBefore, readByOldRoot } from './aftermath.ts';
import { type CompromiseReview, reviewedRotation } from './compromise.ts';
import { describeKeys, keysOfRole } from './keys.ts';
import { clearPending } from './pending.ts';
import type { KeyRotation } from './rotate.ts';
import type { RotationWork } from './work.ts';

/**
 * Sees it through: its keys are the role's keys now, and nothing is left that was to go.
 * @returns undefined when there is none
 */
export async function carryOn(
  work: RotationWork,
  repository: Repository,
): Promise<KeyRotation | undefined> {
  const { session, access, request, compromise, given, created } = work;
  const { role, dryRun = false, serverManaged = false } = request;
  if (serverManaged || given.length > 0) return undefined;
  const pending = await publishedBefore(session, repository, role, compromise !== undefined);
  if (pending === undefined) return undefined;
  const review = await reviewAgain(work, repository, pending.oldKeys);
  // Somebody has put in more since: then the new key is not safe either.
  const isRekeyed = (compromise?.rules.rekeySigners ?? []).length > 0;
  if (review !== undefined && !isClean(review, isRekeyed)) return undefined;
  const fresh = await readByOldRoot(session, access, repository, []);
  if (!dryRun) for (const name of BASE_ROLES) await clearPending(session, access.gun, name);
  const store = await session.keys();
  const oldKeys: KeyRotation['oldKeys'][number][] = [];
  for (const id of pending.oldKeys) {
    const file = (await store.find(id))?.path;
    oldKeys.push({ id, ...(file === undefined ? {} : { file }) });
  }
  return {
    repository: access.gun,
    server: access.server,
    role,
    managedBy: 'client',
    dryRun,
    initialised: false,
    carriedOn: true,
    oldKeys,
    newKeys: await describeKeys(session, keysOfRole(repository, role)),
    reusedKeys: true,
    alsoRotated: [],
    createdKeys: created,
    resignedTargets: 0,
    verifiedAfresh: fresh.seen !== undefined,
    consumers: { notes: [], cannotFollow: [] },
    versions: {},
    warnings: fresh.problem === undefined ? [] : [fresh.problem],
    exitCode: 0,
  };
}

async function reviewAgain(
  { session, access, compromise }: RotationWork,
  repository: Repository,
  compromised: readonly string[],
): Promise<CompromiseReview | undefined> {
  if (compromise === undefined) return undefined;
  const { rules } = compromise;
  const { keepSigners = [], rekeySigners = [] } = rules;
  const { review } = await reviewedRotation(session, repository, {
    // What was to go is gone, by name too; who was to get a new key has it.
    request: {
      ...compromise,
      lenient: true,
      rules: { ...rules, keepSigners: [...keepSigners, ...rekeySigners], rekeySigners: [] },
    },
    access,
    rotation: [],
    compromised,
    ring: await keyRing(session),
    created: [],
    trial: { showUndecided: true },
  });
  return review;
}

/** @param isRekeyed whether signers got new keys, which were not known before */
function isClean(review: CompromiseReview, isRekeyed: boolean): boolean {
  const { removedTags, removedSigners, restored, remainingTags, remainingSigners } = review;
  const { undecidedTags } = review;
  return [
    ...[removedTags, removedSigners, remainingTags, remainingSigners, undecidedTags],
    ...(isRekeyed ? [] : [restored]),
  ].every(list => list.length === 0);
}
