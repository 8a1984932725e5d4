/** The text of a key file: which headers it has, and how strongly it is encrypted. */
import {
  type EncryptionParameters,
  isEncryptedPrivateKey,
  parseEncryptedPrivateKey,
} from '../crypto/encrypted-private-key.ts';
import { decodePem, encodePem } from '../crypto/pem.ts';
import type { PrivateKey } from '../crypto/private-key.ts';
import { encodePrivateKeyPem } from '../crypto/private-key-pem.ts';
import { KeyError } from '../errors.ts';
import { roundsOfSha1 } from './key-strength.ts';

/** Of the old encryption of OpenSSL (keys.md 4.7): they say nothing of the key. */
const ENCRYPTION_HEADERS = new Set(['Proc-Type', 'DEK-Info']);
const LONGEST_SALT = 128;

/**
 * Encrypts a key in the form that Notary and Docker read, under any headers.
 * @throws KeyError `KEY_HEADER_INVALID`
 */
export function sealKey(
  key: PrivateKey,
  passphrase: string,
  headers: ReadonlyMap<string, string>,
  encryption: EncryptionParameters,
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

/** All headers of a file, and what its name or folder says of the key, which goes before them. */
export function headersOf(
  { role, gun }: { readonly role: string; readonly gun?: string },
  pem: string | Uint8Array,
): Map<string, string> {
  const headers = new Map(decodePem(pem)?.headers);
  headers.set('role', role);
  if (gun !== undefined) headers.set('gun', gun);
  return headers;
}

/** How a key must be encrypted to be no weaker than in this file, and no weaker than `least`. */
export function noWeakerThan(
  pem: string | Uint8Array,
  least: EncryptionParameters,
): EncryptionParameters {
  const bytes = decodePem(pem)?.bytes;
  if (bytes === undefined || !isEncryptedPrivateKey(bytes)) return least;
  try {
    const { iterations, salt, prf } = parseEncryptedPrivateKey(bytes);
    return {
      iterations: Math.max(least.iterations, roundsOfSha1(iterations, prf)),
      saltBytes: Math.min(LONGEST_SALT, Math.max(least.saltBytes, salt.length)),
    };
  } catch (error) {
    if (error instanceof KeyError) return least;
    throw error;
  }
}
