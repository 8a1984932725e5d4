/** Public keys for delegations, from files: certificates and bare keys (keys.md 7). */
import { readFile } from 'node:fs/promises';
import { printable } from '../../crypto/printable.ts';
import {
  type PublicKey,
  type PublicKeyFileOptions,
  readPublicKeyPem,
} from '../../crypto/public-key.ts';
import { KeyError } from '../../errors.ts';
import { readFailure } from '../../trust-dir/file-error.ts';

/**
 * Reads the first key of each file.
 * @param now the time at which certificates have to be valid
 * @param options what is taken beyond what Notary and Docker take
 * @throws KeyError `KEY_FILE_UNREADABLE`, `KEY_FILE_DAMAGED`, `KEY_UNSUPPORTED`, `CERTIFICATE_UNACCEPTABLE`;
 *   each with the `file` in its details
 */
export async function readDelegationKeys(
  files: readonly string[],
  now: Date,
  options: PublicKeyFileOptions = {},
): Promise<PublicKey[]> {
  const keys: PublicKey[] = [];
  for (const file of files) keys.push(readPublicKey(file, await readKeyText(file), now, options));
  return keys;
}

/**
 * The bytes of a key file that was named on the command line.
 * @throws KeyError `KEY_FILE_UNREADABLE`
 */
export async function readKeyText(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new KeyError(
      'KEY_FILE_UNREADABLE',
      `The key file ${printable(file)} cannot be read: ${readFailure(cause)}`,
      { cause, details: { file } },
    );
  }
}

function readPublicKey(
  file: string,
  text: Uint8Array,
  now: Date,
  options: PublicKeyFileOptions,
): PublicKey {
  try {
    return readPublicKeyPem(text, now, options);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    const { code, message, hint, details } = error;
    throw new KeyError(code, `${printable(file)}: ${message}`, {
      ...(hint === undefined ? {} : { hint }),
      cause: error,
      details: { ...details, file },
    });
  }
}
