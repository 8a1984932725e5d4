import { createCipheriv, createDecipheriv, pbkdf2, pbkdf2Sync } from 'node:crypto';
import { promisify } from 'node:util';
import { KeyError } from '../errors.ts';
import {
  DerError,
  DerReader,
  encodeObjectIdentifier,
  encodeOctetString,
  encodeSequence,
  encodeUnsignedInteger,
  TAG,
} from './der.ts';
import { OID } from './object-identifiers.ts';

/** How the key that encrypts a private key is derived from the passphrase. */
export interface EncryptionParameters {
  /** Rounds of PBKDF2. */
  readonly iterations: number;
  readonly saltBytes: number;
}

/** What Notary writes (spec/keys.md 4.3). */
export const NOTARY_ENCRYPTION: EncryptionParameters = { iterations: 2048, saltBytes: 8 };

/** A file may ask for any number of rounds; this many take some ten seconds, more would be an attack. */
export const MAX_ITERATIONS = 10_000_000;

/** The hash of PBKDF2. Notary always uses SHA-1; the others are read, never written. */
export type PseudoRandomFunction = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** An EncryptedPrivateKeyInfo (RFC 5958) under PBES2 (RFC 8018) with AES-256-CBC. */
export interface EncryptedPrivateKey {
  readonly salt: Uint8Array;
  readonly iterations: number;
  /** What the file says it was derived with. */
  readonly prf: PseudoRandomFunction;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
}

const KEY_BYTES = 32;
const BLOCK_BYTES = 16;

const PRFS: ReadonlyMap<string, PseudoRandomFunction> = new Map([
  [OID.hmacWithSha1, 'sha1'],
  [OID.hmacWithSha256, 'sha256'],
  [OID.hmacWithSha384, 'sha384'],
  [OID.hmacWithSha512, 'sha512'],
]);

/**
 * Whether a PKCS#8 body is encrypted, by its structure: an EncryptedPrivateKeyInfo begins with an
 * algorithm, a PrivateKeyInfo with a version. The label of the PEM block does not decide (spec/keys.md 4.5).
 */
export function isEncryptedPrivateKey(der: Uint8Array): boolean {
  try {
    return new DerReader(der).sequence().peekTag() === TAG.sequence;
  } catch {
    return false;
  }
}

/**
 * Reads the outside of an encrypted private key: what it takes to decrypt it. Elements and bytes beyond
 * those needed are ignored, as Notary does (spec/keys.md 4.5).
 *
 * @throws {KeyError} `KEY_UNSUPPORTED` (another scheme, or too many iterations), `KEY_FILE_DAMAGED`
 */
export function parseEncryptedPrivateKey(der: Uint8Array): EncryptedPrivateKey {
  try {
    return parse(der);
  } catch (error) {
    if (error instanceof DerError) {
      throw damaged(error.message);
    }
    throw error;
  }
}

function parse(der: Uint8Array): EncryptedPrivateKey {
  const info = new DerReader(der).sequence();
  const scheme = info.sequence();
  requireAlgorithm(scheme, OID.pbes2, 'an encryption scheme');
  const parameters = scheme.sequence();
  const derivation = parameters.sequence();
  requireAlgorithm(derivation, OID.pbkdf2, 'a key derivation');
  const { salt, iterations, prf } = parsePbkdf2(derivation.sequence());
  const cipher = parameters.sequence();
  requireAlgorithm(cipher, OID.aes256Cbc, 'a cipher');
  const iv = cipher.take(TAG.octetString);
  const ciphertext = info.take(TAG.octetString);
  if (iv.length !== BLOCK_BYTES) {
    throw damaged(`an initialisation vector of ${iv.length} bytes where ${BLOCK_BYTES} belong`);
  }
  if (ciphertext.length === 0 || ciphertext.length % BLOCK_BYTES !== 0) {
    throw damaged(`${ciphertext.length} encrypted bytes, which is no multiple of ${BLOCK_BYTES}`);
  }
  return { salt, iterations, prf, iv, ciphertext };
}

function requireAlgorithm(reader: DerReader, expected: string, what: string): void {
  const found = reader.objectIdentifier();
  if (found !== expected) {
    throw new KeyError(
      'KEY_UNSUPPORTED',
      `The private key is encrypted with ${what} that content trust does not use (${found}); it has to be PBES2 with PBKDF2 and AES-256-CBC.`,
      { hint: 'Decrypt the key with the program that made it and import it anew.' },
    );
  }
}

function parsePbkdf2(reader: DerReader): Pick<EncryptedPrivateKey, 'salt' | 'iterations' | 'prf'> {
  const salt = reader.take(TAG.octetString);
  const iterations = reader.smallInteger();
  if (iterations > MAX_ITERATIONS) {
    throw new KeyError(
      'KEY_UNSUPPORTED',
      `The private key asks for ${iterations} rounds of key derivation; more than ${MAX_ITERATIONS} are refused, because opening it would block the machine.`,
      { hint: 'Check where the key file comes from.' },
    );
  }
  reader.takeOptional(TAG.integer);
  const prfAlgorithm = reader.takeOptional(TAG.sequence);
  const prfOid =
    prfAlgorithm === undefined ? OID.hmacWithSha1 : new DerReader(prfAlgorithm).objectIdentifier();
  // Notary ignores this field and derives with SHA-1 whatever it says: an unknown one means that.
  return { salt, iterations: Math.max(1, iterations), prf: PRFS.get(prfOid) ?? 'sha1' };
}

/** The hashes to try, in order: what the file says, then what Notary does without looking (4.6, 4.9). */
export function pseudoRandomFunctions(encrypted: EncryptedPrivateKey): PseudoRandomFunction[] {
  return encrypted.prf === 'sha1' ? ['sha1'] : [encrypted.prf, 'sha1'];
}

/**
 * Decrypts. Padding is not examined, and nothing tells whether the passphrase was right: parse the result.
 *
 * Blocks for the time of the derivation: about 1 ms for Notary's 2048 rounds, some 0.4 s for 600 000.
 */
export function decryptPrivateKey(
  encrypted: EncryptedPrivateKey,
  passphrase: string,
  prf: PseudoRandomFunction,
): Uint8Array {
  const { salt, iterations } = encrypted;
  return decipher(encrypted, pbkdf2Sync(passphrase, salt, iterations, KEY_BYTES, prf));
}

const pbkdf2Async = promisify(pbkdf2);

/** As {@link decryptPrivateKey}, with the derivation in another thread. */
export async function decryptPrivateKeyAsync(
  encrypted: EncryptedPrivateKey,
  passphrase: string,
  prf: PseudoRandomFunction,
): Promise<Uint8Array> {
  const { salt, iterations } = encrypted;
  return decipher(encrypted, await pbkdf2Async(passphrase, salt, iterations, KEY_BYTES, prf));
}

function decipher(encrypted: EncryptedPrivateKey, key: Uint8Array): Uint8Array {
  const aes = createDecipheriv('aes-256-cbc', key, encrypted.iv).setAutoPadding(false);
  return Buffer.concat([aes.update(encrypted.ciphertext), aes.final()]);
}

/**
 * Encrypts a PrivateKeyInfo in the form that Notary reads: PBES2, PBKDF2 with HMAC-SHA1 (not named),
 * AES-256-CBC (spec/keys.md 4.3).
 *
 * @param randomBytes called for the salt first, then for the IV.
 * @throws {RangeError} for parameters that could not be read back.
 */
export function encryptPrivateKey(
  pkcs8: Uint8Array,
  passphrase: string,
  parameters: EncryptionParameters,
  randomBytes: (count: number) => Uint8Array,
): Uint8Array {
  const { iterations, saltBytes } = parameters;
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > MAX_ITERATIONS) {
    throw new RangeError(`iterations must be between 1 and ${MAX_ITERATIONS}, not ${iterations}`);
  }
  if (!Number.isInteger(saltBytes) || saltBytes < 8 || saltBytes > 128) {
    throw new RangeError(`a salt must have 8 to 128 bytes, not ${saltBytes}`);
  }
  const salt = randomBytes(saltBytes);
  const iv = randomBytes(BLOCK_BYTES);
  const key = pbkdf2Sync(passphrase, salt, iterations, KEY_BYTES, 'sha1');
  const aes = createCipheriv('aes-256-cbc', key, iv);
  const ciphertext = Buffer.concat([aes.update(pkcs8), aes.final()]);
  return encodeSequence(
    encodeSequence(
      encodeObjectIdentifier(OID.pbes2),
      encodeSequence(
        encodeSequence(
          encodeObjectIdentifier(OID.pbkdf2),
          encodeSequence(encodeOctetString(salt), encodeUnsignedInteger(iterations)),
        ),
        encodeSequence(encodeObjectIdentifier(OID.aes256Cbc), encodeOctetString(iv)),
      ),
    ),
    encodeOctetString(ciphertext),
  );
}

function damaged(found: string): KeyError {
  return new KeyError(
    'KEY_FILE_DAMAGED',
    `The encrypted private key cannot be read: it has ${found}.`,
    { hint: 'Restore the key file from a backup.' },
  );
}
