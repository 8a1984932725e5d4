/** Failures of a publish that come from one of the staged changes. */
import { ConnectionError, type TabellionError, TrustError } from '../../errors.ts';
import type { StagedChange } from '../../operations/stage.ts';
import type { Change } from '../../tuf/change.ts';
import { parentRole, TARGETS } from '../../tuf/role-name.ts';
import { noSigningKeys, type Subject, sentenceFor } from './failure.ts';
import { notUpdated } from './online.ts';

const OF_A_CHANGE: readonly string[] = ['ROLE_UNKNOWN', 'PATH_NOT_ALLOWED', 'KEY_MISSING'];
const OF_A_PASSPHRASE: readonly string[] = ['KEY_PASSPHRASE_MISSING', 'KEY_PASSPHRASE_WRONG'];

export interface PublishFailure {
  readonly sentence: string;
  /** What the logger says of it: that nothing could be begun with, or which target is at fault. */
  readonly logged?: string;
}

/** What is said of a failed publish. */
export function publishFailure(
  error: TabellionError,
  staged: readonly StagedChange[],
  subject: Subject,
): PublishFailure {
  const changes = staged.flatMap(({ change }) => change ?? []);
  const change = changeAtFault(error, changes);
  // Before a change is applied, keys that cannot be opened count as keys that are not there.
  const isLocked =
    OF_A_PASSPHRASE.includes(error.code) && change !== undefined && change.type !== 'witness';
  const isMissing =
    error.code === 'KEY_MISSING' && change !== undefined && change.type !== 'witness';
  const { keyId, keyIds } = error.details ?? {};
  const sentence =
    isLocked || isMissing ? noSigningKeys(isLocked ? keyId : keyIds) : sentenceFor(error, subject);
  if (isOfUpdate(error)) {
    return { sentence, logged: notUpdated(sentence) };
  }
  const isUnknown = error.code === 'CHANGE_UNSUPPORTED' && change?.role.endsWith('/*') !== true;
  if (change?.type !== 'target' || isUnknown) return { sentence };
  const what = change.action === 'delete' ? 'remove target from' : 'add target to';
  return { sentence, logged: `couldn't ${what} ${change.role}: ${sentence}` };
}

/** Whether the failure is one of reading what the server has. */
export function isOfUpdate(error: TabellionError): boolean {
  if (error instanceof TrustError) return true;
  if (!(error instanceof ConnectionError)) return false;
  return error.details?.role !== undefined || error.code === 'UNAUTHORIZED';
}

function changeAtFault(error: TabellionError, changes: readonly Change[]): Change | undefined {
  const { details, code } = error;
  if (OF_A_CHANGE.includes(code) || code === 'CHANGE_UNSUPPORTED') {
    // A delegation's change is signed by its parent.
    return changes.find(
      ({ type, role }) =>
        role === details?.role || (type === 'delegation' && parentRole(role) === details?.role),
    );
  }
  if (!OF_A_PASSPHRASE.includes(code) || details?.purpose === 'create') return undefined;
  const header = details?.role;
  if (header === 'root' || header === 'snapshot') return undefined;
  // A delegation's change is signed by its parent; the header of a key names no role of the collection.
  const isOfTargets = ({ type, role }: Change): boolean =>
    role === TARGETS || (type === 'delegation' && role.split('/').length === 2);
  return changes.find(change => isOfTargets(change) === (header === TARGETS));
}
