import { createPublicKey, type KeyObject } from 'node:crypto';
import {
  DerError,
  DerReader,
  encodeBitString,
  encodeNull,
  encodeObjectIdentifier,
  encodeSequence,
  encodeUnsignedInteger,
  TAG,
} from './der.ts';
import { type Curve, curveByOid } from './elliptic-curves.ts';
import { OID } from './object-identifiers.ts';

/** What a SubjectPublicKeyInfo (RFC 5280 4.1) holds. `other`: an algorithm that Notary cannot use. */
export type PublicKeyInfo =
  | { readonly kind: 'ec'; readonly curve: Curve }
  | { readonly kind: 'rsa'; readonly bits: number }
  | { readonly kind: 'ed25519'; readonly raw: Uint8Array }
  | { readonly kind: 'other'; readonly algorithm: string };

/** The least RSA modulus, in bits, that verifies anything (spec/keys.md 2). */
export const MIN_RSA_BITS = 2048;

const UNCOMPRESSED = 0x04;

/**
 * Reads a SubjectPublicKeyInfo as strictly as Go: nothing after the end, EC keys on one of four named
 * curves with an uncompressed point, RSA with its NULL parameters and an exponent below 2^31. What gets
 * through encodes to the same bytes again.
 *
 * @throws {DerError} for bytes that are none, or an RSA or EC key of another form.
 */
export function readPublicKeyInfo(der: Uint8Array): PublicKeyInfo {
  const outer = new DerReader(der);
  const info = outer.sequence();
  outer.end();
  const algorithm = info.sequence();
  const oid = algorithm.objectIdentifier();
  const key = info.bitString();
  info.end();
  switch (oid) {
    case OID.ecPublicKey:
      return readEcKey(algorithm, key);
    case OID.rsaEncryption:
      return readRsaKey(algorithm, key);
    case OID.ed25519:
      algorithm.end();
      if (key.length !== 32) {
        throw new DerError('an Ed25519 key that has not 32 bytes');
      }
      return { kind: 'ed25519', raw: key };
    default:
      return { kind: 'other', algorithm: oid };
  }
}

function readEcKey(algorithm: DerReader, point: Uint8Array): PublicKeyInfo {
  if (algorithm.peekTag() !== TAG.objectIdentifier) {
    throw new DerError('an elliptic curve without a name');
  }
  const oid = algorithm.objectIdentifier();
  algorithm.end();
  const curve = curveByOid(oid);
  if (curve === undefined) {
    return { kind: 'other', algorithm: `elliptic curve ${oid}` };
  }
  if (point[0] !== UNCOMPRESSED || point.length !== 1 + 2 * curve.bytes) {
    throw new DerError('a point that is not in uncompressed form');
  }
  return { kind: 'ec', curve };
}

function readRsaKey(algorithm: DerReader, key: Uint8Array): PublicKeyInfo {
  if (algorithm.take(TAG.null).length !== 0) {
    throw new DerError('RSA parameters that are not empty');
  }
  algorithm.end();
  const outer = new DerReader(key);
  const rsa = outer.sequence();
  outer.end();
  const modulus = rsa.unsignedInteger();
  const exponent = rsa.smallInteger();
  rsa.end();
  if (exponent < 2 || exponent >= 2 ** 31) {
    throw new DerError('an RSA exponent out of range');
  }
  return { kind: 'rsa', bits: bitLength(modulus) };
}

/** Number of bits of an unsigned big-endian integer without leading zero bytes. */
export function bitLength(bytes: Uint8Array): number {
  const first = bytes[0] ?? 0;
  return first === 0 ? 0 : 8 * (bytes.length - 1) + (32 - Math.clz32(first));
}

/** The SubjectPublicKeyInfo of a point on a curve, uncompressed. */
export function encodeEcPublicKeyInfo(curve: Curve, point: Uint8Array): Buffer {
  return encodeSequence(
    encodeSequence(encodeObjectIdentifier(OID.ecPublicKey), encodeObjectIdentifier(curve.oid)),
    encodeBitString(point),
  );
}

/** The SubjectPublicKeyInfo of the 32 bytes of an Ed25519 key (RFC 8410). */
export function encodeEd25519PublicKeyInfo(raw: Uint8Array): Buffer {
  return encodeSequence(encodeSequence(encodeObjectIdentifier(OID.ed25519)), encodeBitString(raw));
}

/** The SubjectPublicKeyInfo of an RSA key: modulus and exponent, unsigned big-endian. */
export function encodeRsaPublicKeyInfo(modulus: Uint8Array, exponent: Uint8Array): Buffer {
  return encodeSequence(
    encodeSequence(encodeObjectIdentifier(OID.rsaEncryption), encodeNull()),
    encodeBitString(
      encodeSequence(encodeUnsignedInteger(modulus), encodeUnsignedInteger(exponent)),
    ),
  );
}

/**
 * The key for OpenSSL.
 *
 * @throws if OpenSSL refuses it, for example because the point is not on the curve.
 */
export function importPublicKeyInfo(der: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
}
