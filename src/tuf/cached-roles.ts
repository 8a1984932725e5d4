/**
 * What the cache holds, as far as it verifies under the cached root, however old it is: it sets the versions that
 * may not be undercut (tuf.md 3.2.3). Each file is looked at only when something else is offered in its place.
 */
import { TabellionError } from '../errors.ts';
import type { SnapshotMetadata, TargetsMetadata, TimestampMetadata } from './metadata.ts';
import { parentRole, SNAPSHOT, TARGETS, TIMESTAMP } from './role-name.ts';
import { TrustedSet, type Verified } from './trusted-set.ts';

export class CachedRoles {
  private readonly scratch: TrustedSet;
  private readonly read: (role: string) => Promise<Uint8Array | undefined>;
  private readonly log: (step: string) => void;
  private readonly looked = new Set<string>();

  /** @param trusted stands on the cached root */
  constructor(
    trusted: TrustedSet,
    read: (role: string) => Promise<Uint8Array | undefined>,
    log: (step: string) => void,
  ) {
    this.scratch = new TrustedSet(trusted.root, trusted.context);
    this.read = read;
    this.log = log;
  }

  timestamp(): Promise<Verified<TimestampMetadata> | undefined> {
    return this.attempt(TIMESTAMP, bytes => this.scratch.verifyTimestamp(bytes));
  }

  snapshot(): Promise<Verified<SnapshotMetadata> | undefined> {
    return this.attempt(SNAPSHOT, bytes => this.scratch.verifySnapshot(bytes));
  }

  /** `targets` or a delegation, the latter under its cached parent. */
  async targets(role: string): Promise<Verified<TargetsMetadata> | undefined> {
    if (role !== TARGETS) await this.targets(parentRole(role));
    if (!this.looked.has(role)) {
      this.looked.add(role);
      const verified = await this.attempt(role, bytes => this.scratch.verifyTargets(role, bytes));
      if (verified !== undefined) this.scratch.targets.set(role, verified);
    }
    return this.scratch.targets.get(role);
  }

  private async attempt<T>(role: string, verify: (bytes: Uint8Array) => T): Promise<T | undefined> {
    const bytes = await this.read(role);
    if (bytes === undefined) return undefined;
    try {
      return verify(bytes);
    } catch (error) {
      if (!(error instanceof TabellionError)) throw error;
      this.log(`cached ${role} is of no use: ${error.message}`);
      return undefined;
    }
  }
}
