import { X509Certificate } from 'node:crypto';
import { TrustError } from '../errors.ts';
import { contextTag, DerError, DerReader, TAG } from './der.ts';
import { OID } from './object-identifiers.ts';
import { encodePem } from './pem.ts';
import type { PublicKey } from './public-key.ts';
import { type PublicKeyInfo, readPublicKeyInfo } from './subject-public-key-info.ts';

/** An X.509 certificate, as far as content trust looks at it. */
export interface Certificate {
  readonly der: Uint8Array;
  /** Go's PEM text of it: the only form that a root key may have (spec/keys.md 1.4). */
  readonly pem: string;
  /** The last common name of the subject, or `''`. */
  readonly commonName: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly isCa: boolean;
  /** The bare key, `ecdsa`, `rsa` or `ed25519`; any other algorithm gives key type `''`. */
  readonly publicKey: PublicKey;
  /** DER SubjectPublicKeyInfo, whatever the algorithm. */
  readonly publicKeyInfo: Uint8Array;
  readonly signedWithSha1: boolean;
  /** Length of the modulus, if the key is RSA. */
  readonly rsaBits?: number;
  /** Object identifiers of the extended key usages; `undefined` without the extension. */
  readonly extendedKeyUsages: readonly string[] | undefined;
  /** The bit of keyCertSign; `undefined` without the key usage extension. */
  readonly mayCertify: boolean | undefined;
  readonly pathLength: number | undefined;
  /** Critical extensions that this reader does not know, and name constraints. */
  readonly unhandledExtensions: readonly string[];
  readonly signatureAlgorithm: string;
  /** The DER of the names, to find the issuer by. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Node's view; made when first asked for. */
  readonly x509: X509Certificate;
}

const SHA1_SIGNATURES: readonly string[] = [
  OID.sha1WithRsa,
  OID.sha1WithRsaIso,
  OID.sha1WithDsa,
  OID.sha1WithEcdsa,
];

/**
 * Reads one certificate in DER.
 *
 * Source: RFC 5280 4.1, with the strictness of Go's reader.
 *
 * @throws {TrustError} `CERTIFICATE_MALFORMED`
 */
export function parseCertificateDer(der: Uint8Array): Certificate {
  try {
    return new ParsedCertificate(der);
  } catch (error) {
    if (error instanceof DerError) {
      throw new TrustError(
        'CERTIFICATE_MALFORMED',
        `A certificate cannot be read: it has ${error.message}.`,
        { cause: error },
      );
    }
    throw error;
  }
}

class ParsedCertificate implements Certificate {
  readonly der: Uint8Array;
  readonly pem: string;
  readonly commonName: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly isCa: boolean;
  readonly publicKey: PublicKey;
  readonly publicKeyInfo: Uint8Array;
  readonly signedWithSha1: boolean;
  readonly rsaBits?: number;
  readonly extendedKeyUsages: readonly string[] | undefined;
  readonly mayCertify: boolean | undefined;
  readonly pathLength: number | undefined;
  readonly unhandledExtensions: readonly string[];
  readonly signatureAlgorithm: string;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  #x509: X509Certificate | undefined;

  constructor(der: Uint8Array) {
    const outer = new DerReader(der);
    const certificate = outer.sequence();
    outer.end();
    const toBeSigned = certificate.sequence();
    const algorithm = certificate.take(TAG.sequence);
    certificate.bitString();
    certificate.end();

    const version = readVersion(toBeSigned);
    toBeSigned.take(TAG.integer);
    if (!equal(toBeSigned.take(TAG.sequence), algorithm)) {
      throw new DerError('two signature algorithms that differ');
    }
    this.signatureAlgorithm = new DerReader(algorithm).objectIdentifier();
    this.signedWithSha1 = SHA1_SIGNATURES.includes(this.signatureAlgorithm);
    this.issuer = toBeSigned.take(TAG.sequence);
    const validity = toBeSigned.sequence();
    this.notBefore = readTime(validity);
    this.notAfter = readTime(validity);
    validity.end();
    this.subject = toBeSigned.take(TAG.sequence);
    this.commonName = readCommonName(this.subject);

    this.publicKeyInfo = takeEncoded(toBeSigned, TAG.sequence);
    const info = readPublicKeyInfo(this.publicKeyInfo);
    this.publicKey = barePublicKey(info, this.publicKeyInfo);
    if (info.kind === 'rsa') {
      this.rsaBits = info.bits;
    }

    toBeSigned.takeOptional(0x81);
    toBeSigned.takeOptional(0x82);
    const extensions = readExtensions(toBeSigned, version);
    toBeSigned.end();
    this.isCa = extensions.isCa;
    this.pathLength = extensions.pathLength;
    this.mayCertify = extensions.mayCertify;
    this.extendedKeyUsages = extensions.extendedKeyUsages;
    this.unhandledExtensions = extensions.unhandled;

    this.der = der;
    this.pem = encodePem({ label: 'CERTIFICATE', bytes: der });
  }

  get x509(): X509Certificate {
    this.#x509 ??= new X509Certificate(this.der);
    return this.#x509;
  }
}

function readVersion(toBeSigned: DerReader): number {
  const explicit = toBeSigned.takeOptional(contextTag(0));
  if (explicit === undefined) {
    return 1;
  }
  const reader = new DerReader(explicit);
  const version = reader.smallInteger() + 1;
  reader.end();
  if (version > 3) {
    throw new DerError('a version above 3');
  }
  return version;
}

function takeEncoded(reader: DerReader, tag: number): Uint8Array {
  const element = reader.element();
  if (element.tag !== tag) {
    throw new DerError(`tag ${element.tag} where tag ${tag} belongs`);
  }
  return element.encoded;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function barePublicKey(info: PublicKeyInfo, der: Uint8Array): PublicKey {
  switch (info.kind) {
    case 'ec':
      return { keytype: 'ecdsa', publicBytes: der };
    case 'rsa':
      return { keytype: 'rsa', publicBytes: der };
    case 'ed25519':
      return { keytype: 'ed25519', publicBytes: info.raw };
    case 'other':
      return { keytype: '', publicBytes: der };
  }
}

const UTC_TIME = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?Z$/;
const GENERALIZED_TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

/** UTCTime or GeneralizedTime, in UTC only (RFC 5280 4.1.2.5). */
function readTime(reader: DerReader): Date {
  const { tag, content } = reader.element();
  const text = Buffer.from(content).toString('latin1');
  const pattern =
    tag === TAG.utcTime ? UTC_TIME : tag === TAG.generalizedTime ? GENERALIZED_TIME : undefined;
  const parts = pattern
    ?.exec(text)
    ?.slice(1)
    .map(part => Number(part ?? 0));
  if (parts === undefined) {
    throw new DerError('a date in an unknown form');
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const fullYear = tag === TAG.utcTime ? year + (year < 50 ? 2000 : 1900) : year;
  const time = new Date(0);
  time.setUTCFullYear(fullYear, month - 1, day);
  time.setUTCHours(hour, minute, second);
  // A date that does not exist, such as 31 February, would have moved.
  if (time.getUTCMonth() !== month - 1 || time.getUTCDate() !== day || minute > 59 || second > 59) {
    throw new DerError('a date that does not exist');
  }
  return time;
}

function readCommonName(subject: Uint8Array): string {
  let commonName = '';
  const names = new DerReader(subject);
  while (!names.atEnd) {
    const attributes = new DerReader(names.take(TAG.set));
    while (!attributes.atEnd) {
      const attribute = attributes.sequence();
      const type = attribute.objectIdentifier();
      const { tag, content } = attribute.element();
      attribute.end();
      if (type === OID.commonName) {
        commonName = readString(tag, content);
      }
    }
  }
  return commonName;
}

function readString(tag: number, content: Uint8Array): string {
  switch (tag) {
    case TAG.bmpString:
      if (content.length % 2 !== 0) {
        throw new DerError('a name of half characters');
      }
      return Buffer.from(content).swap16().toString('utf16le');
    case TAG.utf8String:
    case TAG.printableString:
    case TAG.teletexString:
    case TAG.ia5String:
      try {
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
      } catch {
        throw new DerError('a name that is not UTF-8');
      }
    default:
      throw new DerError('a name of an unknown string type');
  }
}

interface Extensions {
  isCa: boolean;
  pathLength: number | undefined;
  mayCertify: boolean | undefined;
  extendedKeyUsages: string[] | undefined;
  unhandled: string[];
}

function readExtensions(toBeSigned: DerReader, version: number): Extensions {
  const result: Extensions = {
    isCa: false,
    pathLength: undefined,
    mayCertify: undefined,
    extendedKeyUsages: undefined,
    unhandled: [],
  };
  const explicit = toBeSigned.takeOptional(contextTag(3));
  if (explicit === undefined) {
    return result;
  }
  if (version !== 3) {
    throw new DerError('extensions in a certificate of an old version');
  }
  const wrapper = new DerReader(explicit);
  const list = wrapper.sequence();
  wrapper.end();
  const seen = new Set<string>();
  while (!list.atEnd) {
    const extension = list.sequence();
    const oid = extension.objectIdentifier();
    const critical = extension.peekTag() === TAG.boolean ? extension.boolean() : false;
    const value = new DerReader(extension.take(TAG.octetString));
    extension.end();
    if (seen.has(oid)) {
      throw new DerError(`extension ${oid} twice`);
    }
    seen.add(oid);
    readExtension(oid, critical, value, result);
  }
  return result;
}

/** Known to be harmless to a chain when critical: Go handles them too. */
const HANDLED_EXTENSIONS: readonly string[] = [
  OID.subjectAltName,
  OID.subjectKeyIdentifier,
  OID.authorityKeyIdentifier,
  OID.certificatePolicies,
];

function readExtension(oid: string, critical: boolean, value: DerReader, result: Extensions): void {
  switch (oid) {
    case OID.basicConstraints: {
      const constraints = value.sequence();
      value.end();
      result.isCa = constraints.peekTag() === TAG.boolean ? constraints.boolean() : false;
      result.pathLength = constraints.atEnd ? undefined : constraints.smallInteger();
      constraints.end();
      return;
    }
    case OID.keyUsage: {
      const bits = value.take(TAG.bitString);
      value.end();
      if (bits.length < 1 || (bits[0] as number) > 7) {
        throw new DerError('a key usage that is no bit string');
      }
      result.mayCertify = ((bits[1] ?? 0) & 0x04) !== 0;
      return;
    }
    case OID.extendedKeyUsage: {
      const usages = value.sequence();
      value.end();
      result.extendedKeyUsages = [];
      while (!usages.atEnd) {
        result.extendedKeyUsages.push(usages.objectIdentifier());
      }
      return;
    }
    default:
      // Name constraints would have to be enforced; without that, a chain under them is refused.
      if (oid === OID.nameConstraints || (critical && !HANDLED_EXTENSIONS.includes(oid))) {
        result.unhandled.push(oid);
      }
  }
}
