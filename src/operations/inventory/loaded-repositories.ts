/** All repositories on this machine, each as far as it can be verified: what an inventory is made of. */
import { ConnectionError, TabellionError, TrustError } from '../../errors.ts';
import type { ExpiredPart } from '../../tuf/expired.ts';
import { ROOT, SNAPSHOT, TARGETS, TIMESTAMP } from '../../tuf/role-name.ts';
import { type RootContext, verifyCachedRoot } from '../../tuf/root-trust.ts';
import { TrustedSet } from '../../tuf/trusted-set.ts';
import { update } from '../../tuf/update.ts';
import { type Failure, failureOf } from '../failure.ts';
import { serverOfRecord } from '../history.ts';
import { loadExpired } from '../renewal/expired-trust-data.ts';
import type { LocalRepository, Session } from '../session.ts';
import { loadTrustData } from '../trust-data.ts';

export interface LoadOptions {
  /** Ask each repository's trust server; what fails there is read from disk, with a `problem`. Default false. */
  readonly fresh?: boolean;
  /** Only these; by default all that the trust directory has. */
  readonly guns?: readonly string[];
}

/**
 * `verified`: all of it, though from disk it may be long out of date. `expired`: all but for what has expired, other
 * than the server's timestamp. `unpublished`: made on this machine, never read from a server. `partial`: some of it
 * verifies. `unreadable`: nothing does.
 */
export type RepositoryState = 'verified' | 'expired' | 'unpublished' | 'partial' | 'unreadable';

export interface LoadedRepository {
  readonly repository: string;
  /** Where its data came from; else the server that would be asked. */
  readonly server: string;
  /** Whether it is noted that the data came from `server`. */
  readonly serverKnown: boolean;
  readonly state: RepositoryState;
  readonly from: 'server' | 'disk';
  /** When its server last confirmed it (ISO 8601). */
  readonly checkedAt?: string;
  /** What verified; absent when nothing did. */
  readonly trusted?: TrustedSet;
  readonly expired: readonly ExpiredPart[];
  readonly problem?: Failure;
}

/** Loads repositories one after another. One that cannot be read hides none of the others. */
export async function loadRepositories(
  session: Session,
  options: LoadOptions = {},
): Promise<LoadedRepository[]> {
  const guns = options.guns ?? (await session.trustDir.repositories());
  const loaded: LoadedRepository[] = [];
  for (const [index, gun] of guns.entries()) {
    session.progress({ message: 'reading repositories', done: index, total: guns.length });
    loaded.push(await loadRepository(session, gun, options.fresh === true));
  }
  return loaded;
}

async function loadRepository(
  session: Session,
  gun: string,
  fresh: boolean,
): Promise<LoadedRepository> {
  try {
    const noted = await serverOfRecord(session, gun);
    const server = session.options.server ?? noted;
    const asked = fresh ? await fromServer(session, gun, server) : undefined;
    if (asked !== undefined && !(asked instanceof TabellionError)) return asked;
    const local = await session.localRepository(gun);
    const found = await fromDisk(session, local);
    return {
      repository: gun,
      server: noted ?? local.server,
      serverKnown: noted !== undefined,
      from: 'disk',
      ...found,
      ...(asked === undefined ? {} : { problem: failureOf(asked) }),
    };
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    const about = { repository: gun, server: '', serverKnown: false, from: 'disk' } as const;
    return { ...about, state: 'unreadable', expired: [], problem: failureOf(error) };
  }
}

async function fromServer(
  session: Session,
  gun: string,
  server: string | undefined,
): Promise<LoadedRepository | TabellionError> {
  const access = await session.repositoryByGun(gun, server);
  const about = {
    repository: gun,
    server: access.server,
    serverKnown: true,
    from: 'server',
    checkedAt: session.now.toISOString(),
  } as const;
  try {
    const { trusted } = await loadTrustData(session, access, { requireFresh: true });
    return { ...about, state: 'verified', trusted, expired: [] };
  } catch (error) {
    const expired = await loadExpired(session, access, error, { requireFresh: true });
    if (expired !== undefined) {
      const { trusted } = expired.data;
      const problem = failureOf(expired.error);
      return { ...about, state: 'expired', trusted, expired: trusted.expired, problem };
    }
    if (!(error instanceof TrustError) && !(error instanceof ConnectionError)) throw error;
    return error;
  }
}

type Found = Pick<LoadedRepository, 'state' | 'checkedAt' | 'trusted' | 'expired' | 'problem'>;

async function fromDisk(session: Session, { gun, dir, pinning }: LocalRepository): Promise<Found> {
  const cache = await dir.readAll();
  const context: RootContext = { gun, now: session.now, pinning, reportExpiry: true };
  const checkedAt = cache.has(TIMESTAMP) ? (await dir.checkedAt())?.toISOString() : undefined;
  const at = checkedAt === undefined ? {} : { checkedAt };
  try {
    const { trusted } = await update({ ...context, cache: { read: async r => cache.get(r) } });
    // A timestamp lives for days: on a disk it has nearly always expired, and its server has newer ones.
    const expired = trusted.expired.filter(({ role }) => role !== TIMESTAMP);
    return { ...at, state: expired.length > 0 ? 'expired' : 'verified', trusted, expired };
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    const trusted = whatVerifies(cache, context);
    if (trusted === undefined)
      return { ...at, state: 'unreadable', expired: [], problem: failureOf(error) };
    if (!cache.has(TIMESTAMP)) return { ...at, state: 'unpublished', trusted, expired: [] };
    return { ...at, state: 'partial', trusted, expired: [], problem: failureOf(error) };
  }
}

/** The root, and under it each file whose own signatures hold: not proved to belong together. */
function whatVerifies(
  cache: ReadonlyMap<string, Uint8Array>,
  context: RootContext,
): TrustedSet | undefined {
  const rootBytes = cache.get(ROOT);
  const set = attempt(() =>
    rootBytes === undefined
      ? undefined
      : new TrustedSet(verifyCachedRoot(rootBytes, context), context),
  );
  if (set === undefined) return undefined;
  const snapshot = cache.get(SNAPSHOT);
  if (snapshot !== undefined) set.snapshot = attempt(() => set.verifySnapshot(snapshot));
  const roles = [...cache.keys()].filter(role => role === TARGETS || role.startsWith('targets/'));
  // Parents sort before their delegations.
  for (const role of roles.sort()) {
    const bytes = cache.get(role);
    const verified = bytes && attempt(() => set.verifyTargets(role, bytes));
    if (verified !== undefined) set.targets.set(role, verified);
  }
  return set;
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof TabellionError) return undefined;
    throw error;
  }
}
