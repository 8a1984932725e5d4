/** Changing a signer in several repositories: one publish for each, and what became of each. */
import { printable } from '../../crypto/printable.ts';
import { OperationError, TabellionError, UsageError } from '../../errors.ts';
import type { Repository } from '../../tuf/repository.ts';
import { isWithin, RELEASES, signerName, TARGETS } from '../../tuf/role-name.ts';
import type { DelegationOutcome } from '../delegations/delegation.ts';
import { delegationEntries } from '../delegations/delegation-effects.ts';
import { type Failure, failureOf } from '../failure.ts';
import type { CreatedKey } from '../initialise-repository.ts';
import type { Session } from '../session.ts';

export interface SignerRepository extends Omit<DelegationOutcome, 'dryRun'> {
  readonly createdKeys: readonly CreatedKey[];
  /** Of a dry run: roles of the keys that would be made. */
  readonly wouldCreateKeys?: readonly string[];
  /** Why nothing was changed. */
  readonly error?: Failure;
  readonly exitCode: number;
}

export interface SignerReport {
  readonly signer: string;
  readonly dryRun: boolean;
  readonly repositories: readonly SignerRepository[];
  readonly summary: { readonly succeeded: number; readonly failed: number };
}

/**
 * Does the work for each repository, in the order given, each once. One failure does not keep the others from
 * being done.
 * @throws what the work throws, for a single repository
 */
export async function forEachRepository(
  session: Session,
  repositories: readonly string[],
  work: (gun: string, created: CreatedKey[]) => Promise<SignerRepository>,
  options: { readonly isOneOfSeveral?: boolean } = {},
): Promise<SignerRepository[]> {
  const guns = [...new Set(repositories)];
  const done: SignerRepository[] = [];
  for (const [index, gun] of guns.entries()) {
    session.progress({ message: `changing ${gun}`, done: index, total: guns.length });
    const created: CreatedKey[] = [];
    try {
      done.push(await work(gun, created));
    } catch (error) {
      const isAlone = guns.length === 1 && options.isOneOfSeveral !== true;
      if (!(error instanceof TabellionError) || isAlone) throw error;
      done.push(await failedRepository(session, gun, created, error));
    }
  }
  return done;
}

/** A change that was made. One that could not be seen afterwards is not taken for a success. */
export function changedRepository(
  outcome: DelegationOutcome,
  createdKeys: readonly CreatedKey[] = [],
): SignerRepository {
  const { dryRun, ...report } = outcome;
  const isProved = dryRun || report.confirmed;
  return { ...report, createdKeys, exitCode: isProved ? 0 : 1 };
}

async function failedRepository(
  session: Session,
  gun: string,
  createdKeys: readonly CreatedKey[],
  error: TabellionError,
): Promise<SignerRepository> {
  return {
    repository: gun,
    server: await session.repositoryByGun(gun).then(
      ({ server }) => server,
      () => '',
    ),
    initialised: false,
    confirmed: false,
    ...NO_CHANGE,
    createdKeys,
    error: failureOf(error),
    exitCode: error.exitCode,
  };
}

/** What is reported of a repository in which nothing changed. */
export const NO_CHANGE = {
  delegations: [],
  resigned: [],
  lostTargets: [],
  alteredTargets: [],
  unreleasedTags: [],
  tagsWithoutSigner: [],
  versions: {},
  warnings: [],
} as const;

export function signerReport(
  signer: string,
  dryRun: boolean,
  repositories: readonly SignerRepository[],
): SignerReport {
  const failed = repositories.filter(({ exitCode }) => exitCode !== 0).length;
  const summary = { succeeded: repositories.length - failed, failed };
  return { signer, dryRun, repositories, summary };
}

/**
 * The keys of a signer, as canonical IDs.
 * @throws OperationError `SIGNER_UNKNOWN`
 */
export function signerKeys(repository: Repository, name: string): readonly string[] {
  const entries = delegationEntries(repository);
  const entry = entries.get(`${TARGETS}/${name}`);
  if (entry !== undefined) return entry.keys;
  const names = [...entries.keys()].filter(role => role !== RELEASES).map(signerName);
  throw new OperationError(
    'SIGNER_UNKNOWN',
    `${printable(repository.gun)} has no signer “${printable(name)}”`,
    {
      hint:
        names.length === 0
          ? 'It has no signers: the repository key signs alone.'
          : `Its signers are ${names.map(printable).join(', ')}.`,
      details: { signer: name, signers: names },
    },
  );
}

/** @throws UsageError `SIGNER_RESERVED`: the role that all signers share is nobody's name */
export function checkNoReleases(name: string): void {
  if (name !== 'releases') return;
  throw new UsageError(
    'SIGNER_RESERVED',
    '“releases” is no signer: it holds what all signers have released',
    { hint: 'To change its keys, see: tabellion delegation --help' },
  );
}

/** The keys that may release tags. */
export function releaseKeys(repository: Repository): readonly string[] {
  return delegationEntries(repository).get(RELEASES)?.keys ?? [];
}

/** Those of a signer's keys that somebody else signs with too, and who. */
export function sharedKeys(
  repository: Repository,
  name: string,
): { readonly keys: readonly string[]; readonly signers: readonly string[] } {
  const own = `${TARGETS}/${name}`;
  const keyIds = signerKeys(repository, name);
  const others = [...delegationEntries(repository)].filter(
    ([role, { keys }]) =>
      !isWithin(role, own) && role !== RELEASES && keys.some(id => keyIds.includes(id)),
  );
  return {
    keys: keyIds.filter(id => others.some(([, { keys }]) => keys.includes(id))),
    signers: others.map(([role]) => signerName(role)),
  };
}
