/** Everything that a repository holds, for a person who must tell what is theirs from what is a thief's. */
import { canonicalKeyId } from '../../crypto/public-key.ts';
import { Repository } from '../../tuf/repository.ts';
import { RELEASES } from '../../tuf/role-name.ts';
import type { TrustedSet } from '../../tuf/trusted-set.ts';
import { type KnownCopy, knownBefore } from '../history.ts';
import { type DigestState, registryDigests } from '../registry-digests.ts';
import type { Session } from '../session.ts';
import { loadTrustData } from '../trust-data.ts';
import { type ReviewItems, reviewItems } from './review-items.ts';

export interface ReviewRequest {
  /** What was there at that moment counts as known. */
  readonly trustedSince?: Date;
  /** Whether to ask the registry for each digest. */
  readonly registry: boolean;
}

export interface RepositoryReview extends ReviewItems {
  readonly repository: string;
  readonly server: string;
  /** ISO 8601. */
  readonly trustedSince?: string;
  /** The copy that it is compared with: the last that this machine verified before. */
  readonly known?: { readonly verifiedAt: string; readonly from: KnownCopy['from'] };
  /** Canonical IDs of the keys whose signatures hold, by role. */
  readonly signedBy: Readonly<Record<string, readonly string[]>>;
  /** Signers, by role, whose private key lies on this machine: beside the one that somebody may have. */
  readonly signersHere: readonly string[];
  /** By digest in hex; absent when the registry was not to be asked. */
  readonly registry?: Readonly<Record<string, DigestState>>;
  /** Why the registry could not tell. */
  readonly registryProblem?: string;
}

/**
 * Reads a repository afresh and sets everything in it beside what was known.
 * @throws TrustError, ConnectionError of the trust server; a registry that cannot be asked is no failure
 */
export async function reviewRepository(
  session: Session,
  gun: string,
  { trustedSince, registry }: ReviewRequest,
): Promise<RepositoryReview> {
  const access = await session.repositoryByGun(gun);
  const { trusted } = await loadTrustData(session, access, { requireFresh: true, forWrite: true });
  const known =
    trustedSince === undefined ? undefined : await knownBefore(session, gun, trustedSince);
  const items = reviewItems(Repository.fromTrusted(trusted), known);
  const asked = registry
    ? await registryDigests(
        session,
        gun,
        items.tags.map(({ sha256 }) => sha256),
      )
    : undefined;
  return {
    repository: gun,
    server: access.server,
    ...(trustedSince === undefined ? {} : { trustedSince: trustedSince.toISOString() }),
    ...(known === undefined
      ? {}
      : { known: { verifiedAt: known.verifiedAt.toISOString(), from: known.from } }),
    ...items,
    signedBy: signersOf(trusted),
    signersHere: await signersHere(session, items),
    ...(asked === undefined ? {} : { registry: Object.fromEntries(asked.states) }),
    ...(asked?.problem === undefined ? {} : { registryProblem: asked.problem }),
  };
}

async function signersHere(session: Session, { signers }: ReviewItems): Promise<string[]> {
  const store = await session.keys();
  const roles: string[] = [];
  for (const { role, keyIds } of signers) {
    if (role === RELEASES) continue;
    for (const id of keyIds) if ((await store.has(id)) && !roles.includes(role)) roles.push(role);
  }
  return roles;
}

function signersOf(trusted: TrustedSet): Record<string, string[]> {
  return Object.fromEntries(
    [...trusted.targets].map(([role, { keyIds }]) => {
      const { keys } = trusted.keysFor(role);
      return [
        role,
        keyIds.flatMap(id => {
          const key = keys.get(id);
          return key === undefined ? [] : [canonicalKeyId(key)];
        }),
      ];
    }),
  );
}
