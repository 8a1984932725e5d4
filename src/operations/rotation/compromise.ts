/** A rotation because somebody else may have the key: what the repository holds is reviewed before it is signed again. */
import { printable } from '../../crypto/printable.ts';
import { canonicalKeyId, type PublicKey } from '../../crypto/public-key.ts';
import { OperationError, UsageError } from '../../errors.ts';
import type { Change } from '../../tuf/change.ts';
import type { KeyRing } from '../../tuf/key-ring.ts';
import type { Repository } from '../../tuf/repository.ts';
import { canonicalIds } from '../../tuf/role-keys.ts';
import { BASE_ROLES, RELEASES, signerName, TARGETS } from '../../tuf/role-name.ts';
import type { TrustedSet } from '../../tuf/trusted-set.ts';
import { tryOut } from '../delegations/delegation.ts';
import { readDelegationKeys } from '../delegations/delegation-keys.ts';
import { type KnownCopy, knownBefore } from '../history.ts';
import type { CreatedKey } from '../initialise-repository.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { newRoleKeys, trialKey } from './keys.ts';
import { type HeldTag, type ReviewedChanges, reviewedChanges } from './review-changes.ts';
import { type Decision, decide, type ReviewRules, unknownNames } from './review-decision.ts';
import { type ReviewItems, reviewItems, type SignerItem, type TagItem } from './review-items.ts';

export interface CompromiseRequest {
  /** What was there at that moment counts as known. */
  readonly trustedSince?: Date;
  readonly rules: ReviewRules;
  /** Files with the new public keys of signers, by role; a key is made here for a signer without. */
  readonly rekeyFiles?: ReadonlyMap<string, readonly string[]>;
  /** Whether a name that the repository does not have is a warning: it may be another repository's. */
  readonly lenient?: boolean;
}

/** What a review did, or in a dry run would do. */
export interface CompromiseReview
  extends Pick<
    ReviewedChanges,
    'removedTags' | 'removedSigners' | 'restored' | 'rekeyed' | 'remainingTags' | 'remainingSigners'
  > {
  /** ISO 8601. */
  readonly trustedSince?: string;
  /** The copy that was compared with. */
  readonly known?: { readonly verifiedAt: string; readonly from: KnownCopy['from'] };
  readonly keptTags: readonly HeldTag[];
  /** Roles. */
  readonly keptSigners: readonly string[];
  /** Of a dry run: what nobody has decided on. */
  readonly undecidedTags: readonly TagItem[];
  readonly undecidedSigners: readonly SignerItem[];
  /** What the known copy had and is gone, or goes since it was replaced: to be signed again if it should be there. */
  readonly formerTags: ReviewItems['goneTags'];
  readonly goneSigners: readonly string[];
  /** Delegations whose content was signed again, since keys that had signed it went. */
  readonly resignedRoles: readonly string[];
  /** Kept tags that nobody vouches for any more, since the delegations went that held them. */
  readonly lostTags: readonly string[];
  /** How many targets the repository's own key signed again. */
  readonly signedAgain: number;
  /** Whether all that was to go is gone. */
  readonly isComplete: boolean;
  readonly warnings: readonly string[];
}

export interface ReviewedRotationOptions {
  readonly request: CompromiseRequest;
  readonly access: RepositoryAccess;
  /** Changes of the roles' own keys. */
  readonly rotation: readonly Change[];
  /** Canonical IDs of the keys that are replaced. */
  readonly compromised: readonly string[];
  readonly ring: KeyRing;
  /** Told of each signer's key that is made. */
  readonly created: CreatedKey[];
  /** Of a rehearsal: no key is made; what is undecided is shown instead of refused. */
  readonly trial?: { readonly showUndecided: boolean };
}

/**
 * The changes of one publish: new keys, and nothing left of what is not kept.
 * @throws UsageError `REVIEW_NEEDED` when something is neither kept nor dropped, `REVIEW_NAME_UNKNOWN`, `REVIEW_CONFLICT`,
 *   `REVIEW_AMBIGUOUS`
 */
export async function reviewedRotation(
  session: Session,
  repository: Repository,
  options: ReviewedRotationOptions,
): Promise<{ changes: readonly Change[]; review: CompromiseReview }> {
  const { request, rotation, compromised, trial } = options;
  const { trustedSince, rules } = request;
  const known =
    trustedSince === undefined
      ? undefined
      : await knownBefore(session, repository.gun, trustedSince);
  const items = reviewItems(repository, known);
  const notes = [
    ...checkNames(items, request),
    ...(trustedSince !== undefined && known === undefined
      ? [
          `This machine remembers nothing of ${repository.gun} from before ${trustedSince.toISOString()}`,
        ]
      : []),
  ];
  notes.push(...changedBaseKeys(repository, known, rotation));
  const decision = decide(items, rules);
  if (trial?.showUndecided !== true) checkDecided(repository, decision);
  const { keys: newKeys, ring } = await signersKeys(session, decision, options);
  for (const [{ role, keyIds }, choice] of decision.signers) {
    if (choice !== 'keep' && choice !== 'restore') continue;
    if (role !== RELEASES && (await anyHere(keyIds, options.ring)))
      notes.push(
        `The key of the signer ${signerName(role)} lies beside the one that somebody may have: if it may have been taken too, give the signer a new one, with --rekey-signer ${signerName(role)}`,
      );
  }
  const plan = { decision, rotation, compromised, newKeys };
  const planned = await reviewedChanges(repository, plan, ring);
  const { changes, effects } = await tryOut(ring, repository, {
    changes: planned.changes,
    warnings: [...planned.warnings, ...notes],
  });
  const { removedTags, removedSigners, restored, rekeyed, remainingTags, remainingSigners } =
    planned;
  const keptTags = keptOf(decision, removedSigners);
  const review: CompromiseReview = {
    ...(trustedSince === undefined ? {} : { trustedSince: trustedSince.toISOString() }),
    ...(known === undefined
      ? {}
      : { known: { verifiedAt: known.verifiedAt.toISOString(), from: known.from } }),
    keptTags,
    keptSigners: [...decision.signers].flatMap(([{ role }, choice]) =>
      choice === 'keep' || choice === 'restore' ? [role] : [],
    ),
    undecidedTags: decision.undecidedTags,
    undecidedSigners: decision.undecidedSigners,
    removedTags,
    removedSigners,
    restored,
    rekeyed,
    remainingTags,
    remainingSigners: [...new Set(remainingSigners)],
    formerTags: formerOf(items, decision, keptTags),
    goneSigners: items.goneSigners,
    resignedRoles: effects.resigned,
    lostTags: lostOf(effects.lostTargets, keptTags),
    signedAgain:
      (repository.view(TARGETS)?.targets.size ?? 0) -
      removedTags.filter(({ role }) => role === TARGETS).length,
    isComplete: remainingTags.length + remainingSigners.length === 0,
    warnings: effects.warnings,
  };
  return { changes, review };
}

/**
 * Proves that what was removed is gone.
 * @throws OperationError `REVIEW_INCOMPLETE`
 */
export function checkReviewed(review: CompromiseReview, after: TrustedSet): void {
  const tags = review.removedTags.filter(({ role, tag, sha256 }) => {
    const target = after.targets.get(role)?.metadata.targets.get(tag);
    return target !== undefined && hexOf(target.hashes.sha256) === sha256;
  });
  const signers = review.removedSigners.filter(role => after.delegation(role) !== undefined);
  if (tags.length + signers.length === 0) return;
  const names = [...tags.map(({ tag, role }) => `${tag} (${role})`), ...signers];
  throw new OperationError(
    'REVIEW_INCOMPLETE',
    `The server took the change, but ${names.map(printable).join(', ')} ${names.length === 1 ? 'is' : 'are'} still there when it is read again`,
    {
      hint: 'Somebody may still be publishing: find out with which key, and replace that one too.',
    },
  );
}

function hexOf(base64: string | undefined): string {
  return base64 === undefined ? '' : Buffer.from(base64, 'base64').toString('hex');
}

/** Base roles that have other keys than before and keep them: only whoever has the root key can do that. */
function changedBaseKeys(
  repository: Repository,
  known: KnownCopy | undefined,
  rotation: readonly Change[],
): string[] {
  return BASE_ROLES.flatMap(role => {
    const before = known?.roles.get(role)?.keyIds;
    const isRotated = rotation.some(({ type, path }) => type === 'role' && path === role);
    if (before === undefined || isRotated) return [];
    const present = canonicalIds(repository.keysFor(role));
    if (present.every(id => before.includes(id))) return [];
    return [
      `The ${role} key was replaced since, by somebody with the root key: if that was not you, replace it too: tabellion key rotate ${repository.gun} ${role}`,
    ];
  });
}

async function anyHere(ids: readonly string[], ring: KeyRing): Promise<boolean> {
  for (const id of ids) if (await ring.has(id)) return true;
  return false;
}

/** @returns warnings, where they are enough */
function checkNames(items: ReviewItems, { rules, lenient = false }: CompromiseRequest): string[] {
  const unknown = unknownNames(items, rules).map(name => printable(name));
  if (unknown.length === 0) return [];
  const message = `Nothing here is called ${unknown.join(', ')}`;
  if (lenient) return [message];
  throw new UsageError('REVIEW_NAME_UNKNOWN', message, {
    hint: '--dry-run shows what there is.',
    details: { names: unknown },
  });
}

/** How many names an error lists. */
const SHOWN = 10;

function checkDecided(
  { gun }: Repository,
  { undecidedTags, undecidedSigners }: Pick<Decision, 'undecidedTags' | 'undecidedSigners'>,
): void {
  const names = [
    ...undecidedTags.map(({ tag, sha256 }) => `${tag}@sha256:${sha256.slice(0, 12)}…`),
    ...undecidedSigners.map(({ role }) => `the signer ${signerName(role)}`),
  ].map(name => printable(name));
  if (names.length === 0) return;
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  throw new UsageError(
    'REVIEW_NEEDED',
    `${printable(gun)} holds what nobody has reviewed: ${names.slice(0, SHOWN).join(', ')}${more}`,
    {
      hint: 'Say what becomes of it: --keep TAG, --drop TAG, --keep-signer NAME, --drop-signer NAME, --keep-known with --trusted-since DATE, --keep-all or --drop-rest; --dry-run shows everything.',
      details: {
        repository: gun,
        tags: undecidedTags.map(({ tag, sha256, roles }) => ({
          tag,
          digest: `sha256:${sha256}`,
          roles,
        })),
        signers: undecidedSigners.map(({ role }) => role),
      },
    },
  );
}

function keptOf(decision: Decision, removedSigners: readonly string[]): HeldTag[] {
  return [...decision.tags].flatMap(([{ tag, sha256, size, roles }, choice]) =>
    choice === 'keep'
      ? roles
          .filter(role => !removedSigners.includes(role))
          .map(role => ({ tag, sha256, size, role }))
      : [],
  );
}

/** What names were in the known copy that nothing stands for any more. */
function formerOf(
  { goneTags }: ReviewItems,
  { tags }: Decision,
  kept: readonly HeldTag[],
): ReviewItems['goneTags'] {
  const replaced = new Map<string, { tag: string; sha256: string; size: number }>();
  for (const [{ tag, was }, choice] of tags)
    if (choice === 'drop' && was !== undefined && !kept.some(held => held.tag === tag))
      replaced.set(tag, { tag, ...was });
  return [...goneTags, ...replaced.values()];
}

/** Tags that were to stay and did not. */
function lostOf(lost: readonly string[], kept: readonly HeldTag[]): string[] {
  return lost.filter(name => kept.some(({ tag }) => tag === name));
}

/** The new keys of signers that are re-keyed: those in files, else such as are made here. */
async function signersKeys(
  session: Session,
  { signers }: Decision,
  { request, access, ring, created, trial }: ReviewedRotationOptions,
): Promise<{ keys: Map<string, PublicKey[]>; ring: KeyRing }> {
  const keys = new Map<string, PublicKey[]>();
  const imagined = new Set<string>();
  for (const [{ role, keyIds }, choice] of signers) {
    if (choice !== 'rekey') continue;
    const files = request.rekeyFiles?.get(role) ?? [];
    if (files.length > 0) {
      keys.set(role, await readDelegationKeys(files, session.now));
    } else if (trial !== undefined) {
      const key = trialKey(role, access.gun, session.now);
      imagined.add(canonicalKeyId(key));
      keys.set(role, [key]);
    } else {
      const made = await newRoleKeys(
        session,
        access,
        role,
        { given: [], old: keyIds, compromised: true },
        created,
      );
      keys.set(role, [...made.keys]);
    }
  }
  return { keys, ring: { ...ring, has: async id => imagined.has(id) || (await ring.has(id)) } };
}
