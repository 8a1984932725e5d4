/** Signing what was altered in a repository: new versions, new dates, the files to publish (tuf.md 6.1). */
import type { Signature } from '../crypto/signature.ts';
import { OperationError } from '../errors.ts';
import { lifetime, NEAR_EXPIRY_MONTHS } from './constants.ts';
import { decodeRoot, decodeSnapshot, decodeTargets } from './decode.ts';
import { encodeFile, encodeMeta, encodeRoot, encodeTargets, signedMessage } from './encode.ts';
import { openEnvelope } from './envelope.ts';
import { fileMeta } from './fingerprint.ts';
import type { KeyRing } from './key-ring.ts';
import type { FileMeta, RootMetadata } from './metadata.ts';
import type { Repository } from './repository.ts';
import {
  canSign,
  hasAnyKey,
  type RoleWithKeys,
  sameRoleKeys,
  signAtHand,
  signFor,
} from './role-keys.ts';
import { isDelegationName, isWithin, parentRole, ROOT, SNAPSHOT, TARGETS } from './role-name.ts';
import { addMonths, formatTime, parseTime } from './time.ts';
import { verifySignatures } from './verify-signatures.ts';

export interface SignedFiles {
  /** What to publish, by role. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The version of each file. */
  readonly versions: ReadonlyMap<string, number>;
  /** Whether the snapshot is left to the server, because its key is not on this machine. */
  readonly snapshotByServer: boolean;
  readonly warnings: readonly string[];
}

/**
 * Signs every file that must be published.
 * @throws KeyError when a key that is needed is missing or cannot be unlocked
 */
export async function signRepository(
  repository: Repository,
  ring: KeyRing,
  now: Date,
): Promise<SignedFiles> {
  const signing = new Signing(repository, ring, now);
  await signing.root();
  await signing.targets();
  const snapshotByServer = !(await signing.snapshot());
  return {
    files: signing.files,
    versions: signing.versions,
    snapshotByServer,
    warnings: [...new Set([...repository.warnings, ...signing.warnings])],
  };
}

/** Whether a date lies within the window in which Notary renews a root and warns of the others. */
export function isNearExpiry(expires: string, role: string, now: Date): boolean {
  return parseTime(expires, role) < addMonths(now.getTime(), NEAR_EXPIRY_MONTHS);
}

class Signing {
  readonly files = new Map<string, Uint8Array>();
  readonly versions = new Map<string, number>();
  readonly warnings: string[] = [];
  private readonly repository: Repository;
  private readonly ring: KeyRing;
  private readonly now: Date;

  constructor(repository: Repository, ring: KeyRing, now: Date) {
    this.repository = repository;
    this.ring = ring;
    this.now = now;
  }

  async root(): Promise<void> {
    const { repository } = this;
    if (repository.signedRoot !== undefined) {
      this.add(ROOT, repository.signedRoot, repository.root.version);
      return;
    }
    if (!repository.rootDirty && !(await this.renewsRoot())) {
      if (repository.unpublished && repository.rootBytes !== undefined) {
        this.add(ROOT, repository.rootBytes, repository.root.version);
      }
      return;
    }
    const metadata: RootMetadata = {
      ...repository.root,
      ...this.next(ROOT, repository.root.version),
    };
    const message = signedMessage(encodeRoot(metadata));
    const signatures = await this.rootSignatures(Buffer.from(message, 'utf8'));
    repository.root = metadata;
    this.add(
      ROOT,
      this.sealed(ROOT, message, signatures, [repository.keysFor(ROOT)]),
      metadata.version,
    );
  }

  async targets(): Promise<void> {
    const { repository } = this;
    for (const [role, edited] of repository.roles) {
      if (!edited.dirty && !(repository.unpublished && role === TARGETS)) continue;
      const metadata = { ...edited.metadata, ...this.next(role, edited.metadata.version) };
      const message = signedMessage(encodeTargets(metadata));
      const keys = repository.keysFor(role);
      const signatures = await signFor(role, keys, this.ring, Buffer.from(message, 'utf8'));
      repository.roles.set(role, { ...edited, metadata });
      this.add(role, this.sealed(role, message, signatures, [keys]), metadata.version);
    }
  }

  /** @returns false when the server is to make it */
  async snapshot(): Promise<boolean> {
    const keys = this.repository.keysFor(SNAPSHOT);
    if (!(await hasAnyKey(keys, this.ring))) return false;
    const metadata = {
      ...this.next(SNAPSHOT, this.repository.snapshot?.version ?? 0),
      meta: this.snapshotMeta(),
    };
    const message = signedMessage(encodeMeta('Snapshot', metadata));
    const signatures = await signFor(SNAPSHOT, keys, this.ring, Buffer.from(message, 'utf8'));
    this.add(SNAPSHOT, this.sealed(SNAPSHOT, message, signatures, [keys]), metadata.version);
    return true;
  }

  /** Near its end a root is renewed by whoever has its key; nobody else is kept from publishing for that. */
  private async renewsRoot(): Promise<boolean> {
    const { root } = this.repository;
    if (!isNearExpiry(root.expires, ROOT, this.now)) return false;
    if (await canSign(this.repository.keysFor(ROOT), this.ring)) return true;
    this.warnings.push(
      `The root expires on ${root.expires}: whoever has the root key must sign it again before`,
    );
    return false;
  }

  /** By the root role as it will be; and when its keys change, by the role as it was (tuf.md 7.3). */
  private async rootSignatures(message: Uint8Array): Promise<Signature[]> {
    const { repository, ring } = this;
    const present = await signFor(ROOT, repository.keysFor(ROOT), ring, message);
    const before = rootRoleOf(repository.loadedRoot);
    const previous =
      before === undefined || sameRoleKeys(before.roleKeys, repository.keysFor(ROOT).roleKeys)
        ? []
        : await signFor(ROOT, before, ring, message);
    const legacy = await signAtHand(ROOT, repository.legacyRootKeys, ring, message);
    const all = [...present, ...previous, ...legacy];
    return [...new Map(all.map(signature => [signature.keyId, signature])).values()];
  }

  /** Entries of the files that are there; those of roles that nothing delegates to any more are dropped. */
  private snapshotMeta(): Map<string, FileMeta> {
    const { repository } = this;
    const meta = new Map<string, FileMeta>();
    for (const [role, entry] of repository.snapshot?.meta ?? []) {
      if (!this.isOrphan(role)) meta.set(role, entry);
    }
    const rootBytes = this.files.get(ROOT) ?? repository.rootBytes;
    if (rootBytes !== undefined) meta.set(ROOT, fileMeta(rootBytes));
    for (const [role, { bytes }] of repository.roles) {
      const present = this.files.get(role) ?? bytes;
      if (present !== undefined) meta.set(role, fileMeta(present));
    }
    return meta;
  }

  private isOrphan(role: string): boolean {
    const { repository } = this;
    if (!isDelegationName(role)) return false;
    if ([...repository.removedRoles].some(removed => isWithin(role, removed))) return true;
    // What was signed in an earlier life of a delegation must not come back with its name (tuf.md 5.4).
    if ([...repository.addedRoles].some(added => isWithin(role, added))) return true;
    const parent = parentRole(role);
    // Below a delegation that is itself invalid nothing can be told: leave the entry as it is.
    return repository.view(parent) === undefined
      ? this.isOrphan(parent)
      : !repository.hasRole(role);
  }

  private next(role: string, version: number): { version: number; expires: string } {
    return { version: version + 1, expires: formatTime(this.now.getTime() + lifetime(role)) };
  }

  private add(role: string, bytes: Uint8Array, version: number): void {
    this.files.set(role, bytes);
    this.versions.set(role, version);
  }

  /** The finished file, read back as every client will read it: nothing goes out that would not verify. */
  private sealed(
    role: string,
    message: string,
    signatures: readonly Signature[],
    by: readonly RoleWithKeys[],
  ): Uint8Array {
    const bytes = encodeFile(message, signatures);
    const envelope = openEnvelope(bytes, role);
    for (const { roleKeys, keys } of by) verifySignatures(envelope, role, roleKeys, keys);
    const again =
      role === ROOT
        ? encodeRoot(decodeRoot(envelope.signed))
        : role === SNAPSHOT
          ? encodeMeta('Snapshot', decodeSnapshot(envelope.signed))
          : encodeTargets(decodeTargets(envelope.signed, role));
    if (signedMessage(again) !== message) throw notFixedPoint(role);
    return bytes;
  }
}

function rootRoleOf(root: RootMetadata): RoleWithKeys | undefined {
  const roleKeys = root.roles.get(ROOT);
  return root.version === 0 || roleKeys === undefined ? undefined : { roleKeys, keys: root.keys };
}

function notFixedPoint(role: string): OperationError {
  return new OperationError(
    'ENCODING_UNSTABLE',
    `The ${role} metadata would not survive being read and written again; it was not published`,
  );
}
