import {
  constants,
  createECDH,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { KeyError } from '../errors.ts';
import {
  contextTag,
  DerError,
  DerReader,
  encodeBitString,
  encodeElement,
  encodeObjectIdentifier,
  encodeOctetString,
  encodeSequence,
  encodeUnsignedInteger,
  TAG,
} from './der.ts';
import { ed25519PublicKey, ed25519Sign } from './ed25519.ts';
import { CURVES, type Curve, curveByOid } from './elliptic-curves.ts';
import { OID } from './object-identifiers.ts';
import { canonicalKeyId, type PublicKey } from './public-key.ts';
import {
  bitLength,
  encodeEcPublicKeyInfo,
  encodeRsaPublicKeyInfo,
  MIN_RSA_BITS,
} from './subject-public-key-info.ts';

/** A signature as {@link Signer.sign} gives it; `method` is the one of spec/keys.md 2. */
export interface SignatureMade {
  readonly method: string;
  readonly signature: Uint8Array;
}

/** Whatever can sign: a key in memory, or one day a token that never gives its key away. */
export interface Signer {
  /** The canonical key ID. */
  readonly id: string;
  /** The bare public key. */
  readonly publicKey: PublicKey;
  sign(message: Uint8Array): SignatureMade | Promise<SignatureMade>;
}

/** The secret, in the form in which it is used. */
type Secret =
  | {
      readonly kind: 'ec';
      readonly curve: Curve;
      readonly sec1: Uint8Array;
      readonly key: KeyObject;
    }
  | {
      readonly kind: 'rsa';
      readonly bits: number;
      readonly pkcs1: Uint8Array;
      readonly key: KeyObject;
    }
  | { readonly kind: 'ed25519'; readonly seed: Uint8Array };

/**
 * A private key in memory: ECDSA on P-224, P-256, P-384 or P-521, RSA, or Ed25519. The secret is out of the
 * reach of `console.log` and `JSON.stringify`.
 *
 * The `from…` readers throw `KeyError` `KEY_FILE_DAMAGED` (the bytes are no such key, or contradict
 * themselves) or `KEY_UNSUPPORTED` (an algorithm or curve that Notary does not know).
 */
export class PrivateKey implements Signer {
  readonly id: string;
  readonly publicKey: PublicKey;
  readonly #secret: Secret;

  private constructor(publicKey: PublicKey, secret: Secret) {
    this.publicKey = publicKey;
    this.id = canonicalKeyId(publicKey);
    this.#secret = secret;
  }

  /** The key as OpenSSL holds it; `undefined` for Ed25519, which has no such form here. */
  get keyObject(): KeyObject | undefined {
    return this.#secret.kind === 'ed25519' ? undefined : this.#secret.key;
  }

  /** The curve, if the key is ECDSA. */
  get curve(): Curve | undefined {
    return this.#secret.kind === 'ec' ? this.#secret.curve : undefined;
  }

  /**
   * Signs with SHA-256 (Ed25519: the message itself), by the one method that Notary uses for such a key
   * (spec/keys.md 2).
   *
   * @throws {KeyError} `KEY_UNSUPPORTED` for RSA below 2048 bits: no verifier would accept the signature.
   */
  sign(message: Uint8Array): SignatureMade {
    const secret = this.#secret;
    switch (secret.kind) {
      case 'ec':
        return {
          method: 'ecdsa',
          signature: sign('sha256', message, { key: secret.key, dsaEncoding: 'ieee-p1363' }),
        };
      case 'rsa':
        if (secret.bits < MIN_RSA_BITS) {
          throw new KeyError(
            'KEY_UNSUPPORTED',
            `The RSA key ${this.id} has ${secret.bits} bits; signatures by keys below ${MIN_RSA_BITS} bits are refused everywhere.`,
            { hint: 'Make a new key and have it put in place of this one.' },
          );
        }
        return {
          method: 'rsapss',
          signature: sign('sha256', message, {
            key: secret.key,
            padding: constants.RSA_PKCS1_PSS_PADDING,
            saltLength: 32,
          }),
        };
      case 'ed25519':
        return { method: 'eddsa', signature: ed25519Sign(message, secret.seed) };
    }
  }

  /**
   * The PrivateKeyInfo (PKCS#8, RFC 5208) in the very bytes that Notary writes, which are not those of
   * OpenSSL: version 1 and a second curve name for ECDSA, no NULL for RSA, an own form for Ed25519
   * (spec/keys.md 4.4).
   */
  toPkcs8(): Uint8Array {
    const secret = this.#secret;
    switch (secret.kind) {
      case 'ec':
        return encodeSequence(
          encodeUnsignedInteger(1),
          encodeSequence(
            encodeObjectIdentifier(OID.ecPublicKey),
            encodeObjectIdentifier(secret.curve.oid),
          ),
          encodeOctetString(secret.sec1),
        );
      case 'rsa':
        return encodeSequence(
          encodeUnsignedInteger(0),
          encodeSequence(encodeObjectIdentifier(OID.rsaEncryption)),
          encodeOctetString(secret.pkcs1),
        );
      case 'ed25519': {
        const { publicBytes } = this.publicKey;
        return encodeSequence(
          encodeUnsignedInteger(0),
          encodeSequence(encodeObjectIdentifier(OID.notaryEd25519)),
          encodeOctetString(Buffer.concat([publicBytes, secret.seed, publicBytes])),
        );
      }
    }
  }

  /** Reads an unencrypted PrivateKeyInfo. Bytes after it and its version are ignored, as Notary does (4.5). */
  static fromPkcs8(der: Uint8Array): PrivateKey {
    return reading('private key', () => {
      const info = new DerReader(der).sequence();
      info.take(TAG.integer);
      const algorithm = info.sequence();
      const oid = algorithm.objectIdentifier();
      const key = info.take(TAG.octetString);
      switch (oid) {
        case OID.ecPublicKey:
          return PrivateKey.fromSec1(
            key,
            algorithm.peekTag() === TAG.objectIdentifier ? algorithm.objectIdentifier() : undefined,
          );
        case OID.rsaEncryption:
          return PrivateKey.fromPkcs1(key);
        case OID.notaryEd25519:
          return PrivateKey.fromNotaryEd25519(key);
        case OID.ed25519:
          throw new KeyError(
            'KEY_UNSUPPORTED',
            'The private key is Ed25519 in the form of RFC 8410, which Notary and Docker cannot read.',
            { hint: 'Make an ECDSA key instead: every content trust program reads it.' },
          );
        default:
          throw new KeyError(
            'KEY_UNSUPPORTED',
            `The private key is of an algorithm that content trust does not know (${oid}).`,
            { hint: 'Use an ECDSA key on P-256.' },
          );
      }
    });
  }

  /**
   * Reads an ECPrivateKey (SEC 1, RFC 5915). The public point in it is ignored and computed anew.
   *
   * @param curveOid the curve named outside of it, which goes before the one inside.
   */
  static fromSec1(der: Uint8Array, curveOid?: string): PrivateKey {
    return reading('EC private key', () => {
      const sequence = new DerReader(der).sequence();
      if (sequence.smallInteger() !== 1) {
        throw new DerError('a version other than 1');
      }
      const scalar = sequence.take(TAG.octetString);
      const parameters = sequence.takeOptional(contextTag(0));
      const oid =
        curveOid ??
        (parameters === undefined ? undefined : new DerReader(parameters).objectIdentifier());
      if (oid === undefined) {
        throw new DerError('no name of its curve');
      }
      const curve = curveByOid(oid);
      if (curve === undefined) {
        throw new KeyError(
          'KEY_UNSUPPORTED',
          `The private key is on an elliptic curve that content trust does not know (${oid}).`,
          { hint: 'Use an ECDSA key on P-256.' },
        );
      }
      return PrivateKey.#ofScalar(curve, scalar);
    });
  }

  static #ofScalar(curve: Curve, given: Uint8Array): PrivateKey {
    const zeros = given.findIndex(byte => byte !== 0);
    const digits = zeros < 0 ? new Uint8Array(0) : given.subarray(zeros);
    if (digits.length > curve.bytes) {
      throw new DerError(`a secret that is too long for ${curve.name}`);
    }
    const scalar = Buffer.alloc(curve.bytes);
    scalar.set(digits, curve.bytes - digits.length);
    const point = pointOf(curve, scalar);
    const sec1 = encodeSequence(
      encodeUnsignedInteger(1),
      encodeOctetString(scalar),
      encodeElement(contextTag(0), encodeObjectIdentifier(curve.oid)),
      encodeElement(contextTag(1), encodeBitString(point)),
    );
    const key = createPrivateKey({ key: sec1, format: 'der', type: 'sec1' });
    const publicKey = { keytype: 'ecdsa', publicBytes: encodeEcPublicKeyInfo(curve, point) };
    return new PrivateKey(publicKey, { kind: 'ec', curve, sec1, key });
  }

  /** Reads an RSAPrivateKey with two primes (PKCS#1, RFC 8017 A.1.2), of any size, and checks its numbers. */
  static fromPkcs1(der: Uint8Array): PrivateKey {
    return reading('RSA private key', () => {
      const outer = new DerReader(der);
      const sequence = outer.sequence();
      outer.end();
      if (sequence.smallInteger() !== 0) {
        throw new KeyError(
          'KEY_UNSUPPORTED',
          'The RSA private key has more than two primes, which is not supported.',
        );
      }
      const numbers = Array.from({ length: 8 }, () => sequence.unsignedInteger());
      sequence.end();
      const [modulus, exponent] = numbers as [Uint8Array, Uint8Array];
      if (!isConsistentRsa(numbers.map(toBigInt))) {
        throw new DerError('numbers that do not belong together');
      }
      const key = createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs1' });
      const publicKey = {
        keytype: 'rsa',
        publicBytes: encodeRsaPublicKeyInfo(modulus, exponent),
      };
      return new PrivateKey(publicKey, {
        kind: 'rsa',
        bits: bitLength(modulus),
        pkcs1: Buffer.from(der),
        key,
      });
    });
  }

  /** Reads Notary's 96 bytes of an Ed25519 key: public, seed, public (spec/keys.md 4.4). */
  static fromNotaryEd25519(bytes: Uint8Array): PrivateKey {
    if (bytes.length !== 96) {
      throw damaged('Ed25519 private key', `${bytes.length} bytes where 96 belong`);
    }
    const key = PrivateKey.fromEd25519Seed(bytes.subarray(32, 64));
    const { publicBytes } = key.publicKey;
    if (
      Buffer.compare(publicBytes, bytes.subarray(0, 32)) !== 0 ||
      Buffer.compare(publicBytes, bytes.subarray(64)) !== 0
    ) {
      throw damaged('Ed25519 private key', 'a public part that does not belong to its secret');
    }
    return key;
  }

  /** The Ed25519 key of a seed of 32 bytes (RFC 8032). */
  static fromEd25519Seed(seed: Uint8Array): PrivateKey {
    const copy = Uint8Array.from(seed);
    return new PrivateKey(
      { keytype: 'ed25519', publicBytes: ed25519PublicKey(copy) },
      { kind: 'ed25519', seed: copy },
    );
  }
}

/** Makes a new key: `ecdsa` is P-256, what every content trust program uses. */
export function generatePrivateKey(algorithm: 'ecdsa' | 'ed25519'): PrivateKey {
  if (algorithm === 'ed25519') {
    return PrivateKey.fromEd25519Seed(randomBytes(32));
  }
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return PrivateKey.fromSec1(privateKey.export({ format: 'der', type: 'sec1' }), CURVES[1]?.oid);
}

function pointOf(curve: Curve, scalar: Uint8Array): Buffer {
  const ecdh = createECDH(curve.opensslName);
  try {
    ecdh.setPrivateKey(scalar);
  } catch {
    // OpenSSL's own error could carry nothing more, and must not carry the secret.
    throw new DerError(`a secret that is out of range for ${curve.name}`);
  }
  return ecdh.getPublicKey(null, 'uncompressed');
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

/** Numbers that contradict each other mean damage, and a signature made with them can leak the key. */
function isConsistentRsa(numbers: bigint[]): boolean {
  const [n = 0n, e = 0n, d = 0n, p = 0n, q = 0n, dp = 0n, dq = 0n, qInverse = 0n] = numbers;
  return (
    e > 1n &&
    e < 2n ** 31n &&
    p > 1n &&
    q > 1n &&
    p * q === n &&
    (e * d) % (p - 1n) === 1n &&
    (e * d) % (q - 1n) === 1n &&
    dp === d % (p - 1n) &&
    dq === d % (q - 1n) &&
    (qInverse * q) % p === 1n
  );
}

/** Turns the errors of DER and OpenSSL into ours. OpenSSL's text is dropped: it says nothing to people. */
function reading(what: string, read: () => PrivateKey): PrivateKey {
  try {
    return read();
  } catch (error) {
    if (error instanceof KeyError) {
      throw error;
    }
    throw damaged(what, error instanceof DerError ? error.message : 'content that OpenSSL refuses');
  }
}

function damaged(what: string, found: string): KeyError {
  return new KeyError('KEY_FILE_DAMAGED', `The ${what} cannot be read: it has ${found}.`, {
    hint: 'Restore the key file from a backup.',
  });
}
