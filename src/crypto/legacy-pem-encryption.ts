import { createDecipheriv, createHash } from 'node:crypto';
import { KeyError } from '../errors.ts';
import type { PemBlock } from './pem.ts';
import { printable } from './printable.ts';

interface LegacyCipher {
  /** The name for OpenSSL. */
  readonly name: string;
  readonly keyBytes: number;
  readonly blockBytes: number;
  /** Makes OpenSSL's key of the derived one. */
  readonly expand?: (key: Buffer) => Buffer;
}

const CIPHERS: ReadonlyMap<string, LegacyCipher> = new Map([
  // OpenSSL 3 has put single DES away, but triple DES with one key three times is the same cipher.
  [
    'DES-CBC',
    {
      name: 'des-ede3-cbc',
      keyBytes: 8,
      blockBytes: 8,
      expand: (key: Buffer) => Buffer.concat([key, key, key]),
    },
  ],
  ['DES-EDE3-CBC', { name: 'des-ede3-cbc', keyBytes: 24, blockBytes: 8 }],
  ['AES-128-CBC', { name: 'aes-128-cbc', keyBytes: 16, blockBytes: 16 }],
  ['AES-192-CBC', { name: 'aes-192-cbc', keyBytes: 24, blockBytes: 16 }],
  ['AES-256-CBC', { name: 'aes-256-cbc', keyBytes: 32, blockBytes: 16 }],
]);

/** Whether a block has the encryption of old OpenSSL: the header `DEK-Info` alone decides (spec/keys.md 4.7). */
export function isLegacyEncrypted(block: PemBlock): boolean {
  return block.headers.has('DEK-Info');
}

/**
 * Decrypts the body of a block with `DEK-Info` (RFC 1421 as OpenSSL understood it): one round of MD5 over
 * passphrase and salt, the salt being the first eight bytes of the IV.
 *
 * @throws {KeyError} `KEY_PASSPHRASE_WRONG`, `KEY_FILE_DAMAGED`, `KEY_UNSUPPORTED` (an unknown cipher, or an
 *   OpenSSL that has no MD5 or triple DES)
 */
export function decryptLegacyPem(block: PemBlock, passphrase: string): Uint8Array {
  const { cipher, iv } = legacyCipher(block);
  let plain: Buffer;
  try {
    const key = deriveKey(passphrase, iv.subarray(0, 8), cipher.keyBytes);
    const decipher = createDecipheriv(cipher.name, cipher.expand?.(key) ?? key, iv);
    decipher.setAutoPadding(false);
    plain = Buffer.concat([decipher.update(block.bytes), decipher.final()]);
  } catch {
    throw new KeyError(
      'KEY_UNSUPPORTED',
      `The private key is in an old encrypted form (${cipher.name} under MD5) that this Node.js cannot decrypt.`,
      {
        hint: 'Convert it with "openssl pkcs8 -topk8 -nocrypt" where OpenSSL allows it, and import the result.',
      },
    );
  }
  return withoutPadding(plain, cipher.blockBytes);
}

/**
 * Checks that a block with `DEK-Info` can be decrypted at all.
 *
 * @throws {KeyError} `KEY_FILE_DAMAGED`, `KEY_UNSUPPORTED`
 */
export function legacyCipher(block: PemBlock): { cipher: LegacyCipher; iv: Buffer } {
  const [, name = '', hex = ''] = /^([^,]*),(.*)$/s.exec(block.headers.get('DEK-Info') ?? '') ?? [];
  const cipher = CIPHERS.get(name);
  if (cipher === undefined) {
    throw new KeyError(
      'KEY_UNSUPPORTED',
      `The private key is encrypted with "${printable(name)}", which is not supported; known are ${[...CIPHERS.keys()].join(', ')}.`,
      { hint: 'Convert it with "openssl pkcs8 -topk8 -nocrypt", and import the result.' },
    );
  }
  if (hex.length !== 2 * cipher.blockBytes || !/^[0-9A-Fa-f]*$/.test(hex)) {
    throw damaged(`an initialisation vector that is not ${cipher.blockBytes} bytes in hexadecimal`);
  }
  if (block.bytes.length === 0 || block.bytes.length % cipher.blockBytes !== 0) {
    throw damaged(
      `${block.bytes.length} encrypted bytes, which is no multiple of ${cipher.blockBytes}`,
    );
  }
  return { cipher, iv: Buffer.from(hex, 'hex') };
}

/** EVP_BytesToKey of OpenSSL with MD5 and one round. */
function deriveKey(passphrase: string, salt: Uint8Array, length: number): Buffer {
  let derived = Buffer.alloc(0);
  let last = Buffer.alloc(0);
  while (derived.length < length) {
    last = createHash('md5').update(last).update(passphrase, 'utf8').update(salt).digest();
    derived = Buffer.concat([derived, last]);
  }
  return derived.subarray(0, length);
}

function withoutPadding(plain: Buffer, blockBytes: number): Uint8Array {
  const count = plain.at(-1) ?? 0;
  const padding = plain.subarray(plain.length - count);
  if (count === 0 || count > blockBytes || padding.some(byte => byte !== count)) {
    throw new KeyError('KEY_PASSPHRASE_WRONG', 'The passphrase does not open the private key.');
  }
  return plain.subarray(0, plain.length - count);
}

function damaged(found: string): KeyError {
  return new KeyError(
    'KEY_FILE_DAMAGED',
    `The encrypted private key cannot be read: it has ${found}.`,
    { hint: 'Restore the key file from a backup.' },
  );
}
