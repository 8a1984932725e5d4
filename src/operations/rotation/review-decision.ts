/** From what a person said to what becomes of each tag and each delegation. Pure. */
import { printable } from '../../crypto/printable.ts';
import { UsageError } from '../../errors.ts';
import { isWithin, RELEASES } from '../../tuf/role-name.ts';
import type { ReviewItems, SignerItem, TagItem } from './review-items.ts';

/** What a person may say; what is more exact counts before what is less. */
export interface ReviewRules {
  /** Items by their IDs, as ticked in a list. */
  readonly keptIds?: readonly string[];
  /** Items that were in the list and not ticked. */
  readonly droppedIds?: readonly string[];
  /** Delegations of which only what is new goes, by their IDs. */
  readonly restoredIds?: readonly string[];
  /** `TAG`, or `TAG@sha256:<hex>` where a tag is signed as two contents. */
  readonly keep?: readonly string[];
  readonly drop?: readonly string[];
  /** Full role names. */
  readonly keepSigners?: readonly string[];
  readonly dropSigners?: readonly string[];
  readonly rekeySigners?: readonly string[];
  /** Whatever was so in the known copy; a delegation that got keys or paths since loses these. */
  readonly keepKnown?: boolean;
  readonly keepAll?: boolean;
  /** Whatever nothing else keeps. */
  readonly dropRest?: boolean;
}

export type TagDecision = 'keep' | 'drop' | 'undecided';
/** `restore`: it stays without the keys and paths that it got since; `rekey`: it gets new keys. */
export type SignerDecision = 'keep' | 'restore' | 'rekey' | 'drop' | 'undecided';

export interface Decision {
  readonly tags: ReadonlyMap<TagItem, TagDecision>;
  readonly signers: ReadonlyMap<SignerItem, SignerDecision>;
  readonly undecidedTags: readonly TagItem[];
  readonly undecidedSigners: readonly SignerItem[];
}

/**
 * Decides on everything that a repository holds.
 * @throws UsageError `REVIEW_CONFLICT` for a tag or signer that is to be kept and dropped, `REVIEW_AMBIGUOUS`
 */
export function decide(items: ReviewItems, rules: ReviewRules): Decision {
  checkRules(rules);
  const signers = new Map(items.signers.map(item => [item, signerDecision(item, rules)]));
  const gone = [...signers].flatMap(([{ role }, decision]) => (decision === 'drop' ? [role] : []));
  const tags = new Map(items.tags.map(item => [item, tagDecision(item, items.tags, rules, gone)]));
  return {
    tags,
    signers,
    undecidedTags: items.tags.filter(item => tags.get(item) === 'undecided'),
    undecidedSigners: items.signers.filter(item => signers.get(item) === 'undecided'),
  };
}

/** Names in the rules that nothing in the repository bears: mostly typing errors, and then dangerous ones. */
export function unknownNames({ tags, signers }: ReviewItems, rules: ReviewRules): string[] {
  const { keep = [], drop = [], keepSigners = [], dropSigners = [], rekeySigners = [] } = rules;
  return [
    ...[...keep, ...drop].filter(name => !tags.some(item => isNamed(item, name))),
    ...[...keepSigners, ...dropSigners, ...rekeySigners].filter(
      name => !signers.some(({ role }) => role === name),
    ),
  ];
}

function signerDecision(item: SignerItem, rules: ReviewRules): SignerDecision {
  const { role, id, standing } = item;
  if (rules.droppedIds?.includes(id)) return 'drop';
  if (rules.rekeySigners?.includes(role)) return 'rekey';
  if (rules.restoredIds?.includes(id)) return 'restore';
  if (rules.keptIds?.includes(id)) return 'keep';
  if (rules.dropSigners?.some(dropped => isWithin(role, dropped))) return 'drop';
  if (rules.keepSigners?.includes(role)) return 'keep';
  if (rules.keepKnown === true) {
    if (standing === 'known') return 'keep';
    // Fewer signatures than before cannot be made more again by a change of keys.
    if (standing === 'changed' && item.thresholdWas === undefined) return 'restore';
  }
  if (rules.keepAll === true) return 'keep';
  return rules.dropRest === true ? 'drop' : 'undecided';
}

function tagDecision(
  item: TagItem,
  all: readonly TagItem[],
  rules: ReviewRules,
  goneRoles: readonly string[],
): TagDecision {
  if (rules.droppedIds?.includes(item.id)) return 'drop';
  if (rules.keptIds?.includes(item.id)) return 'keep';
  if (rules.drop?.some(name => isNamed(item, name))) return 'drop';
  const naming = rules.keep?.find(name => isNamed(item, name));
  if (naming !== undefined) {
    checkOneContent(naming, all);
    return 'keep';
  }
  if (rules.keepKnown === true && item.standing === 'known') return 'keep';
  if (rules.keepAll === true) return 'keep';
  if (rules.dropRest === true) return 'drop';
  // It goes with the delegations that hold it.
  const isGone = item.roles.every(role => goneRoles.some(gone => isWithin(role, gone)));
  return isGone ? 'drop' : 'undecided';
}

/** Whether an item is meant by `TAG` or `TAG@sha256:<hex>`. */
function isNamed({ tag, sha256 }: TagItem, name: string): boolean {
  return name === tag || (sha256 !== '' && name === `${tag}@sha256:${sha256}`);
}

function checkOneContent(name: string, all: readonly TagItem[]): void {
  const contents = all.filter(item => isNamed(item, name));
  const digests = new Set(contents.map(({ sha256, size }) => `${sha256} ${size}`));
  if (digests.size <= 1) return;
  throw new UsageError(
    'REVIEW_AMBIGUOUS',
    `${printable(name)} is signed as ${digests.size} contents, so it cannot be kept by its name alone`,
    {
      hint: `Say which: ${contents.map(({ tag, sha256 }) => `${printable(tag)}@sha256:${sha256}`).join(' or ')}`,
      details: { tag: name },
    },
  );
}

function checkRules(rules: ReviewRules): void {
  const kept = [...(rules.keep ?? []), ...(rules.keepSigners ?? [])];
  const dropped = [...(rules.drop ?? []), ...(rules.dropSigners ?? [])];
  const rekeyed = rules.rekeySigners ?? [];
  const both =
    kept.find(name => dropped.includes(name)) ?? rekeyed.find(name => dropped.includes(name));
  if (both !== undefined) {
    throw new UsageError('REVIEW_CONFLICT', `${printable(both)} is to be kept and to be dropped`);
  }
  if (rules.keepAll === true && rules.dropRest === true) {
    throw new UsageError(
      'REVIEW_CONFLICT',
      'Everything is to be kept, and the rest is to be dropped',
      { hint: 'Give --keep-all or --drop-rest.' },
    );
  }
  if (rekeyed.includes(RELEASES)) {
    throw new UsageError(
      'SIGNER_RESERVED',
      '“releases” is no signer: it gets the keys of those who may release',
      { hint: 'Re-key the signers.' },
    );
  }
}
