/** One repository's rotation while it lasts, and its rehearsal. */
import type { PrivateKey } from '../../crypto/private-key.ts';
import { canonicalKeyId } from '../../crypto/public-key.ts';
import type { Repository } from '../../tuf/repository.ts';
import { ROOT } from '../../tuf/role-name.ts';
import type { CreatedKey } from '../initialise-repository.ts';
import { keyRing } from '../publish.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { type CompromiseRequest, type CompromiseReview, reviewedRotation } from './compromise.ts';
import { checkPinFollows } from './follow-pin.ts';
import { trialKey } from './keys.ts';
import type { RotateKeyRequest } from './rotate.ts';
import { changesOf, replacedIds, type Turn } from './turns.ts';

export interface RotationWork {
  readonly session: Session;
  readonly access: RepositoryAccess;
  readonly request: RotateKeyRequest;
  /** Of keys that sign what can be reviewed. */
  readonly compromise: CompromiseRequest | undefined;
  readonly given: readonly PrivateKey[];
  readonly created: CreatedKey[];
}

/** What would be done, without a new key being stored: whatever can be refused is refused now. */
export async function rehearse(
  { session, access, request, compromise }: RotationWork,
  repository: Repository,
  turns: readonly Turn[],
): Promise<CompromiseReview | undefined> {
  if (turns.some(({ role }) => role === ROOT))
    checkPinFollows(access, { mode: request.pins ?? 'ignore' });
  if (compromise === undefined) return undefined;
  const trial = turns.map(turn => ({
    ...turn,
    keys: [trialKey(turn.role, access.gun, session.now)],
  }));
  const ids = new Set(trial.flatMap(({ keys }) => keys.map(canonicalKeyId)));
  const ring = await keyRing(session);
  const { review } = await reviewedRotation(session, repository, {
    request: compromise,
    access,
    rotation: changesOf(trial),
    compromised: replacedIds(turns),
    ring: { ...ring, has: async id => ids.has(id) || (await ring.has(id)) },
    created: [],
    trial: { showUndecided: request.dryRun === true },
  });
  return review;
}
