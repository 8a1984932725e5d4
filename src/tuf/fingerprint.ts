/** Length and digests of a metadata file, as snapshot and timestamp list them. */
import { sha256, sha512 } from '../crypto/digest.ts';
import { TrustError } from '../errors.ts';
import type { FileMeta } from './metadata.ts';

/** The entry for a file: over all its bytes, envelope and signatures included (tuf.md 1.1). */
export function fileMeta(bytes: Uint8Array): FileMeta {
  return {
    hashes: { sha256: sha256(bytes).toString('base64'), sha512: sha512(bytes).toString('base64') },
    length: bytes.length,
  };
}

/**
 * Checks bytes against every known digest of their entry.
 * @throws TrustError `HASH_MISMATCH`
 */
export function checkHashes(bytes: Uint8Array, meta: FileMeta, role: string): void {
  const { sha256: expected256, sha512: expected512 } = meta.hashes;
  if (expected256 === undefined && expected512 === undefined) {
    throw new TrustError(
      'HASH_MISMATCH',
      `The ${role} metadata is listed without any digest that can be checked`,
      {
        details: { role },
      },
    );
  }
  if (expected256 !== undefined) checkDigest(sha256(bytes), expected256, 'SHA-256', role);
  if (expected512 !== undefined) checkDigest(sha512(bytes), expected512, 'SHA-512', role);
}

/** Whether bytes are those that an entry lists. */
export function matches(bytes: Uint8Array, meta: FileMeta): boolean {
  try {
    checkHashes(bytes, meta, '');
    return true;
  } catch {
    return false;
  }
}

/** The SHA-256 of an entry in lower-case hex, for hash-named downloads. */
export function sha256HexOf(meta: FileMeta): string | undefined {
  const digest = meta.hashes.sha256;
  return digest === undefined ? undefined : Buffer.from(digest, 'base64').toString('hex');
}

function checkDigest(actual: Buffer, expected: string, algorithm: string, role: string): void {
  if (actual.toString('base64') === expected) return;
  const expectedHex = Buffer.from(expected, 'base64').toString('hex');
  throw new TrustError(
    'HASH_MISMATCH',
    `The ${role} metadata has the ${algorithm} ${actual.toString('hex')}, but ${expectedHex} was signed`,
    { details: { role, expected: expectedHex, found: actual.toString('hex') } },
  );
}
