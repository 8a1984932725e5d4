/**
 * The set of metadata of one repository that has been verified, and the checks by which a file enters it.
 * Pure: bytes and a fixed time come in, verified metadata or an error comes out (tuf.md 3.2).
 */
import type { PublicKey } from '../crypto/public-key.ts';
import { TrustError } from '../errors.ts';
import { decodeSnapshot, decodeTargets, decodeTimestamp } from './decode.ts';
import { openEnvelope } from './envelope.ts';
import type { ExpiredPart } from './expired.ts';
import { checkHashes, matches } from './fingerprint.ts';
import type {
  DelegatedRole,
  FileMeta,
  RoleKeys,
  SnapshotMetadata,
  TargetsMetadata,
  TimestampMetadata,
} from './metadata.ts';
import { parentRole, ROOT, SNAPSHOT, TARGETS, TIMESTAMP } from './role-name.ts';
import { checkCertificateDates, type RootContext, type VerifiedRoot } from './root-trust.ts';
import { parseTime } from './time.ts';
import { verifySignatures } from './verify-signatures.ts';

export interface Verified<T> {
  readonly bytes: Uint8Array;
  readonly metadata: T;
  /** IDs of the keys whose signatures hold. */
  readonly keyIds: readonly string[];
}

/** A delegation's file that has its form but not its signatures, or has expired. */
export interface InvalidRole {
  readonly bytes: Uint8Array;
  readonly metadata: TargetsMetadata;
  readonly reason: TrustError;
}

export class TrustedSet {
  readonly context: RootContext;
  root: VerifiedRoot;
  timestamp: Verified<TimestampMetadata> | undefined;
  snapshot: Verified<SnapshotMetadata> | undefined;
  /** `targets` and the delegations, by role. */
  readonly targets = new Map<string, Verified<TargetsMetadata>>();
  readonly invalid = new Map<string, InvalidRole>();
  /** Always empty unless the context asks for a report: then nothing here may be called trusted while it is not. */
  readonly expired: ExpiredPart[] = [];

  constructor(root: VerifiedRoot, context: RootContext) {
    this.root = root;
    this.context = context;
  }

  /**
   * TUF 5.3.10: neither the root nor its certificates may have expired once the newest is reached. Before
   * that, an expired one still verifies its successor.
   * @throws TrustError
   */
  checkRootInForce(): void {
    this.checkExpiry(ROOT, this.root.metadata.expires);
    if (this.context.reportExpiry === true) this.noteExpiredCertificates();
    else checkCertificateDates(this.root, this.context);
  }

  rootInForce(): boolean {
    try {
      this.checkRootInForce();
      return true;
    } catch {
      return false;
    }
  }

  /** Whether the snapshot lists exactly the root that this set stands on. */
  rootMatchesSnapshot(): boolean {
    const meta = this.snapshot?.metadata.meta.get(ROOT);
    return meta !== undefined && matches(this.root.bytes, meta);
  }

  /**
   * @param previous the verified timestamp of the cache: the version may not fall, nor be used twice
   * @throws TrustError
   */
  loadTimestamp(bytes: Uint8Array, previous?: Verified<TimestampMetadata>): void {
    const verified = this.verifyTimestamp(bytes);
    checkVersion(TIMESTAMP, verified, previous);
    this.checkExpiry(TIMESTAMP, verified.metadata.expires);
    this.timestamp = verified;
  }

  /** @throws TrustError */
  loadSnapshot(bytes: Uint8Array, previous?: Verified<SnapshotMetadata>): void {
    checkHashes(bytes, this.metaOf(SNAPSHOT), SNAPSHOT);
    const verified = this.verifySnapshot(bytes);
    checkVersion(SNAPSHOT, verified, previous);
    this.checkExpiry(SNAPSHOT, verified.metadata.expires);
    this.snapshot = verified;
  }

  /**
   * Loads `targets` or a delegation whose parent is loaded. A delegation that is below its threshold or has
   * expired is kept aside as invalid, since it must not take the rest down with it.
   * @throws TrustError
   */
  loadTargets(role: string, bytes: Uint8Array, previous?: Verified<TargetsMetadata>): void {
    checkHashes(bytes, this.metaOf(role), role);
    const envelope = openEnvelope(bytes, role);
    const metadata = decodeTargets(envelope.signed, role);
    const { roleKeys, keys } = this.keysFor(role);
    if (previous !== undefined) checkVersion(role, { bytes, metadata, keyIds: [] }, previous);
    try {
      const keyIds = verifySignatures(envelope, role, roleKeys, keys);
      this.checkExpiry(role, metadata.expires);
      this.targets.set(role, { bytes, metadata, keyIds });
    } catch (error) {
      if (role === TARGETS || !isExcusable(error)) throw error;
      this.invalid.set(role, { bytes, metadata, reason: error });
    }
  }

  /** Signatures and form of a timestamp, for the cache's sake without expiry or version. */
  verifyTimestamp(bytes: Uint8Array): Verified<TimestampMetadata> {
    const envelope = openEnvelope(bytes, TIMESTAMP);
    const { roleKeys, keys } = this.keysFor(TIMESTAMP);
    const keyIds = verifySignatures(envelope, TIMESTAMP, roleKeys, keys);
    return { bytes, metadata: decodeTimestamp(envelope.signed), keyIds };
  }

  verifySnapshot(bytes: Uint8Array): Verified<SnapshotMetadata> {
    const envelope = openEnvelope(bytes, SNAPSHOT);
    const { roleKeys, keys } = this.keysFor(SNAPSHOT);
    const keyIds = verifySignatures(envelope, SNAPSHOT, roleKeys, keys);
    return { bytes, metadata: decodeSnapshot(envelope.signed), keyIds };
  }

  verifyTargets(role: string, bytes: Uint8Array): Verified<TargetsMetadata> {
    const envelope = openEnvelope(bytes, role);
    const { roleKeys, keys } = this.keysFor(role);
    const keyIds = verifySignatures(envelope, role, roleKeys, keys);
    return { bytes, metadata: decodeTargets(envelope.signed, role), keyIds };
  }

  /** The entry under which a file is listed by the one that vouches for it. */
  metaOf(role: string): FileMeta {
    const list = role === SNAPSHOT ? this.timestamp : this.snapshot;
    const meta = list?.metadata.meta.get(role);
    if (meta !== undefined) return meta;
    throw new TrustError(
      'METADATA_NOT_LISTED',
      `The ${role} metadata is not listed by the repository's snapshot`,
      {
        details: { role },
      },
    );
  }

  /** The delegation entry for a role in its parent's verified file. */
  delegation(role: string): DelegatedRole | undefined {
    return this.targets
      .get(parentRole(role))
      ?.metadata.delegations.roles?.find(({ name }) => name === role);
  }

  /** The keys by which a role's file is verified: from root, or for a delegation from its parent. */
  keysFor(role: string): { roleKeys: RoleKeys; keys: ReadonlyMap<string, PublicKey> } {
    const base = this.root.metadata.roles.get(role);
    if (base !== undefined && (role === TARGETS || !role.includes('/'))) {
      return { roleKeys: base, keys: this.root.metadata.keys };
    }
    const roleKeys = this.delegation(role);
    const keys = this.targets.get(parentRole(role))?.metadata.delegations.keys;
    if (roleKeys !== undefined && keys !== undefined) return { roleKeys, keys };
    throw new TrustError('ROLE_UNKNOWN', `Nothing in the repository delegates to ${role}`, {
      details: { role },
    });
  }

  /** Without the expired certificates the root may fall below its threshold: then they are what has expired. */
  private noteExpiredCertificates(): void {
    const { root, context } = this;
    checkCertificateDates(root, context, 'begun');
    try {
      checkCertificateDates(root, context);
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      for (const { id, leaf } of root.certificates) {
        if (leaf.notAfter >= context.now) continue;
        const expires = leaf.notAfter.toISOString();
        this.expired.push({ role: ROOT, kind: 'certificate', expires, keyId: id });
      }
    }
  }

  private checkExpiry(role: string, expires: string): void {
    if (parseTime(expires, role) >= this.context.now.getTime()) return;
    if (this.context.reportExpiry === true) {
      this.expired.push({ role, kind: 'metadata', expires });
      return;
    }
    throw new TrustError('METADATA_EXPIRED', `The ${role} metadata expired on ${expires}`, {
      hint: expiryHint(role),
      details: { role, expires, now: this.context.now.toISOString() },
    });
  }
}

/** Old versions and re-used version numbers are both attempts to show something else than before (tuf.md 11). */
function checkVersion(
  role: string,
  offered: Verified<{ readonly version: number }>,
  previous: Verified<{ readonly version: number }> | undefined,
): void {
  if (previous === undefined) return;
  const known = previous.metadata.version;
  const version = offered.metadata.version;
  if (version < known) {
    throw new TrustError(
      'METADATA_ROLLBACK',
      `The server offers ${role} version ${version}, but version ${known} was seen before`,
      {
        hint: 'Somebody may be replaying old trust data, or the server was restored from a backup.',
        details: { role, known, offered: version },
      },
    );
  }
  if (version === known && !Buffer.from(offered.bytes).equals(previous.bytes)) {
    throw new TrustError(
      'METADATA_REPLACED',
      `The server offers another ${role} version ${version} than the one seen before`,
      {
        hint: 'A version number must never be used twice: somebody may be in between, or the repository was made anew.',
        details: { role, version },
      },
    );
  }
}

function isExcusable(error: unknown): error is TrustError {
  return (
    error instanceof TrustError &&
    (error.code === 'SIGNATURE_THRESHOLD' || error.code === 'METADATA_EXPIRED')
  );
}

function expiryHint(role: string): string {
  if (role === TIMESTAMP) {
    return 'The trust server should have renewed it: look at the server first, and at this machine’s clock.';
  }
  return 'Its owner must sign it again; look also at this machine’s clock.';
}
