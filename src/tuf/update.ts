/**
 * The client's update workflow: from what the cache has and the server offers to a set of verified metadata
 * (TUF 5, tuf.md 3.4). Nothing is written here: what to store is handed back, for all files at once.
 */

import { printable } from '../crypto/printable.ts';
import { ConnectionError, TrustError } from '../errors.ts';
import { CachedRoles } from './cached-roles.ts';
import { ALL_TARGETS_LIMIT, DELEGATIONS_LIMIT, METADATA_LIMIT } from './constants.ts';
import { matches, sha256HexOf } from './fingerprint.ts';
import type { SnapshotMetadata } from './metadata.ts';
import { NO_PINNING } from './pinning.ts';
import { ROOT, SNAPSHOT, TARGETS, TIMESTAMP } from './role-name.ts';
import { advanceRoot } from './root-chain.ts';
import { type RootContext, verifyCachedRoot, verifyFirstRoot } from './root-trust.ts';
import { newestStoredTimestamp } from './stored-timestamp.ts';
import { TrustedSet } from './trusted-set.ts';

/** Where new metadata comes from. Each throws ConnectionError or TrustError `METADATA_NOT_FOUND`. */
export interface MetadataRemote {
  root(): Promise<Uint8Array>;
  rootVersion(version: number): Promise<Uint8Array>;
  timestamp(): Promise<Uint8Array>;
  byHash(role: string, sha256Hex: string, maxLength: number): Promise<Uint8Array>;
  /** Any version that the server has kept: for a repository whose snapshot has expired. */
  version?(role: string, version: number): Promise<Uint8Array>;
}

/** What this machine verified before; undefined for a role that it does not have. */
export interface MetadataCache {
  read(role: string): Promise<Uint8Array | undefined>;
}

export interface UpdateOptions extends RootContext {
  readonly cache: MetadataCache;
  /** Absent: use the cache alone. */
  readonly remote?: MetadataRemote | undefined;
  /** Fail when the server cannot be reached, even if the cache would do. */
  readonly requireFresh?: boolean;
  /** Before a publish: learn of a new root even if the old one still verifies everything. */
  readonly forWrite?: boolean;
  /** Told each step, for `--verbose`. */
  readonly log?: (step: string) => void;
}

export interface UpdateResult {
  readonly trusted: TrustedSet;
  readonly origin: 'server' | 'cache';
  /** Why the cache served although a server was asked. */
  readonly unreachable?: ConnectionError;
  /** Files that differ from the cache's, verified. */
  readonly store: ReadonlyMap<string, Uint8Array>;
}

/**
 * Updates and verifies a repository's metadata.
 *
 * The cache serves only when the server cannot be reached at all; every other failure is one. A server that fell
 * silent after its first answer may have told of something newer, which must not be hidden.
 * @throws TrustError for data that cannot be trusted; `NO_TRUST_DATA` when there is none
 * @throws ConnectionError when the server is needed and cannot be used
 */
export async function update(options: UpdateOptions): Promise<UpdateResult> {
  const { remote } = options;
  if (remote === undefined) return await finish(new Updater(options, undefined), 'cache');
  let answered = false;
  const heard = noticing(remote, () => {
    answered = true;
  });
  try {
    return await finish(new Updater(options, heard), 'server');
  } catch (error) {
    if (!isUnreachable(error) || answered || options.requireFresh === true) throw error;
    if ((await options.cache.read(ROOT)) === undefined) throw error;
    options.log?.(`server cannot be reached (${error.message}): trying the cached copy`);
    return { ...(await finish(new Updater(options, undefined), 'cache')), unreachable: error };
  }
}

async function finish(updater: Updater, origin: 'server' | 'cache'): Promise<UpdateResult> {
  const trusted = await updater.run();
  return { trusted, origin, store: await updater.changed(trusted) };
}

/** The same remote, which tells of each answer that arrives. */
function noticing(remote: MetadataRemote, notice: () => void): MetadataRemote {
  const kept = remote.version?.bind(remote);
  const noticed = async (answer: Promise<Uint8Array>): Promise<Uint8Array> => {
    const bytes = await answer;
    notice();
    return bytes;
  };
  return {
    root: () => noticed(remote.root()),
    rootVersion: version => noticed(remote.rootVersion(version)),
    timestamp: () => noticed(remote.timestamp()),
    byHash: (role, sha256Hex, maxLength) => noticed(remote.byHash(role, sha256Hex, maxLength)),
    ...(kept && { version: (role: string, version: number) => noticed(kept(role, version)) }),
  };
}

/** A server that cannot renew an expired snapshot or root fails on the timestamp, for everyone (tuf.md 9.2). */
function isServerError(error: unknown): error is ConnectionError {
  return error instanceof ConnectionError && error.code === 'SERVER_ERROR';
}

function isUnreachable(error: unknown): error is ConnectionError {
  return error instanceof ConnectionError && error.code === 'SERVER_UNREACHABLE';
}

/** Codes of failures that a newer root may cure. */
const CURED_BY_ROOT: readonly string[] = [
  'SIGNATURE_THRESHOLD',
  'NO_SIGNATURES',
  'KEY_ID_MISMATCH',
  'ROLE_UNKNOWN',
];

class Updater {
  private readonly options: UpdateOptions;
  private readonly remote: MetadataRemote | undefined;
  private readonly cached = new Map<string, Uint8Array | undefined>();
  /** The cached root where it is not the one to begin with. */
  private anchor: TrustedSet | undefined;

  constructor(options: UpdateOptions, remote: MetadataRemote | undefined) {
    this.options = options;
    this.remote = remote;
  }

  async run(): Promise<TrustedSet> {
    let trusted = await this.boot();
    const known = new CachedRoles(
      this.anchor ?? trusted,
      role => this.readCache(role),
      step => this.log(step),
    );
    if (this.needsRootFirst(trusted)) trusted = await this.advance(trusted);
    try {
      return await this.pass(trusted, known);
    } catch (error) {
      if (this.remote === undefined || !isCuredByRoot(error)) throw error;
      this.log(`${(error as Error).message}; looking for a newer root`);
      const advanced = await this.advance(trusted);
      if (advanced === trusted) throw error;
      return await this.pass(advanced, known);
    }
  }

  /** What is new or different compared with the cache. */
  async changed(trusted: TrustedSet): Promise<Map<string, Uint8Array>> {
    const files = new Map<string, Uint8Array>([[ROOT, trusted.root.bytes]]);
    if (trusted.timestamp !== undefined) files.set(TIMESTAMP, trusted.timestamp.bytes);
    if (trusted.snapshot !== undefined) files.set(SNAPSHOT, trusted.snapshot.bytes);
    for (const [role, { bytes }] of [...trusted.targets, ...trusted.invalid])
      files.set(role, bytes);
    for (const [role, bytes] of files) {
      const before = await this.readCache(role);
      if (before !== undefined && Buffer.from(before).equals(bytes)) files.delete(role);
    }
    return files;
  }

  private async boot(): Promise<TrustedSet> {
    const { options } = this;
    const bytes = await this.readCache(ROOT);
    if (bytes !== undefined) {
      try {
        return new TrustedSet(verifyCachedRoot(bytes, options), options);
      } catch (cause) {
        if (!(cause instanceof TrustError) || DAMAGED.includes(cause.code)) {
          throw damagedAnchor(options.gun, cause);
        }
        if (cause.code !== 'PIN_MISMATCH' || this.remote === undefined) throw cause;
        return await this.bootFromSuccessor(bytes, this.remote, cause);
      }
    }
    if (this.remote === undefined) throw noTrustData(options.gun, 'this machine has no copy of it');
    this.log('no root in the cache: fetching it, to trust on first use or by a pin');
    const root = verifyFirstRoot(await this.fetchRoot(this.remote), options);
    this.log(
      `root ${root.metadata.version}: certificate ${root.certificates.map(({ id }) => id).join(', ')}`,
    );
    return new TrustedSet(root, options);
  }

  /** The pin may have moved on to a root that the cached one leads to: that one must satisfy it. */
  private async bootFromSuccessor(
    bytes: Uint8Array,
    remote: MetadataRemote,
    mismatch: TrustError,
  ): Promise<TrustedSet> {
    const { options } = this;
    const cached = verifyCachedRoot(bytes, { ...options, pinning: NO_PINNING });
    this.log('the cached root is not the pinned one: looking for a successor that is');
    const newest = await this.fetchRoot(remote);
    const root = await advanceRoot(cached, newest, remote, options, step => this.log(step));
    if (root === cached) throw mismatch;
    this.anchor = new TrustedSet(cached, options);
    return new TrustedSet(root, options);
  }

  private needsRootFirst(trusted: TrustedSet): boolean {
    if (this.remote === undefined) return false;
    const { forWrite, reportExpiry } = this.options;
    if (reportExpiry !== true && !trusted.rootInForce()) return true;
    // Where expiry is reported, an expired root is no reason to look for a newer one: so it is always looked for.
    return (forWrite === true || reportExpiry === true) && this.cached.get(ROOT) !== undefined;
  }

  private async advance(trusted: TrustedSet): Promise<TrustedSet> {
    const { remote } = this;
    if (remote === undefined) return trusted;
    const meta = trusted.snapshot?.metadata.meta.get(ROOT);
    const hex = meta === undefined ? undefined : sha256HexOf(meta);
    const newest =
      hex === undefined
        ? await this.fetchRoot(remote)
        : await remote.byHash(ROOT, hex, METADATA_LIMIT);
    const root = await advanceRoot(trusted.root, newest, remote, this.options, step =>
      this.log(step),
    );
    return root === trusted.root ? trusted : new TrustedSet(root, this.options);
  }

  private async fetchRoot(remote: MetadataRemote): Promise<Uint8Array> {
    try {
      return await remote.root();
    } catch (error) {
      if (!(error instanceof TrustError) || error.code !== 'METADATA_NOT_FOUND') throw error;
      const known = this.cached.get(ROOT) !== undefined;
      throw noTrustData(
        this.options.gun,
        known ? 'the server has deleted it' : 'the server has none',
        error,
      );
    }
  }

  /** One walk from the timestamp down. */
  private async pass(trusted: TrustedSet, known: CachedRoles): Promise<TrustedSet> {
    trusted.checkRootInForce();
    trusted.loadTimestamp(await this.timestampBytes(known), await known.timestamp());
    this.log(`timestamp ${trusted.timestamp?.metadata.version} verified`);
    trusted.loadSnapshot(await this.bytesOf(SNAPSHOT, trusted), await known.snapshot());
    this.log(`snapshot ${trusted.snapshot?.metadata.version} verified`);
    if (!trusted.rootMatchesSnapshot()) return await this.followSnapshotRoot(trusted, known);
    await this.loadTargets(trusted, known);
    return trusted;
  }

  /** The snapshot is of another root than ours: a newer one, or a mix of old and new files. */
  private async followSnapshotRoot(trusted: TrustedSet, known: CachedRoles): Promise<TrustedSet> {
    const advanced = await this.advance(trusted);
    if (advanced === trusted) throw mixAndMatch(this.options.gun);
    advanced.checkRootInForce();
    const { timestamp, snapshot } = trusted;
    if (timestamp === undefined || snapshot === undefined) throw mixAndMatch(this.options.gun);
    advanced.loadTimestamp(timestamp.bytes, await known.timestamp());
    advanced.loadSnapshot(snapshot.bytes, await known.snapshot());
    if (!advanced.rootMatchesSnapshot()) throw mixAndMatch(this.options.gun);
    await this.loadTargets(advanced, known);
    return advanced;
  }

  private async timestampBytes(cached: CachedRoles): Promise<Uint8Array> {
    if (this.remote === undefined) return await this.fromCache(TIMESTAMP);
    try {
      return await this.remote.timestamp();
    } catch (error) {
      if (this.options.reportExpiry === true && isServerError(error)) {
        this.log(`${error.message}: looking for the newest timestamp that it has kept`);
        const stored = await newestStoredTimestamp(this.remote, await cached.timestamp());
        if (stored === undefined) throw error;
        return stored;
      }
      if (!(error instanceof TrustError) || error.code !== 'METADATA_NOT_FOUND') throw error;
      const known = this.cached.get(ROOT) !== undefined;
      throw noTrustData(
        this.options.gun,
        known ? 'the server no longer has it' : 'the server has no timestamp',
        error,
      );
    }
  }

  /** `targets`, then its delegations level by level, the files of a level side by side. */
  private async loadTargets(trusted: TrustedSet, known: CachedRoles): Promise<void> {
    let level = [TARGETS];
    let visited = 0;
    let size = 0;
    while (level.length > 0) {
      visited += level.length;
      if (visited > DELEGATIONS_LIMIT) {
        throw new TrustError(
          'TOO_MANY_DELEGATIONS',
          `The repository has more than ${DELEGATIONS_LIMIT} delegations`,
        );
      }
      size += level.reduce((sum, role) => sum + trusted.metaOf(role).length, 0);
      if (size > ALL_TARGETS_LIMIT) {
        throw new TrustError(
          'METADATA_TOO_LARGE',
          `The targets metadata of the repository is larger than ${ALL_TARGETS_LIMIT} bytes in all`,
        );
      }
      const files = await Promise.all(level.map(role => this.bytesOf(role, trusted)));
      for (const [index, role] of level.entries()) {
        const bytes = files[index] as Uint8Array;
        // The cache's own file cannot undercut itself: what it holds need not be verified twice.
        const isCached = bytes === (await this.readCache(role));
        trusted.loadTargets(role, bytes, isCached ? undefined : await known.targets(role));
        this.logTargets(role, trusted);
      }
      const children = level.flatMap(role => childrenOf(role, trusted));
      const unlisted = children.filter(child => !isListed(child, trusted.snapshot?.metadata));
      if (unlisted.length > 0) await this.checkNotHidden(unlisted, trusted, known);
      level = children.filter(child => !unlisted.includes(child));
    }
  }

  /** A role that had an entry before and is still delegated to is hidden, so that what it overrode would count again. */
  private async checkNotHidden(
    unlisted: readonly string[],
    trusted: TrustedSet,
    known: CachedRoles,
  ): Promise<void> {
    const before = (await known.snapshot())?.metadata;
    for (const role of unlisted) {
      if (isListed(role, before) && (await this.stillCounts(role, trusted))) throw roleHidden(role);
    }
  }

  /** Whether the cached file of a role would be trusted still; not so when it was delegated anew to other keys. */
  private async stillCounts(role: string, trusted: TrustedSet): Promise<boolean> {
    const bytes = await this.readCache(role);
    if (bytes === undefined) return true;
    try {
      trusted.verifyTargets(role, bytes);
      return true;
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      return false;
    }
  }

  private logTargets(role: string, trusted: TrustedSet): void {
    const verified = trusted.targets.get(role);
    if (verified === undefined)
      this.log(`${role} left aside: ${trusted.invalid.get(role)?.reason.message}`);
    else
      this.log(
        `${role} ${verified.metadata.version} verified, ${verified.metadata.targets.size} targets`,
      );
  }

  /** A file that the snapshot or timestamp lists: from the cache when its hash fits, else by its hash from the server. */
  private async bytesOf(role: string, trusted: TrustedSet): Promise<Uint8Array> {
    const meta = trusted.metaOf(role);
    const cached = await this.readCache(role);
    if (cached !== undefined && matches(cached, meta)) return cached;
    if (this.remote === undefined) return await this.fromCache(role);
    const hex = sha256HexOf(meta);
    if (hex === undefined) {
      throw new TrustError('HASH_MISMATCH', `The ${role} metadata is listed without its SHA-256`, {
        details: { role },
      });
    }
    return await this.remote.byHash(role, hex, Math.min(meta.length, METADATA_LIMIT));
  }

  private async fromCache(role: string): Promise<Uint8Array> {
    const bytes = await this.readCache(role);
    if (bytes !== undefined) return bytes;
    throw new TrustError(
      'CACHE_INCOMPLETE',
      `The cached copy of ${printable(this.options.gun)} lacks its ${role} metadata`,
      {
        hint: 'Ask again when the trust server can be reached.',
        details: { role },
      },
    );
  }

  private async readCache(role: string): Promise<Uint8Array | undefined> {
    if (!this.cached.has(role)) this.cached.set(role, await this.options.cache.read(role));
    return this.cached.get(role);
  }

  private log(step: string): void {
    this.options.log?.(step);
  }
}

/** Failures of the cached root that mean it is broken, rather than that it is not trusted. */
const DAMAGED: readonly string[] = [
  'METADATA_MALFORMED',
  'NO_SIGNATURES',
  'SIGNATURE_THRESHOLD',
  'KEY_ID_MISMATCH',
];

function childrenOf(role: string, trusted: TrustedSet): string[] {
  const names = trusted.targets.get(role)?.metadata.delegations.roles?.map(({ name }) => name);
  return [...new Set(names)];
}

/** Delegations without an entry in the snapshot have never been signed: there is nothing to fetch. */
function isListed(role: string, snapshot: SnapshotMetadata | undefined): boolean {
  return snapshot?.meta.has(role) === true;
}

function roleHidden(role: string): TrustError {
  return new TrustError(
    'ROLE_HIDDEN',
    `The repository still delegates to ${role}, but the server no longer offers what it signed`,
    {
      hint: 'Somebody may be hiding newer signatures; or the delegation was made anew and has signed nothing yet: ask its owner.',
      details: { role },
    },
  );
}

function isCuredByRoot(error: unknown): boolean {
  return error instanceof TrustError && CURED_BY_ROOT.includes(error.code);
}

function damagedAnchor(gun: string, cause: unknown): TrustError {
  return new TrustError(
    'CACHED_ROOT_INVALID',
    `The root of ${printable(gun)} in the trust directory is damaged: ${(cause as Error).message}`,
    {
      cause,
      hint: 'Move its root.json aside only after you have compared the root’s thumbprint with the owner: the next run trusts what the server offers.',
    },
  );
}

function noTrustData(gun: string, why: string, cause?: unknown): TrustError {
  return new TrustError('NO_TRUST_DATA', `There is no trust data for ${printable(gun)}: ${why}`, {
    cause,
  });
}

function mixAndMatch(gun: string): TrustError {
  return new TrustError(
    'MIX_AND_MATCH',
    `The metadata that is offered for ${printable(gun)} does not belong together: its snapshot lists another root`,
    {
      hint: 'Try again in a few minutes: a cache in between may be stale. If it stays, somebody may be in between.',
    },
  );
}
