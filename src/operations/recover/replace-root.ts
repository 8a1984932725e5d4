/** A root key that leaked and is still here: it signs its successor, so that consumers follow and nothing is deleted. */
import { printable } from '../../crypto/printable.ts';
import { OperationError, UsageError } from '../../errors.ts';
import { ROOT } from '../../tuf/role-name.ts';
import type { CompromiseRequest } from '../rotation/compromise.ts';
import { readAfresh } from '../rotation/fresh-client.ts';
import { rotateKey } from '../rotation/rotate.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import type { RecoveredRepository, RecoveryCase, RecoveryRecord } from './record.ts';
import { noteNewRoot } from './repository-anew.ts';
import { noteReview } from './review-remarks.ts';
import { roleKeyIds } from './root-keys.ts';
import type { Survey, SurveyedRole } from './survey.ts';

/** Whether a leaked root key can sign its successor: it is on this machine. */
export function canReplaceRoot({ keys }: Survey, { kind, reason, keyId }: RecoveryCase): boolean {
  const isHere = keys.some(({ id, usable }) => usable && id === keyId);
  return kind === ROOT && reason === 'compromised' && isHere;
}

/**
 * Where several must sign, one key that leaked signs nothing alone, and one new key is too few: that takes a ceremony.
 * @param guns what is to be rotated
 * @throws UsageError `RECOVERY_BY_CEREMONY` (details: `repositories`)
 */
export function checkOneSignsAlone({ repositories }: Survey, guns: readonly string[]): void {
  const several = repositories
    .filter(({ gun, roles }) => guns.includes(gun) && roles.some(needsSeveral))
    .map(({ gun }) => gun);
  if (several.length === 0) return;
  throw new UsageError(
    'RECOVERY_BY_CEREMONY',
    `The root of ${several.map(gun => printable(gun)).join(', ')} needs several signatures: whoever has one key alone cannot change it, and it takes as many new keys`,
    {
      hint: 'Replace it in peace: tabellion ceremony new-root, then ceremony request rotate-root. Leave these out with --skip IMAGE.',
      details: { repositories: several },
    },
  );
}

function needsSeveral({ role, threshold }: SurveyedRole): boolean {
  return role === ROOT && threshold > 1;
}

/**
 * Gives a repository the new root key, and new keys for whatever else the thief could have had, in one publish with
 * nothing in it but what was kept; done already, it only looks.
 * @throws OperationError `RECOVERY_ROOT_TAKEN` when somebody else has replaced the root before; what a rotation throws
 */
export async function replaceRoot(
  session: Session,
  access: RepositoryAccess,
  repository: RecoveredRepository,
  record: RecoveryRecord,
  review: () => Promise<CompromiseRequest>,
): Promise<void> {
  const { newRootKeyId = '', case: what } = record;
  const before = roleKeyIds((await readAfresh(session, access, undefined)).root.metadata, ROOT);
  if (!before.includes(newRootKeyId)) {
    if (what.keyId !== undefined && !before.includes(what.keyId))
      throw taken(access.gun, what.keyId);
    const rotation = await rotateKey(session, access.gun, {
      role: ROOT,
      keyIds: [newRootKeyId],
      pins: 'check',
      compromise: await review(),
    });
    const made = [rotation, ...rotation.alsoRotated].flatMap(({ newKeys }) => newKeys);
    for (const { id } of made)
      if (id !== newRootKeyId && !record.newKeys.includes(id)) record.newKeys.push(id);
    noteReview(repository, rotation.review);
  }
  // A rotation that is published takes a pin of ours along.
  const anew = await session.repositoryByGun(access.gun, access.server);
  noteNewRoot(repository, await readAfresh(session, anew, undefined));
}

function taken(gun: string, keyId: string): OperationError {
  return new OperationError(
    'RECOVERY_ROOT_TAKEN',
    `Somebody has replaced the root key of ${printable(gun)} already, and not by this recovery: the old one cannot change it any more`,
    {
      hint: `If it was nobody of yours, it has to be made anew: tabellion recover --compromised ${keyId.slice(0, 12)} --path anew ${printable(gun)}`,
      details: { gun, keyId },
    },
  );
}
