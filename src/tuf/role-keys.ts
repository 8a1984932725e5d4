/** Which keys of a role are at hand, and signing with them. */
import { canonicalKeyId, keyId, type PublicKey } from '../crypto/public-key.ts';
import { type Signature, verifySignature } from '../crypto/signature.ts';
import { KeyError } from '../errors.ts';
import type { KeyRing } from './key-ring.ts';
import type { RoleKeys } from './metadata.ts';

export interface RoleWithKeys {
  readonly roleKeys: RoleKeys;
  readonly keys: ReadonlyMap<string, PublicKey>;
}

interface KeyAtHand {
  readonly scopedId: string;
  readonly canonicalId: string;
  readonly key: PublicKey;
}

/** Whether two roles have the same threshold and the same keys, in whatever order. */
export function sameRoleKeys(a: RoleKeys | undefined, b: RoleKeys | undefined): boolean {
  const ids = (role: RoleKeys | undefined) => JSON.stringify([...(role?.keyIds ?? [])].sort());
  return a?.threshold === b?.threshold && ids(a) === ids(b);
}

/** Whether enough private keys are at hand to sign for a role. */
export async function canSign(role: RoleWithKeys, ring: KeyRing): Promise<boolean> {
  return (
    new Set((await keysAtHand(role, ring)).map(({ canonicalId }) => canonicalId)).size >=
    role.roleKeys.threshold
  );
}

/** Whether any private key of a role is at hand. */
export async function hasAnyKey(role: RoleWithKeys, ring: KeyRing): Promise<boolean> {
  return (await keysAtHand(role, ring)).length > 0;
}

/** Canonical IDs of a role's keys. */
export function canonicalIds({ roleKeys, keys }: RoleWithKeys): string[] {
  return (roleKeys.keyIds ?? []).flatMap(id => {
    const key = keys.get(id);
    return key === undefined ? [] : [canonicalKeyId(key)];
  });
}

/**
 * Checks that a role can be signed.
 * @throws KeyError `KEY_MISSING`
 */
export async function requireKeys(name: string, role: RoleWithKeys, ring: KeyRing): Promise<void> {
  if (!(await canSign(role, ring))) throw missingKeys(name, role);
}

/**
 * Signs a message with every key of a role that is at hand.
 * @throws KeyError `KEY_MISSING` below the threshold, `SIGNATURE_UNUSABLE` when a key's own signature does not verify
 */
export async function signFor(
  name: string,
  role: RoleWithKeys,
  ring: KeyRing,
  message: Uint8Array,
): Promise<Signature[]> {
  await requireKeys(name, role, ring);
  const signatures: Signature[] = [];
  for (const { scopedId, canonicalId, key } of await keysAtHand(role, ring)) {
    const signer = await ring.signer(canonicalId);
    const { method, signature } = await signer.sign(message);
    if (!verifySignature(key, method, message, signature)) throw unusable(name, canonicalId);
    signatures.push({ keyId: scopedId, method, signature });
  }
  return signatures;
}

/** Signs with those of some keys that are at hand; none is obligatory. */
export async function signAtHand(
  name: string,
  keys: readonly PublicKey[],
  ring: KeyRing,
  message: Uint8Array,
): Promise<Signature[]> {
  const byId = new Map(keys.map(key => [keyId(key), key]));
  const role = { roleKeys: { keyIds: [...byId.keys()], threshold: 0 }, keys: byId };
  return await signFor(name, role, ring, message);
}

async function keysAtHand({ roleKeys, keys }: RoleWithKeys, ring: KeyRing): Promise<KeyAtHand[]> {
  const found: KeyAtHand[] = [];
  for (const scopedId of roleKeys.keyIds ?? []) {
    const key = keys.get(scopedId);
    if (key === undefined) continue;
    const canonicalId = canonicalKeyId(key);
    if (await ring.has(canonicalId)) found.push({ scopedId, canonicalId, key });
  }
  return found;
}

function missingKeys(name: string, role: RoleWithKeys): KeyError {
  const ids = canonicalIds(role);
  const { threshold } = role.roleKeys;
  const wanted =
    ids.length === 1
      ? `the key ${ids[0]}`
      : `${threshold} of the keys ${ids.join(', ') || '(it has none)'}`;
  return new KeyError(
    'KEY_MISSING',
    `Signing for ${name} needs ${wanted}, which this machine does not have`,
    {
      hint: 'Copy the key file into the private folder of the trust directory, or sign on the machine that has it.',
      details: { role: name, keyIds: ids, threshold },
    },
  );
}

function unusable(name: string, id: string): KeyError {
  return new KeyError(
    'SIGNATURE_UNUSABLE',
    `What the key ${id} signs for ${name} does not verify: nobody would accept it`,
    {
      hint: 'RSA keys under 2048 bits are refused by every client; else the key file may hold another key than its name says.',
      details: { role: name, keyId: id },
    },
  );
}
