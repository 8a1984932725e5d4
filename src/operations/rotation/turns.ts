/** Which roles one rotation gives new keys, and what these are. */
import { printable } from '../../crypto/printable.ts';
import type { PrivateKey } from '../../crypto/private-key.ts';
import { canonicalKeyId, type PublicKey } from '../../crypto/public-key.ts';
import { OperationError } from '../../errors.ts';
import { type Change, replaceRoleKeys } from '../../tuf/change.ts';
import type { KeyRing } from '../../tuf/key-ring.ts';
import type { Repository } from '../../tuf/repository.ts';
import { canonicalIds, hasAnyKey, requireKeys } from '../../tuf/role-keys.ts';
import { isBaseRole, ROOT, SNAPSHOT, TARGETS, TIMESTAMP } from '../../tuf/role-name.ts';
import { delegationEntries } from '../delegations/delegation-effects.ts';
import type { CreatedKey } from '../initialise-repository.ts';
import { checkServerSignsSnapshot } from '../publish.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { describeKeys, keysOfRole, newRoleKeys, type RotatedKey } from './keys.ts';

/** A role's change of keys, as reports have it. */
export interface RoleRotation {
  readonly role: string;
  readonly managedBy: 'client' | 'server';
  readonly oldKeys: readonly RotatedKey[];
  /** Empty in a dry run. */
  readonly newKeys: readonly RotatedKey[];
  /** Whether the new keys were made for a rotation that was cut short. */
  readonly reusedKeys: boolean;
}

/** A role that is rotated. */
export interface Turn {
  readonly role: string;
  readonly managedBy: 'client' | 'server';
  readonly old: readonly PublicKey[];
  readonly oldKeys: readonly RotatedKey[];
  /** None until they are made. */
  readonly keys: readonly PublicKey[];
  readonly reused: boolean;
  /** Canonical IDs of keys of a rotation that was cut short and that are not used. */
  readonly unused: readonly string[];
}

/**
 * The role that was asked for; and when somebody else may have its key, those whose keys he has too: whoever has the
 * root key had every key in his hand, and the snapshot's lies in the same folder under the same passphrase.
 */
export async function turnsOf(
  session: Session,
  repository: Repository,
  asked: { readonly role: string; readonly managedBy: Turn['managedBy'] },
  compromised: boolean,
  ring: KeyRing,
): Promise<Turn[]> {
  const roles = [asked];
  if (compromised && (asked.role === ROOT || asked.role === TARGETS)) {
    if (asked.role === ROOT) roles.push({ role: TARGETS, managedBy: 'client' });
    if (await hasAnyKey(repository.keysFor(SNAPSHOT), ring))
      roles.push({ role: SNAPSHOT, managedBy: 'client' });
  }
  const turns: Turn[] = [];
  for (const one of roles) {
    const old = keysOfRole(repository, one.role);
    const oldKeys = await describeKeys(session, old);
    turns.push({ ...one, old, oldKeys, keys: [], reused: false, unused: [] });
  }
  return turns;
}

/**
 * A role that needs several signatures needs as many keys, before any is made.
 * @throws OperationError `ROTATION_THRESHOLD`
 */
export function checkKeyCount(
  repository: Repository,
  turns: readonly Turn[],
  givenKeys: number,
): void {
  for (const [index, { role, managedBy }] of turns.entries()) {
    const { threshold } = repository.keysFor(role).roleKeys;
    const count = index === 0 ? Math.max(givenKeys, 1) : 1;
    if (managedBy === 'server' || count >= threshold) continue;
    throw new OperationError(
      'ROTATION_THRESHOLD',
      `The ${role} role of ${printable(repository.gun)} needs ${threshold} signatures, and so at least ${threshold} new keys`,
      {
        hint:
          role === ROOT
            ? 'Give each with --key FILE, or make them where they stay: tabellion ceremony new-root, then ceremony request rotate-root.'
            : 'Give each with --key FILE.',
        details: { role, threshold, keys: count },
      },
    );
  }
}

/** The root key signs every rotation; the snapshot's must be at hand too, be new, or be with the server. */
export async function checkSigningKeys(
  access: RepositoryAccess,
  repository: Repository,
  turns: readonly Turn[],
  ring: KeyRing,
): Promise<void> {
  await openKeys(repository, ROOT, ring);
  if (turns.some(({ role }) => role === SNAPSHOT)) return;
  if (await hasAnyKey(repository.keysFor(SNAPSHOT), ring))
    await openKeys(repository, SNAPSHOT, ring);
  else if (!repository.unpublished) await checkServerSignsSnapshot(access, repository);
}

async function openKeys(repository: Repository, role: string, ring: KeyRing): Promise<void> {
  await requireKeys(role, repository.keysFor(role), ring);
  for (const id of canonicalIds(repository.keysFor(role)))
    if (await ring.has(id)) await ring.signer(id);
}

/** Makes, or takes, the keys of each role: stored before anything names them. */
export async function withKeys(
  session: Session,
  access: RepositoryAccess,
  turns: readonly Turn[],
  given: readonly PrivateKey[],
  compromised: boolean,
  created: CreatedKey[],
): Promise<Turn[]> {
  const made: Turn[] = [];
  for (const [index, turn] of turns.entries()) {
    if (turn.managedBy === 'server') {
      const key = await access.remote.rotateKey(turn.role === TIMESTAMP ? TIMESTAMP : SNAPSHOT);
      made.push({ ...turn, keys: [key] });
      continue;
    }
    const wanted = {
      given: index === 0 ? given : [],
      old: turn.old.map(canonicalKeyId),
      compromised,
    };
    made.push({ ...turn, ...(await newRoleKeys(session, access, turn.role, wanted, created)) });
  }
  return made;
}

export function changesOf(turns: readonly Turn[]): Change[] {
  return turns.map(({ role, keys }) => replaceRoleKeys(role, keys));
}

/** Canonical IDs of the keys that are replaced. */
export function replacedIds(turns: readonly Turn[]): string[] {
  return turns.flatMap(({ managedBy, old }) =>
    managedBy === 'server' ? [] : old.map(canonicalKeyId),
  );
}

/** A delegation with a replaced key goes on trusting it. */
export function sharedKeyWarnings(repository: Repository, turns: readonly Turn[]): string[] {
  return [...delegationEntries(repository)].flatMap(([delegation, { keys }]) =>
    turns.flatMap(({ role, old }) =>
      old
        .map(canonicalKeyId)
        .filter(id => keys.includes(id))
        .map(
          id => `The delegation ${delegation} has the replaced ${role} key ${id} too, and keeps it`,
        ),
    ),
  );
}

/** The first role is the one that was asked for. */
export async function roleReports(
  session: Session,
  turns: readonly Turn[],
): Promise<RoleRotation & { readonly alsoRotated: readonly RoleRotation[] }> {
  const reports: RoleRotation[] = [];
  for (const { role, managedBy, oldKeys, keys, reused } of turns) {
    const newKeys = await describeKeys(session, keys);
    reports.push({ role, managedBy, oldKeys, newKeys, reusedKeys: reused });
  }
  const [first, ...alsoRotated] = reports;
  return { ...(first as RoleRotation), alsoRotated };
}

/** Whether what was asked for can put anything into a repository. */
export function signsTargets(role: string): boolean {
  return role === ROOT || role === TARGETS || !isBaseRole(role);
}
