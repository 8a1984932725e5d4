/**
 * What this machine verified of a repository, and when: so that after a compromise it can be told what was there
 * before. A state is noted when it differs from the one noted last.
 */
import { canonicalJson } from '../crypto/canonical-json.ts';
import { sha256Hex } from '../crypto/digest.ts';
import { printable } from '../crypto/printable.ts';
import { canonicalKeyId } from '../crypto/public-key.ts';
import { OperationError, TabellionError } from '../errors.ts';
import { type HistoryEntry, RepositoryHistory, stateDigest } from '../trust-dir/history.ts';
import { BASE_ROLES, isTargetsRole, ROOT } from '../tuf/role-name.ts';
import { verifyCachedRoot } from '../tuf/root-trust.ts';
import { encodeTarget, type Target, targetSha256 } from '../tuf/target.ts';
import { TrustedSet } from '../tuf/trusted-set.ts';
import { decodeKnownCopy, encodeKnownCopy } from './history-record.ts';
import type { RepositoryAccess, Session } from './session.ts';

/** Whoever may publish could fill the disk with states, in characters. */
const STATE_LIMIT = 8 * 1024 * 1024;

/** A target as it is remembered. */
export interface KnownTarget {
  /** Lower-case hex; empty when the entry has none. */
  readonly sha256: string;
  readonly size: number;
  /** Stands for all else that the entry has: other digests and custom data. Absent when there is nothing. */
  readonly rest?: string;
}

/** A role as it is remembered. */
export interface KnownRole {
  readonly role: string;
  /** Canonical IDs of the keys that may sign for it. */
  readonly keyIds: readonly string[];
  readonly threshold: number;
  /** Of a delegation: prefixes of names that it may sign. */
  readonly paths?: readonly string[];
  /** Of a role with a file: canonical IDs of the keys whose signatures held. */
  readonly signedBy: readonly string[];
  /** 0 for a role without a file. */
  readonly version: number;
  /** By name. */
  readonly targets: ReadonlyMap<string, KnownTarget>;
}

/** A repository as this machine knew it. */
export interface KnownCopy {
  readonly repository: string;
  /** Base roles and delegations, by name. */
  readonly roles: ReadonlyMap<string, KnownRole>;
  /** When it was first seen in this state: it was so until the next copy. */
  readonly verifiedAt: Date;
  /** `folder`: found in the trust directory, where another program or an older one had put it. */
  readonly from: 'server' | 'folder';
  readonly server: string;
}

/**
 * The last copy that this machine verified no later than a moment; undefined when it remembers none.
 * @throws OperationError `FILE_NOT_READABLE`
 */
export async function knownBefore(
  session: Session,
  gun: string,
  date: Date,
): Promise<KnownCopy | undefined> {
  const history = new RepositoryHistory(session.trustDir.own, gun);
  const before = (await history.list()).filter(({ time }) => time <= date);
  for (const entry of before.reverse()) {
    try {
      const copy = decodeKnownCopy(await history.read(entry), entry.time);
      if (copy?.repository === gun) return copy;
      session.log(`${entry.name} is not a record of ${gun}: looking at the one before`);
    } catch (error) {
      // An older record vouches for less, never for more.
      if (!(error instanceof TabellionError) || error.code !== 'RECORD_DAMAGED') throw error;
      session.log(`${error.message}: looking at the record before`);
    }
  }
  return undefined;
}

/** The server that the newest remembered copy came from, of those that a server gave. */
export async function serverOfRecord(session: Session, gun: string): Promise<string | undefined> {
  for (const time of (await knownTimes(session, gun)).reverse()) {
    const copy = await knownBefore(session, gun, time);
    if (copy?.from === 'server') return copy.server;
  }
  return undefined;
}

/** When this machine noted a new state of a repository, oldest first. */
export async function knownTimes(session: Session, gun: string): Promise<Date[]> {
  return (await new RepositoryHistory(session.trustDir.own, gun).list()).map(({ time }) => time);
}

/** Whether a target is, to the last byte that counts, the one remembered. */
export function isKnownTarget(known: KnownTarget | undefined, target: Target): boolean {
  if (known === undefined) return false;
  const { sha256, size, rest } = knownTarget(target);
  return known.sha256 === sha256 && known.size === size && known.rest === rest;
}

/** What is remembered of a target. */
export function knownTarget(target: Target): KnownTarget {
  const common = { sha256: targetSha256(target), size: target.length };
  const { sha256: _told, ...hashes } = target.hashes;
  if (Object.keys(hashes).length === 0 && target.custom === undefined) return common;
  const text = canonicalJson(encodeTarget({ ...target, hashes }));
  return { ...common, rest: sha256Hex(Buffer.from(text, 'utf8')).slice(0, 16) };
}

/** Notes states of one repository; made before what the cache has is replaced. */
export interface Memory {
  /**
   * Notes what was verified.
   * @param changed whether a root or a role with targets differs from the cache
   * @returns warnings: that nothing could be noted keeps nobody from verifying
   */
  note(trusted: TrustedSet, changed: boolean): Promise<string[]>;
}

/**
 * Opens the memory of a repository. Where nothing was noted yet, what the trust directory has is noted too, as of
 * when it was written there: it may be all that is known of the time before.
 */
export async function openMemory(
  session: Session,
  access: RepositoryAccess,
  cache: ReadonlyMap<string, Uint8Array>,
): Promise<Memory> {
  const { gun, server } = access;
  const history = new RepositoryHistory(session.trustDir.own, gun);
  const entries = await quietly(session, () => history.list(), []);
  const found =
    entries.length > 0 || !cache.has(ROOT)
      ? undefined
      : await quietly(session, () => copyInFolder(session, access, cache), undefined);
  return {
    note: async (trusted, changed) => {
      if (!changed && entries.length > 0) return [];
      try {
        let last = entries.at(-1);
        if (found !== undefined) last = await add(history, last, found);
        const now = { gun, server, time: session.now, from: 'server', trusted } as const;
        await add(history, last, now);
        return [];
      } catch (error) {
        if (!(error instanceof TabellionError)) throw error;
        return [`What was verified could not be noted: ${error.message}`];
      }
    },
  };
}

interface State {
  readonly gun: string;
  readonly server: string;
  readonly time: Date;
  readonly from: KnownCopy['from'];
  readonly trusted: TrustedSet;
}

async function add(
  history: RepositoryHistory,
  last: HistoryEntry | undefined,
  { gun, server, time, from, trusted }: State,
): Promise<HistoryEntry | undefined> {
  const roles = knownRoles(trusted);
  const { state, record } = encodeKnownCopy({
    repository: gun,
    roles,
    verifiedAt: time,
    from,
    server,
  });
  if (last?.digest === stateDigest(state)) return last;
  if (state.length > STATE_LIMIT) {
    throw new OperationError('STATE_TOO_LARGE', `${printable(gun)} holds too much to be noted`);
  }
  await history.add(time, state, record);
  return { name: '', time, digest: stateDigest(state) };
}

/** What lies in the trust directory, as far as its signatures hold; dates and the server are left aside. */
async function copyInFolder(
  session: Session,
  { gun, server, dir, pinning }: RepositoryAccess,
  cache: ReadonlyMap<string, Uint8Array>,
): Promise<State | undefined> {
  const bytes = cache.get(ROOT);
  if (bytes === undefined) return undefined;
  const context = { gun, now: session.now, pinning };
  const trusted = new TrustedSet(verifyCachedRoot(bytes, context), context);
  // By name, a parent comes before what is below it.
  for (const role of [...cache.keys()].filter(isTargetsRole).sort()) {
    const file = cache.get(role) as Uint8Array;
    await quietly(
      session,
      async () => trusted.targets.set(role, trusted.verifyTargets(role, file)),
      undefined,
    );
  }
  const written = await dir.storedAt([ROOT, ...trusted.targets.keys()]);
  if (written === undefined) return undefined;
  // What this command itself has put there a moment ago is older than what it reads now.
  const time = written < session.now ? written : session.now;
  return { gun, server, time, from: 'folder', trusted };
}

/** The roles of a verified copy. */
export function knownRoles(trusted: TrustedSet): Map<string, KnownRole> {
  const names = new Set<string>(BASE_ROLES.filter(role => trusted.root.metadata.roles.has(role)));
  for (const { metadata } of trusted.targets.values())
    for (const { name } of metadata.delegations.roles ?? []) names.add(name);
  const roles = new Map<string, KnownRole>();
  for (const role of [...names].sort()) {
    const { roleKeys, keys } = trusted.keysFor(role);
    const canonical = (ids: readonly string[] | null): string[] => [
      ...new Set((ids ?? []).map(id => canonicalOf(keys.get(id)) ?? id)),
    ];
    const file = trusted.targets.get(role);
    const paths = trusted.delegation(role)?.paths;
    roles.set(role, {
      role,
      keyIds: canonical(roleKeys.keyIds),
      threshold: roleKeys.threshold,
      ...(paths === undefined ? {} : { paths }),
      signedBy: canonical(file?.keyIds ?? []),
      version: file?.metadata.version ?? (role === ROOT ? trusted.root.metadata.version : 0),
      targets: new Map(
        [...(file?.metadata.targets ?? [])].map(([name, target]) => [name, knownTarget(target)]),
      ),
    });
  }
  return roles;
}

function canonicalOf(key: Parameters<typeof canonicalKeyId>[0] | undefined): string | undefined {
  return key === undefined ? undefined : canonicalKeyId(key);
}

/** Remembering is a service on the side: what hinders it is only logged. */
async function quietly<T>(session: Session, work: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    session.log(`for the history: ${error.message}`);
    return otherwise;
  }
}
