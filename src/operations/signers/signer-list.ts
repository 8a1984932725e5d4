/** Who may sign in repositories, and whose keys are on this machine. */

import { canonicalKeyId } from '../../crypto/public-key.ts';
import { TabellionError } from '../../errors.ts';
import { RELEASES, signerName, TARGETS } from '../../tuf/role-name.ts';
import {
  type DelegationKey,
  delegationsOf,
  type ListedDelegation,
} from '../delegations/delegation-list.ts';
import { type Failure, failureOf } from '../failure.ts';
import type { Session } from '../session.ts';
import { loadTrustData, type TrustDataOrigin } from '../trust-data.ts';

export interface SignerKey extends DelegationKey {
  /** Whether its private key is on this machine. */
  readonly isHere: boolean;
  /** Whether what it signs is released, so that Docker takes it. */
  readonly mayRelease: boolean;
}

export interface ListedSigner extends Omit<ListedDelegation, 'keys'> {
  readonly name: string;
  readonly keys: readonly SignerKey[];
}

export interface RepositorySigners {
  readonly repository: string;
  /** By name. */
  readonly signers: readonly ListedSigner[];
  /** Canonical IDs of the repository's own keys. */
  readonly repositoryKeys: readonly string[];
  readonly origin?: TrustDataOrigin;
  readonly warnings: readonly string[];
  readonly error?: Failure;
  readonly exitCode: number;
}

export interface SignerList {
  readonly repositories: readonly RepositorySigners[];
}

export interface ListSignersRequest {
  /** GUNs. */
  readonly repositories: readonly string[];
  readonly offline?: boolean;
  readonly requireFresh?: boolean;
}

/** Lists the signers of each repository. @throws for a single repository, what an update throws */
export async function listSigners(
  session: Session,
  request: ListSignersRequest,
): Promise<SignerList> {
  const guns = [...new Set(request.repositories)];
  const repositories: RepositorySigners[] = [];
  for (const gun of guns) {
    try {
      repositories.push(await signersOf(session, gun, request));
    } catch (error) {
      if (!(error instanceof TabellionError) || guns.length === 1) throw error;
      repositories.push({
        repository: gun,
        signers: [],
        repositoryKeys: [],
        warnings: [],
        error: failureOf(error),
        exitCode: error.exitCode,
      });
    }
  }
  return { repositories };
}

async function signersOf(
  session: Session,
  gun: string,
  { offline = false, requireFresh = false }: ListSignersRequest,
): Promise<RepositorySigners> {
  const access = await session.repositoryByGun(gun);
  const { trusted, origin, warnings } = await loadTrustData(session, access, {
    offline,
    requireFresh,
  });
  const delegations = delegationsOf(trusted, session.now);
  const released = delegations.find(({ role }) => role === RELEASES)?.keys.map(({ id }) => id);
  const store = await session.keys();
  const here = new Set((await store.list()).map(({ id }) => id));
  const signers = delegations
    .filter(({ role }) => role !== RELEASES)
    .map(delegation => ({
      ...delegation,
      name: signerName(delegation.role),
      keys: delegation.keys.map(key => ({
        ...key,
        isHere: here.has(key.id),
        mayRelease: released?.includes(key.id) ?? false,
      })),
    }));
  const { roleKeys, keys } = trusted.keysFor(TARGETS);
  const repositoryKeys = (roleKeys.keyIds ?? []).flatMap(id => {
    const key = keys.get(id);
    return key === undefined ? [] : [canonicalKeyId(key)];
  });
  const known = new Set([
    ...repositoryKeys,
    ...signers.flatMap(({ keys }) => keys.map(({ id }) => id)),
  ]);
  const strays = (released ?? []).filter(id => !known.has(id)).map(id => strayKey(gun, id));
  return {
    ...{ repository: gun, signers, repositoryKeys, origin },
    warnings: [...warnings, ...strays],
    exitCode: 0,
  };
}

/** Docker takes what releases says, whoever else signs: a key that was left there is a signer without a name. */
function strayKey(gun: string, id: string): string {
  const short = id.slice(0, 12);
  return `The key ${short} belongs to no signer, but may release tags, which Docker takes; to end that: tabellion delegation remove ${gun} releases ${short}`;
}
