/** A repository's verified trust data: from the server, or from the cache when the server cannot be reached. */
import { printable } from '../crypto/printable.ts';
import { TabellionError, TrustError } from '../errors.ts';
import { isTargetsRole, parentRole, ROOT, SNAPSHOT, TARGETS, TIMESTAMP } from '../tuf/role-name.ts';
import { isNearExpiry } from '../tuf/sign-repository.ts';
import { parseTime } from '../tuf/time.ts';
import type { TrustedSet } from '../tuf/trusted-set.ts';
import { type UpdateResult, update } from '../tuf/update.ts';
import { explainFailure } from './explain-failure.ts';
import { type Memory, openMemory, serverOfRecord } from './history.ts';
import type { RepositoryAccess, Session } from './session.ts';

export interface TrustDataOrigin {
  readonly from: 'server' | 'cache';
  /** Of a cached copy, the server that it came from, where that is on record; else the one that would be asked. */
  readonly server: string;
  readonly serverOnRecord?: true;
  /** When the server last confirmed this data (ISO 8601). */
  readonly checkedAt: string;
  readonly ageSeconds: number;
  /** Why the cache served. */
  readonly reason?: string;
}

export interface TrustData {
  readonly trusted: TrustedSet;
  readonly origin: TrustDataOrigin;
  readonly warnings: string[];
}

export interface TrustDataOptions {
  /** Use no network at all. */
  readonly offline?: boolean;
  /** The cache will not do, even if the server cannot be reached. */
  readonly requireFresh?: boolean;
  readonly forWrite?: boolean;
  /** False leaves the cache as it is, as a dry run must. */
  readonly store?: boolean;
  /**
   * Takes what has expired and names it in `trusted.expired`; stores nothing. Only to show or renew it: while the
   * list is not empty, nothing of it is trusted.
   */
  readonly reportExpiry?: boolean;
}

/** How often it is verified again when another process was quicker to store. */
const ATTEMPTS = 3;
const NOT_STORED =
  'The verified trust data could not be stored: other processes keep changing what is stored';

/**
 * Updates, verifies and stores a repository's trust data.
 * @throws TrustError, ConnectionError
 */
export async function loadTrustData(
  session: Session,
  access: RepositoryAccess,
  options: TrustDataOptions = {},
): Promise<TrustData> {
  const { dir, gun, server } = access;
  session.progress({ message: `verifying the trust data of ${gun}` });
  for (let attempt = 1; ; attempt++) {
    const cache = await dir.readAll();
    const result = await update({
      gun,
      now: session.now,
      pinning: access.pinning,
      cache: { read: async role => cache.get(role) },
      remote: options.offline === true ? undefined : access.remote,
      requireFresh: options.requireFresh === true,
      forWrite: options.forWrite === true,
      reportExpiry: options.reportExpiry === true,
      log: step => session.log(step),
    }).catch(async (error: unknown) => {
      if (error instanceof TrustError && error.code !== 'NO_TRUST_DATA')
        await nameBothServers(session, access, error);
      const isMissing = error instanceof TabellionError && error.code === 'NO_TRUST_DATA';
      const context = { domain: access.domain, server, gun, now: session.now };
      throw isMissing ? explainFailure(error, context) : error;
    });
    const stores = options.store !== false && options.reportExpiry !== true;
    const stored = stores ? await store(session, access, cache, result) : [];
    if (stored === 'overtaken' && attempt < ATTEMPTS) {
      session.log('another process has stored trust data meanwhile: verifying again after it');
      continue;
    }
    const origin = await originOf(session, access, result, options);
    return {
      trusted: result.trusted,
      origin,
      warnings: [
        ...(stored === 'overtaken' ? [NOT_STORED] : stored),
        ...trustWarnings(result.trusted, session.now),
      ],
    };
  }
}

/** Two servers may have repositories of one name: what is cached of the one never fits the other. */
async function nameBothServers(
  session: Session,
  { gun, server }: RepositoryAccess,
  error: TabellionError,
): Promise<void> {
  const noted = await serverOfRecord(session, gun);
  if (noted === undefined || noted === server) return;
  error.advising(
    `What this machine knows of ${printable(gun)} came from ${printable(noted)}, and this is ${printable(server)}: name the right one with --server, or use another trust directory for this one.`,
  );
}

/** Another process may hold the lock while its user looks for a passphrase; nobody who only reads waits for that. */
const STORE_WAIT_MS = 3000;

/**
 * Stores what was verified against `cache`, unless another process has changed that: its root, or its newer
 * versions, must be overwritten by nothing that was not verified against them.
 * @returns warnings; a trust directory that cannot be written keeps nobody from verifying
 */
async function store(
  session: Session,
  access: RepositoryAccess,
  cache: ReadonlyMap<string, Uint8Array>,
  result: UpdateResult,
): Promise<string[] | 'overtaken'> {
  if (result.origin !== 'server') return [];
  const { dir } = access;
  const memory = await openMemory(session, access, cache);
  const remove = [...cache.keys()].filter(
    role => role.startsWith(`${TARGETS}/`) && !isDelegated(role, result.trusted),
  );
  try {
    if (result.store.size > 0 || remove.length > 0) {
      const isStored = await dir.withLock(async () => {
        if (!sameFiles(cache, await dir.readAll())) return false;
        await dir.replace(result.store, { remove });
        return true;
      }, STORE_WAIT_MS);
      if (!isStored) return 'overtaken';
    }
    await dir.touch();
    return await note(memory, result, remove);
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    return [`The verified trust data could not be stored: ${error.message}`];
  }
}

/** @param removed roles whose files went */
async function note(
  memory: Memory,
  { trusted, store: files }: UpdateResult,
  removed: readonly string[],
): Promise<string[]> {
  const isState = (role: string): boolean => role === ROOT || isTargetsRole(role);
  return await memory.note(trusted, removed.length > 0 || [...files.keys()].some(isState));
}

function sameFiles(
  before: ReadonlyMap<string, Uint8Array>,
  now: ReadonlyMap<string, Uint8Array>,
): boolean {
  return (
    before.size === now.size &&
    [...before].every(([role, bytes]) => {
      const present = now.get(role);
      return present !== undefined && Buffer.from(bytes).equals(present);
    })
  );
}

/**
 * Whether a role is delegated to; below a file that is not there, as far as can be told. A snapshot may leave such a
 * role out; its file stays, so that it cannot come back in an older version that nobody remembers.
 */
function isDelegated(role: string, trusted: TrustedSet): boolean {
  const parent = parentRole(role);
  if (trusted.targets.has(parent)) return trusted.delegation(role) !== undefined;
  return parent !== TARGETS && isDelegated(parent, trusted);
}

async function originOf(
  session: Session,
  { dir, gun, server }: RepositoryAccess,
  result: UpdateResult,
  options: TrustDataOptions,
): Promise<TrustDataOrigin> {
  if (result.origin === 'server') {
    return { from: 'server', server, checkedAt: session.now.toISOString(), ageSeconds: 0 };
  }
  const noted = await serverOfRecord(session, gun);
  const checkedAt = (await dir.checkedAt()) ?? session.now;
  const ageSeconds = Math.max(0, Math.round((session.now.getTime() - checkedAt.getTime()) / 1000));
  const reason =
    result.unreachable?.message ?? (options.offline === true ? 'asked to stay offline' : undefined);
  return {
    from: 'cache',
    ...(noted === undefined ? { server } : { server: noted, serverOnRecord: true as const }),
    checkedAt: checkedAt.toISOString(),
    ageSeconds,
    ...(reason === undefined ? {} : { reason }),
  };
}

/** What is true and trusted but will not stay so, or was left aside. */
export function trustWarnings(trusted: TrustedSet, now: Date): string[] {
  const warnings: string[] = [];
  for (const { role, expires } of roleExpiries(trusted)) {
    const isOver = trusted.expired.some(part => part.role === role && part.kind === 'metadata');
    if (role !== TIMESTAMP && !isOver && isNearExpiry(expires, role, now))
      warnings.push(`The ${role} metadata expires on ${expires}`);
  }
  for (const { leaf } of trusted.root.certificates) {
    const left = leaf.notAfter.getTime() - now.getTime();
    if (left >= 0 && left < 365 * 24 * 60 * 60 * 1000) {
      warnings.push(
        `The root certificate expires on ${leaf.notAfter.toISOString()}: its owner must rotate the root before`,
      );
    }
  }
  for (const [role, { reason }] of trusted.invalid)
    warnings.push(`${role} was left aside: ${reason.message}`);
  return warnings;
}

export interface RoleExpiry {
  readonly role: string;
  readonly expires: string;
  readonly version: number;
}

/** Version and expiry of each file that is trusted. */
export function roleExpiries(trusted: TrustedSet): RoleExpiry[] {
  const files: [string, { version: number; expires: string } | undefined][] = [
    [ROOT, trusted.root.metadata],
    ...[...trusted.targets].map(([role, { metadata }]): [string, typeof metadata] => [
      role,
      metadata,
    ]),
    [SNAPSHOT, trusted.snapshot?.metadata],
    [TIMESTAMP, trusted.timestamp?.metadata],
  ];
  return files.flatMap(([role, file]) =>
    file === undefined ? [] : [{ role, expires: file.expires, version: file.version }],
  );
}

/**
 * Until when a role's word holds, as things are (ISO 8601): the earliest end among the files that it rests on.
 * The timestamp counts only for a cached copy; a server renews it every time it has expired.
 */
export function validUntil({ trusted, origin }: TrustData, role: string): string {
  const chain = role.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'));
  const base: string[] = origin.from === 'cache' ? [ROOT, SNAPSHOT, TIMESTAMP] : [ROOT, SNAPSHOT];
  const ends = roleExpiries(trusted)
    .filter(file => base.includes(file.role) || chain.includes(file.role))
    .map(file => parseTime(file.expires, file.role));
  ends.push(...trusted.root.certificates.map(({ leaf }) => leaf.notAfter.getTime()));
  return new Date(Math.min(...ends)).toISOString();
}
