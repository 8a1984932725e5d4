import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodePrivateKeyPem } from '../../../src/crypto/private-key-pem.ts';
import { canonicalKeyId, keyId, readPublicKeyPem } from '../../../src/crypto/public-key.ts';

/** Key and certificate files that both sides are given. */
export const INPUTS = fileURLToPath(new URL('./inputs', import.meta.url));

/** The passphrase of those that are encrypted. */
const PASSPHRASE = 'root-pass-1';

let given: Promise<ReadonlyMap<string, string>> | undefined;

/** What the keys among the inputs are called, by ID: they are the same in every run. */
export async function givenKeys(): Promise<ReadonlyMap<string, string>> {
  given ??= readGivenKeys();
  return await given;
}

async function readGivenKeys(): Promise<ReadonlyMap<string, string>> {
  const keys = new Map<string, string>();
  for (const file of (await readdir(INPUTS)).toSorted()) {
    const text = await readFile(path.join(INPUTS, file), 'utf8');
    const name = file.replace(/(-key)?\.[a-z]+$/, '');
    for (const id of idsOf(text)) if (!keys.has(id)) keys.set(id, name);
  }
  return keys;
}

/** The ID of a private key; of a public key or certificate that of the key and that by which metadata names it. */
function idsOf(text: string): string[] {
  try {
    if (text.includes('PRIVATE KEY')) return [decodePrivateKeyPem(text, PASSPHRASE).id];
    const key = readPublicKeyPem(text, new Date());
    return [canonicalKeyId(key), keyId(key)];
  } catch {
    // One of the files that nobody can use.
    return [];
  }
}
