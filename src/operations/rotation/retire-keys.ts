/** What becomes of private keys that were replaced: nothing, until a fresh client needs them no more. */
import { canonicalKeyId } from '../../crypto/public-key.ts';
import { TabellionError } from '../../errors.ts';
import { Repository } from '../../tuf/repository.ts';
import { BASE_ROLES, ROOT } from '../../tuf/role-name.ts';
import type { TrustedSet } from '../../tuf/trusted-set.ts';
import { delegationEntries } from '../delegations/delegation-effects.ts';
import type { Session } from '../session.ts';
import { rolesTrusting } from '../trusting-roles.ts';
import { readAfresh } from './fresh-client.ts';
import { keysOfRole } from './keys.ts';
import type { KeyRotation } from './rotate.ts';

/** `archive`: into a sealed backup of their own, and then removed. */
export type OldKeyFate = 'keep' | 'archive' | 'remove';

/** Where keys are archived. */
export interface KeyArchive {
  readonly file: string;
  readonly passphrase: string;
}

export interface RetiredKeys {
  /** Canonical IDs of the keys whose files are gone. */
  readonly removedKeys: readonly string[];
  /** The backup that they were put into before. */
  readonly archive?: string;
  /** Why a key was kept. */
  readonly warnings: readonly string[];
}

type Replacing = Pick<KeyRotation, 'repository' | 'role' | 'oldKeys' | 'alsoRotated' | 'review'>;

export interface ReplacedKey {
  readonly repository: string;
  readonly role: string;
  /** Canonical. */
  readonly id: string;
}

/** The replaced keys of rotations, by what they signed for: those of base roles, and of signers who got new ones. */
function replacedKeys(rotations: readonly Replacing[]): ReplacedKey[] {
  return rotations.flatMap(({ repository, review, ...rotation }) => [
    ...[rotation, ...rotation.alsoRotated].flatMap(({ role, oldKeys }) =>
      oldKeys.map(({ id }) => ({ repository, role, id })),
    ),
    ...(review?.rekeyed ?? []).flatMap(({ role, oldKeyIds }) =>
      oldKeyIds.map(id => ({ repository, role, id })),
    ),
  ]);
}

/** The replaced keys whose private part is on this machine. */
export async function replacedKeysHere(
  session: Session,
  rotations: readonly Replacing[],
): Promise<ReplacedKey[]> {
  const store = await session.keys();
  const here: ReplacedKey[] = [];
  for (const key of replacedKeys(rotations)) if (await store.has(key.id)) here.push(key);
  return here;
}

/**
 * Removes private keys that were replaced: only those that a fresh client, which has nothing but the root, was seen
 * to need no more, and that nothing trusts which this machine knows.
 */
export async function retireKeys(
  session: Session,
  rotations: readonly Replacing[],
  fate: OldKeyFate,
  archive?: KeyArchive,
): Promise<RetiredKeys> {
  const warnings = new Set<string>();
  const wanted = new Set<string>();
  const needed = new Set<string>();
  const seen = new Map<string, TrustedSet | string>();
  const store = await session.keys();
  const replaced = fate === 'keep' ? [] : await replacedKeysHere(session, rotations);
  for (const { repository, role, id } of replaced) {
    wanted.add(id);
    const problem =
      rootProblem(role, fate) ??
      (await stillNeeded(session, repository, id, seen)) ??
      (await otherUse(session, id));
    if (problem === undefined) continue;
    needed.add(id);
    warnings.add(`The old ${role} key ${id} was kept: ${problem}`);
  }
  const free = [...wanted].filter(id => !needed.has(id));
  const archived =
    fate === 'archive' && free.length > 0 ? await archiveKeys(session, free, archive) : {};
  if (archived.problem !== undefined)
    return { removedKeys: [], warnings: [...warnings, archived.problem] };
  for (const id of free) await store.remove(id);
  return {
    removedKeys: free,
    ...(archived.file === undefined ? {} : { archive: archived.file }),
    warnings: [...warnings],
  };
}

/** Seals keys in a backup, which is opened and compared before this returns. */
async function archiveKeys(
  session: Session,
  keys: readonly string[],
  archive: KeyArchive | undefined,
): Promise<{ file?: string; problem?: string }> {
  const kept = 'The old keys were kept: they could not be archived';
  if (archive === undefined) return { problem: `${kept}: no file was named` };
  const { createBackup } = await import('../backup/create-backup.ts');
  try {
    const report = await createBackup(session, { ...archive, keys, guns: [] });
    const held = report.inventory.keys.map(({ id }) => id);
    const isWhole = report.skipped.length === 0 && keys.every(id => held.includes(id));
    return isWhole ? { file: report.file } : { problem: `${kept}: ${report.file} is not whole` };
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    return { problem: `${kept}: ${error.message}` };
  }
}

/** A root key that is gone is gone for repositories that nobody thought of. */
function rootProblem(role: string, fate: OldKeyFate): string | undefined {
  return role === ROOT && fate === 'remove'
    ? 'repositories that this machine does not know may be under it; it can be archived'
    : undefined;
}

async function stillNeeded(
  session: Session,
  gun: string,
  id: string,
  seen: Map<string, TrustedSet | string>,
): Promise<string | undefined> {
  const trusted = seen.get(gun) ?? (await readByRootAlone(session, gun));
  seen.set(gun, trusted);
  if (typeof trusted === 'string') return `a fresh client could not verify ${gun}: ${trusted}`;
  return usedKeys(trusted).has(id) ? `it is still used in ${gun}` : undefined;
}

async function readByRootAlone(session: Session, gun: string): Promise<TrustedSet | string> {
  try {
    const access = await session.repositoryByGun(gun);
    return await readAfresh(session, access, await access.dir.read(ROOT));
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    return error.message;
  }
}

function usedKeys(trusted: TrustedSet): Set<string> {
  const repository = Repository.fromTrusted(trusted);
  return new Set([
    ...BASE_ROLES.flatMap(name => keysOfRole(repository, name).map(canonicalKeyId)),
    ...[...delegationEntries(repository).values()].flatMap(({ keys }) => keys),
  ]);
}

/** Other repositories of this machine that trust the key, as their cached metadata says. */
async function otherUse(session: Session, id: string): Promise<string | undefined> {
  const { roles, unreadable } = await rolesTrusting(session, id);
  const names = [...new Set(roles.map(({ repository }) => repository))];
  if (names.length > 0) return `it is still trusted in ${names.join(', ')}`;
  const [doubtful] = unreadable;
  return doubtful === undefined
    ? undefined
    : `whether ${doubtful.repository} needs it cannot be told (${doubtful.message})`;
}
