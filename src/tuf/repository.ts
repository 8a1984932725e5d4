/**
 * A repository that is being changed: verified metadata as it was loaded, what was altered since, and which
 * files must be signed again. Roles that nobody altered keep the bytes that they came with (tuf.md 1.6).
 */
import type { PublicKey } from '../crypto/public-key.ts';
import { OperationError } from '../errors.ts';
import { usablePaths } from './delegation-walk.ts';
import type {
  DelegatedRole,
  RoleKeys,
  RootMetadata,
  SnapshotMetadata,
  TargetsMetadata,
} from './metadata.ts';
import { sameRoleKeys } from './role-keys.ts';
import { isBaseRole, isDelegationName, isWithin, parentRole, TARGETS } from './role-name.ts';
import type { VerifiedRoot } from './root-trust.ts';
import type { Target } from './target.ts';
import type { InvalidRole, TrustedSet } from './trusted-set.ts';

/** A role's file: as loaded when `bytes` is there and `dirty` is not, else to be signed. */
export interface EditedRole {
  metadata: TargetsMetadata;
  readonly bytes: Uint8Array | undefined;
  dirty: boolean;
}

export interface RepositoryParts {
  readonly gun: string;
  readonly root: RootMetadata;
  /** Absent for a root that was never signed. */
  readonly rootBytes?: Uint8Array | undefined;
  readonly targets: Iterable<readonly [string, EditedRole]>;
  readonly invalid?: Iterable<readonly [string, InvalidRole]>;
  readonly snapshot?: SnapshotMetadata | undefined;
  /** Whether the server has no trust data yet. */
  readonly unpublished: boolean;
}

export class Repository {
  readonly gun: string;
  /** The root as it was loaded: its role must sign a change of itself. */
  readonly loadedRoot: RootMetadata;
  readonly rootBytes: Uint8Array | undefined;
  root: RootMetadata;
  rootDirty: boolean;
  /** A root that was signed on another machine: it is published as it is. */
  signedRoot: Uint8Array | undefined;
  readonly roles: Map<string, EditedRole>;
  readonly invalid: Map<string, InvalidRole>;
  readonly snapshot: SnapshotMetadata | undefined;
  readonly unpublished: boolean;
  /** Roles whose delegation was removed: their entries leave the snapshot. */
  readonly removedRoles = new Set<string>();
  /** Roles whose delegation was added: an entry that the snapshot has for them is of an earlier life. */
  readonly addedRoles = new Set<string>();
  /** Root keys of earlier versions that shall sign a new root too, as far as they are at hand (tuf.md 7.6). */
  legacyRootKeys: readonly PublicKey[] = [];
  readonly warnings: string[] = [];
  private readonly editable = new Map<string, Map<string, Target>>();
  /** Versions of the files that were forgotten: the server takes none that is lower (tuf.md 5.4). */
  private readonly forgottenVersions = new Map<string, number>();

  constructor(parts: RepositoryParts) {
    this.gun = parts.gun;
    this.loadedRoot = parts.root;
    this.rootBytes = parts.rootBytes;
    this.root = parts.root;
    this.rootDirty = parts.rootBytes === undefined;
    this.roles = new Map(parts.targets);
    this.invalid = new Map(parts.invalid);
    this.snapshot = parts.snapshot;
    this.unpublished = parts.unpublished;
  }

  /** A repository as an update left it. */
  static fromTrusted(trusted: TrustedSet): Repository {
    return new Repository({
      gun: trusted.context.gun,
      root: trusted.root.metadata,
      rootBytes: trusted.root.bytes,
      targets: loaded(trusted.targets),
      invalid: trusted.invalid,
      snapshot: trusted.snapshot?.metadata,
      unpublished: false,
    });
  }

  /** A repository that was initialised on this machine and that the server does not know yet (tuf.md 6.1). */
  static fromUnpublished(
    gun: string,
    root: VerifiedRoot,
    targets: { bytes: Uint8Array; metadata: TargetsMetadata },
    snapshot?: SnapshotMetadata,
  ): Repository {
    return new Repository({
      gun,
      root: root.metadata,
      rootBytes: root.bytes,
      targets: loaded([[TARGETS, targets]]),
      snapshot,
      unpublished: true,
    });
  }

  /** The same repository once more, to try changes on; only before the first change. */
  copy(): Repository {
    return new Repository({
      gun: this.gun,
      root: this.root,
      rootBytes: this.rootBytes,
      targets: [...this.roles].map(([role, edited]) => [role, { ...edited }] as const),
      invalid: this.invalid,
      snapshot: this.snapshot,
      unpublished: this.unpublished,
    });
  }

  /** The present content of a targets role. */
  readonly view = (role: string): TargetsMetadata | undefined => this.roles.get(role)?.metadata;

  delegation(role: string): DelegatedRole | undefined {
    return this.view(parentRole(role))?.delegations.roles?.find(({ name }) => name === role);
  }

  /**
   * The keys by which a role signs now.
   * @throws OperationError `ROLE_UNKNOWN`
   */
  keysFor(role: string): { roleKeys: RoleKeys; keys: ReadonlyMap<string, PublicKey> } {
    const base = isBaseRole(role) ? this.root.roles.get(role) : undefined;
    if (base !== undefined) return { roleKeys: base, keys: this.root.keys };
    const entry = isDelegationName(role) ? this.delegation(role) : undefined;
    const keys = this.view(parentRole(role))?.delegations.keys;
    if (entry !== undefined && keys !== undefined) return { roleKeys: entry, keys };
    throw unknownRole(role);
  }

  /** Whether a role exists, signed or not. */
  hasRole(role: string): boolean {
    return role === TARGETS || this.delegation(role) !== undefined;
  }

  usablePaths(role: string): readonly string[] {
    return usablePaths(this.view, role);
  }

  /**
   * Replaces the content of a targets role and marks it for signing; its file comes into being if need be.
   * @throws OperationError `ROLE_UNKNOWN`
   */
  edit(role: string, change: (metadata: TargetsMetadata) => TargetsMetadata): void {
    const present = this.roles.get(role) ?? this.emptyRole(role);
    this.roles.set(role, { metadata: change(present.metadata), bytes: undefined, dirty: true });
  }

  /** A role's targets, to be altered in place: copied once, since a batch may add thousands. */
  editableTargets(role: string): Map<string, Target> {
    let targets = this.editable.get(role);
    if (targets === undefined) {
      targets = new Map(this.view(role)?.targets);
      this.editable.set(role, targets);
    }
    const own = targets;
    this.edit(role, metadata => ({ ...metadata, targets: own }));
    return own;
  }

  /** Forgets a role and all below it, since nothing delegates to them any more. */
  forget(role: string): void {
    this.removedRoles.add(role);
    for (const name of [...this.roles.keys(), ...this.invalid.keys()]) {
      if (!isWithin(name, role)) continue;
      const version = (this.roles.get(name) ?? this.invalid.get(name))?.metadata.version ?? 0;
      this.forgottenVersions.set(name, version);
      this.roles.delete(name);
      this.invalid.delete(name);
      this.editable.delete(name);
    }
  }

  editRoot(root: RootMetadata): void {
    this.root = root;
    this.rootDirty = true;
  }

  /**
   * Takes a root that was signed on another machine, verified by the caller. Where it gives `targets` other keys,
   * that file is signed again: without it the server takes the root all the same and nobody can read the
   * repository any more (tuf.md 8.5).
   */
  adoptSignedRoot(root: RootMetadata, bytes: Uint8Array): void {
    const sameTargets = sameRoleKeys(this.root.roles.get(TARGETS), root.roles.get(TARGETS));
    this.root = root;
    this.rootDirty = false;
    this.signedRoot = bytes;
    if (!sameTargets) this.edit(TARGETS, metadata => metadata);
  }

  /** A role that was never signed: version 0, so that signing makes it 1. A file that lost its signatures goes on from its version. */
  private emptyRole(role: string): EditedRole {
    if (!this.hasRole(role)) throw unknownRole(role);
    const version =
      this.invalid.get(role)?.metadata.version ?? this.forgottenVersions.get(role) ?? 0;
    this.invalid.delete(role);
    this.removedRoles.delete(role);
    return { metadata: emptyTargets(version), bytes: undefined, dirty: true };
  }
}

/** Targets metadata with nothing in it. */
export function emptyTargets(version = 0): TargetsMetadata {
  return { version, expires: '', targets: new Map(), delegations: { keys: new Map(), roles: [] } };
}

function* loaded(
  roles: Iterable<readonly [string, { bytes: Uint8Array; metadata: TargetsMetadata }]>,
): Generator<readonly [string, EditedRole]> {
  for (const [role, { bytes, metadata }] of roles) yield [role, { metadata, bytes, dirty: false }];
}

function unknownRole(role: string): OperationError {
  return new OperationError('ROLE_UNKNOWN', `The repository has no role ${role}`, {
    details: { role },
  });
}
