/** The text of a key file: which headers it has, and how strongly it is encrypted. */
import {
  type EncryptionParameters,
  isEncryptedPrivateKey,
  MAX_ITERATIONS,
  NOTARY_ENCRYPTION,
  type PseudoRandomFunction,
  parseEncryptedPrivateKey,
} from '../crypto/encrypted-private-key.ts';
import { decodePem, encodePem } from '../crypto/pem.ts';
import type { PrivateKey } from '../crypto/private-key.ts';
import { encodePrivateKeyPem } from '../crypto/private-key-pem.ts';
import { KeyError } from '../errors.ts';

/** Of the old encryption of OpenSSL (keys.md 4.7): they say nothing of the key. */
const ENCRYPTION_HEADERS = new Set(['Proc-Type', 'DEK-Info']);
const LONGEST_SALT = 128;

/** How many rounds with SHA-1 take an attacker as long as one with the other hash, rounded up. */
const ROUNDS_OF_SHA1: Readonly<Record<PseudoRandomFunction, number>> = {
  sha1: 1,
  sha256: 2,
  sha384: 4,
  sha512: 4,
};

/**
 * Encrypts a key in the form that Notary and Docker read, under any headers.
 * @throws KeyError `KEY_HEADER_INVALID`
 */
export function sealKey(
  key: PrivateKey,
  passphrase: string,
  headers: ReadonlyMap<string, string>,
  encryption: EncryptionParameters = NOTARY_ENCRYPTION,
): string {
  return withHeaders(encodePrivateKeyPem(key, { passphrase, encryption }), headers);
}

/**
 * The first block of a key file with other headers; what its encryption needs stays.
 * @throws KeyError `KEY_FILE_DAMAGED` | `KEY_HEADER_INVALID`
 */
export function withHeaders(
  pem: string | Uint8Array,
  headers: ReadonlyMap<string, string>,
): string {
  const block = decodePem(pem);
  if (block === undefined) {
    throw new KeyError('KEY_FILE_DAMAGED', 'It holds no whole PEM block');
  }
  const own = [...block.headers].filter(([name]) => ENCRYPTION_HEADERS.has(name));
  const others = [...headers].filter(
    ([name, value]) => !ENCRYPTION_HEADERS.has(name) && value !== '',
  );
  return encodePem({ label: block.label, headers: [...own, ...others], bytes: block.bytes });
}

/** How a key must be encrypted to be no weaker than in this file, and no weaker than Notary makes it. */
export function strengthOf(pem: string | Uint8Array): EncryptionParameters {
  const bytes = decodePem(pem)?.bytes;
  if (bytes === undefined || !isEncryptedPrivateKey(bytes)) return NOTARY_ENCRYPTION;
  try {
    const { iterations, salt, prf } = parseEncryptedPrivateKey(bytes);
    return {
      iterations: Math.min(
        MAX_ITERATIONS,
        Math.max(NOTARY_ENCRYPTION.iterations, iterations * ROUNDS_OF_SHA1[prf]),
      ),
      saltBytes: Math.min(LONGEST_SALT, Math.max(NOTARY_ENCRYPTION.saltBytes, salt.length)),
    };
  } catch (error) {
    if (error instanceof KeyError) return NOTARY_ENCRYPTION;
    throw error;
  }
}
