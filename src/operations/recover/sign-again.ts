/** Which changes make a new repository of what an old one held, with the keys that are here. */
import { canonicalKeyId, type PublicKey } from '../../crypto/public-key.ts';
import { addTarget, type Change, createDelegation } from '../../tuf/change.ts';
import type { KeyRing } from '../../tuf/key-ring.ts';
import { parentRole, signerName, TARGETS } from '../../tuf/role-name.ts';
import { isReleasing } from '../signed-tags.ts';
import type { UnsignedRole } from './record.ts';
import {
  keyIdsOf,
  publicKeysOf,
  type RecordedContent,
  type RecordedRole,
  targetOf,
} from './recorded-content.ts';

export interface SignAgainPlan {
  readonly changes: readonly Change[];
  /** Tags that consumers see after it. */
  readonly tags: readonly string[];
  readonly unsigned: readonly UnsignedRole[];
}

export interface SignAgainOptions {
  /** Canonical IDs of keys that must not come back. */
  readonly withoutKeys: readonly string[];
  /** Names of signers that must not come back. */
  readonly withoutSigners: readonly string[];
}

/**
 * Delegations come back with their public keys, tags in every role that can be signed here. A tag that was released
 * by keys that are elsewhere is released by the new repository key, so that no consumer goes without it.
 */
export async function signAgain(
  content: RecordedContent,
  ring: KeyRing,
  options: SignAgainOptions,
): Promise<SignAgainPlan> {
  const changes: Change[] = [];
  const unsigned: UnsignedRole[] = [];
  const signable = new Set<string>([TARGETS]);
  const released = new Set<string>();
  for (const recorded of content.roles) {
    const { role } = recorded;
    if (role !== TARGETS) {
      const keys = remainingKeys(recorded, options);
      if (keys.length === 0 || !signable.has(parentRole(role))) {
        unsigned.push(unsignedRole(recorded));
        continue;
      }
      const threshold = Math.min(recorded.threshold, keys.length);
      changes.push(
        createDelegation(role, { threshold, addKeys: keys, addPaths: [...recorded.paths] }),
      );
      if (await hasEnough(keys, threshold, ring)) signable.add(role);
    }
    if (!signable.has(role)) {
      if (recorded.targets.length > 0) unsigned.push(unsignedRole(recorded));
      continue;
    }
    for (const target of recorded.targets) {
      if (target.leftOut !== undefined) continue;
      changes.push(addTarget(role, target.name, targetOf(target)));
      if (isReleasing(role)) released.add(target.name);
    }
  }
  for (const { role, targets } of content.roles) {
    if (!isReleasing(role) || signable.has(role)) continue;
    for (const target of targets) {
      if (target.leftOut !== undefined || released.has(target.name)) continue;
      changes.push(addTarget(TARGETS, target.name, targetOf(target)));
      released.add(target.name);
    }
  }
  return { changes, tags: [...released], unsigned };
}

/** Canonical IDs of the private keys here that will sign for delegations. */
export async function signingKeysHere(
  { roles }: RecordedContent,
  ring: KeyRing,
  options: SignAgainOptions,
): Promise<string[]> {
  const ids: string[] = [];
  for (const recorded of roles) {
    for (const key of recorded.role === TARGETS ? [] : remainingKeys(recorded, options)) {
      const id = canonicalKeyId(key);
      if (await ring.has(id)) ids.push(id);
    }
  }
  return ids;
}

function remainingKeys(recorded: RecordedRole, options: SignAgainOptions): PublicKey[] {
  const { withoutKeys, withoutSigners } = options;
  if (withoutSigners.includes(signerName(recorded.role))) return [];
  return publicKeysOf(recorded).filter(key => !withoutKeys.includes(canonicalKeyId(key)));
}

async function hasEnough(
  keys: readonly PublicKey[],
  threshold: number,
  ring: KeyRing,
): Promise<boolean> {
  let here = 0;
  for (const key of keys) if (await ring.has(canonicalKeyId(key))) here += 1;
  return here >= threshold;
}

function unsignedRole(recorded: RecordedRole): UnsignedRole {
  return {
    role: recorded.role,
    keyIds: keyIdsOf(recorded),
    tags: recorded.targets.filter(({ leftOut }) => leftOut === undefined).map(({ name }) => name),
  };
}
