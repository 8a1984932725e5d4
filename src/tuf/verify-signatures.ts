/** Whether enough of a role's keys signed a file (tuf.md 3.2, TUF 5.x “threshold”). */
import { canonicalKeyId, keyId, type PublicKey } from '../crypto/public-key.ts';
import { verifySignature } from '../crypto/signature.ts';
import { TrustError } from '../errors.ts';
import type { Envelope } from './envelope.ts';
import type { RoleKeys } from './metadata.ts';

/**
 * Checks a file's signatures against a role. Unknown keys, unknown methods and bad signatures do not
 * count; one key counts once, under however many IDs it signs.
 *
 * @returns the key IDs whose signatures hold
 * @throws TrustError `NO_SIGNATURES`, `SIGNATURE_THRESHOLD`, `KEY_ID_MISMATCH`
 */
export function verifySignatures(
  envelope: Envelope,
  role: string,
  roleKeys: RoleKeys,
  keys: ReadonlyMap<string, PublicKey>,
): string[] {
  if (envelope.signatures.length === 0) {
    throw new TrustError('NO_SIGNATURES', `The ${role} metadata has no signatures`, {
      details: { role },
    });
  }
  const allowed = new Set(roleKeys.keyIds ?? []);
  const valid = new Map<string, string>();
  for (const signature of envelope.signatures) {
    const key = allowed.has(signature.keyId) ? keys.get(signature.keyId) : undefined;
    if (key === undefined) continue;
    checkKeyId(signature.keyId, key, role);
    const identity = canonicalIdentity(key);
    if (identity === undefined || valid.has(identity)) continue;
    if (verifySignature(key, signature.method, envelope.message, signature.signature)) {
      valid.set(identity, signature.keyId);
    }
  }
  if (valid.size < roleKeys.threshold) throw belowThreshold(envelope, role, roleKeys, valid.size);
  return [...valid.values()];
}

function checkKeyId(id: string, key: PublicKey, role: string): void {
  if (keyId(key) === id) return;
  throw new TrustError(
    'KEY_ID_MISMATCH',
    `A key of the ${role} metadata does not have the ID it is listed under (${id})`,
    {
      details: { role, keyId: id },
    },
  );
}

function canonicalIdentity(key: PublicKey): string | undefined {
  try {
    return canonicalKeyId(key);
  } catch {
    return undefined;
  }
}

function belowThreshold(
  envelope: Envelope,
  role: string,
  roleKeys: RoleKeys,
  valid: number,
): TrustError {
  const trusted = roleKeys.keyIds ?? [];
  const signedBy = envelope.signatures.map(signature => signature.keyId);
  return new TrustError(
    'SIGNATURE_THRESHOLD',
    `The ${role} metadata has ${valid} valid signature${valid === 1 ? '' : 's'} of the ${roleKeys.threshold} it needs`,
    {
      hint: `Trusted to sign: ${shortIds(trusted)}. Found: ${shortIds(signedBy)}.`,
      details: {
        role,
        threshold: roleKeys.threshold,
        valid,
        trustedKeyIds: trusted,
        signedByKeyIds: signedBy,
      },
    },
  );
}

function shortIds(ids: readonly string[]): string {
  const shown = ids
    .slice(0, 8)
    .map(id => (/^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : 'an unusual key ID'));
  return shown.length === 0 ? 'no key' : shown.join(', ');
}
