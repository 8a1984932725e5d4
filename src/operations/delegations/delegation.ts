/** Changing delegations by one publish: who may sign what, who no longer may, and what that does to tags. */

import { printable } from '../../crypto/printable.ts';
import { OperationError, TrustError, UsageError } from '../../errors.ts';
import { applyChange } from '../../tuf/apply-change.ts';
import { type Change, witness } from '../../tuf/change.ts';
import type { KeyRing } from '../../tuf/key-ring.ts';
import { Repository } from '../../tuf/repository.ts';
import { canSign, hasAnyKey } from '../../tuf/role-keys.ts';
import { checkDelegationName, isWithin, RELEASES, SNAPSHOT, TARGETS } from '../../tuf/role-name.ts';
import { type CreatedKey, firstRepository, tellingCreated } from '../initialise-repository.ts';
import { loadForChange } from '../load-for-change.ts';
import { naturalOrder } from '../natural-order.ts';
import { keyRing, publishChanges } from '../publish.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { releasedTags } from '../signed-tags.ts';
import { stagedChangesWarning } from '../staged-changes.ts';
import { delegationAdditions, delegationRemovals, keyPurge } from './delegation-changes.ts';
import {
  type ChangedDelegation,
  changedDelegations,
  delegationEntries,
  lostTargets,
  unsignedRoles,
} from './delegation-effects.ts';
import { readDelegationKeys } from './delegation-keys.ts';

export interface DelegationReport {
  readonly repository: string;
  readonly server: string;
  readonly dryRun: boolean;
  /** Empty when everything was as asked for already. */
  readonly delegations: readonly ChangedDelegation[];
  /** Roles whose content was signed again, since the keys that had signed it went. */
  readonly resigned: readonly string[];
  /** Names that nobody vouches for any more. */
  readonly lostTargets: readonly string[];
  /** Names that are trusted as something else now. */
  readonly alteredTargets: readonly string[];
  /** Tags that Docker took and takes no more: neither `targets` nor releases vouches for them as they were. */
  readonly unreleasedTags: readonly string[];
  /** Tags that stay released although no signer is left who signed them: only the repository stands for them. */
  readonly tagsWithoutSigner: readonly string[];
  readonly versions: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}

export interface AddDelegationRequest {
  /** `targets/alice`, or `alice` for short. */
  readonly role: string;
  /** Files with certificates or public keys. */
  readonly keyFiles: readonly string[];
  /** Prefixes of names that it may sign; `""` for all. */
  readonly paths: readonly string[];
  readonly dryRun?: boolean;
}

/**
 * Adds a delegation, or keys and paths to one.
 * @throws UsageError `NOTHING_TO_ADD`; OperationError `ROLE_INVALID`, `ROLE_UNKNOWN`, `PATH_NOT_ALLOWED`; KeyError
 */
export async function addDelegation(
  session: Session,
  gun: string,
  request: AddDelegationRequest,
): Promise<DelegationReport> {
  const role = fullRoleName(request.role);
  const { keyFiles, paths } = request;
  if (keyFiles.length === 0 && paths.length === 0) {
    throw new UsageError('NOTHING_TO_ADD', `There is nothing to add to ${role}`, {
      hint: 'Give public keys or certificates, or paths.',
    });
  }
  const keys = await readDelegationKeys(keyFiles, session.now, { ed25519: true });
  return await changeDelegations(session, gun, request, repository => {
    if (keys.length === 0 && repository.delegation(role) === undefined) throw unknown(role);
    const changes = delegationAdditions({ role, keys, paths });
    const without = (repository.delegation(role)?.paths ?? paths).length === 0;
    return {
      changes,
      warnings:
        without && paths.length === 0
          ? [`${role} has no paths, so it may sign nothing until it is given some`]
          : [],
    };
  });
}

export interface RemoveDelegationRequest {
  readonly role: string;
  /** IDs, or unique beginnings of 7 digits or more. */
  readonly keys: readonly string[];
  readonly paths: readonly string[];
  readonly allPaths: boolean;
  readonly dryRun?: boolean;
}

/**
 * Removes keys and paths from a delegation; with neither, the whole delegation and all below it.
 * @throws OperationError `ROLE_UNKNOWN`, `KEY_NOT_DELEGATED`, `KEY_AMBIGUOUS`, `PATH_NOT_DELEGATED`
 */
export async function removeDelegation(
  session: Session,
  gun: string,
  request: RemoveDelegationRequest,
): Promise<DelegationReport> {
  const role = fullRoleName(request.role);
  const { paths, allPaths } = request;
  return await changeDelegations(session, gun, request, async repository => {
    const entry = delegationEntries(repository).get(role);
    if (entry === undefined) throw unknown(role);
    for (const path of paths) {
      if (entry.paths.includes(path)) continue;
      throw new OperationError(
        'PATH_NOT_DELEGATED',
        `${role} does not have the path “${printable(path)}”`,
        { hint: `It has ${entry.paths.map(known => `“${printable(known)}”`).join(', ')}.` },
      );
    }
    const keyIds = request.keys.map(id => resolveKey(id, entry.keys, `the keys of ${role}`));
    const isWhole = keyIds.length + paths.length === 0 && !allPaths;
    return {
      changes: delegationRemovals({ role, keyIds, paths, allPaths }),
      warnings: isWhole
        ? [
            ...leftInReleases(repository, role),
            ...(await leftInSnapshot(session, repository, role)),
          ]
        : [],
    };
  });
}

export interface PurgeKeysRequest {
  readonly keys: readonly string[];
  readonly dryRun?: boolean;
}

/**
 * Removes keys from every delegation that can be signed here.
 * @throws OperationError `KEY_NOT_DELEGATED`, `KEY_AMBIGUOUS`
 */
export async function purgeKeys(
  session: Session,
  gun: string,
  request: PurgeKeysRequest,
): Promise<DelegationReport> {
  return await changeDelegations(session, gun, request, repository => {
    const known = new Set([...delegationEntries(repository).values()].flatMap(({ keys }) => keys));
    const ids = request.keys.map(id => resolveKey(id, [...known], 'those that delegations trust'));
    return { changes: [keyPurge(ids)], warnings: [] };
  });
}

/** `alice` stands for `targets/alice`. */
export function fullRoleName(role: string): string {
  return checkDelegationName(isWithin(role, TARGETS) ? role : `${TARGETS}/${role}`);
}

export interface DelegationPlan {
  readonly changes: readonly Change[];
  readonly warnings: readonly string[];
}

export type DelegationEffects = Pick<
  DelegationReport,
  | 'delegations'
  | 'resigned'
  | 'lostTargets'
  | 'alteredTargets'
  | 'unreleasedTags'
  | 'tagsWithoutSigner'
  | 'warnings'
>;

export interface DelegationChangeOptions {
  readonly dryRun?: boolean;
  /** Makes a repository that nobody knows, with a snapshot of the server's; told of its keys. */
  readonly initialise?: { readonly created: CreatedKey[]; readonly onStart?: () => void };
  /** The keys that a dry run counts on; by default those that are stored. */
  readonly ring?: KeyRing;
}

/** @property confirmed whether the change was seen when the repository was read again, or nothing was to change */
export type DelegationOutcome = DelegationReport & {
  readonly initialised: boolean;
  readonly confirmed: boolean;
};

/**
 * Changes delegations by one publish: what loses its signatures is signed again in it where a key is here, and
 * afterwards the repository is read again and must be as it should.
 * @throws OperationError `DELEGATION_UNCHANGED`, and what the plan throws
 */
export async function changeDelegations(
  session: Session,
  gun: string,
  options: DelegationChangeOptions,
  plan: (repository: Repository) => DelegationPlan | Promise<DelegationPlan>,
): Promise<DelegationOutcome> {
  const { dryRun = false, initialise } = options;
  const access = await session.repositoryByGun(gun);
  const work = async (): Promise<DelegationOutcome> => {
    const { repository, initialised } = await startOf(session, access, options);
    const staged = await stagedChangesWarning(access.dir);
    const about = { repository: gun, server: access.server, dryRun, initialised };
    const ring = options.ring ?? (await keyRing(session));
    if (dryRun) {
      const { effects } = await tryOut(ring, repository, await plan(repository));
      const warnings = [...staged, ...effects.warnings];
      return { ...about, ...effects, confirmed: false, versions: {}, warnings };
    }
    let effects: DelegationEffects | undefined;
    const published = await publishChanges(
      session,
      access,
      async present => {
        const tried = await tryOut(ring, present, await plan(present));
        effects = tried.effects;
        return { changes: tried.effects.delegations.length === 0 ? [] : tried.changes };
      },
      repository,
    );
    const done = effects ?? NO_EFFECTS;
    if (published.after !== undefined)
      checkDone(done.delegations, Repository.fromTrusted(published.after.trusted));
    const warnings = [...new Set([...staged, ...done.warnings, ...published.warnings])];
    const confirmed = published.after !== undefined || !published.changed;
    return { ...about, ...done, confirmed, versions: published.versions, warnings };
  };
  if (dryRun) return await work();
  return await access.dir.withLock(() => tellingCreated(initialise?.created ?? [], work));
}

async function startOf(
  session: Session,
  access: RepositoryAccess,
  { dryRun, initialise }: DelegationChangeOptions,
): Promise<{ repository: Repository; initialised: boolean }> {
  try {
    return await loadForChange(session, access, { initialiseIfUnknown: false }, []);
  } catch (error) {
    const isUnknown = error instanceof TrustError && error.code === 'NO_TRUST_DATA';
    if (!isUnknown || initialise === undefined || dryRun === true) throw error;
  }
  initialise.onStart?.();
  const repository = await firstRepository(session, access, initialise.created);
  return { repository, initialised: true };
}

const NO_EFFECTS: DelegationEffects = {
  delegations: [],
  resigned: [],
  lostTargets: [],
  alteredTargets: [],
  unreleasedTags: [],
  tagsWithoutSigner: [],
  warnings: [],
};

/** Applies a plan to a copy; what it leaves without signatures is signed again where a key is here. */
export async function tryOut(
  ring: KeyRing,
  repository: Repository,
  plan: DelegationPlan,
): Promise<{ changes: readonly Change[]; effects: DelegationEffects }> {
  const trial = repository.copy();
  for (const change of plan.changes) await applyChange(trial, change, ring);
  const resigned: string[] = [];
  for (const role of unsignedRoles(trial))
    if (await canSign(trial.keysFor(role), ring)) resigned.push(role);
  const again = resigned.map(witness);
  for (const change of again) await applyChange(trial, change, ring);
  const { lost, altered } = lostTargets(repository, trial);
  return {
    changes: [...plan.changes, ...again],
    effects: {
      delegations: changedDelegations(delegationEntries(repository), delegationEntries(trial)),
      resigned,
      lostTargets: lost,
      alteredTargets: altered,
      ...releaseEffects(repository, trial),
      warnings: [
        ...plan.warnings,
        ...trial.warnings,
        ...unsignedRoles(trial)
          .filter(role => hasEnoughKeys(trial, role))
          .map(
            role =>
              `What ${role} holds was signed by keys that go; have one of its other signers witness it`,
          ),
      ],
    },
  };
}

/** What a change does to the tags that Docker takes. */
function releaseEffects(
  before: Repository,
  after: Repository,
): Pick<DelegationReport, 'unreleasedTags' | 'tagsWithoutSigner'> {
  const unsigned = new Set(unsignedRoles(after));
  const present = new Map(
    releasedTags(role => (unsigned.has(role) ? undefined : after.view(role))).map(released => [
      `${released.sha256} ${released.tag}`,
      released,
    ]),
  );
  const unreleased = new Set<string>();
  const bare = new Set<string>();
  for (const { tag, sha256, signers } of releasedTags(before.view)) {
    const now = present.get(`${sha256} ${tag}`);
    if (now === undefined) unreleased.add(tag);
    else if (signers.length > 0 && now.signers.length === 0) bare.add(tag);
  }
  return {
    unreleasedTags: [...unreleased].sort(naturalOrder),
    tagsWithoutSigner: [...bare].sort(naturalOrder),
  };
}

function hasEnoughKeys(repository: Repository, role: string): boolean {
  const { keyIds, threshold } = repository.keysFor(role).roleKeys;
  return (keyIds?.length ?? 0) >= threshold;
}

/** A success that changed nothing would be the worst of answers (cli.md 9, trap 1). */
function checkDone(changes: readonly ChangedDelegation[], after: Repository): void {
  const entries = delegationEntries(after);
  for (const { role, status, addedKeys, removedKeys } of changes) {
    const keys = entries.get(role)?.keys ?? [];
    const isDone =
      status === 'removed'
        ? !entries.has(role)
        : addedKeys.every(id => keys.includes(id)) && !removedKeys.some(id => keys.includes(id));
    // Below a role whose file is no longer trusted nothing can be seen.
    if (isDone || (status !== 'removed' && !entries.has(role))) continue;
    throw new OperationError(
      'DELEGATION_UNCHANGED',
      `The server took the change, but ${role} is not as it should be when it is read again`,
    );
  }
}

/** A snapshot that the server signs keeps the entry of a removed delegation (tuf.md 5.4). */
async function leftInSnapshot(
  session: Session,
  repository: Repository,
  role: string,
): Promise<string[]> {
  const count = repository.view(role)?.targets.size ?? 0;
  if (count === 0) return [];
  if (await hasAnyKey(repository.keysFor(SNAPSHOT), await keyRing(session))) return [];
  return [
    `The server keeps the last file of ${role}: whoever adds the role again with the same key brings its ${count} target${count === 1 ? '' : 's'} back`,
  ];
}

/** Keys that are in releases for the sake of a role that goes: they stay there, and Docker takes what they sign. */
function leftInReleases(repository: Repository, role: string): string[] {
  const entries = delegationEntries(repository);
  const released = entries.get(RELEASES)?.keys ?? [];
  const others = [...entries].filter(([name]) => name !== RELEASES && !isWithin(name, role));
  const left = (entries.get(role)?.keys ?? []).filter(
    id => released.includes(id) && !others.some(([, { keys }]) => keys.includes(id)),
  );
  if (role === RELEASES || left.length === 0) return [];
  const ids = left.map(id => id.slice(0, 12)).join(' ');
  return [
    `What ${role} signed with may still release tags, which Docker takes; to end that: tabellion delegation remove ${printable(repository.gun)} releases ${ids}`,
  ];
}

/** A key by its ID or a beginning of it that is unique among those that are there. */
function resolveKey(id: string, known: readonly string[], where: string): string {
  const given = id.toLowerCase();
  const found = /^[0-9a-f]{7,64}$/.test(given) ? known.filter(key => key.startsWith(given)) : [];
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only;
  if (only !== undefined) {
    throw new OperationError('KEY_AMBIGUOUS', `${found.length} keys begin with ${given}`, {
      hint: `They are ${found.join(', ')}.`,
      details: { keyIds: found },
    });
  }
  throw new OperationError('KEY_NOT_DELEGATED', `The key ${printable(id)} is not one of ${where}`, {
    hint:
      known.length === 0
        ? 'There are no keys.'
        : `There ${known.length === 1 ? 'is' : 'are'} ${known.map(key => key.slice(0, 12)).join(', ')}.`,
    details: { keyIds: [...known] },
  });
}

function unknown(role: string): OperationError {
  return new OperationError('ROLE_UNKNOWN', `The repository has no delegation ${printable(role)}`, {
    details: { role },
  });
}
