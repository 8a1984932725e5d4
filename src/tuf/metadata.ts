/** The payloads of the four kinds of metadata, decoded (tuf.md 1.2). */
import type { PublicKey } from '../crypto/public-key.ts';
import type { Target } from './target.ts';

/** Which keys sign for a role, and how many of them must. `keyIds` is null where Go printed `null`. */
export interface RoleKeys {
  readonly keyIds: readonly string[] | null;
  readonly threshold: number;
}

export interface DelegatedRole extends RoleKeys {
  readonly name: string;
  /** Plain prefixes of target names; `""` allows all, an empty list none. */
  readonly paths: readonly string[];
}

interface Common {
  readonly version: number;
  /** RFC 3339, as the file has it. */
  readonly expires: string;
}

export interface RootMetadata extends Common {
  readonly consistentSnapshot: boolean;
  /** By scoped key ID. */
  readonly keys: ReadonlyMap<string, PublicKey>;
  readonly roles: ReadonlyMap<string, RoleKeys>;
}

export interface Delegations {
  readonly keys: ReadonlyMap<string, PublicKey>;
  /** Null where Go printed `null`, after the last delegation went. */
  readonly roles: readonly DelegatedRole[] | null;
}

export interface TargetsMetadata extends Common {
  readonly targets: ReadonlyMap<string, Target>;
  readonly delegations: Delegations;
}

/** Length and digests of another metadata file. */
export interface FileMeta {
  readonly length: number;
  readonly hashes: Readonly<Record<string, string>>;
}

export interface SnapshotMetadata extends Common {
  readonly meta: ReadonlyMap<string, FileMeta>;
}

export interface TimestampMetadata extends Common {
  readonly meta: ReadonlyMap<string, FileMeta>;
}
