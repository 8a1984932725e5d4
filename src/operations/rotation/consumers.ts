/** Who goes on reading a repository by itself after a rotation, and who cannot (tuf.md 3.4, 7.4). */
import { pinRule } from '../../tuf/pinning.ts';
import { ROOT, TARGETS } from '../../tuf/role-name.ts';
import type { RepositoryAccess } from '../session.ts';

export interface Consumers {
  /** What holds for those who follow. */
  readonly notes: readonly string[];
  readonly cannotFollow: readonly { readonly who: string; readonly cure: string }[];
}

export interface RotationForConsumers {
  /** Roles that got new keys. */
  readonly roles: readonly string[];
  /** IDs of the new root certificates, as far as they are made. */
  readonly certificateIds: readonly string[];
  /** Until when copies of before are valid (ISO 8601): that of the timestamp. */
  readonly oldCopiesUntil?: string;
  readonly compromised: boolean;
}

/** What a rotation means for those who only read. */
export function consumersOf(
  { gun, pinning }: Pick<RepositoryAccess, 'gun' | 'pinning'>,
  { roles, certificateIds, oldCopiesUntil, compromised }: RotationForConsumers,
): Consumers {
  const notes = [
    'Whoever has read the repository before follows by itself: the root of before vouches for the new one',
  ];
  const cannotFollow: { who: string; cure: string }[] = [];
  if (compromised && oldCopiesUntil !== undefined) {
    cannotFollow.push({
      who: `clients that cannot reach the server, and whoever is shown a copy of before: they trust what the thief signed until that expires on ${oldCopiesUntil}`,
      cure: 'Let them reach the trust server, and pull again what was pulled since; look at what was pulled by a tag that is removed now.',
    });
  }
  if (roles.includes(ROOT)) {
    const ids =
      certificateIds.length === 0
        ? 'the ID of the new root certificate'
        : certificateIds.join(' and ');
    cannotFollow.push(
      {
        who: `clients that pin the old root certificate (trust_pinning.certs of notary) or that meet the repository for the first time with disable_tofu`,
        cure: `Give them ${ids} beside the old one.`,
      },
      {
        who: 'clients that were away for long: a cached root whose metadata or certificate has expired leads only to a root that its own keys signed',
        cure: `Delete what they have of ${gun} (trust/tuf/${gun}) after comparing the new thumbprint, and read it again.`,
      },
      {
        who: 'admission controllers and other programs that are configured with the root’s public key or certificate',
        cure: 'Change their configuration; those with trust on first use follow, or are restarted if they keep the root for themselves.',
      },
    );
  } else if (roles.includes(TARGETS)) {
    notes.push('Nothing has to be changed at consumers: pins are about the root, which stays');
  }
  const rule = pinRule({ ...pinning, disableTofu: false }, gun);
  if (roles.includes(ROOT) && rule.kind === 'certs')
    notes.push(
      `The pin for “${rule.pattern}” on this machine allows the new root beside the old one`,
    );
  if (roles.includes(ROOT) && pinning.confirmed?.has(gun) === true)
    notes.push('The thumbprints that are pinned on this machine move to the new root');
  return { notes, cannotFollow };
}
