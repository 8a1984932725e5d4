/**
 * A signer's new key in, old keys out, by one publish for each repository; what the signer and releases hold is
 * signed again in it where a key is here.
 */
import { generatePrivateKey } from '../../crypto/private-key.ts';
import { canonicalKeyId, type PublicKey } from '../../crypto/public-key.ts';
import { OperationError } from '../../errors.ts';
import type { KeyRing } from '../../tuf/key-ring.ts';
import type { Repository } from '../../tuf/repository.ts';
import { RELEASES, TARGETS } from '../../tuf/role-name.ts';
import { changeDelegations, type DelegationPlan } from '../delegations/delegation.ts';
import { delegationAdditions, delegationRemovals } from '../delegations/delegation-changes.ts';
import { type CreatedKey, tellingCreated } from '../initialise-repository.ts';
import { keyRing } from '../publish.ts';
import { keyFile, type Session } from '../session.ts';
import { type SignerKeys, signerPublicKeys } from './signer-public-keys.ts';
import {
  changedRepository,
  checkNoReleases,
  forEachRepository,
  releaseKeys,
  type SignerReport,
  type SignerRepository,
  sharedKeys,
  signerKeys,
  signerReport,
} from './signer-repositories.ts';

export interface RotateSignerRequest extends SignerKeys {
  readonly name: string;
  /** GUNs. */
  readonly repositories: readonly string[];
  readonly dryRun?: boolean;
}

export interface SignerRotation extends SignerReport {
  /** Absent in a dry run that would make a new key. */
  readonly newKeys: readonly { readonly id: string; readonly file?: string }[];
  /** Keys that no longer sign for the signer; their files stay. */
  readonly oldKeys: readonly { readonly id: string; readonly file?: string }[];
  readonly createdKeys: readonly CreatedKey[];
}

/**
 * Replaces all keys of a signer: by those that are given, else by a new one that is made here. A key is made only
 * when at least one repository will take it.
 * @throws UsageError `SIGNER_RESERVED`; KeyError; for a single repository also OperationError `SIGNER_UNKNOWN`,
 *   `KEY_UNCHANGED`, TrustError, ConnectionError
 */
export async function rotateSigner(
  session: Session,
  request: RotateSignerRequest,
): Promise<SignerRotation> {
  const { name, repositories, dryRun = false } = request;
  checkNoReleases(name);
  const given = await signerPublicKeys(session, request);
  const trial = given.length === 0 ? await trialKey(session) : undefined;
  const planned = await forEachRepository(session, repositories, async gun => {
    const keys = trial === undefined ? given : [trial.key];
    const options = { dryRun: true, ...(trial === undefined ? {} : { ring: trial.ring }) };
    return changedRepository(
      await changeDelegations(session, gun, options, present => exchange(present, name, keys)),
    );
  });
  if (dryRun) {
    const shown = planned.map(one => (trial === undefined ? one : withoutKey(one, trial.key)));
    return await rotation(session, signerReport(name, true, shown), given, []);
  }
  const created: CreatedKey[] = [];
  const able = planned.filter(({ exitCode }) => exitCode === 0);
  const keys =
    able.length > 0 && given.length === 0 ? [await newKey(session, name, created)] : given;
  const guns = able.map(({ repository }) => repository);
  const done = await tellingCreated(created, () =>
    forEachRepository(
      session,
      guns,
      async gun =>
        changedRepository(
          await changeDelegations(session, gun, {}, present => exchange(present, name, keys)),
        ),
      { isOneOfSeveral: planned.length > 1 },
    ),
  );
  const all = planned.map(
    plan => done.find(({ repository }) => repository === plan.repository) ?? plan,
  );
  return await rotation(session, signerReport(name, false, all), keys, created);
}

function exchange(
  repository: Repository,
  name: string,
  keys: readonly PublicKey[],
): DelegationPlan {
  const role = `${TARGETS}/${name}`;
  const present = signerKeys(repository, name);
  const newIds = keys.map(canonicalKeyId);
  const old = present.filter(id => !newIds.includes(id));
  if (old.length === 0 && newIds.every(id => present.includes(id))) {
    throw new OperationError('KEY_UNCHANGED', `${name} signs with this key already, and no other`);
  }
  const released = releaseKeys(repository);
  // Whoever could not release before is not let to by a new key.
  const shared = sharedKeys(repository, name);
  const leaving = old.filter(id => released.includes(id) && !shared.keys.includes(id));
  const mayRelease = present.some(id => released.includes(id));
  return {
    changes: [
      ...delegationAdditions({ role, keys: [...keys], paths: [] }),
      ...removed(role, old),
      ...(mayRelease ? delegationAdditions({ role: RELEASES, keys: [...keys], paths: [] }) : []),
      ...removed(RELEASES, leaving),
    ],
    warnings: [],
  };
}

function removed(role: string, keyIds: readonly string[]): DelegationPlan['changes'] {
  return keyIds.length === 0
    ? []
    : delegationRemovals({ role, keyIds, paths: [], allPaths: false });
}

/** A key that counts as stored, to see what the exchange would do before one is made. */
async function trialKey(session: Session): Promise<{ key: PublicKey; ring: KeyRing }> {
  const { id, publicKey } = generatePrivateKey('ecdsa');
  const stored = await keyRing(session);
  return {
    key: publicKey,
    ring: { ...stored, has: async wanted => wanted === id || (await stored.has(wanted)) },
  };
}

function withoutKey(report: SignerRepository, key: PublicKey): SignerRepository {
  const id = canonicalKeyId(key);
  return {
    ...report,
    delegations: report.delegations.map(change => ({
      ...change,
      addedKeys: change.addedKeys.filter(added => added !== id),
    })),
  };
}

async function newKey(session: Session, name: string, created: CreatedKey[]): Promise<PublicKey> {
  const keys = await session.keys();
  const { id, publicKey } = await keys.generate({ role: name });
  created.push({ id, role: name, file: keyFile(session, id) });
  return publicKey;
}

async function rotation(
  session: Session,
  report: SignerReport,
  keys: readonly PublicKey[],
  createdKeys: readonly CreatedKey[],
): Promise<SignerRotation> {
  const role = `${TARGETS}/${report.signer}`;
  const gone = report.repositories.flatMap(
    ({ delegations }) => delegations.find(change => change.role === role)?.removedKeys ?? [],
  );
  const store = await session.keys();
  const withFiles = async (ids: readonly string[]): Promise<{ id: string; file?: string }[]> => {
    const found: { id: string; file?: string }[] = [];
    for (const id of new Set(ids))
      found.push((await store.has(id)) ? { id, file: keyFile(session, id) } : { id });
    return found;
  };
  return {
    ...report,
    newKeys: await withFiles(keys.map(canonicalKeyId)),
    oldKeys: await withFiles(gone),
    createdKeys,
  };
}
