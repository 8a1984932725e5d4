/** From what a person says of a key (“root”, a signer’s name, an ID) to the key, its role and its repositories. */
import { printable } from '../../crypto/printable.ts';
import { UsageError } from '../../errors.ts';
import { isBaseRole, RELEASES, ROOT, signerName, TARGETS } from '../../tuf/role-name.ts';
import { SHORTEST_KEY_ID } from '../keys/key-id.ts';
import type { CaseKind, LossReason, RecoveryCase } from './record.ts';
import { keysOfRole, rolesOfKey, type Survey } from './survey.ts';

export interface KeyQuestion {
  /** An ID or the beginning of one, `root`, `targets`, `snapshot`, `timestamp`, or a signer's name. */
  readonly text: string;
  readonly reason: LossReason;
  /** GUNs that it is about; all when empty. */
  readonly guns: readonly string[];
}

/**
 * @throws UsageError `RECOVERY_KEY_UNKNOWN`, `RECOVERY_KEY_AMBIGUOUS` (details: `keyIds`)
 */
export function whichKey(survey: Survey, question: KeyQuestion): RecoveryCase {
  const candidates = [...new Set(candidateIds(survey, question))];
  const here = new Set(survey.keys.filter(({ usable }) => usable).map(({ id }) => id));
  const missing = candidates.filter(id => !here.has(id));
  // Of several, the one that is not here is the one that was lost.
  const meant =
    candidates.length > 1 && question.reason === 'lost' && missing.length === 1
      ? missing
      : candidates;
  const [keyId] = meant;
  if (keyId === undefined) throw unknownKey(survey, question);
  if (meant.length > 1) throw ambiguousKey(survey, question, meant);
  return caseOfKey(survey, keyId, question.reason);
}

/** What kind of recovery the loss of a key asks for: by the most powerful role that it has anywhere. */
export function caseOfKey(survey: Survey, keyId: string, reason: LossReason): RecoveryCase {
  const roles = rolesOfKey(survey, keyId).map(({ role }) => role.role);
  const kind = [ROOT, TARGETS, 'snapshot', 'timestamp'].find(role => roles.includes(role));
  if (kind !== undefined) return { kind: kind as CaseKind, reason, keyId };
  const signers = [...new Set(roles.filter(role => role !== RELEASES).map(signerName))].sort();
  if (roles.length > 0) return { kind: 'delegation', reason, keyId, signers };
  throw new UsageError(
    'RECOVERY_KEY_UNKNOWN',
    `No repository that is known here trusts the key ${keyId}: nothing hangs on it`,
    {
      hint: 'Name the images it was for, or use the trust directory that has them (--trust-dir).',
      details: { keyId },
    },
  );
}

function candidateIds(survey: Survey, { text, guns }: KeyQuestion): string[] {
  // Of the repositories that only the server told of, most are other people's.
  const repositories = survey.repositories.filter(({ gun, foundBy }) =>
    guns.length === 0 ? foundBy !== 'server' : guns.includes(gun),
  );
  const role = text === 'repository' ? TARGETS : text;
  if (isBaseRole(role)) return repositories.flatMap(one => keysOfRole(one, role));
  const byId = idsBeginning(survey, text.toLowerCase());
  if (byId.length > 0) return byId;
  const name = text.startsWith(`${TARGETS}/`) ? text : `${TARGETS}/${text}`;
  return repositories.flatMap(one => keysOfRole(one, name));
}

function idsBeginning(survey: Survey, digits: string): string[] {
  if (!/^[0-9a-f]+$/.test(digits) || digits.length < SHORTEST_KEY_ID) return [];
  const named = survey.repositories.flatMap(({ roles }) => roles.flatMap(({ keyIds }) => keyIds));
  const byCertificate = survey.repositories
    .filter(({ rootCertificates }) => rootCertificates.some(id => id.startsWith(digits)))
    .flatMap(one => keysOfRole(one, ROOT));
  return [
    ...[...named, ...survey.keys.map(({ id }) => id)].filter(id => id.startsWith(digits)),
    ...byCertificate,
  ];
}

function unknownKey({ repositories, gaps }: Survey, { text }: KeyQuestion): UsageError {
  const more =
    repositories.length === 0
      ? ' If the trust folder was deleted, bring it back first: tabellion backup restore.'
      : '';
  const [gap] = gaps;
  return new UsageError(
    'RECOVERY_KEY_UNKNOWN',
    `Nothing that is known here has a key “${printable(text)}”`,
    {
      hint: `Give its ID, root, targets, snapshot, timestamp or the name of a signer, or name the images that it is for (tabellion inventory shows what is known).${more}${gap === undefined ? '' : ` Not everything could be looked at: ${gap}`}`,
    },
  );
}

function ambiguousKey(survey: Survey, { text }: KeyQuestion, ids: readonly string[]): UsageError {
  const list = ids.map(id => {
    const count = new Set(rolesOfKey(survey, id).map(({ gun }) => gun)).size;
    return `${id.slice(0, 12)} (${count} ${count === 1 ? 'repository' : 'repositories'})`;
  });
  return new UsageError(
    'RECOVERY_KEY_AMBIGUOUS',
    `“${printable(text)}” may be one of ${ids.length} keys: ${list.join(', ')}`,
    {
      hint: 'Give the beginning of its ID, or the image whose key it is.',
      details: { keyIds: ids },
    },
  );
}
