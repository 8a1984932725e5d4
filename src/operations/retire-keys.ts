/** What becomes of private keys that were replaced: nothing, until a fresh client needs them no more. */
import { canonicalKeyId } from '../crypto/public-key.ts';
import { TabellionError } from '../errors.ts';
import { Repository } from '../tuf/repository.ts';
import { BASE_ROLES, ROOT } from '../tuf/role-name.ts';
import type { TrustedSet } from '../tuf/trusted-set.ts';
import { delegationEntries } from './delegation-effects.ts';
import { readAfresh } from './fresh-client.ts';
import type { KeyRotation } from './rotate.ts';
import { keysOfRole } from './rotation-keys.ts';
import type { Session } from './session.ts';
import { rolesTrusting } from './trusting-roles.ts';

export type OldKeyFate = 'keep' | 'remove';

export interface RetiredKeys {
  /** Canonical IDs of the keys whose files are gone. */
  readonly removedKeys: readonly string[];
  /** Why a key was kept. */
  readonly warnings: readonly string[];
}

/** The replaced keys of rotations whose private part is on this machine, by what they signed for. */
export function replacedKeys(
  rotations: readonly Pick<KeyRotation, 'repository' | 'role' | 'oldKeys' | 'alsoRotated'>[],
): { readonly repository: string; readonly role: string; readonly id: string }[] {
  return rotations.flatMap(rotation =>
    [rotation, ...rotation.alsoRotated].flatMap(({ role, oldKeys }) =>
      oldKeys.flatMap(({ id, file }) =>
        file === undefined ? [] : [{ repository: rotation.repository, role, id }],
      ),
    ),
  );
}

/**
 * Removes private keys that were replaced: only those that a fresh client, which has nothing but the root, was seen
 * to need no more, and that nothing trusts which this machine knows.
 */
export async function retireKeys(
  session: Session,
  rotations: Parameters<typeof replacedKeys>[0],
  fate: OldKeyFate,
): Promise<RetiredKeys> {
  const warnings: string[] = [];
  const free = new Set<string>();
  const seen = new Map<string, TrustedSet | string>();
  const store = await session.keys();
  for (const { repository, role, id } of fate === 'keep' ? [] : replacedKeys(rotations)) {
    if (!(await store.has(id))) continue;
    const problem =
      rootProblem(role) ??
      (await stillNeeded(session, repository, id, seen)) ??
      (await otherUse(session, id));
    if (problem === undefined) free.add(id);
    else warnings.push(`The old ${role} key ${id} was kept: ${problem}`);
  }
  for (const id of free) await store.remove(id);
  return { removedKeys: [...free], warnings: [...new Set(warnings)] };
}

function rootProblem(role: string): string | undefined {
  return role === ROOT ? 'repositories that this machine does not know may be under it' : undefined;
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
