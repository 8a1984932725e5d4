/** Which private keys nobody needs any more after a recovery: they are moved aside, never deleted. */

import type { Session } from '../session.ts';
import { rolesTrusting } from '../trusting-roles.ts';
import type { RecoveryRecord } from './record.ts';
import { setKeyAside } from './set-aside.ts';

/**
 * Moves the lost or leaked key aside, and the repository and snapshot keys of repositories that were made anew; keys
 * that any repository on this machine still names stay, and so does every key of another server.
 * @returns canonical IDs
 */
export async function setReplacedKeysAside(
  session: Session,
  record: RecoveryRecord,
  folder: string,
): Promise<string[]> {
  const moved: string[] = [];
  for (const id of await candidates(session, record)) {
    if (record.repositories.some(({ stage }) => stage === 'left') && id === record.case.keyId)
      continue;
    const { roles, unreadable } = await rolesTrusting(session, id);
    if (roles.length > 0 || unreadable.length > 0) {
      session.log(`the key ${id} stays: something on this machine may still need it`);
      continue;
    }
    if (await setKeyAside(session, id, folder)) moved.push(id);
  }
  return moved;
}

async function candidates(session: Session, record: RecoveryRecord): Promise<string[]> {
  const { case: what, repositories } = record;
  const ids = new Set<string>();
  if (what.keyId !== undefined && what.reason === 'compromised') ids.add(what.keyId);
  if (what.kind !== 'root') return [...ids];
  if (what.keyId !== undefined) ids.add(what.keyId);
  const anew = new Set(
    repositories
      .filter(({ stage }) => stage === 'verified' || stage === 'done')
      .map(({ gun }) => gun),
  );
  for (const { id, role, gun } of await (await session.keys()).list()) {
    const isOfRepository = role === 'targets' || role === 'snapshot';
    if (isOfRepository && gun !== undefined && anew.has(gun)) ids.add(id);
  }
  return [...ids];
}
