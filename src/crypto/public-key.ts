import { KeyError, TrustError } from '../errors.ts';
import { canonicalJson } from './canonical-json.ts';
import { certificateInText } from './certificate-bundle.ts';
import { type Certificate, parseCertificateDer } from './certificate-parse.ts';
import { certificateProblem, certificateProblemText } from './certificate-problem.ts';
import { DerError } from './der.ts';
import { sha256Hex } from './digest.ts';
import { decodePem, encodePem } from './pem.ts';
import { printable } from './printable.ts';
import {
  encodeEd25519PublicKeyInfo,
  type PublicKeyInfo,
  readPublicKeyInfo,
} from './subject-public-key-info.ts';

/** A public key of TUF metadata. Treat it as immutable: IDs and verifiers are kept for it. */
export interface PublicKey {
  readonly keytype: string;
  /** What `public` decodes to (spec/keys.md 1.1); empty when it is `null`. */
  readonly publicBytes: Uint8Array;
}

/** A public key as it stands in metadata. */
export interface PublicKeyJson {
  keytype: string;
  keyval: { private: null; public: string | null };
}

/** The metadata form of a key. Empty public bytes become `null`, as Go writes them. */
export function publicKeyToJson(key: PublicKey): PublicKeyJson {
  return {
    keytype: key.keytype,
    keyval: {
      private: null,
      public: key.publicBytes.length === 0 ? null : Buffer.from(key.publicBytes).toString('base64'),
    },
  };
}

/**
 * Reads a key object of metadata. Unknown members, and a `private` that is not null, are ignored: they are
 * no part of the key ID. Any `keytype` is taken; one that is not known never verifies anything.
 *
 * @throws {TrustError} `METADATA_MALFORMED` if a member is missing or has another type, if `public` is
 *   not standard padded base64, or if a member's name differs from a known one only in case.
 */
export function publicKeyFromJson(value: unknown): PublicKey {
  const key = members(value, 'A key', ['keytype', 'keyval']);
  const keyval = members(key.get('keyval'), 'The "keyval" of a key', ['private', 'public']);
  const keytype = key.get('keytype');
  if (typeof keytype !== 'string') {
    throw malformed('The "keytype" of a key is no string.');
  }
  const text = keyval.get('public') ?? '';
  if (typeof text !== 'string') {
    throw malformed('The "public" member of a key is neither a string nor null.');
  }
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw malformed('The "public" member of a key is not standard base64 with padding.');
  }
  return { keytype, publicBytes: Buffer.from(text, 'base64') };
}

function members(value: unknown, what: string, known: string[]): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(`${what} is no JSON object.`);
  }
  const found = new Map<string, unknown>(Object.entries(value));
  for (const name of found.keys()) {
    if (!known.includes(name) && known.includes(name.toLowerCase())) {
      throw malformed(
        `${what} has a member "${printable(name)}" that differs from "${name.toLowerCase()}" in case.`,
      );
    }
  }
  return found;
}

function malformed(message: string): TrustError {
  return new TrustError('METADATA_MALFORMED', message);
}

const keyIds = new WeakMap<PublicKey, string>();
const canonicalKeyIds = new WeakMap<PublicKey, string>();

/**
 * The TUF key ID, by which metadata refers to a key: SHA-256 of the canonical JSON of its object, 64
 * lower-case hexadecimal characters (spec/keys.md 1.2).
 */
export function keyId(key: PublicKey): string {
  let id = keyIds.get(key);
  if (id === undefined) {
    const { keytype, keyval } = publicKeyToJson(key);
    id = sha256Hex(
      Buffer.from(canonicalJson({ keytype, keyval: { private: null, public: keyval.public } })),
    );
    keyIds.set(key, id);
  }
  return id;
}

/**
 * The canonical key ID, by which private keys are stored: for a certificate the ID of the bare key in it,
 * else the same as {@link keyId} (spec/keys.md 1.3). A certificate key whose text holds no certificate has
 * no bare key; its own ID stands in.
 */
export function canonicalKeyId(key: PublicKey): string {
  let id = canonicalKeyIds.get(key);
  if (id === undefined) {
    id = keyId(bareKey(key));
    canonicalKeyIds.set(key, id);
  }
  return id;
}

function bareKey(key: PublicKey): PublicKey {
  if (key.keytype !== 'ecdsa-x509' && key.keytype !== 'rsa-x509') {
    return key;
  }
  const certificate = certificateInText(key.publicBytes);
  return certificate === undefined
    ? key
    : { keytype: key.keytype.slice(0, -'-x509'.length), publicBytes: certificate.publicKeyInfo };
}

/**
 * The `PUBLIC KEY` block of a bare key, as {@link readPublicKeyPem} reads it.
 *
 * @param headers of the block, such as `role`.
 */
export function encodePublicKeyPem(key: PublicKey, headers: readonly [string, string][]): string {
  const { keytype, publicBytes } = key;
  const bytes = keytype === 'ed25519' ? encodeEd25519PublicKeyInfo(publicBytes) : publicBytes;
  return encodePem({ label: 'PUBLIC KEY', headers: [...headers], bytes });
}

export interface PublicKeyFileOptions {
  readonly ed25519?: boolean;
}

/**
 * Reads a public key file for a delegation: the first PEM block, a `CERTIFICATE` (further ones in the file
 * are dropped) or a `PUBLIC KEY` (spec/keys.md 7, "Public key files").
 *
 * @param now the time at which a certificate has to be valid.
 * @param options.ed25519 whether a bare Ed25519 key is taken, which Notary and Docker refuse in a file though not in
 *   metadata.
 * @throws {KeyError} `KEY_FILE_DAMAGED`, `KEY_UNSUPPORTED` (an algorithm that Notary cannot verify, or no
 *   public key at all), `CERTIFICATE_UNACCEPTABLE` (expired, signed with SHA-1, RSA below 2048 bits …).
 */
export function readPublicKeyPem(
  text: string | Uint8Array,
  now: Date,
  { ed25519 = false }: PublicKeyFileOptions = {},
): PublicKey {
  const block = decodePem(text);
  if (block === undefined) {
    throw new KeyError('KEY_FILE_DAMAGED', 'The file holds no PEM block, so no public key.', {
      hint: 'Give a file that begins with "-----BEGIN PUBLIC KEY-----" or "-----BEGIN CERTIFICATE-----".',
    });
  }
  switch (block.label) {
    case 'CERTIFICATE':
      return certificateKey(block.bytes, now);
    case 'PUBLIC KEY':
      return bareKeyOfFile(block.bytes, ed25519);
    default:
      throw new KeyError(
        'KEY_UNSUPPORTED',
        `The file holds a "${printable(block.label)}" where a "PUBLIC KEY" or a "CERTIFICATE" is expected.`,
        block.label.includes('PRIVATE')
          ? { hint: 'Keep the private key to yourself: give the public key that belongs to it.' }
          : {},
      );
  }
}

function certificateKey(der: Uint8Array, now: Date): PublicKey {
  let certificate: Certificate;
  try {
    certificate = parseCertificateDer(der);
  } catch (error) {
    throw new KeyError('KEY_FILE_DAMAGED', 'The certificate in the file cannot be read.', {
      cause: error,
    });
  }
  const problem = certificateProblem(certificate, now, { checkDates: true });
  if (problem !== undefined) {
    throw new KeyError(
      'CERTIFICATE_UNACCEPTABLE',
      `The certificate for "${printable(certificate.commonName)}" ${certificateProblemText(certificate, problem)}.`,
      { hint: 'Have a new certificate issued for this key.', details: { problem } },
    );
  }
  const { keytype } = certificate.publicKey;
  if (keytype !== 'ecdsa' && keytype !== 'rsa') {
    throw new KeyError(
      'KEY_UNSUPPORTED',
      'The certificate is for a key that content trust cannot use: it has to be ECDSA (P-224 to P-521) or RSA.',
    );
  }
  return { keytype: `${keytype}-x509`, publicBytes: Buffer.from(certificate.pem) };
}

function bareKeyOfFile(der: Uint8Array, takesEd25519: boolean): PublicKey {
  let info: PublicKeyInfo;
  try {
    info = readPublicKeyInfo(der);
  } catch (error) {
    const found = error instanceof DerError ? `: it has ${error.message}` : '';
    throw new KeyError('KEY_FILE_DAMAGED', `The public key in the file cannot be read${found}.`, {
      cause: error,
    });
  }
  if (info.kind === 'ec' || info.kind === 'rsa') {
    return { keytype: info.kind === 'ec' ? 'ecdsa' : 'rsa', publicBytes: der };
  }
  if (info.kind === 'ed25519' && takesEd25519) {
    return { keytype: 'ed25519', publicBytes: info.raw };
  }
  const found = info.kind === 'ed25519' ? 'Ed25519' : `algorithm ${info.algorithm}`;
  throw new KeyError(
    'KEY_UNSUPPORTED',
    `The public key in the file is of ${found}; it has to be ECDSA (P-224 to P-521) or RSA.`,
    { hint: 'Make another key, for example with "tabellion key generate".' },
  );
}
