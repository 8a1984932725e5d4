/** What a key signs, and what somebody who has it could sign: the first question after a leak. */
import { canonicalKeyId } from '../../crypto/public-key.ts';
import {
  allSignedTargets,
  covers,
  type SignedTarget,
  usablePaths,
} from '../../tuf/delegation-walk.ts';
import { ROOT, SNAPSHOT, TARGETS, TIMESTAMP } from '../../tuf/role-name.ts';
import { targetSha256 } from '../../tuf/target.ts';
import type { TrustedSet } from '../../tuf/trusted-set.ts';
import { naturalOrder } from '../natural-order.ts';
import { meansKey } from '../rotation/meant-key.ts';
import type { Session } from '../session.ts';
import { viewOf } from '../signed-tags.ts';
import { type KeyAtHand, keysAtHand, rolesOf, trustedKeys } from './inventory.ts';
import {
  type LoadedRepository,
  type LoadOptions,
  loadRepositories,
} from './loaded-repositories.ts';

/**
 * What a role's key is good for. `everything`: root, which says who holds all the others. `all-tags`: the repository
 * key, which signs every tag and delegates. `some-tags`: a delegation. `staleness`: snapshot and timestamp, with
 * which old trust data can be shown as new, but nothing signed.
 */
export type KeyPower = 'everything' | 'all-tags' | 'some-tags' | 'staleness';

export interface SignedTag {
  readonly tag: string;
  readonly digest: string;
  readonly size: number;
  /** The role that holds it. */
  readonly role: string;
}

export interface KeyReach {
  readonly role: string;
  readonly power: KeyPower;
  /** How many keys must sign, and how many the role has: above one, this key alone can do nothing. */
  readonly threshold: number;
  readonly keys: number;
  /** Of a delegation: the prefixes of tags that it may sign; `""` stands for all. */
  readonly paths?: readonly string[];
  /** What the role's file holds, where this key's signature is one of those that hold. */
  readonly signs: readonly SignedTag[];
  /** What is signed today, by whomever, that this key could replace or remove. */
  readonly couldReplace: readonly SignedTag[];
}

export interface BlastRadius {
  /** Canonical ID. */
  readonly keyId: string;
  /** IDs of its certificates, each in one repository or more. */
  readonly certificateIds: readonly string[];
  /** The private key on this machine, if it is here. */
  readonly atHand?: KeyAtHand;
  readonly repositories: readonly {
    readonly repository: string;
    readonly server: string;
    readonly state: LoadedRepository['state'];
    readonly from: LoadedRepository['from'];
    readonly checkedAt?: string;
    readonly reach: readonly KeyReach[];
  }[];
  /** Repositories on this machine that could not be read: whether they trust the key is not known. */
  readonly unknown: readonly Pick<LoadedRepository, 'repository' | 'server' | 'problem'>[];
}

/**
 * Tells what a key signs or could have signed, in all repositories on this machine.
 * @param key an ID of either kind, or at least the first 7 digits of one
 * @throws UsageError `KEY_ID_INVALID`, `KEY_ID_AMBIGUOUS`; KeyError `KEY_NOT_FOUND`, `KEY_STORE_UNREADABLE`
 */
export async function blastRadius(
  session: Session,
  key: string,
  options: LoadOptions = {},
): Promise<BlastRadius> {
  return await blastRadiusOf(session, await loadRepositories(session, options), key);
}

/** The same, of repositories that were loaded before. */
export async function blastRadiusOf(
  session: Session,
  loaded: readonly LoadedRepository[],
  key: string,
): Promise<BlastRadius> {
  const atHand = await keysAtHand(session);
  const uses = loaded.flatMap(({ trusted }) => (trusted === undefined ? [] : keyUses(trusted)));
  const own = [...atHand.keys()].map(id => ({ id, keyId: id }));
  const id = meansKey(key, [...own, ...uses.flatMap(use => [use, { id: use.id, keyId: use.id }])]);
  const file = atHand.get(id);
  const certificates = uses.filter(use => use.id === id && use.keyId !== id);
  return {
    keyId: id,
    certificateIds: [...new Set(certificates.map(({ keyId }) => keyId))].sort(),
    ...(file === undefined ? {} : { atHand: file }),
    repositories: loaded.flatMap(({ trusted, repository, server, state, from, checkedAt }) => {
      const reach = trusted === undefined ? [] : reachOf(trusted, id);
      const at = checkedAt === undefined ? {} : { checkedAt };
      return reach.length === 0 ? [] : [{ repository, server, state, from, ...at, reach }];
    }),
    unknown: loaded.flatMap(({ trusted, repository, server, problem }) =>
      trusted === undefined
        ? [{ repository, server, ...(problem === undefined ? {} : { problem }) }]
        : [],
    ),
  };
}

function keyUses(trusted: TrustedSet): { id: string; keyId: string }[] {
  return rolesOf(trusted).flatMap(role =>
    trustedKeys(trusted, role, new Map()).map(({ id, certificateId = id }) => ({
      id,
      keyId: certificateId,
    })),
  );
}

function reachOf(trusted: TrustedSet, id: string): KeyReach[] {
  const view = viewOf(trusted);
  const everything = allSignedTargets(view);
  return rolesOf(trusted).flatMap((role): KeyReach[] => {
    const { roleKeys, keys } = trusted.keysFor(role);
    const ids = [...new Set(roleKeys.keyIds ?? [])];
    const scoped = ids.filter(keyId => {
      const key = keys.get(keyId);
      return key !== undefined && canonicalKeyId(key) === id;
    });
    if (scoped.length === 0) return [];
    const power = powerOf(role);
    const paths = power === 'some-tags' ? usablePaths(view, role) : undefined;
    const file = trusted.targets.get(role);
    const isSigner = file?.keyIds.some(keyId => scoped.includes(keyId)) === true;
    return [
      {
        role,
        power,
        threshold: roleKeys.threshold,
        keys: ids.length,
        ...(paths === undefined ? {} : { paths }),
        signs: isSigner ? tags(everything.filter(entry => entry.role === role)) : [],
        couldReplace: tags(withinReach(everything, power, paths ?? [''])),
      },
    ];
  });
}

function powerOf(role: string): KeyPower {
  if (role === ROOT) return 'everything';
  if (role === TARGETS) return 'all-tags';
  return role === SNAPSHOT || role === TIMESTAMP ? 'staleness' : 'some-tags';
}

function withinReach(
  all: readonly SignedTarget[],
  power: KeyPower,
  paths: readonly string[],
): SignedTarget[] {
  return power === 'staleness' ? [] : all.filter(({ name }) => covers(paths, name));
}

function tags(entries: readonly SignedTarget[]): SignedTag[] {
  return entries
    .map(({ name, role, target }) => {
      const sha256 = targetSha256(target);
      const digest = sha256 === '' ? '' : `sha256:${sha256}`;
      return { tag: name, digest, size: target.length, role };
    })
    .sort((a, b) => naturalOrder(a.tag, b.tag) || (a.role < b.role ? -1 : 1));
}
