import { constants, type KeyObject, verify } from 'node:crypto';
import { signerCertificate } from './certificate-bundle.ts';
import { ed25519Verify } from './ed25519.ts';
import type { Curve } from './elliptic-curves.ts';
import { decodePem } from './pem.ts';
import type { PublicKey } from './public-key.ts';
import {
  importPublicKeyInfo,
  MIN_RSA_BITS,
  type PublicKeyInfo,
  readPublicKeyInfo,
} from './subject-public-key-info.ts';

/** A signature of TUF metadata. */
export interface Signature {
  readonly keyId: string;
  readonly method: string;
  readonly signature: Uint8Array;
}

/** What verifies: chosen by the key alone, once. */
type Verifier =
  | { readonly kind: 'ec'; readonly key: KeyObject; readonly curve: Curve }
  | { readonly kind: 'rsa'; readonly key: KeyObject; readonly bytes: number }
  /** An `rsa` key given as PEM text, which only the method of old PyCrypto programs takes. */
  | { readonly kind: 'rsa-pem'; readonly key: KeyObject; readonly bytes: number }
  | { readonly kind: 'ed25519'; readonly publicBytes: Uint8Array };

const verifiers = new WeakMap<PublicKey, Verifier | null>();

/**
 * Whether `signature` is a good signature of `message` by `key`. A method that does not fit the key type,
 * an unknown one, a key that cannot be read or is too weak (RSA below 2048 bits, a certificate signed with
 * SHA-1) all give `false`. Dates of certificates are not looked at. Never throws.
 *
 * Source: spec/keys.md 2. SHA-256 always; ECDSA as r and s of exact length; RSA-PSS with a salt of 32 bytes.
 */
export function verifySignature(
  key: PublicKey,
  method: string,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const verifier = verifierOf(key);
  try {
    return verifier !== null && check(verifier, method.toLowerCase(), message, signature);
  } catch {
    return false;
  }
}

/** Whether any signature by this key could ever verify. A role whose keys cannot is a role nobody can sign. */
export function canVerify(key: PublicKey): boolean {
  return verifierOf(key) !== null;
}

function check(
  verifier: Verifier,
  method: string,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  switch (`${verifier.kind} ${method}`) {
    case 'ec ecdsa':
      return (
        verifier.kind === 'ec' &&
        signature.length === 2 * verifier.curve.bytes &&
        verify('sha256', message, { key: verifier.key, dsaEncoding: 'ieee-p1363' }, signature)
      );
    case 'rsa rsapss':
    case 'rsa-pem pycrypto-pkcs#1 pss':
      return (
        verifier.kind !== 'ed25519' &&
        verifier.kind !== 'ec' &&
        signature.length === verifier.bytes &&
        verify(
          'sha256',
          message,
          { key: verifier.key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
          signature,
        )
      );
    case 'rsa rsapkcs1v15':
      return (
        verifier.kind === 'rsa' &&
        signature.length === verifier.bytes &&
        verify(
          'sha256',
          message,
          { key: verifier.key, padding: constants.RSA_PKCS1_PADDING },
          signature,
        )
      );
    case 'ed25519 eddsa':
      return verifier.kind === 'ed25519' && ed25519Verify(signature, message, verifier.publicBytes);
    default:
      return false;
  }
}

function verifierOf(key: PublicKey): Verifier | null {
  let verifier = verifiers.get(key);
  if (verifier === undefined) {
    try {
      verifier = makeVerifier(key) ?? null;
    } catch {
      verifier = null;
    }
    verifiers.set(key, verifier);
  }
  return verifier;
}

function makeVerifier({ keytype, publicBytes }: PublicKey): Verifier | undefined {
  switch (keytype) {
    case 'ecdsa':
      return ecVerifier(publicBytes);
    case 'rsa':
      return rsaVerifier(publicBytes) ?? rsaPemVerifier(publicBytes);
    case 'ed25519':
      return publicBytes.length === 32 ? { kind: 'ed25519', publicBytes } : undefined;
    case 'ecdsa-x509':
    case 'rsa-x509': {
      const certificate = signerCertificate(publicBytes);
      if (certificate === undefined || certificate.signedWithSha1) {
        return undefined;
      }
      return keytype === 'ecdsa-x509'
        ? ecVerifier(certificate.publicKeyInfo)
        : rsaVerifier(certificate.publicKeyInfo);
    }
    default:
      return undefined;
  }
}

function ecVerifier(der: Uint8Array): Verifier | undefined {
  const info = readPublicKeyInfo(der);
  return info.kind === 'ec'
    ? { kind: 'ec', key: importPublicKeyInfo(der), curve: info.curve }
    : undefined;
}

function rsaVerifier(der: Uint8Array): (Verifier & { kind: 'rsa' }) | undefined {
  let info: PublicKeyInfo;
  try {
    info = readPublicKeyInfo(der);
  } catch {
    return undefined;
  }
  return info.kind === 'rsa' && info.bits >= MIN_RSA_BITS
    ? { kind: 'rsa', key: importPublicKeyInfo(der), bytes: Math.ceil(info.bits / 8) }
    : undefined;
}

function rsaPemVerifier(pem: Uint8Array): Verifier | undefined {
  const block = decodePem(pem);
  const verifier = block?.label === 'PUBLIC KEY' ? rsaVerifier(block.bytes) : undefined;
  return verifier === undefined ? undefined : { ...verifier, kind: 'rsa-pem' };
}
