/**
 * Private keys as other programs write them and Notary does not read them: other ciphers and derivations in
 * PKCS#8, and Ed25519 in the form of RFC 8410. They are read to be converted, by OpenSSL.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { DerError, DerReader, TAG } from '../crypto/der.ts';
import { MAX_ITERATIONS } from '../crypto/encrypted-private-key.ts';
import { OID } from '../crypto/object-identifiers.ts';
import type { PemBlock } from '../crypto/pem.ts';
import { PrivateKey } from '../crypto/private-key.ts';
import { KeyError, TabellionError } from '../errors.ts';

const LABELS = new Set(['PRIVATE KEY', 'ENCRYPTED PRIVATE KEY']);
const SCRYPT = '1.3.6.1.4.1.11591.4.11';
/** N·r·p; OpenSSL's own default is 2¹⁷, a fraction of a second. */
const MOST_SCRYPT_WORK = 2 ** 22;

/** What OpenSSL says where it has not got the algorithm, whatever the passphrase. */
const UNSUPPORTED = new Set([
  'ERR_OSSL_UNSUPPORTED',
  'ERR_OSSL_EVP_UNSUPPORTED',
  'ERR_OSSL_EVP_UNSUPPORTED_ALGORITHM',
  'ERR_OSSL_EVP_UNKNOWN_PBE_ALGORITHM',
]);

/** Whether it is worth while to hand a block to {@link openForeignKey} that Notary's reader does not take. */
export function mayBeForeignKey(block: PemBlock): boolean {
  return LABELS.has(block.label) && workIsBounded(block.bytes);
}

/**
 * Reads a PKCS#8 key of any kind that OpenSSL knows.
 * @returns undefined for a wrong passphrase
 * @throws KeyError `KEY_UNSUPPORTED`, also for a key that content trust cannot use
 */
export function openForeignKey(block: PemBlock, passphrase?: string): PrivateKey | undefined {
  let key: KeyObject;
  try {
    key = createPrivateKey({
      key: Buffer.from(block.bytes),
      format: 'der',
      type: 'pkcs8',
      ...(passphrase === undefined ? {} : { passphrase }),
    });
  } catch (error) {
    // OpenSSL's text is dropped: it says nothing to people.
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (passphrase === undefined || UNSUPPORTED.has(code)) throw unsupported();
    return undefined;
  }
  return fromKeyObject(key);
}

function fromKeyObject(key: KeyObject): PrivateKey {
  if (key.asymmetricKeyType === 'ed25519') {
    const { d } = key.export({ format: 'jwk' });
    if (typeof d !== 'string') throw unsupported();
    return PrivateKey.fromEd25519Seed(Buffer.from(d, 'base64url'));
  }
  return PrivateKey.fromPkcs8(key.export({ format: 'der', type: 'pkcs8' }));
}

/** A file may ask for so many rounds that opening it would block the machine. */
function workIsBounded(der: Uint8Array): boolean {
  try {
    const info = new DerReader(der).sequence();
    if (info.peekTag() !== TAG.sequence) return true;
    const scheme = info.sequence();
    const isPbes2 = scheme.objectIdentifier() === OID.pbes2;
    const parameters = scheme.sequence();
    if (!isPbes2) return hasFewRounds(parameters);
    const derivation = parameters.sequence();
    const kind = derivation.objectIdentifier();
    const values = derivation.sequence();
    if (kind !== SCRYPT) return kind === OID.pbkdf2 && hasFewRounds(values);
    values.take(TAG.octetString);
    const [n, r, p] = [values.smallInteger(), values.smallInteger(), values.smallInteger()];
    return n * r * p <= MOST_SCRYPT_WORK;
  } catch (error) {
    if (error instanceof DerError || error instanceof TabellionError) return false;
    throw error;
  }
}

/** Both PBES1 and PBKDF2 begin with the salt and the number of rounds. */
function hasFewRounds(parameters: DerReader): boolean {
  parameters.take(TAG.octetString);
  return parameters.smallInteger() <= MAX_ITERATIONS;
}

function unsupported(): KeyError {
  return new KeyError('KEY_UNSUPPORTED', 'It is in a form that OpenSSL cannot read here', {
    hint: 'Convert it to PKCS#8 with the program that made it, and import the result.',
  });
}
