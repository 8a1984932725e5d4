/**
 * What a repository holds that somebody with its keys could have put there: every tag and every delegation, each
 * set beside what this machine knew before. Pure.
 */
import { sha256Hex } from '../../crypto/digest.ts';
import type { Repository } from '../../tuf/repository.ts';
import { canonicalIds } from '../../tuf/role-keys.ts';
import { isKnownTarget, type KnownCopy, type KnownTarget, knownTarget } from '../history.ts';
import { naturalOrder } from '../natural-order.ts';

/**
 * `known`: it was so in the known copy; `changed`: there was another under its name; `new`: there was none;
 * `unremembered`: there is no known copy to compare with.
 */
export type Standing = 'known' | 'changed' | 'new' | 'unremembered';

/** A name as one content, in those roles for which the same can be said of it. */
export interface TagItem {
  readonly kind: 'tag';
  /** Of this very content in these roles. */
  readonly id: string;
  readonly tag: string;
  /** Lower-case hex; empty when the entry has none. */
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
  readonly roles: readonly string[];
  readonly standing: Standing;
  /** Of a changed tag: what it was. */
  readonly was?: { readonly sha256: string; readonly size: number };
}

/** A delegation as it stands. */
export interface SignerItem {
  readonly kind: 'signer';
  readonly id: string;
  readonly role: string;
  /** Canonical IDs. */
  readonly keyIds: readonly string[];
  readonly threshold: number;
  readonly paths: readonly string[];
  readonly standing: Standing;
  /** Of a changed delegation: what it has now and had not. */
  readonly added: { readonly keyIds: readonly string[]; readonly paths: readonly string[] };
  /** What it had and has no more. */
  readonly removed: { readonly keyIds: readonly string[]; readonly paths: readonly string[] };
  /** Of a changed delegation whose threshold is another: what it was. */
  readonly thresholdWas?: number;
}

export interface ReviewItems {
  readonly tags: readonly TagItem[];
  readonly signers: readonly SignerItem[];
  /** Names that the known copy had and that are gone from everywhere. */
  readonly goneTags: readonly {
    readonly tag: string;
    readonly sha256: string;
    readonly size: number;
  }[];
  /** Delegations that the known copy had and that are gone. */
  readonly goneSigners: readonly string[];
}

/** @param known what this machine knew before the time in question; undefined when it knew nothing */
export function reviewItems(repository: Repository, known: KnownCopy | undefined): ReviewItems {
  return {
    tags: tagItems(repository, known),
    signers: signerItems(repository, known),
    goneTags: goneTags(repository, known),
    goneSigners: [...(known?.roles.keys() ?? [])].filter(
      role => role.includes('/') && !repository.hasRole(role),
    ),
  };
}

function tagItems(repository: Repository, known: KnownCopy | undefined): TagItem[] {
  const items = new Map<string, TagItem & { roles: string[] }>();
  const before = knownByName(known);
  // An entry outside its role's paths is nobody's word now, but may become so.
  for (const [role, { metadata }] of repository.roles) {
    for (const [tag, target] of metadata.targets) {
      const { sha256, size, rest = '' } = knownTarget(target);
      const earlier = before.get(tag);
      const standing =
        known === undefined
          ? 'unremembered'
          : isKnownTarget(known.roles.get(role)?.targets.get(tag), target)
            ? 'known'
            : earlier === undefined
              ? 'new'
              : 'changed';
      const id = digestOf(['tag', tag, sha256, size, rest, standing]);
      const present = items.get(id);
      if (present !== undefined) {
        present.roles.push(role);
        continue;
      }
      const was =
        standing === 'changed' && earlier !== undefined
          ? { was: { sha256: earlier.sha256, size: earlier.size } }
          : {};
      items.set(id, { kind: 'tag', id, tag, sha256, size, roles: [role], standing, ...was });
    }
  }
  return [...items.values()].sort((a, b) => naturalOrder(a.tag, b.tag));
}

function signerItems(repository: Repository, known: KnownCopy | undefined): SignerItem[] {
  const items: SignerItem[] = [];
  for (const { metadata } of repository.roles.values()) {
    for (const { name: role, paths, threshold } of metadata.delegations.roles ?? []) {
      const keyIds = [...new Set(canonicalIds(repository.keysFor(role)))];
      const before = known?.roles.get(role);
      const added = {
        keyIds: without(keyIds, before?.keyIds ?? []),
        paths: without(paths, before?.paths ?? []),
      };
      const removed = {
        keyIds: without(before?.keyIds ?? [], keyIds),
        paths: without(before?.paths ?? [], paths),
      };
      const differences = [added, removed].flatMap(({ keyIds: ids, paths: prefixes }) => [
        ...ids,
        ...prefixes,
      ]);
      const isSame =
        before !== undefined && differences.length === 0 && before.threshold === threshold;
      const standing =
        known === undefined
          ? 'unremembered'
          : before === undefined
            ? 'new'
            : isSame
              ? 'known'
              : 'changed';
      const isChanged = standing === 'changed';
      const nothing = { keyIds: [], paths: [] };
      items.push({
        kind: 'signer',
        id: digestOf(['signer', role, [...keyIds].sort(), threshold, paths]),
        role,
        keyIds,
        threshold,
        paths,
        standing,
        added: isChanged ? added : nothing,
        removed: isChanged ? removed : nothing,
        ...(isChanged && before !== undefined && before.threshold !== threshold
          ? { thresholdWas: before.threshold }
          : {}),
      });
    }
  }
  return items.sort((a, b) => (a.role < b.role ? -1 : 1));
}

function goneTags(
  repository: Repository,
  known: KnownCopy | undefined,
): { tag: string; sha256: string; size: number }[] {
  const present = new Set(
    [...repository.roles.values()].flatMap(({ metadata }) => [...metadata.targets.keys()]),
  );
  return [...knownByName(known)]
    .filter(([tag]) => !present.has(tag))
    .map(([tag, { sha256, size }]) => ({ tag, sha256, size }))
    .sort((a, b) => naturalOrder(a.tag, b.tag));
}

/** What each name was, by the word of the role that counts first. */
function knownByName(known: KnownCopy | undefined): Map<string, KnownTarget> {
  const names = new Map<string, KnownTarget>();
  for (const { targets } of known?.roles.values() ?? [])
    for (const [name, target] of targets) if (!names.has(name)) names.set(name, target);
  return names;
}

function without(list: readonly string[], other: readonly string[]): string[] {
  return list.filter(item => !other.includes(item));
}

function digestOf(parts: readonly unknown[]): string {
  return sha256Hex(Buffer.from(JSON.stringify(parts), 'utf8')).slice(0, 24);
}
