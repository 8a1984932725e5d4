/** The numbers by which people know a key (cli.md 7.2). */
import { createHash } from 'node:crypto';
import { certificateInText } from './certificate-bundle.ts';
import type { Certificate } from './certificate-parse.ts';
import { DerError } from './der.ts';
import { sha256Hex } from './digest.ts';
import { canonicalKeyId, keyId, type PublicKey } from './public-key.ts';
import { readPublicKeyInfo } from './subject-public-key-info.ts';

/** A key with all its numbers, each as lower-case hex. */
export interface KeyThumbprints {
  /** The ID that metadata and pins use: of the certificate where the key has one. */
  readonly keyId: string;
  /** The name of the private key's file. */
  readonly privateKeyId: string;
  /** As `ECDSA P-256`, `RSA 2048`, `Ed25519`; else as the metadata calls it. */
  readonly algorithm: string;
  /** SHA-256 of the public key in DER (SubjectPublicKeyInfo). */
  readonly publicKeySha256: string;
  readonly certificate?: {
    readonly sha256: string;
    readonly sha1: string;
    readonly subject: string;
    /** ISO 8601. */
    readonly notBefore: string;
    readonly notAfter: string;
  };
}

/** What stands before the 32 bytes of an Ed25519 key in DER (RFC 8410 4). */
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** All numbers of a public key, or of the certificate that stands for it. */
export function keyThumbprints(key: PublicKey): KeyThumbprints {
  const certificate = key.keytype.endsWith('-x509')
    ? certificateInText(key.publicBytes)
    : undefined;
  const info = certificate?.publicKeyInfo ?? publicKeyInfo(key);
  return {
    keyId: keyId(key),
    privateKeyId: canonicalKeyId(key),
    algorithm: algorithmOf(info) ?? key.keytype,
    publicKeySha256: sha256Hex(info),
    ...(certificate === undefined ? {} : { certificate: describe(certificate) }),
  };
}

function publicKeyInfo({ keytype, publicBytes }: PublicKey): Uint8Array {
  return keytype === 'ed25519' && publicBytes.length === 32
    ? Buffer.concat([ED25519_PREFIX, publicBytes])
    : publicBytes;
}

function algorithmOf(info: Uint8Array): string | undefined {
  try {
    const read = readPublicKeyInfo(info);
    switch (read.kind) {
      case 'ec':
        return `ECDSA ${read.curve.name}`;
      case 'rsa':
        return `RSA ${read.bits}`;
      case 'ed25519':
        return 'Ed25519';
      case 'other':
        return undefined;
    }
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

function describe({
  der,
  notBefore,
  notAfter,
  x509,
}: Certificate): NonNullable<KeyThumbprints['certificate']> {
  return {
    sha256: sha256Hex(der),
    sha1: createHash('sha1').update(der).digest('hex'),
    subject: x509.subject.split('\n').join(', '),
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
  };
}
