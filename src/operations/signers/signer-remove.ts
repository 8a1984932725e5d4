/**
 * Keeping somebody from signing: their role goes, their keys go out of releases, and releases is signed again by
 * a key that is left, all by one publish (cli.md 2.7, and 9, traps 1 and 31).
 */
import { printable } from '../../crypto/printable.ts';
import type { Repository } from '../../tuf/repository.ts';
import { RELEASES, TARGETS } from '../../tuf/role-name.ts';
import { changeDelegations, type DelegationPlan } from '../delegations/delegation.ts';
import { delegationRemovals } from '../delegations/delegation-changes.ts';
import type { Session } from '../session.ts';
import {
  changedRepository,
  checkNoReleases,
  forEachRepository,
  releaseKeys,
  type SignerReport,
  sharedKeys,
  signerKeys,
  signerReport,
} from './signer-repositories.ts';

export interface RemoveSignerRequest {
  readonly name: string;
  /** GUNs. */
  readonly repositories: readonly string[];
  readonly dryRun?: boolean;
}

/**
 * Removes a signer from each repository.
 * @throws UsageError `SIGNER_RESERVED`; for a single repository also OperationError `SIGNER_UNKNOWN`,
 *   `DELEGATION_UNCHANGED`, KeyError `KEY_MISSING`, TrustError, ConnectionError
 */
export async function removeSigner(
  session: Session,
  { name, repositories, dryRun = false }: RemoveSignerRequest,
): Promise<SignerReport> {
  checkNoReleases(name);
  const done = await forEachRepository(session, repositories, async gun =>
    changedRepository(
      await changeDelegations(session, gun, { dryRun }, repository => removal(repository, name)),
    ),
  );
  return signerReport(name, dryRun, done);
}

function removal(repository: Repository, name: string): DelegationPlan {
  const shared = sharedKeys(repository, name);
  const released = releaseKeys(repository);
  // Whoever signs with the same key stays able to release.
  const leaving = signerKeys(repository, name).filter(
    id => released.includes(id) && !shared.keys.includes(id),
  );
  const warnings =
    shared.keys.length === 0
      ? []
      : [
          `A key of ${printable(name)} is also a key of ${shared.signers.map(printable).join(', ')}, and stays trusted as such`,
        ];
  const removals =
    leaving.length === 0
      ? []
      : delegationRemovals({ role: RELEASES, keyIds: leaving, paths: [], allPaths: false });
  const whole = { role: `${TARGETS}/${name}`, keyIds: [], paths: [], allPaths: false };
  return { changes: [...removals, ...delegationRemovals(whole)], warnings };
}
