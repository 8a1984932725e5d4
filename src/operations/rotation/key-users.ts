/** Which repositories of this machine trust a key, as their verified data says. */
import { printable } from '../../crypto/printable.ts';
import { canonicalKeyId, keyId, type PublicKey } from '../../crypto/public-key.ts';
import { KeyError, TabellionError, UsageError } from '../../errors.ts';
import type { TrustedSet } from '../../tuf/trusted-set.ts';
import { type Failure, failureOf } from '../failure.ts';
import { SHORTEST_KEY_ID } from '../keys/key-id.ts';
import type { Session } from '../session.ts';
import { loadTrustData } from '../trust-data.ts';
import { rolesTrusting } from '../trusting-roles.ts';

export interface KeyUse {
  readonly repository: string;
  readonly role: string;
}

export interface KeyUsers {
  /** Canonical ID. */
  readonly keyId: string;
  readonly uses: readonly KeyUse[];
  /** All that is trusted in each repository that could be verified: canonical IDs by role. */
  readonly present: ReadonlyMap<string, readonly { readonly role: string; readonly id: string }[]>;
  /** Repositories that could not be verified. */
  readonly unverified: readonly {
    readonly repository: string;
    readonly error: Failure;
    readonly exitCode: number;
    /** Whether what lies on the disk names the key: then it is probably used there. */
    readonly suspected: boolean;
  }[];
}

interface RoleKey {
  readonly role: string;
  readonly key: PublicKey;
}

/**
 * Reads every repository that this machine knows afresh and looks where a key is trusted.
 * @param key an ID of a key or of a root certificate, or a beginning of it that is unique; 7 digits at least
 * @param others IDs that it may also be the beginning of
 * @throws UsageError `KEY_ID_INVALID`, `KEY_ID_AMBIGUOUS`; KeyError `KEY_NOT_FOUND` when nothing is known of such a key
 */
export async function keyUsers(
  session: Session,
  key: string,
  others: readonly string[] = [],
): Promise<KeyUsers> {
  const wanted = key.toLowerCase();
  if (!/^[0-9a-f]{1,64}$/.test(wanted) || wanted.length < SHORTEST_KEY_ID) {
    throw new UsageError('KEY_ID_INVALID', `“${printable(key)}” is not a key ID`, {
      hint: `Give its 64 hexadecimal digits, or at least the first ${SHORTEST_KEY_ID}.`,
    });
  }
  const guns = await session.trustDir.repositories();
  const found = new Map<string, RoleKey[]>();
  const failures: { repository: string; error: TabellionError }[] = [];
  for (const [index, gun] of guns.entries()) {
    session.progress({ message: 'looking for the key', done: index, total: guns.length });
    try {
      const access = await session.repositoryByGun(gun);
      const options = { requireFresh: true, forWrite: true };
      found.set(gun, roleKeys((await loadTrustData(session, access, options)).trusted));
    } catch (error) {
      if (!(error instanceof TabellionError)) throw error;
      failures.push({ repository: gun, error });
    }
  }
  const stored = (await (await session.keys()).list()).map(({ id }) => id);
  const id = resolve(wanted, [...found.values()].flat(), [...stored, ...others]);
  const cached = new Set((await rolesTrusting(session, id)).roles.map(role => role.repository));
  return {
    keyId: id,
    uses: [...found].flatMap(([repository, keys]) =>
      [...new Set(keys.flatMap(use => (canonicalKeyId(use.key) === id ? [use.role] : [])))].map(
        role => ({ repository, role }),
      ),
    ),
    present: new Map(
      [...found].map(([gun, keys]) => [
        gun,
        keys.map(use => ({ role: use.role, id: canonicalKeyId(use.key) })),
      ]),
    ),
    unverified: failures.map(({ repository, error }) => ({
      repository,
      error: failureOf(error),
      exitCode: error.exitCode,
      suspected: cached.has(repository),
    })),
  };
}

function roleKeys(trusted: TrustedSet): RoleKey[] {
  const delegations = [...trusted.targets.values()].flatMap(({ metadata }) =>
    (metadata.delegations.roles ?? []).map(({ name }) => name),
  );
  return [...trusted.root.metadata.roles.keys(), ...delegations].flatMap(role => {
    const { roleKeys: entry, keys } = trusted.keysFor(role);
    return (entry.keyIds ?? []).flatMap(id => {
      const key = keys.get(id);
      return key === undefined ? [] : [{ role, key }];
    });
  });
}

function resolve(wanted: string, keys: readonly RoleKey[], others: readonly string[]): string {
  const ids = new Set(others.filter(id => id.startsWith(wanted)));
  for (const { key } of keys) {
    const canonical = canonicalKeyId(key);
    if (canonical.startsWith(wanted) || keyId(key).startsWith(wanted)) ids.add(canonical);
  }
  const [only] = ids;
  if (ids.size === 1 && only !== undefined) return only;
  if (only !== undefined) {
    throw new UsageError(
      'KEY_ID_AMBIGUOUS',
      `${ids.size} keys begin with ${wanted}: ${[...ids].map(id => printable(id)).join(', ')}`,
      { hint: 'Give more digits.', details: { matches: [...ids] } },
    );
  }
  // What could not be verified may use it all the same.
  if (wanted.length === 64) return wanted;
  throw new KeyError('KEY_NOT_FOUND', `No repository of this machine trusts a key ${wanted}`, {
    hint: 'See the keys with: tabellion key list, and of a repository with: tabellion inspect IMAGE',
    details: { keyId: wanted },
  });
}
