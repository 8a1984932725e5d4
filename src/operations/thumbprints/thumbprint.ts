/** The thumbprints of a repository's keys, to be compared with what their owners say (cli.md 7.2). */
import { printable } from '../../crypto/printable.ts';
import { type KeyThumbprints, keyThumbprints } from '../../crypto/thumbprint.ts';
import { OperationError, TabellionError, TrustError, UsageError } from '../../errors.ts';
import { isDelegationName, parentRole, ROOT, TARGETS } from '../../tuf/role-name.ts';
import { verifyCachedRoot } from '../../tuf/root-trust.ts';
import type { TrustedSet } from '../../tuf/trusted-set.ts';
import { update } from '../../tuf/update.ts';
import { type Failure, failureOf } from '../failure.ts';
import { rolesOf } from '../inventory/inventory.ts';
import { loadExpired } from '../renewal/expired-trust-data.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { loadTrustData, type TrustDataOrigin } from '../trust-data.ts';
import { findOwnPin, type OwnPin, setOwnPin } from './own-pins.ts';
import { noteSeen, type SeenChange, seenChanges } from './seen-thumbprints.ts';
import {
  type ExpectedThumbprint,
  matchedKind,
  parseExpected,
  type ThumbprintKind,
} from './thumbprint-text.ts';

export interface ThumbprintRequest {
  /** Roles to show: `root`, `targets`, `alice`, `targets/alice` …; by default all. */
  readonly roles?: readonly string[];
  /** `[ROLE=]THUMBPRINT`, each. */
  readonly expected?: readonly string[];
  /** Pin the root's certificates, when all that is expected is so. */
  readonly pin?: boolean;
  /** With `pin`: key IDs of the root's certificates that a person was shown. Others are not pinned. */
  readonly shown?: readonly string[];
  readonly offline?: boolean;
}

export interface RoleThumbprints {
  readonly role: string;
  readonly threshold: number;
  /** The file on this machine in which the keys lie: for a delegation, its parent's. */
  readonly file: string;
  readonly keys: readonly KeyThumbprints[];
}

export interface ExpectationResult extends ExpectedThumbprint {
  readonly matched?: { readonly keyId: string; readonly kind: ThumbprintKind };
  /** Roles that have such a key, when it is not the expected one's. */
  readonly elsewhere: readonly string[];
}

export interface ThumbprintReport {
  readonly repository: string;
  readonly server: string;
  readonly trustData?: TrustDataOrigin;
  /** Whether all verified, pins too. If not, `roles` is what is offered, and `error` says why it is not trusted. */
  readonly trusted: boolean;
  readonly roles: readonly RoleThumbprints[];
  readonly expected: readonly ExpectationResult[];
  /** Root certificates that were confirmed before. */
  readonly pin?: OwnPin;
  /** Whether the pin was set just now. */
  readonly pinned: boolean;
  /** The root that this machine trusted before, where another is offered. */
  readonly known?: readonly KeyThumbprints[];
  /** What differs from what was last shown; absent when nothing was shown before. */
  readonly changes?: { readonly since: string; readonly roles: readonly SeenChange[] };
  readonly warnings: readonly string[];
  readonly error?: Failure;
  readonly exitCode: number;
}

/**
 * The thumbprints of repositories, one result each; the failure of one does not hide the others.
 * @throws UsageError `THUMBPRINT_INVALID`, `GUN_INVALID`
 */
export async function thumbprints(
  session: Session,
  guns: readonly string[],
  request: ThumbprintRequest = {},
): Promise<ThumbprintReport[]> {
  const expected = (request.expected ?? []).map(parseExpected);
  const reports: ThumbprintReport[] = [];
  for (const gun of guns) {
    try {
      reports.push(await thumbprintsOf(session, gun, request, expected));
    } catch (error) {
      if (!(error instanceof TabellionError) || error instanceof UsageError) throw error;
      reports.push(failed(gun, error));
    }
  }
  return reports;
}

/** A trust directory that cannot be written keeps nobody from looking. @returns warnings */
async function note(
  session: Session,
  { gun, server }: RepositoryAccess,
  all: readonly RoleThumbprints[],
): Promise<string[]> {
  try {
    await noteSeen(session.trustDir.own, gun, server, session.now, all);
    return [];
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    return [`What was shown could not be noted: ${error.message}`];
  }
}

interface Seen {
  readonly trusted: TrustedSet;
  readonly origin?: TrustDataOrigin;
  readonly warnings: readonly string[];
  /** Why it is not trusted. */
  readonly error?: TrustError;
  readonly known?: readonly KeyThumbprints[];
}

async function thumbprintsOf(
  session: Session,
  gun: string,
  request: ThumbprintRequest,
  expected: readonly ExpectedThumbprint[],
): Promise<ThumbprintReport> {
  const access = await session.repositoryByGun(gun);
  const { own } = session.trustDir;
  const pin = await findOwnPin(own, gun, access.server);
  const seen = await look(session, access, pin, request.offline === true);
  const all = rolesOf(seen.trusted).map(role => roleThumbprints(access, seen.trusted, role));
  const results = expected.map(one => judged(one, all));
  const unmet = expectationError(gun, results, all);
  const isPinOnly = seen.error?.code === 'PIN_MISMATCH' && seen.known === undefined;
  const pins =
    request.pin === true && unmet === undefined && (seen.error === undefined || isPinOnly);
  if (pins) {
    const certificates = all.find(({ role }) => role === ROOT)?.keys ?? [];
    checkShown(certificates, request.shown);
    const pinnedAt = session.now.toISOString();
    await setOwnPin(own, { repository: gun, server: access.server, pinnedAt, certificates });
  }
  const isTrusted = seen.error === undefined || (pins && isPinOnly);
  const changes = await seenChanges(own, gun, access.server, all);
  const unnoted = isTrusted ? await note(session, access, all) : [];
  const error = isTrusted ? unmet : (seen.error ?? unmet);
  const wanted = request.roles ?? [];
  return {
    repository: gun,
    server: access.server,
    ...(seen.origin === undefined ? {} : { trustData: seen.origin }),
    trusted: isTrusted,
    roles: all.filter(({ role }) => wanted.length === 0 || isMeant(role, wanted)),
    expected: results,
    ...(pin === undefined ? {} : { pin }),
    pinned: pins,
    ...(seen.known === undefined ? {} : { known: seen.known }),
    ...(changes === undefined ? {} : { changes }),
    warnings: [...seen.warnings, ...unnoted],
    ...(error === undefined ? {} : { error: failureOf(error) }),
    exitCode: error?.exitCode ?? 0,
  };
}

/** Another root than the one this machine trusts. */
const OTHER_ROOT: readonly string[] = ['ROOT_ROTATION', 'METADATA_REPLACED', 'METADATA_ROLLBACK'];

/** What verifies; else what is offered, with the reason why it is not trusted. */
async function look(
  session: Session,
  access: RepositoryAccess,
  pin: OwnPin | undefined,
  offline: boolean,
): Promise<Seen> {
  try {
    return await loadTrustData(session, access, { offline });
  } catch (error) {
    if (error instanceof TrustError && error.code === 'PIN_MISMATCH' && pin !== undefined)
      return await lookWithoutPin(session, access, error, offline);
    const expired = await loadExpired(session, access, error, { offline });
    if (expired !== undefined) return { ...expired.data, error: expired.error };
    return await otherRoot(session, access, error);
  }
}

/** Everything but the pin must hold: the chain of roots, and the pins of the configuration. */
async function lookWithoutPin(
  session: Session,
  access: RepositoryAccess,
  mismatch: TrustError,
  offline: boolean,
): Promise<Seen> {
  const unpinned = { ...access, pinning: await session.pinning() };
  try {
    const offered = await loadTrustData(session, unpinned, { offline, store: false });
    return { ...offered, error: mismatch };
  } catch (error) {
    return await otherRoot(session, unpinned, error);
  }
}

/** The root that a server offers to whoever comes for the first time, beside the one that this machine knows. */
async function otherRoot(
  session: Session,
  access: RepositoryAccess,
  error: unknown,
): Promise<Seen> {
  const isOther =
    error instanceof TrustError && OTHER_ROOT.includes(error.code) && error.details?.role === ROOT;
  const bytes = isOther ? await access.dir.read(ROOT) : undefined;
  if (!isOther || bytes === undefined) throw error;
  const context = { gun: access.gun, now: session.now, pinning: await session.pinning() };
  const { trusted } = await update({
    ...context,
    cache: { read: async () => undefined },
    remote: access.remote,
    requireFresh: true,
  });
  const known = verifyCachedRoot(bytes, context).certificates.map(({ key }) => keyThumbprints(key));
  return { trusted, warnings: [], error, known };
}

function roleThumbprints(
  { dir }: RepositoryAccess,
  trusted: TrustedSet,
  role: string,
): RoleThumbprints {
  const { roleKeys, keys } = trusted.keysFor(role);
  const listed = [...new Set(roleKeys.keyIds ?? [])].flatMap(id => keys.get(id) ?? []);
  // Of the root's keys only certificates for this repository count.
  const counted = role === ROOT ? trusted.root.certificates.map(({ key }) => key) : listed;
  return {
    role,
    threshold: roleKeys.threshold,
    file: dir.metadataPath(isDelegationName(role) ? parentRole(role) : ROOT),
    keys: counted.map(keyThumbprints),
  };
}

function judged(expected: ExpectedThumbprint, all: readonly RoleThumbprints[]): ExpectationResult {
  const elsewhere: string[] = [];
  let matched: ExpectationResult['matched'];
  for (const { role, keys } of all) {
    for (const key of keys) {
      const kind = matchedKind(expected, key);
      if (kind === undefined) continue;
      if (isMeant(role, [expected.role])) matched = { keyId: key.keyId, kind };
      else elsewhere.push(role);
    }
  }
  return matched === undefined
    ? { ...expected, elsewhere }
    : { ...expected, matched, elsewhere: [] };
}

/** Every expectation must be met, and the other keys of its role must not be enough to sign without it. */
function expectationError(
  gun: string,
  results: readonly ExpectationResult[],
  all: readonly RoleThumbprints[],
): TrustError | undefined {
  const missing = results.find(({ matched }) => matched === undefined);
  if (missing !== undefined) {
    const other =
      missing.elsewhere.length === 0 ? '' : `; it is one of ${missing.elsewhere.join(', ')}`;
    return new TrustError(
      'THUMBPRINT_DIFFERS',
      `No ${printable(missing.role)} key of ${printable(gun)} has the thumbprint ${printable(missing.given)}${other}`,
      {
        hint: 'Do not trust the repository before its owner has explained the difference.',
        details: { role: missing.role, expected: missing.digits },
      },
    );
  }
  for (const { role, threshold, keys } of all) {
    const met = results.filter(result => isMeant(role, [result.role]));
    if (met.length === 0) continue;
    const strange = keys.filter(
      ({ keyId }) => !met.some(({ matched }) => matched?.keyId === keyId),
    );
    if (strange.length < threshold) continue;
    return new TrustError(
      'THUMBPRINT_UNEXPECTED',
      `The role ${printable(role)} of ${printable(gun)} has another key than expected, which may sign alone: ${strange.map(({ keyId }) => keyId).join(', ')}`,
      {
        hint: 'Ask its owner for the thumbprints of all its keys, and give each with --expect.',
        details: { role, keyIds: strange.map(({ keyId }) => keyId) },
      },
    );
  }
  return undefined;
}

/** @throws OperationError `CHANGED_SINCE_REVIEW` */
function checkShown(keys: readonly KeyThumbprints[], shown: readonly string[] | undefined): void {
  if (shown === undefined || keys.every(({ keyId }) => shown.includes(keyId))) return;
  throw new OperationError(
    'CHANGED_SINCE_REVIEW',
    'The root has changed since its thumbprints were shown: nothing was pinned',
    { hint: 'Run the command again, and compare again.' },
  );
}

/** `alice` stands for `targets/alice`. */
function isMeant(role: string, names: readonly string[]): boolean {
  return names.some(name => role === name || role === `${TARGETS}/${name}`);
}

function failed(repository: string, error: TabellionError): ThumbprintReport {
  return {
    repository,
    server: '',
    trusted: false,
    roles: [],
    expected: [],
    pinned: false,
    warnings: [],
    error: failureOf(error),
    exitCode: error.exitCode,
  };
}
