/** Whose keys a repository's metadata files name, read without verifying: for telling what a key is good for. */
import { canonicalKeyId, type PublicKey } from '../../crypto/public-key.ts';
import { TabellionError } from '../../errors.ts';
import { decodeRoot, decodeSnapshot, decodeTargets, decodeTimestamp } from '../../tuf/decode.ts';
import { openEnvelope } from '../../tuf/envelope.ts';
import { ROOT, SNAPSHOT, TIMESTAMP } from '../../tuf/role-name.ts';
import { rolesOf } from '../trusting-roles.ts';
import type { InventoryMetadata } from './inventory.ts';

export interface RoleHolders {
  readonly role: string;
  readonly threshold: number;
  /** Each key once, by canonical ID. */
  readonly keys: readonly PublicKey[];
}

/** The roles of all files that can be understood. */
export function holdersIn(metadata: ReadonlyMap<string, Uint8Array>): RoleHolders[] {
  return [...metadata].flatMap(([file, bytes]) => {
    try {
      return rolesOf(file, bytes).map(({ role, threshold, keyIds, keys }) => {
        const found = (keyIds ?? []).flatMap(id => keys.get(id) ?? []);
        return {
          role,
          threshold,
          keys: [...new Map(found.map(key => [canonicalKeyId(key), key])).values()],
        };
      });
    } catch (error) {
      if (error instanceof TabellionError) return [];
      throw error;
    }
  });
}

/** Version and expiry of a file, as far as it can be understood. */
export function describeMetadata(role: string, bytes: Uint8Array): InventoryMetadata {
  try {
    const { signed } = openEnvelope(bytes, role);
    const { version, expires } =
      role === ROOT
        ? decodeRoot(signed)
        : role === SNAPSHOT
          ? decodeSnapshot(signed)
          : role === TIMESTAMP
            ? decodeTimestamp(signed)
            : decodeTargets(signed, role);
    return { role, version, expires };
  } catch (error) {
    if (error instanceof TabellionError) return { role };
    throw error;
  }
}
