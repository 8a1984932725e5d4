import { randomBytes as systemRandomBytes } from 'node:crypto';
import { KeyError } from '../errors.ts';
import {
  decryptPrivateKey,
  decryptPrivateKeyAsync,
  type EncryptedPrivateKey,
  type EncryptionParameters,
  encryptPrivateKey,
  isEncryptedPrivateKey,
  type PseudoRandomFunction,
  parseEncryptedPrivateKey,
  pseudoRandomFunctions,
} from './encrypted-private-key.ts';
import { decryptLegacyPem, isLegacyEncrypted, legacyCipher } from './legacy-pem-encryption.ts';
import { decodePem, encodePem, type PemBlock } from './pem.ts';
import { printable } from './printable.ts';
import { PrivateKey } from './private-key.ts';

export type { EncryptionParameters } from './encrypted-private-key.ts';

/** What goes into a key file beside the key. */
export interface PrivateKeyPemOptions {
  /** Used as it is, in UTF-8. The empty passphrase writes the key unencrypted. */
  readonly passphrase: string;
  /** Headers of the file; left out when empty. Which keys carry a GUN is the key store's affair. */
  readonly role?: string;
  readonly gun?: string;
  /** Of no account for a key that stays unencrypted. */
  readonly encryption: EncryptionParameters;
  /** Default: the system's. Called for the salt first, then for the IV. */
  readonly randomBytes?: (count: number) => Uint8Array;
}

/**
 * Writes a private key file that Notary and Docker read; with `NOTARY_ENCRYPTION` it is byte for byte what they
 * write (spec/keys.md 4.2 to 4.4). Blocks for the time of the derivation.
 *
 * @throws {KeyError} `KEY_HEADER_INVALID` if role or GUN has a line break.
 */
export function encodePrivateKeyPem(key: PrivateKey, options: PrivateKeyPemOptions): string {
  const { passphrase, role = '', gun = '', encryption } = options;
  const headers: [string, string][] = [
    ['gun', gun],
    ['role', role],
  ];
  const pkcs8 = key.toPkcs8();
  const encrypted = passphrase !== '';
  return encodePem({
    label: encrypted ? 'ENCRYPTED PRIVATE KEY' : 'PRIVATE KEY',
    headers: headers.filter(([, value]) => value !== ''),
    bytes: encrypted
      ? encryptPrivateKey(pkcs8, passphrase, encryption, options.randomBytes ?? systemRandomBytes)
      : pkcs8,
  });
}

/**
 * Reads the private key in the first PEM block, in any form that Notary takes (spec/keys.md 4.5 to 4.7). An
 * unencrypted key is read whatever the passphrase.
 *
 * Blocks while the key is derived: about 1 ms for Notary's files, up to some ten seconds for the largest
 * count accepted. {@link decodePrivateKeyPemAsync} does not block.
 *
 * @throws {KeyError} `KEY_PASSPHRASE_WRONG` (also when it is empty and one is needed), `KEY_FILE_DAMAGED`,
 *   `KEY_UNSUPPORTED` (an algorithm, encryption or kind of file that content trust does not use)
 */
export function decodePrivateKeyPem(text: string | Uint8Array, passphrase: string): PrivateKey {
  const sealed = readSealed(text);
  if (sealed.kind !== 'pbes2') {
    return openAtOnce(sealed, passphrase);
  }
  requirePassphrase(passphrase);
  for (const prf of pseudoRandomFunctions(sealed.encrypted)) {
    const key = tryPkcs8(decryptPrivateKey(sealed.encrypted, passphrase, prf));
    if (key !== undefined) {
      return key;
    }
  }
  throw wrongPassphrase();
}

/** As {@link decodePrivateKeyPem}, with the derivation of the key in another thread. */
export async function decodePrivateKeyPemAsync(
  text: string | Uint8Array,
  passphrase: string,
): Promise<PrivateKey> {
  const sealed = readSealed(text);
  if (sealed.kind !== 'pbes2') {
    return openAtOnce(sealed, passphrase);
  }
  requirePassphrase(passphrase);
  for (const prf of pseudoRandomFunctions(sealed.encrypted)) {
    const key = tryPkcs8(await decryptPrivateKeyAsync(sealed.encrypted, passphrase, prf));
    if (key !== undefined) {
      return key;
    }
  }
  throw wrongPassphrase();
}

/** What can be told of a private key file without its passphrase. */
export interface PrivateKeyPemInfo {
  readonly label: string;
  /** `role`, `gun`, `path` … as they stand in the file. */
  readonly headers: ReadonlyMap<string, string>;
  readonly encrypted: boolean;
  /** Rounds of PBKDF2, for a key in the usual encrypted form. */
  readonly iterations?: number;
  /** The hash of PBKDF2 that the file names: Notary and Docker can read `sha1` only. */
  readonly prf?: PseudoRandomFunction;
  /** Why no passphrase could open it: `KEY_FILE_DAMAGED` or `KEY_UNSUPPORTED`. */
  readonly problem?: KeyError;
}

/** Looks at a private key file without its passphrase. `undefined` if there is no PEM block. Never throws. */
export function inspectPrivateKeyPem(text: string | Uint8Array): PrivateKeyPemInfo | undefined {
  const block = decodePem(text);
  if (block === undefined) {
    return undefined;
  }
  const { label, headers } = block;
  const encrypted = isEncrypted(block);
  try {
    const sealed = sealedOf(block);
    const facts =
      sealed.kind === 'pbes2'
        ? { iterations: sealed.encrypted.iterations, prf: sealed.encrypted.prf }
        : {};
    return { label, headers, encrypted, ...facts };
  } catch (error) {
    if (error instanceof KeyError) {
      return { label, headers, encrypted, problem: error };
    }
    throw error;
  }
}

/** Whether the first PEM block is an encrypted private key, by its structure and not by its label. */
export function isEncryptedPem(text: string | Uint8Array): boolean {
  return inspectPrivateKeyPem(text)?.encrypted ?? false;
}

/** Whether a passphrase is needed, and could help, to read the key. Not so for a damaged or unsupported one. */
export function needsPassphrase(text: string | Uint8Array): boolean {
  const info = inspectPrivateKeyPem(text);
  return info?.encrypted === true && info.problem === undefined;
}

/** A key file, read as far as it goes without a passphrase. */
type Sealed =
  | { readonly kind: 'plain'; readonly key: PrivateKey }
  | { readonly kind: 'pbes2'; readonly encrypted: EncryptedPrivateKey }
  | { readonly kind: 'legacy'; readonly block: PemBlock };

const LEGACY_LABELS: ReadonlyMap<string, (bytes: Uint8Array) => PrivateKey> = new Map([
  ['EC PRIVATE KEY', (bytes: Uint8Array) => PrivateKey.fromSec1(bytes)],
  ['RSA PRIVATE KEY', (bytes: Uint8Array) => PrivateKey.fromPkcs1(bytes)],
  ['ED25519 PRIVATE KEY', (bytes: Uint8Array) => PrivateKey.fromNotaryEd25519(bytes)],
]);

const PKCS8_LABELS: readonly string[] = ['PRIVATE KEY', 'ENCRYPTED PRIVATE KEY'];

function isEncrypted(block: PemBlock): boolean {
  return LEGACY_LABELS.has(block.label)
    ? isLegacyEncrypted(block)
    : PKCS8_LABELS.includes(block.label) && isEncryptedPrivateKey(block.bytes);
}

function readSealed(text: string | Uint8Array): Sealed {
  const block = decodePem(text);
  if (block === undefined) {
    throw new KeyError(
      'KEY_FILE_DAMAGED',
      'The key file is empty, cut short or not a PEM file: it holds no whole PEM block.',
      { hint: 'Restore the key file from a backup.' },
    );
  }
  return sealedOf(block);
}

function sealedOf(block: PemBlock): Sealed {
  const readLegacy = LEGACY_LABELS.get(block.label);
  if (readLegacy === undefined && !PKCS8_LABELS.includes(block.label)) {
    throw new KeyError(
      'KEY_UNSUPPORTED',
      `The key file begins with a "${printable(block.label)}" where a private key is expected.`,
      block.label === 'EC PARAMETERS'
        ? { hint: 'Remove everything before "-----BEGIN EC PRIVATE KEY-----" from the file.' }
        : { hint: 'Give the file with the private key.' },
    );
  }
  if (isEncrypted(block)) {
    if (readLegacy === undefined) {
      return { kind: 'pbes2', encrypted: parseEncryptedPrivateKey(block.bytes) };
    }
    legacyCipher(block);
    return { kind: 'legacy', block };
  }
  const read = readLegacy ?? (bytes => PrivateKey.fromPkcs8(bytes));
  return { kind: 'plain', key: read(block.bytes) };
}

function openAtOnce(sealed: Exclude<Sealed, { kind: 'pbes2' }>, passphrase: string): PrivateKey {
  if (sealed.kind === 'plain') {
    return sealed.key;
  }
  requirePassphrase(passphrase);
  const bytes = decryptLegacyPem(sealed.block, passphrase);
  const read = LEGACY_LABELS.get(sealed.block.label) ?? PrivateKey.fromPkcs8;
  const key = unlessDamaged(() => read(bytes));
  if (key === undefined) {
    throw wrongPassphrase();
  }
  return key;
}

function tryPkcs8(der: Uint8Array): PrivateKey | undefined {
  return unlessDamaged(() => PrivateKey.fromPkcs8(der));
}

/** Decrypted bytes that are no key mean a wrong passphrase; a key of an unknown algorithm is one all the same. */
function unlessDamaged(read: () => PrivateKey): PrivateKey | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof KeyError && error.code === 'KEY_FILE_DAMAGED') {
      return undefined;
    }
    throw error;
  }
}

function requirePassphrase(passphrase: string): void {
  if (passphrase === '') {
    throw new KeyError(
      'KEY_PASSPHRASE_WRONG',
      'The private key is encrypted, and the passphrase given is empty.',
    );
  }
}

function wrongPassphrase(): KeyError {
  return new KeyError('KEY_PASSPHRASE_WRONG', 'The passphrase does not open the private key.');
}
