/** The keys of a role before and after a rotation. */
import { generatePrivateKey, type PrivateKey } from '../../crypto/private-key.ts';
import { canonicalKeyId, keyId, type PublicKey } from '../../crypto/public-key.ts';
import { KeyError } from '../../errors.ts';
import type { Repository } from '../../tuf/repository.ts';
import { isBaseRole, ROOT, signerName } from '../../tuf/role-name.ts';
import { type CreatedKey, certifiedKey } from '../initialise-repository.ts';
import { keyFile, type RepositoryAccess, type Session } from '../session.ts';
import { type PendingRotation, readPending, writePending } from './pending.ts';

export interface RotatedKey {
  /** Canonical ID. */
  readonly id: string;
  /** Of a root key: ID of its certificate. */
  readonly certificateId?: string;
  /** Where its private key lies on this machine. */
  readonly file?: string;
}

/** The public keys of a role. */
export function keysOfRole(repository: Repository, role: string): PublicKey[] {
  const { roleKeys, keys } = repository.keysFor(role);
  return (roleKeys.keyIds ?? []).flatMap(id => keys.get(id) ?? []);
}

/** Keys as reports name them. */
export async function describeKeys(
  session: Session,
  publicKeys: readonly PublicKey[],
): Promise<RotatedKey[]> {
  const keys = await session.keys();
  const described: RotatedKey[] = [];
  for (const key of publicKeys) {
    const id = canonicalKeyId(key);
    const scoped = keyId(key);
    const file = (await keys.find(id))?.path;
    described.push({
      id,
      ...(scoped === id ? {} : { certificateId: scoped }),
      ...(file === undefined ? {} : { file }),
    });
  }
  return described;
}

export interface NewKeys {
  /** As they stand in the root. */
  readonly keys: readonly PublicKey[];
  /** Whether they were made for an earlier rotation that was cut short. */
  readonly reused: boolean;
  /** Canonical IDs of such keys that are not used. */
  readonly unused: readonly string[];
}

export interface KeysWanted {
  readonly given: readonly PrivateKey[];
  /** The role's keys so far, canonical IDs. */
  readonly old: readonly string[];
  /** Whether somebody else may have the old keys. */
  readonly compromised: boolean;
}

/**
 * The keys that were given, else those of a rotation that was cut short, else a new one: stored before anything
 * names them, and noted until it is known that the server took them.
 * @param role a base role, or a signer's
 */
export async function newRoleKeys(
  session: Session,
  { gun }: RepositoryAccess,
  role: string,
  { given, old, compromised }: KeysWanted,
  created: CreatedKey[],
): Promise<NewKeys> {
  const store = await session.keys();
  const use = isBaseRole(role) ? { role, gun } : { role: signerName(role) };
  const published = (key: PrivateKey): PublicKey =>
    role === ROOT ? certifiedKey(key, gun, session.now) : key.publicKey;
  const note = async (newKeys: readonly string[]): Promise<void> => {
    const startedAt = session.now.toISOString();
    const about = { repository: gun, role, compromised, startedAt };
    await writePending(session, { ...about, newKeys, oldKeys: old });
  };
  const pending = await readPending(session, gun, role);
  // What lay beside a key that somebody took is as good as taken.
  const mayReuse = given.length === 0 && (!compromised || pending?.compromised === true);
  const left = mayReuse ? await leftOver(session, pending, old) : undefined;
  if (left !== undefined) return { keys: left.map(published), reused: true, unused: [] };
  const keys = given.length > 0 ? given : [generatePrivateKey('ecdsa')];
  // Noted first: a key that is stored and in no note would have been made for nothing.
  await note(keys.map(({ id }) => id));
  for (const key of keys) await storeKey(session, key, use, created);
  const unused: string[] = [];
  for (const id of pending?.newKeys ?? [])
    if (!old.includes(id) && !keys.some(key => key.id === id) && (await store.has(id)))
      unused.push(id);
  return { keys: keys.map(published), reused: false, unused };
}

async function storeKey(
  session: Session,
  key: PrivateKey,
  use: { readonly role: string; readonly gun?: string },
  created: CreatedKey[],
): Promise<void> {
  const store = await session.keys();
  const isNew = !(await store.has(key.id));
  await store.add(key, use);
  if (isNew) created.push({ id: key.id, role: use.role, file: keyFile(session, key.id) });
}

/** The keys of a rotation that was cut short, when they can be unlocked. */
async function leftOver(
  session: Session,
  pending: PendingRotation | undefined,
  old: readonly string[],
): Promise<PrivateKey[] | undefined> {
  if (pending === undefined || pending.newKeys.some(id => old.includes(id))) return undefined;
  const store = await session.keys();
  const keys: PrivateKey[] = [];
  for (const id of pending.newKeys) {
    if (!(await store.has(id))) return undefined;
    try {
      keys.push(await store.open(id));
    } catch (error) {
      if (!(error instanceof KeyError)) throw error;
      session.log(`the key ${id} of an earlier rotation is not used: ${error.message}`);
      return undefined;
    }
  }
  return keys.length === 0 ? undefined : keys;
}

/** A key that is not stored and stands for one that would be made, to see what a rotation would do. */
export function trialKey(role: string, gun: string, now: Date): PublicKey {
  const key = generatePrivateKey('ecdsa');
  return role === ROOT ? certifiedKey(key, gun, now) : key.publicKey;
}
