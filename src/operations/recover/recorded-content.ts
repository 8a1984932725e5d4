/** A repository's verified content, written down so that it can be signed again: roles, their keys, tags. */
import type { JsonValue } from '../../crypto/canonical-json.ts';
import {
  canonicalKeyId,
  type PublicKey,
  type PublicKeyJson,
  publicKeyFromJson,
  publicKeyToJson,
} from '../../crypto/public-key.ts';
import { TARGETS } from '../../tuf/role-name.ts';
import { encodeTarget, readTarget, type Target, targetSha256 } from '../../tuf/target.ts';
import type { TrustedSet } from '../../tuf/trusted-set.ts';
import { isReleasing, releasedTags, viewOf } from '../signed-tags.ts';

export interface RecordedRole {
  readonly role: string;
  /** None for `targets`: its key is made anew. */
  readonly keys: readonly PublicKeyJson[];
  readonly threshold: number;
  readonly paths: readonly string[];
  readonly targets: readonly RecordedTarget[];
}

export interface RecordedTarget {
  readonly name: string;
  /** As in metadata: length, hashes, custom. */
  readonly target: { readonly [name: string]: JsonValue };
  /** Whether this machine had verified it so before the leak; absent where nobody asked. */
  readonly known?: boolean;
  /** Why it is not to be signed again. */
  readonly leftOut?: LeftOut;
}

export type LeftOut = 'dropped' | 'not-in-registry' | 'not-known-before';

export interface RecordedContent {
  readonly from: 'server' | 'cache';
  /** When the server last vouched for it (ISO 8601). */
  readonly checkedAt: string;
  readonly versions: Readonly<Record<string, number>>;
  /** `targets` first, parents before children. */
  readonly roles: readonly RecordedRole[];
}

/** What a verified repository holds; roles that were left aside in verification are not in it. */
export function recordContent(
  trusted: TrustedSet,
  origin: { readonly from: 'server' | 'cache'; readonly checkedAt: string },
): RecordedContent {
  const roles: RecordedRole[] = [];
  const queue = [TARGETS];
  for (let role = queue.shift(); role !== undefined; role = queue.shift()) {
    const metadata = trusted.targets.get(role)?.metadata;
    roles.push({
      role,
      ...recordKeys(trusted, role),
      targets: [...(metadata?.targets ?? [])].map(([name, target]) => ({
        name,
        target: encodeTarget(target),
      })),
    });
    queue.push(...(metadata?.delegations.roles ?? []).map(({ name }) => name));
  }
  return {
    from: origin.from,
    checkedAt: origin.checkedAt,
    versions: Object.fromEntries(
      [...trusted.targets].map(([role, { metadata }]) => [role, metadata.version]),
    ),
    roles,
  };
}

function recordKeys(
  trusted: TrustedSet,
  role: string,
): Pick<RecordedRole, 'keys' | 'threshold' | 'paths'> {
  if (role === TARGETS) return { keys: [], threshold: 1, paths: [''] };
  const { roleKeys, keys } = trusted.keysFor(role);
  return {
    keys: (roleKeys.keyIds ?? []).flatMap(id => {
      const key = keys.get(id);
      return key === undefined ? [] : [publicKeyToJson(key)];
    }),
    threshold: roleKeys.threshold,
    paths: trusted.delegation(role)?.paths ?? [],
  };
}

/** @throws OperationError `TARGET_MALFORMED` for a record that was altered */
export function targetOf({ name, target }: RecordedTarget): Target {
  return readTarget(target, name);
}

export function publicKeysOf(role: RecordedRole): PublicKey[] {
  return role.keys.map(publicKeyFromJson);
}

export function keyIdsOf(role: RecordedRole): string[] {
  return publicKeysOf(role).map(canonicalKeyId);
}

/** A tag as consumers see it: name and SHA-256 (lower-case hex). */
export interface TagDigest {
  readonly tag: string;
  readonly sha256: string;
  readonly known?: boolean;
  readonly leftOut?: LeftOut;
}

/** The tags that consumers could see: those in `targets` and `targets/releases`. */
export function recordedTags({ roles }: RecordedContent): TagDigest[] {
  const tags = new Map<string, TagDigest>();
  for (const { role, targets } of roles) {
    if (!isReleasing(role)) continue;
    for (const recorded of targets) {
      const sha256 = targetSha256(targetOf(recorded));
      const { leftOut, known } = recorded;
      tags.set(`${recorded.name} ${sha256}`, {
        tag: recorded.name,
        sha256,
        ...(known === undefined ? {} : { known }),
        ...(leftOut === undefined ? {} : { leftOut }),
      });
    }
  }
  return [...tags.values()];
}

/** The tags that consumers see in a verified repository. */
export function visibleTags(trusted: TrustedSet): TagDigest[] {
  return releasedTags(viewOf(trusted)).map(({ tag, sha256 }) => ({ tag, sha256 }));
}

/** The same content with a mark at the tags that are not to come back. */
export function leavingOut(
  content: RecordedContent,
  why: (target: RecordedTarget, role: string) => LeftOut | undefined,
): RecordedContent {
  return mapTargets(content, (target, role) => {
    const leftOut = target.leftOut ?? why(target, role);
    return leftOut === undefined ? target : { ...target, leftOut };
  });
}

/** The same content with each target changed. */
export function mapTargets(
  content: RecordedContent,
  change: (target: RecordedTarget, role: string) => RecordedTarget,
): RecordedContent {
  return {
    ...content,
    roles: content.roles.map(role => ({
      ...role,
      targets: role.targets.map(target => change(target, role.role)),
    })),
  };
}
