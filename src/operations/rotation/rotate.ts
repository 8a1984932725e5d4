/** Rotating a base role's keys (tuf.md 7). No private key goes before the change is on the server and verified. */
import { printable } from '../../crypto/printable.ts';
import type { PrivateKey } from '../../crypto/private-key.ts';
import { keyId } from '../../crypto/public-key.ts';
import { OperationError, UsageError } from '../../errors.ts';
import { decodeTimestamp } from '../../tuf/decode.ts';
import { openEnvelope } from '../../tuf/envelope.ts';
import type { Repository } from '../../tuf/repository.ts';
import { canonicalIds } from '../../tuf/role-keys.ts';
import { BASE_ROLES, ROOT, TARGETS, TIMESTAMP } from '../../tuf/role-name.ts';
import { type CreatedKey, tellingCreated } from '../initialise-repository.ts';
import { readGivenKey } from '../keys/given-key.ts';
import { resolveKeyIds } from '../keys/key-id.ts';
import { loadForChange } from '../load-for-change.ts';
import { keyRing, publishChanges } from '../publish.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { stagedChangesWarning } from '../staged-changes.ts';
import { readByOldRoot } from './aftermath.ts';
import { carryOn } from './carry-on.ts';
import {
  type CompromiseRequest,
  type CompromiseReview,
  checkReviewed,
  reviewedRotation,
} from './compromise.ts';
import { type Consumers, consumersOf } from './consumers.ts';
import { allowInPin, checkPinFollows } from './follow-pin.ts';
import { legacyRootKeys } from './legacy-root-keys.ts';
import { clearPending } from './pending.ts';
import {
  changesOf,
  checkKeyCount,
  checkSigningKeys,
  type RoleRotation,
  replacedIds,
  roleReports,
  sharedKeyWarnings,
  signsTargets,
  type Turn,
  turnsOf,
  withKeys,
} from './turns.ts';
import { type RotationWork, rehearse } from './work.ts';

export type { RotatedKey } from './keys.ts';

export interface RotateKeyRequest {
  readonly role: string;
  /** Let the server make and keep the new key. Default false. */
  readonly serverManaged?: boolean;
  /** Files with the private keys to rotate to, all of them; without any key given, a new one is made. */
  readonly keyFiles?: readonly string[];
  /** Stored private keys to rotate to, by ID. */
  readonly keyIds?: readonly string[];
  /** Sign a new root also with the root keys of so many earlier versions; −1 for all. Default 0. */
  readonly legacyVersions?: number;
  /** Whether a repository that nobody knows is made. Default false. */
  readonly initialiseIfUnknown?: boolean;
  /** Somebody else may have the key: what the repository holds is reviewed, and what is not kept goes too. */
  readonly compromise?: CompromiseRequest;
  /** What a pin of this machine means for a new root. Default `ignore`. */
  readonly pins?: 'ignore' | 'check' | 'update';
  /** Check all that can be checked, and change nothing. */
  readonly dryRun?: boolean;
  /** Told of each key as soon as it is stored, so that a later failure hides none. */
  readonly created?: CreatedKey[];
}

export interface KeyRotation extends RoleRotation {
  readonly repository: string;
  readonly server: string;
  readonly dryRun: boolean;
  readonly initialised: boolean;
  /** Whether it had been published by an earlier run, so that only what comes after was done. */
  readonly carriedOn: boolean;
  /** Roles that got new keys in the same publish, since whoever has the one key has theirs too. */
  readonly alsoRotated: readonly RoleRotation[];
  readonly createdKeys: readonly CreatedKey[];
  /** Of a rotation of `targets`: how many targets were signed again. */
  readonly resignedTargets: number;
  /** Of a compromised key. */
  readonly review?: CompromiseReview;
  /** Whether a client with nothing but the old root has verified the result. */
  readonly verifiedAfresh: boolean;
  readonly consumers: Consumers;
  readonly versions: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  /** 1 when something that was to go is still there. */
  readonly exitCode: number;
}

/**
 * Checks who may hold a role's key, before anything is read or asked (keys.md 7.2).
 * @throws UsageError `ROTATION_NOT_ALLOWED`; details: `role`, and `by` (`client`, `server`) if the other may
 */
export function checkRotation(role: string, serverManaged: boolean): void {
  if (!BASE_ROLES.some(name => name === role)) {
    throw new UsageError(
      'ROTATION_NOT_ALLOWED',
      `The key of “${printable(role)}” is not rotated: only those of root, targets, snapshot and timestamp are`,
      {
        hint: 'The keys of a signer are replaced by: tabellion signer rotate',
        details: { role },
      },
    );
  }
  if (serverManaged && (role === ROOT || role === TARGETS)) {
    throw new UsageError(
      'ROTATION_NOT_ALLOWED',
      `The server may not manage the ${role} key: whoever runs it could sign anything`,
      { details: { role, by: 'server' } },
    );
  }
  if (!serverManaged && role === TIMESTAMP) {
    throw new UsageError(
      'ROTATION_NOT_ALLOWED',
      'The timestamp key belongs to the server, which signs a new timestamp whenever one has expired',
      { hint: 'Let the server make the new one.', details: { role, by: 'client' } },
    );
  }
}

/**
 * Gives a base role new keys, by one publish of that change alone; what is staged stays staged. Everything
 * that can fail without the new keys is tried before they are made. A rotation that was cut short is carried on.
 * @throws UsageError `ROTATION_NOT_ALLOWED`, `OPTIONS_CONFLICT`, `ROOT_PINNED`, `REVIEW_NEEDED` and others of a review;
 *   KeyError `KEY_MISSING` and others, TrustError, OperationError, ConnectionError
 */
export async function rotateKey(
  session: Session,
  gun: string,
  request: RotateKeyRequest,
): Promise<KeyRotation> {
  const { role, serverManaged = false, keyFiles = [], keyIds = [], created = [] } = request;
  checkRotation(role, serverManaged);
  if (serverManaged && keyFiles.length + keyIds.length > 0) {
    throw new UsageError(
      'OPTIONS_CONFLICT',
      'The server makes a key that it manages: none can be given for it',
    );
  }
  const given: PrivateKey[] = [];
  for (const file of keyFiles)
    given.push(await readGivenKey(session, file, { encryptedOnly: role === ROOT }));
  const store = await session.keys();
  for (const id of await resolveKeyIds(session, keyIds)) given.push(await store.open(id));
  const access = await session.repositoryByGun(gun);
  const compromise = signsTargets(role) ? request.compromise : undefined;
  const about: RotationWork = { session, access, request, compromise, given, created };
  const work = () => tellingCreated(created, () => rotate(about));
  return request.dryRun === true ? await work() : await access.dir.withLock(work);
}

async function rotate(work: RotationWork): Promise<KeyRotation> {
  const { session, access, request, compromise, given, created } = work;
  const { role, serverManaged = false, dryRun = false } = request;
  const { repository, initialised } = await loadForChange(
    session,
    access,
    { initialiseIfUnknown: request.initialiseIfUnknown === true && !dryRun },
    created,
  );
  const done = await carryOn(work, repository);
  if (done !== undefined) return done;
  if (compromise !== undefined) checkNotOld(repository, role, given);
  const ring = await keyRing(session);
  const asked = { role, managedBy: serverManaged ? 'server' : 'client' } as const;
  const planned = await turnsOf(session, repository, asked, compromise !== undefined, ring);
  checkKeyCount(repository, planned, given.length);
  await checkSigningKeys(access, repository, planned, ring);
  const warnings = [
    ...(await stagedChangesWarning(access.dir)),
    ...(compromise === undefined ? sharedKeyWarnings(repository, planned) : []),
    ...(request.compromise !== undefined && compromise === undefined
      ? [`The ${role} key signs no tags: nothing had to be reviewed`]
      : []),
  ];
  const oldCopiesUntil = await timestampExpiry(access);
  const rehearsed = await rehearse(work, repository, planned);
  const report = {
    repository: access.gun,
    server: access.server,
    dryRun,
    initialised,
    carriedOn: false,
    createdKeys: created,
  } as const;
  if (dryRun) {
    return {
      ...report,
      ...(await roleReports(session, planned)),
      ...reviewed(repository, planned, rehearsed),
      verifiedAfresh: false,
      consumers: consumers(work, planned, oldCopiesUntil),
      versions: {},
      warnings: [...warnings, ...(rehearsed?.warnings ?? [])],
    };
  }
  const legacy = await legacyRootKeys(session, access, repository, request.legacyVersions ?? 0);
  const isTheft = compromise !== undefined;
  const turns = await withKeys(session, access, planned, given, isTheft, created);
  const allowed = await pinnedAccess(work, turns);
  let review: CompromiseReview | undefined;
  const published = await publishChanges(
    session,
    allowed,
    async present => {
      const rotation = changesOf(turns);
      if (compromise === undefined) return { changes: rotation, legacyRootKeys: legacy };
      const compromised = replacedIds(turns);
      const about = { request: compromise, access, rotation, compromised, ring, created };
      const outcome = await reviewedRotation(session, present, about);
      review = outcome.review;
      return { changes: outcome.changes, legacyRootKeys: legacy };
    },
    repository,
  );
  const fresh =
    published.after === undefined ? {} : await readByOldRoot(session, allowed, repository, turns);
  if (published.after !== undefined) {
    const rekeyed = review?.rekeyed ?? [];
    for (const turn of [...turns, ...rekeyed]) await clearPending(session, access.gun, turn.role);
    if (review !== undefined) checkReviewed(review, published.after.trusted);
  }
  return {
    ...report,
    ...(await roleReports(session, turns)),
    ...reviewed(repository, turns, review),
    verifiedAfresh: fresh.seen !== undefined,
    consumers: consumers({ ...work, access: allowed }, turns, oldCopiesUntil),
    versions: published.versions,
    warnings: [
      ...new Set([
        ...warnings,
        ...(review?.warnings ?? []),
        ...published.warnings,
        ...(fresh.problem === undefined ? [] : [fresh.problem]),
        ...turns.flatMap(({ unused }) => unused.map(unusedKeyWarning)),
      ]),
    ],
  };
}

/** @throws OperationError `KEY_UNCHANGED` */
function checkNotOld(repository: Repository, role: string, given: readonly PrivateKey[]): void {
  const old = canonicalIds(repository.keysFor(role));
  const same = given.find(({ id }) => old.includes(id));
  if (same === undefined) return;
  throw new OperationError(
    'KEY_UNCHANGED',
    `The key ${same.id} is the ${role} key that somebody may have`,
    { hint: 'Give another, or none: then one is made.', details: { keyId: same.id } },
  );
}

/** From here on a pin of this machine allows the new root beside the old one. */
async function pinnedAccess(
  { session, access, request }: RotationWork,
  turns: readonly Turn[],
): Promise<RepositoryAccess> {
  const root = turns.find(({ role }) => role === ROOT);
  const rule =
    root === undefined ? undefined : checkPinFollows(access, { mode: request.pins ?? 'ignore' });
  if (root === undefined || rule === undefined) return access;
  await allowInPin(session, rule, root.keys.map(keyId));
  return await session.repositoryByGun(access.gun);
}

function reviewed(
  repository: Repository,
  turns: readonly Turn[],
  review: CompromiseReview | undefined,
): Pick<KeyRotation, 'review' | 'resignedTargets' | 'exitCode'> {
  const hasTargets = turns.some(({ role }) => role === TARGETS);
  const resignedTargets = hasTargets ? (repository.view(TARGETS)?.targets.size ?? 0) : 0;
  if (review === undefined) return { resignedTargets, exitCode: 0 };
  return { review, resignedTargets: review.signedAgain, exitCode: review.isComplete ? 0 : 1 };
}

function consumers(
  { access, compromise }: RotationWork,
  turns: readonly Turn[],
  oldCopiesUntil: string | undefined,
): Consumers {
  return consumersOf(access, {
    ...(oldCopiesUntil === undefined ? {} : { oldCopiesUntil }),
    roles: turns.map(({ role }) => role),
    certificateIds: turns.flatMap(({ role, keys }) => (role === ROOT ? keys.map(keyId) : [])),
    compromised: compromise !== undefined,
  });
}

function unusedKeyWarning(id: string): string {
  return `The key ${id} was made for a rotation that was cut short, and was not used now: whoever has the old key may have it too. Remove it with: tabellion key remove ${id.slice(0, 12)}`;
}

/** Until when a copy of what is published now is valid. */
async function timestampExpiry({ dir }: RepositoryAccess): Promise<string | undefined> {
  const bytes = await dir.read(TIMESTAMP);
  if (bytes === undefined) return undefined;
  return decodeTimestamp(openEnvelope(bytes, TIMESTAMP).signed).expires;
}
