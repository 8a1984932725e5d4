/** From decisions to the changes of one publish: what is not kept goes, in the same breath as the old key. */
import { printable } from '../../crypto/printable.ts';
import { canonicalKeyId, type PublicKey } from '../../crypto/public-key.ts';
import { applyChange } from '../../tuf/apply-change.ts';
import { type Change, removeTarget } from '../../tuf/change.ts';
import type { KeyRing } from '../../tuf/key-ring.ts';
import type { Repository } from '../../tuf/repository.ts';
import { canonicalIds, canSign } from '../../tuf/role-keys.ts';
import { isWithin, parentRole, RELEASES, signerName, TARGETS } from '../../tuf/role-name.ts';
import {
  delegationAdditions,
  delegationRemovals,
  keyPurge,
} from '../delegations/delegation-changes.ts';
import { delegationEntries } from '../delegations/delegation-effects.ts';
import type { Decision } from './review-decision.ts';
import type { SignerItem, TagItem } from './review-items.ts';

/** A tag in a role. */
export interface HeldTag {
  readonly tag: string;
  readonly sha256: string;
  readonly size: number;
  readonly role: string;
}

export interface ReviewedChanges {
  readonly changes: readonly Change[];
  /** What the changes take away. */
  readonly removedTags: readonly HeldTag[];
  readonly removedSigners: readonly string[];
  /** What delegations lose of what they got since. */
  readonly restored: readonly {
    readonly role: string;
    readonly keyIds: readonly string[];
    readonly paths: readonly string[];
  }[];
  /** Canonical IDs: the new keys, and those that they took the place of. */
  readonly rekeyed: readonly {
    readonly role: string;
    readonly keyIds: readonly string[];
    readonly oldKeyIds: readonly string[];
  }[];
  /** What was to go and stays, because no key that could take it away is here. */
  readonly remainingTags: readonly HeldTag[];
  readonly remainingSigners: readonly string[];
  readonly warnings: readonly string[];
}

export interface ReviewPlan {
  readonly decision: Decision;
  /** Changes of the roles' own keys, which come first: what follows is signed with the new ones. */
  readonly rotation: readonly Change[];
  /** Canonical IDs of keys that somebody else may have: no delegation goes on trusting one. */
  readonly compromised: readonly string[];
  /** New keys of signers, by role. */
  readonly newKeys: ReadonlyMap<string, readonly PublicKey[]>;
}

/**
 * The changes of one publish, tried out on a copy: what cannot be signed here is named, not attempted.
 * @throws OperationError, KeyError
 */
export async function reviewedChanges(
  repository: Repository,
  plan: ReviewPlan,
  ring: KeyRing,
): Promise<ReviewedChanges> {
  return await new Reviewing(repository, plan, ring).run();
}

class Reviewing {
  private readonly changes: Change[] = [];
  private readonly removedTags: HeldTag[] = [];
  private readonly removedSigners: string[] = [];
  private readonly restored: { role: string; keyIds: string[]; paths: string[] }[] = [];
  private readonly rekeyed: { role: string; keyIds: string[]; oldKeyIds: string[] }[] = [];
  private readonly remainingTags: HeldTag[] = [];
  private readonly remainingSigners: string[] = [];
  private readonly warnings: string[] = [];
  private readonly trial: Repository;
  private readonly plan: ReviewPlan;
  private readonly ring: KeyRing;

  constructor(repository: Repository, plan: ReviewPlan, ring: KeyRing) {
    this.trial = repository.copy();
    this.plan = plan;
    this.ring = ring;
  }

  async run(): Promise<ReviewedChanges> {
    await this.apply(...this.plan.rotation);
    const signers = [...this.plan.decision.signers];
    for (const [item, decision] of signers) {
      if (decision === 'rekey') await this.rekey(item);
      if (decision === 'restore') await this.restore(item);
    }
    const dropped = signers.flatMap(([item, decision]) => (decision === 'drop' ? [item] : []));
    await this.withdraw(dropped);
    for (const item of dropped) await this.drop(item);
    await this.purge();
    for (const [item, decision] of this.plan.decision.tags)
      if (decision === 'drop') await this.remove(item);
    const { changes, removedTags, removedSigners, restored, rekeyed } = this;
    const { remainingTags, remainingSigners, warnings } = this;
    return {
      changes,
      removedTags,
      removedSigners,
      restored,
      rekeyed,
      remainingTags,
      remainingSigners,
      warnings,
    };
  }

  private async apply(...changes: readonly Change[]): Promise<void> {
    for (const change of changes) await applyChange(this.trial, change, this.ring);
    this.changes.push(...changes);
  }

  private async canSign(role: string): Promise<boolean> {
    return await canSign(this.trial.keysFor(role), this.ring);
  }

  /** New keys in, all old ones out; into releases only if the signer could release before. */
  private async rekey({ role, keyIds }: SignerItem): Promise<void> {
    const keys = this.plan.newKeys.get(role) ?? [];
    if (!(await this.canSign(parentRole(role)))) {
      this.remainingSigners.push(role);
      return;
    }
    const added = keys.map(canonicalKeyId);
    const old = keyIds.filter(id => !added.includes(id));
    await this.exchange(role, keys, old);
    this.rekeyed.push({ role, keyIds: added, oldKeyIds: old });
    const released = this.keysOf(RELEASES);
    if (!keyIds.some(id => released.includes(id))) return;
    await this.exchange(RELEASES, keys, this.leaving(old));
  }

  private async exchange(
    role: string,
    keys: readonly PublicKey[],
    old: readonly string[],
  ): Promise<void> {
    await this.apply(...delegationAdditions({ role, keys, paths: [] }));
    if (old.length === 0) return;
    await this.apply(...delegationRemovals({ role, keyIds: old, paths: [], allPaths: false }));
  }

  /** Takes from a delegation what it got since. */
  private async restore({ role, added, removed }: SignerItem): Promise<void> {
    const { keyIds, paths } = added;
    if (keyIds.length + paths.length > 0) {
      if (!(await this.canSign(parentRole(role)))) {
        this.remainingSigners.push(role);
        return;
      }
      await this.apply(...delegationRemovals({ role, keyIds, paths, allPaths: false }));
      this.restored.push({ role, keyIds: [...keyIds], paths: [...paths] });
    }
    const lost = [...removed.keyIds.map(id => `the key ${id.slice(0, 12)}`), ...removed.paths];
    if (lost.length > 0) {
      this.warnings.push(
        `${role} had ${lost.map(printable).join(', ')} before, and has not now: add it again if it should`,
      );
    }
  }

  /** Whoever goes as a signer releases nothing either, unless somebody who stays has the same key. */
  private async withdraw(dropped: readonly SignerItem[]): Promise<void> {
    const isGone = (role: string): boolean => dropped.some(item => isWithin(role, item.role));
    if (isGone(RELEASES) || !this.trial.hasRole(RELEASES)) return;
    const staying = new Set(
      [...delegationEntries(this.trial)].flatMap(([role, { keys }]) =>
        role === RELEASES || isGone(role) ? [] : keys,
      ),
    );
    const released = this.keysOf(RELEASES);
    const keyIds = [...new Set(dropped.flatMap(item => item.keyIds))].filter(
      id => released.includes(id) && !staying.has(id),
    );
    if (keyIds.length === 0 || !(await this.canSign(TARGETS))) return;
    await this.apply(...delegationRemovals({ role: RELEASES, keyIds, paths: [], allPaths: false }));
  }

  private async drop({ role }: SignerItem): Promise<void> {
    // Its parent may have gone before it.
    if (!this.trial.hasRole(role)) {
      this.removedSigners.push(role);
      return;
    }
    if (!(await this.canSign(parentRole(role)))) {
      this.remainingSigners.push(role);
      return;
    }
    const whole = { role, keyIds: [], paths: [], allPaths: false };
    await this.apply(...delegationRemovals(whole));
    this.removedSigners.push(role);
  }

  private async purge(): Promise<void> {
    const { compromised } = this.plan;
    const trusting = [...delegationEntries(this.trial)].filter(([, { keys }]) =>
      keys.some(id => compromised.includes(id)),
    );
    if (trusting.length === 0) return;
    await this.apply(keyPurge(compromised));
    for (const [role, { keys }] of delegationEntries(this.trial))
      if (keys.some(id => compromised.includes(id))) this.remainingSigners.push(role);
    for (const [role] of trusting)
      this.warnings.push(`${role} had the replaced key too, and lost it`);
  }

  private async remove({ tag, sha256, size, roles }: TagItem): Promise<void> {
    for (const role of roles) {
      const held = { tag, sha256, size, role };
      if (!this.trial.hasRole(role)) this.removedTags.push(held);
      else if (await this.canSign(role)) {
        await this.apply(removeTarget(role, tag));
        this.removedTags.push(held);
      } else this.remainingTags.push(held);
    }
  }

  private keysOf(role: string): string[] {
    return this.trial.hasRole(role) ? canonicalIds(this.trial.keysFor(role)) : [];
  }

  /** Those of a signer's old keys that may release and that nobody else signs with. */
  private leaving(old: readonly string[]): string[] {
    const others = new Set(
      [...delegationEntries(this.trial)].flatMap(([role, { keys }]) =>
        role === RELEASES ? [] : keys,
      ),
    );
    const released = this.keysOf(RELEASES);
    return old.filter(id => released.includes(id) && !others.has(id));
  }
}

/** How people call a delegation: `alice`. */
export function signerNames(roles: readonly string[]): string {
  return roles.map(role => printable(signerName(role))).join(', ');
}
