/**
 * Signing again what has expired or soon will: the way out of Notary's dead end, where nothing can be read, rotated or
 * published any more although every key is at hand (tuf.md 9.2, 11).
 */
import { printable } from '../../crypto/printable.ts';
import { canonicalKeyId, type PublicKey } from '../../crypto/public-key.ts';
import { KeyError, OperationError, TabellionError, UsageError } from '../../errors.ts';
import { type Change, replaceRoleKeys } from '../../tuf/change.ts';
import { lifetime, NEAR_EXPIRY_MONTHS } from '../../tuf/constants.ts';
import type { KeyRing } from '../../tuf/key-ring.ts';
import { Repository } from '../../tuf/repository.ts';
import { hasAnyKey } from '../../tuf/role-keys.ts';
import {
  BASE_ROLES,
  isDelegationName,
  ROOT,
  SNAPSHOT,
  TARGETS,
  TIMESTAMP,
} from '../../tuf/role-name.ts';
import { addMonths, DAY, formatTime } from '../../tuf/time.ts';
import { type Failure, failureOf } from '../failure.ts';
import { certifiedKey } from '../initialise-repository.ts';
import { checkServerSignsSnapshot, keyRing, publishChanges } from '../publish.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { stagedChangesWarning } from '../staged-changes.ts';
import { loadTrustData, type TrustData } from '../trust-data.ts';
import { loadExpired } from './expired-trust-data.ts';
import { type DuePart, dueCertificates, dueParts, type RenewalWindow } from './renewal-plan.ts';

export interface RenewRequest {
  /** Names of roles: `root`, `targets`, `snapshot`, `releases`, `targets/releases` … By default all. */
  readonly roles?: readonly string[];
  /** Whether a repository may lack such a role: that is a warning then, else an error. */
  readonly mayLackRoles?: boolean;
  /** Days before its end at which a role is due; 0 for what has expired. By default Notary's six calendar months. */
  readonly withinDays?: number;
  readonly dryRun?: boolean;
  /** What was shown before: nothing is signed that has changed since. */
  readonly reviewed?: Renewal;
}

export interface RenewedPart extends Omit<DuePart, 'state'> {
  readonly status: 'renewed' | 'would-renew' | Exclude<DuePart['state'], 'can-renew'>;
  /** Of what was renewed: its new end. */
  readonly renewedUntil?: string;
}

export interface Renewal {
  readonly repository: string;
  readonly server: string;
  readonly dryRun: boolean;
  /** Whether something in it had expired. */
  readonly expired: boolean;
  /** Whether this machine had never verified the repository before: it cannot tell an old state from the newest. */
  readonly firstContact: boolean;
  /** What is due, whether it can be renewed here or not. */
  readonly parts: readonly RenewedPart[];
  readonly versions: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  /** Why nothing could be renewed. */
  readonly error?: Failure;
  readonly exitCode: number;
}

/**
 * Renews repositories one after another, each with one publish; the failure of one does not hide the others.
 * @param guns by default all that the trust directory has
 * @throws UsageError `ROLE_INVALID`, `GUN_INVALID`
 */
export async function renewAll(
  session: Session,
  guns: readonly string[] | undefined,
  request: RenewRequest,
  reviewed: readonly Renewal[] = [],
): Promise<Renewal[]> {
  const names = guns ?? (await session.trustDir.repositories());
  const results: Renewal[] = [];
  for (const [index, gun] of names.entries()) {
    if (names.length > 1)
      session.progress({ message: 'renewing repositories', done: index, total: names.length });
    const before = reviewed.find(({ repository }) => repository === gun);
    const one = {
      ...request,
      mayLackRoles: guns === undefined,
      ...(before && { reviewed: before }),
    };
    results.push(await renewed(session, gun, one));
  }
  return results;
}

async function renewed(session: Session, gun: string, request: RenewRequest): Promise<Renewal> {
  try {
    return await renew(session, gun, request);
  } catch (error) {
    if (!(error instanceof TabellionError) || error instanceof UsageError) throw error;
    return {
      repository: gun,
      server: '',
      dryRun: request.dryRun === true,
      expired: false,
      firstContact: false,
      parts: [],
      versions: {},
      warnings: [],
      error: failureOf(error),
      exitCode: error.exitCode,
    };
  }
}

/**
 * Signs again what is due in one repository and can be signed here, from a base of which everything but its expiry was
 * verified, in one publish. A root certificate near its end is replaced by a new one of the same key.
 * @throws KeyError `KEY_MISSING` when nothing could be published for want of the snapshot's key; OperationError
 *   `CHANGED_SINCE_REVIEW`, `ROLE_UNKNOWN`, `ROOT_CERTIFICATE_EXPIRED`; TrustError, ConnectionError as for every load
 */
export async function renew(
  session: Session,
  gun: string,
  request: RenewRequest = {},
): Promise<Renewal> {
  checkRoles(request.roles ?? []);
  const access = await session.repositoryByGun(gun);
  const work = () => renewIn(session, access, request);
  return request.dryRun === true ? await work() : await access.dir.withLock(work);
}

async function renewIn(
  session: Session,
  access: RepositoryAccess,
  request: RenewRequest,
): Promise<Renewal> {
  const { dryRun = false } = request;
  const window = windowOf(session.now, request);
  const firstContact = (await access.dir.read(ROOT)) === undefined;
  const { trusted } = await renewableState(session, access);
  const start = Repository.fromTrusted(trusted);
  const ring = await keyRing(session);
  let due = await dueParts(start, ring, window);
  const expired = trusted.expired.length > 0;
  const report = { repository: access.gun, server: access.server, dryRun, expired, firstContact };
  const warnings = [
    ...(await stagedChangesWarning(access.dir)),
    ...(expired && firstContact ? [unknownState(access.gun)] : []),
    ...aside(trusted),
    ...lackedRoles(start, request),
  ];
  checkReviewed(request.reviewed, due);
  const renewable = due.some(({ state }) => state === 'can-renew');
  // What cannot be published is found out before anybody is asked for a passphrase.
  if (renewable) await checkSnapshot(access, start, ring);
  if (dryRun || !renewable) {
    const parts = due.map(part => stated(part, 'would-renew'));
    return { ...report, parts, versions: {}, warnings, exitCode: exitCodeOf(due, request) };
  }
  const published = await publishChanges(
    session,
    access,
    async repository => {
      due = await dueParts(repository, ring, window);
      checkReviewed(request.reviewed, due);
      return { changes: await changesFor(session, repository, due, window), always: true };
    },
    start,
    async () => Repository.fromTrusted((await renewableState(session, access)).trusted),
  ).catch((error: unknown) => {
    throw explainDeadRoot(access.gun, due, error);
  });
  return {
    ...report,
    parts: due.map(part => stated(part, 'renewed', session.now)),
    versions: published.versions,
    warnings: [...new Set([...warnings, ...published.warnings])],
    exitCode: exitCodeOf(due, request),
  };
}

/** The newest state, with what has expired in it. */
async function renewableState(session: Session, access: RepositoryAccess): Promise<TrustData> {
  const options = { requireFresh: true, forWrite: true } as const;
  try {
    const data = await loadTrustData(session, access, options);
    const reasons = [...data.trusted.invalid.values()].map(({ reason }) => reason.code);
    if (!reasons.includes('METADATA_EXPIRED')) return data;
    // An expired delegation is left aside in the ordinary way of reading.
    return await loadTrustData(session, access, { ...options, reportExpiry: true });
  } catch (error) {
    const found = await loadExpired(session, access, error, options);
    if (found === undefined) throw error;
    session.log(`${found.error.message}; everything else holds`);
    return found.data;
  }
}

async function checkSnapshot(
  access: RepositoryAccess,
  repository: Repository,
  ring: KeyRing,
): Promise<void> {
  if (await hasAnyKey(repository.keysFor(SNAPSHOT), ring)) return;
  await checkServerSignsSnapshot(access, repository);
}

/** Notary's server judges the stored root by the dates of its certificate, and takes no successor after its end. */
function explainDeadRoot(gun: string, due: readonly DuePart[], error: unknown): unknown {
  const isDead = due.some(({ kind, expired }) => kind === 'certificate' && expired);
  if (!isDead || !(error instanceof OperationError) || error.code !== 'SERVER_REJECTED')
    return error;
  return new OperationError(
    'ROOT_CERTIFICATE_EXPIRED',
    `The root certificate of ${printable(gun)} has expired, and the trust server takes no new root after that: nobody can renew it any more`,
    {
      cause: error,
      hint: 'The repository must be deleted and made anew: record its tags first, with “tabellion inspect --json”.',
      details: { role: ROOT },
    },
  );
}

/** Marks what can be renewed for signing; a new certificate is a change of the root's keys. */
async function changesFor(
  session: Session,
  repository: Repository,
  due: readonly DuePart[],
  window: RenewalWindow,
): Promise<Change[]> {
  const renewable = due.filter(({ state }) => state === 'can-renew');
  for (const { role } of renewable) {
    if (role !== ROOT && role !== SNAPSHOT) repository.edit(role, metadata => metadata);
  }
  if (renewable.some(({ kind }) => kind === 'certificate'))
    return [replaceRoleKeys(ROOT, await newCertificates(session, repository, window))];
  if (renewable.some(({ role }) => role === ROOT)) repository.editRoot(repository.root);
  return [];
}

/** The root's keys, those with new certificates whose old ones are due. */
async function newCertificates(
  session: Session,
  repository: Repository,
  window: RenewalWindow,
): Promise<PublicKey[]> {
  const keys = await session.keys();
  const due = new Map(dueCertificates(repository, window).map(({ id, key }) => [id, key]));
  const { roleKeys, keys: present } = repository.keysFor(ROOT);
  const renewed: PublicKey[] = [];
  for (const id of roleKeys.keyIds ?? []) {
    const old = due.get(id);
    const kept = present.get(id);
    if (old !== undefined) {
      const key = await keys.open(canonicalKeyId(old));
      renewed.push(certifiedKey(key, repository.gun, session.now));
    } else if (kept !== undefined) renewed.push(kept);
  }
  return renewed;
}

function windowOf(now: Date, { withinDays, roles }: RenewRequest): RenewalWindow {
  const until =
    withinDays === undefined
      ? addMonths(now.getTime(), NEAR_EXPIRY_MONTHS)
      : now.getTime() + withinDays * DAY;
  return { now, until, ...(roles === undefined || roles.length === 0 ? {} : { roles }) };
}

function stated(
  { state, ...part }: DuePart,
  done: 'renewed' | 'would-renew',
  now?: Date,
): RenewedPart {
  const status = state === 'can-renew' ? done : state;
  if (status !== 'renewed' || now === undefined) return { ...part, status };
  // A certificate begins with the root that it is for, and Notary gives both the same time.
  return { ...part, status, renewedUntil: formatTime(now.getTime() + lifetime(part.role)) };
}

/** Done, unless something that has expired, or was asked for by name, needs a key that is not here. */
function exitCodeOf(due: readonly DuePart[], { roles = [] }: RenewRequest): number {
  const left = due.some(
    ({ state, expired }) =>
      (state === 'key-missing' || state === 'blocked') && (expired || roles.length > 0),
  );
  return left ? new KeyError('KEY_MISSING', '').exitCode : 0;
}

/** @throws OperationError `CHANGED_SINCE_REVIEW` */
function checkReviewed(reviewed: Renewal | undefined, due: readonly DuePart[]): void {
  if (reviewed === undefined) return;
  for (const { role, kind, version } of due) {
    const seen = reviewed.parts.find(part => part.role === role && part.kind === kind);
    if (seen?.version === version) continue;
    throw new OperationError(
      'CHANGED_SINCE_REVIEW',
      `The ${printable(role)} metadata has changed since it was shown`,
      { hint: 'Run the command again, and look again.', details: { role, version } },
    );
  }
}

/** @throws UsageError `ROLE_INVALID` */
function checkRoles(roles: readonly string[]): void {
  for (const role of roles) {
    if (role === TIMESTAMP) {
      throw new UsageError('ROLE_INVALID', 'The timestamp is renewed by the trust server alone', {
        hint: 'If it has expired, look at the server, and at this machine’s clock.',
      });
    }
    if (BASE_ROLES.some(name => name === role) || /^[-a-z0-9_/]+$/.test(role)) continue;
    throw new UsageError('ROLE_INVALID', `“${printable(role)}” cannot be the name of a role`);
  }
}

/**
 * What was asked for by name and is not there: a misspelt role must not look like one that is not due.
 * @returns warnings
 * @throws OperationError `ROLE_UNKNOWN`
 */
function lackedRoles(repository: Repository, { roles = [], mayLackRoles }: RenewRequest): string[] {
  const lacked = roles.filter(role => !hasRole(repository, role));
  const messages = lacked.map(
    role => `${printable(repository.gun)} has no role ${printable(role)}`,
  );
  const [first] = messages;
  if (first === undefined || mayLackRoles === true) return messages;
  throw new OperationError('ROLE_UNKNOWN', first, {
    hint: `See its roles with: tabellion inspect ${printable(repository.gun)}`,
    details: { role: lacked[0] ?? '' },
  });
}

/** `alice` stands for `targets/alice`. */
function hasRole(repository: Repository, role: string): boolean {
  if (BASE_ROLES.some(name => name === role)) return true;
  const full = isDelegationName(role) ? role : `${TARGETS}/${role}`;
  return repository.roles.has(full) || repository.delegation(full) !== undefined;
}

function unknownState(gun: string): string {
  return `This machine has never verified ${gun} before, and expired trust data cannot show that it is the newest: compare the tags with somebody who has`;
}

/** Roles that lack signatures are no matter of expiry. */
function aside(trusted: TrustData['trusted']): string[] {
  return [...trusted.invalid].map(
    ([role, { reason }]) =>
      `${role} is not renewed: ${reason.message}; look at it with “tabellion witness --dry-run”`,
  );
}
