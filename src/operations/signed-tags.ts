/** What Docker's clients make of a repository: which tags are signed, and by whom (tuf.md 4.10, cli.md 2.4). */
import { allSignedTargets, type SignedTarget, type TargetsView } from '../tuf/delegation-walk.ts';
import { RELEASES, signerName, TARGETS } from '../tuf/role-name.ts';
import { type Target, targetSha256 } from '../tuf/target.ts';
import type { TrustedSet } from '../tuf/trusted-set.ts';

/** Name for who signed when no signer but the repository key did. */
export const REPOSITORY_ADMIN = 'Repo Admin';

/** A name with one digest, released: held by `targets` or `targets/releases`. */
export interface ReleasedTag {
  readonly tag: string;
  /** Lower-case hex; empty when the entry has no SHA-256. */
  readonly sha256: string;
  readonly target: Target;
  /** Signers besides the releasing roles, in metadata order. */
  readonly signers: readonly string[];
  /** All roles that hold this very pair. */
  readonly roles: readonly string[];
}

/** All released tags, or those of one name; a name that has two digests is there twice. */
export function releasedTags(view: TargetsView, name?: string): ReleasedTag[] {
  const pairs = new Map<string, { entries: SignedTarget[]; released: boolean }>();
  for (const entry of allSignedTargets(view, name)) {
    const key = `${targetSha256(entry.target)} ${entry.name}`;
    const pair = pairs.get(key) ?? { entries: [], released: false };
    pair.entries.push(entry);
    pair.released ||= isReleasing(entry.role);
    pairs.set(key, pair);
  }
  return [...pairs.values()]
    .filter(({ released }) => released)
    .map(({ entries }) => {
      const first = entries[0] as SignedTarget;
      const roles = entries.map(({ role }) => role);
      return {
        tag: first.name,
        sha256: targetSha256(first.target),
        target: first.target,
        signers: roles.filter(role => !isReleasing(role)).map(signerName),
        roles,
      };
    });
}

/** The roles whose word Docker takes. */
export function isReleasing(role: string): boolean {
  return role === TARGETS || role === RELEASES;
}

/** The content of the roles that are trusted. */
export function viewOf(trusted: TrustedSet): TargetsView {
  return role => trusted.targets.get(role)?.metadata;
}
