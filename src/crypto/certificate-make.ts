import { createHash, sign, randomBytes as systemRandomBytes } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { KeyError } from '../errors.ts';
import type { Certificate } from './certificate-parse.ts';
import {
  contextTag,
  DerReader,
  encodeBitString,
  encodeBoolean,
  encodeElement,
  encodeNull,
  encodeObjectIdentifier,
  encodeOctetString,
  encodeSequence,
  encodeUnsignedInteger,
  TAG,
} from './der.ts';
import { OID } from './object-identifiers.ts';
import { encodePem } from './pem.ts';
import type { PrivateKey } from './private-key.ts';
import type { PublicKey } from './public-key.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Ten years of 365 days: what Notary gives a root certificate (spec/keys.md 3.1). */
const ROOT_CERTIFICATE_DAYS = 3650;

/** Bits of a key usage (RFC 5280 4.2.1.3): the first byte, and how many of its bits are not used. */
const KEY_USAGE = {
  digitalSignature: { byte: 0x80, unused: 7 },
  digitalSignatureAndKeyEncipherment: { byte: 0xa0, unused: 5 },
  keyCertSignAndCrlSign: { byte: 0x06, unused: 1 },
} as const;

/** What a root certificate of a repository is made of. */
export interface RootCertificateOptions {
  /** ECDSA or RSA. */
  readonly key: PrivateKey;
  /** Becomes the common name, as it is. */
  readonly gun: string;
  /** Usually now; the certificate is valid for 3650 days from it. Fractions of a second are cut. */
  readonly notBefore: Date;
  /** Default: the system's. Called once, for the 16 bytes of the serial number. */
  readonly randomBytes?: (count: number) => Uint8Array;
}

/**
 * Makes the self-signed certificate that stands for a root key in a repository, in the shape that Notary
 * gives it, byte for byte (spec/keys.md 3.1).
 *
 * @returns PEM text in Go's form, which is what goes into the root metadata.
 * @throws {KeyError} `KEY_UNSUPPORTED` for an Ed25519 key: there are no such root keys.
 */
export function makeRootCertificate(options: RootCertificateOptions): string {
  const { key, gun } = options;
  const name = encodeCommonName(gun);
  return signCertificate({
    signer: key,
    serial: (options.randomBytes ?? systemRandomBytes)(16),
    issuer: name,
    subject: name,
    notBefore: options.notBefore,
    notAfter: new Date(options.notBefore.getTime() + ROOT_CERTIFICATE_DAYS * DAY_MS),
    publicKeyInfo: publicKeyInfo(key.publicKey),
    extensions: [
      keyUsage(KEY_USAGE.digitalSignatureAndKeyEncipherment),
      extendedKeyUsage([OID.codeSigning]),
      basicConstraints(false),
    ],
  });
}

/** What a certificate of a private PKI is made of. */
export interface CertificateOptions {
  /** The key that the certificate is for, ECDSA or RSA; without an issuer it signs, too. */
  readonly key: PrivateKey;
  readonly commonName: string;
  /** A CA may sign certificates; any other is for TLS. Default `false`. */
  readonly isCa?: boolean;
  /** Names and addresses that a TLS server answers for. */
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  /** Default: `serverAuth`, and none for a CA. */
  readonly extendedKeyUsages?: readonly ('serverAuth' | 'clientAuth' | 'codeSigning')[];
  /** The CA that signs. Without it the certificate is self-signed. */
  readonly issuer?: { readonly key: PrivateKey; readonly certificate: Certificate };
  readonly notBefore: Date;
  readonly days: number;
  /** Default: the system's. Called once, for the 16 bytes of the serial number. */
  readonly randomBytes?: (count: number) => Uint8Array;
}

/**
 * Makes a certificate for a private CA, or for a TLS server or client under it, that the verifiers of Go and
 * OpenSSL accept (RFC 5280).
 *
 * @returns PEM text.
 * @throws {KeyError} `KEY_UNSUPPORTED` for an Ed25519 key.
 * @throws {RangeError} for something that is no IP address.
 */
export function makeCertificate(options: CertificateOptions): string {
  const { key, issuer, isCa = false } = options;
  const subject = encodeCommonName(options.commonName);
  const subjectKeyId = keyIdentifier(publicKeyInfo(key.publicKey));
  const issuerKeyId =
    issuer === undefined ? subjectKeyId : keyIdentifier(issuer.certificate.publicKeyInfo);
  const usages = options.extendedKeyUsages ?? (isCa ? [] : ['serverAuth']);
  const extensions = [
    keyUsage(isCa ? KEY_USAGE.keyCertSignAndCrlSign : KEY_USAGE.digitalSignature),
    ...(usages.length === 0 ? [] : [extendedKeyUsage(usages.map(usage => OID[usage]))]),
    basicConstraints(isCa),
    extension(OID.subjectKeyIdentifier, false, encodeOctetString(subjectKeyId)),
    extension(
      OID.authorityKeyIdentifier,
      false,
      encodeSequence(encodeElement(CONTEXT_PRIMITIVE | 0, issuerKeyId)),
    ),
    ...subjectAltName(options.dnsNames ?? [], options.ipAddresses ?? []),
  ];
  return signCertificate({
    signer: issuer?.key ?? key,
    serial: positiveSerial((options.randomBytes ?? systemRandomBytes)(16)),
    issuer: issuer === undefined ? subject : encodeSequence(issuer.certificate.subject),
    subject,
    notBefore: options.notBefore,
    notAfter: new Date(options.notBefore.getTime() + options.days * DAY_MS),
    publicKeyInfo: publicKeyInfo(key.publicKey),
    extensions,
  });
}

interface CertificateParts {
  readonly signer: PrivateKey;
  readonly serial: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKeyInfo: Uint8Array;
  readonly extensions: readonly Uint8Array[];
}

function signCertificate(parts: CertificateParts): string {
  const { keyObject } = parts.signer;
  if (keyObject === undefined) {
    throw ed25519Unsupported();
  }
  const { digest, identifier } = signatureAlgorithm(parts.signer);
  const toBeSigned = encodeSequence(
    encodeElement(contextTag(0), encodeUnsignedInteger(2)),
    encodeUnsignedInteger(parts.serial),
    identifier,
    parts.issuer,
    encodeSequence(encodeTime(parts.notBefore), encodeTime(parts.notAfter)),
    parts.subject,
    parts.publicKeyInfo,
    encodeElement(contextTag(3), encodeSequence(...parts.extensions)),
  );
  const signature = sign(digest, toBeSigned, keyObject);
  return encodePem({
    label: 'CERTIFICATE',
    bytes: encodeSequence(toBeSigned, identifier, encodeBitString(signature)),
  });
}

function ed25519Unsupported(): KeyError {
  return new KeyError(
    'KEY_UNSUPPORTED',
    'An Ed25519 key cannot have a certificate for content trust; it has to be ECDSA or RSA.',
    { hint: 'Use an ECDSA key on P-256.' },
  );
}

/** The hash grows with the curve, as Go chooses it; RSA takes SHA-256 (spec/keys.md 3.1). */
function signatureAlgorithm(signer: PrivateKey): { digest: string; identifier: Uint8Array } {
  switch (signer.curve?.name) {
    case undefined:
      return {
        digest: 'sha256',
        identifier: encodeSequence(encodeObjectIdentifier(OID.sha256WithRsa), encodeNull()),
      };
    case 'P-384':
      return {
        digest: 'sha384',
        identifier: encodeSequence(encodeObjectIdentifier(OID.sha384WithEcdsa)),
      };
    case 'P-521':
      return {
        digest: 'sha512',
        identifier: encodeSequence(encodeObjectIdentifier(OID.sha512WithEcdsa)),
      };
    default:
      return {
        digest: 'sha256',
        identifier: encodeSequence(encodeObjectIdentifier(OID.sha256WithEcdsa)),
      };
  }
}

function publicKeyInfo(key: PublicKey): Uint8Array {
  if (key.keytype !== 'ecdsa' && key.keytype !== 'rsa') {
    throw ed25519Unsupported();
  }
  return key.publicBytes;
}

/** RFC 5280 wants serial numbers above zero and at most 20 bytes long. */
function positiveSerial(random: Uint8Array): Uint8Array {
  const serial = Uint8Array.from(random);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

const PRINTABLE_STRING = /^[A-Za-z0-9'()+,\-./ :=?]*$/;

/** A name of one common name: PrintableString if it can be, else UTF8String, as Go decides. */
function encodeCommonName(commonName: string): Uint8Array {
  const tag = PRINTABLE_STRING.test(commonName) ? TAG.printableString : TAG.utf8String;
  return encodeSequence(
    encodeElement(
      TAG.set,
      encodeSequence(
        encodeObjectIdentifier(OID.commonName),
        encodeElement(tag, Buffer.from(commonName, 'utf8')),
      ),
    ),
  );
}

/** UTCTime up to 2049, then GeneralizedTime (RFC 5280 4.1.2.5). */
function encodeTime(time: Date): Uint8Array {
  const digits = time.toISOString().replace(/\.\d+Z$|[^\d]/g, '');
  const year = time.getUTCFullYear();
  return year >= 1950 && year < 2050
    ? encodeElement(TAG.utcTime, Buffer.from(`${digits.slice(2)}Z`))
    : encodeElement(TAG.generalizedTime, Buffer.from(`${digits}Z`));
}

function extension(oid: string, critical: boolean, value: Uint8Array): Uint8Array {
  return encodeSequence(
    encodeObjectIdentifier(oid),
    ...(critical ? [encodeBoolean(true)] : []),
    encodeOctetString(value),
  );
}

function keyUsage({ byte, unused }: { byte: number; unused: number }): Uint8Array {
  return extension(OID.keyUsage, true, encodeBitString(Buffer.from([byte]), unused));
}

function extendedKeyUsage(oids: readonly string[]): Uint8Array {
  return extension(
    OID.extendedKeyUsage,
    false,
    encodeSequence(...oids.map(oid => encodeObjectIdentifier(oid))),
  );
}

function basicConstraints(isCa: boolean): Uint8Array {
  return extension(
    OID.basicConstraints,
    true,
    encodeSequence(...(isCa ? [encodeBoolean(true)] : [])),
  );
}

/** SHA-1 of the key's bits: a name for the key, not a protection (RFC 5280 4.2.1.2). */
function keyIdentifier(info: Uint8Array): Uint8Array {
  const reader = new DerReader(info).sequence();
  reader.element();
  return createHash('sha1').update(reader.bitString()).digest();
}

const CONTEXT_PRIMITIVE = 0x80;
const DNS_NAME = CONTEXT_PRIMITIVE | 2;
const IP_ADDRESS = CONTEXT_PRIMITIVE | 7;

function subjectAltName(dnsNames: readonly string[], ipAddresses: readonly string[]): Uint8Array[] {
  const names = [
    ...dnsNames.map(name => encodeElement(DNS_NAME, Buffer.from(name, 'latin1'))),
    ...ipAddresses.map(address => encodeElement(IP_ADDRESS, ipBytes(address))),
  ];
  return names.length === 0 ? [] : [extension(OID.subjectAltName, false, encodeSequence(...names))];
}

function ipBytes(address: string): Uint8Array {
  if (isIPv4(address)) {
    return Buffer.from(address.split('.').map(Number));
  }
  if (!isIPv6(address) || address.includes('%')) {
    throw new RangeError(`"${address}" is no IP address`);
  }
  // The URL parser knows every way to write an IPv6 address and gives back hexadecimal groups only.
  const plain = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = plain.split('::');
  const groups = (text: string): string[] => text.split(':').filter(group => group !== '');
  const left = groups(head);
  const right = groups(tail ?? '');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return Buffer.from(
    [...left, ...zeros, ...right].map(group => group.padStart(4, '0')).join(''),
    'hex',
  );
}
