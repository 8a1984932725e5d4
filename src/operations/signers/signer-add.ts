/** Letting somebody sign: their own role, and releases, as `docker trust signer add` does it (cli.md 2.6). */
import { canonicalKeyId, type PublicKey } from '../../crypto/public-key.ts';
import { TrustError, UsageError } from '../../errors.ts';
import { RELEASES, TARGETS } from '../../tuf/role-name.ts';
import { changeDelegations } from '../delegations/delegation.ts';
import { delegationAdditions } from '../delegations/delegation-changes.ts';
import type { ChangedDelegation } from '../delegations/delegation-effects.ts';
import {
  type CreatedKey,
  checkPins,
  checkSignerName,
  keysToCreate,
} from '../initialise-repository.ts';
import type { Session } from '../session.ts';
import { type SignerKeys, signerPublicKeys } from './signer-public-keys.ts';
import {
  changedRepository,
  checkNoReleases,
  forEachRepository,
  NO_CHANGE,
  type SignerReport,
  type SignerRepository,
  signerReport,
} from './signer-repositories.ts';

export interface AddSignerRequest extends SignerKeys {
  readonly name: string;
  /** GUNs. */
  readonly repositories: readonly string[];
  /** Whether a repository that nobody knows is made. */
  readonly initialise?: boolean;
  /** Told of each repository that is about to be made. */
  readonly onInitialise?: (gun: string) => void;
  readonly dryRun?: boolean;
}

/**
 * Adds a signer, or keys to one, in each repository by one publish.
 * @throws UsageError `SIGNER_INVALID`, `SIGNER_RESERVED`, `SIGNER_KEY_MISSING`; KeyError; for a single repository also TrustError,
 *   ConnectionError
 */
export async function addSigner(
  session: Session,
  request: AddSignerRequest,
): Promise<SignerReport> {
  const { name, repositories, dryRun = false } = request;
  checkNewName(name);
  const keys = await signerPublicKeys(session, request);
  if (keys.length === 0) {
    throw new UsageError('SIGNER_KEY_MISSING', 'A signer needs a key to sign with', {
      hint: 'Give the file of its public key with --key, or with --key-id a key of this machine.',
    });
  }
  const done = await forEachRepository(session, repositories, (gun, created) =>
    addTo(session, gun, keys, request, created),
  );
  return signerReport(name, dryRun, done);
}

function checkNewName(name: string): void {
  checkNoReleases(name);
  try {
    checkSignerName(name);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(error.code, error.message, {
      hint: 'Use lower-case letters, digits, “-” and “_”, beginning with a letter or digit.',
    });
  }
}

async function addTo(
  session: Session,
  gun: string,
  keys: readonly PublicKey[],
  { name, initialise = false, onInitialise, dryRun = false }: AddSignerRequest,
  created: CreatedKey[],
): Promise<SignerRepository> {
  const changes = [`${TARGETS}/${name}`, RELEASES].flatMap(role =>
    delegationAdditions({ role, keys: [...keys], paths: [''] }),
  );
  const onStart = (): void => onInitialise?.(gun);
  try {
    const outcome = await changeDelegations(
      session,
      gun,
      { dryRun, ...(initialise ? { initialise: { created, onStart } } : {}) },
      () => ({ changes, warnings: [] }),
    );
    return changedRepository(outcome, created);
  } catch (error) {
    if (!(error instanceof TrustError) || error.code !== 'NO_TRUST_DATA') throw error;
    if (dryRun && initialise) return await newRepository(session, gun, name, keys);
    throw initialise
      ? error
      : error.advising('To make the repository with this signer, add --init.');
  }
}

/** What a dry run says of a repository that would be made. */
async function newRepository(
  session: Session,
  gun: string,
  name: string,
  keys: readonly PublicKey[],
): Promise<SignerRepository> {
  const access = await session.repositoryByGun(gun);
  checkPins(access);
  const addedKeys = [...new Set(keys.map(canonicalKeyId))];
  const added = (role: string): ChangedDelegation => ({
    role,
    status: 'added',
    addedKeys,
    removedKeys: [],
    addedPaths: [''],
    removedPaths: [],
    keysLeft: addedKeys.length,
  });
  return {
    repository: gun,
    server: access.server,
    ...NO_CHANGE,
    initialised: true,
    confirmed: false,
    delegations: [added(`${TARGETS}/${name}`), added(RELEASES)],
    createdKeys: [],
    wouldCreateKeys: await keysToCreate(session, undefined),
    exitCode: 0,
  };
}
