import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import {
  NOTARY_ENCRYPTION,
  parseEncryptedPrivateKey,
} from '../../src/crypto/encrypted-private-key.ts';
import { decodePem } from '../../src/crypto/pem.ts';
import { UsageError } from '../../src/errors.ts';
import { EnvironmentPassphrases } from '../../src/keys/environment-passphrases.ts';
import { KeyStore } from '../../src/keys/key-store.ts';
import { keyStrength, newKeyEncryption } from '../../src/keys/key-strength.ts';
import { writeFileAtomic } from '../../src/trust-dir/atomic-file.ts';

describe('the strength of a key file', () => {
  test.each([
    ['not encrypted', { encrypted: false }, 'none'],
    ['the old encryption of OpenSSL', { encrypted: true }, 'weak'],
    ['as Notary makes it', { encrypted: true, iterations: 2048, prf: 'sha1' }, 'weak'],
    ['99 999 rounds', { encrypted: true, iterations: 99_999, prf: 'sha1' }, 'weak'],
    ['600 000 rounds', { encrypted: true, iterations: 600_000, prf: 'sha1' }, 'fair'],
    ['as Tabellion makes it', { encrypted: true, iterations: 1_300_000, prf: 'sha1' }, 'strong'],
    ['a slower hash', { encrypted: true, iterations: 650_000, prf: 'sha256' }, 'strong'],
  ] as const)('%s', (_, facts, strength) => {
    expect(keyStrength(facts)).toBe(strength);
  });
});

describe('new key files', () => {
  it('get the rounds that OWASP asks for with SHA-1, and a salt of 128 bits', async () => {
    const privateDir = await mkdtemp(join(tmpdir(), 'tabellion-strength-'));
    try {
      const store = new KeyStore({
        privateDir,
        passphrases: [new EnvironmentPassphrases({ NOTARY_ROOT_PASSPHRASE: 'long enough' })],
        writeFile: writeFileAtomic,
        encryption: newKeyEncryption({}),
      });
      const { id } = await store.generate({ role: 'root' });
      const file = decodePem(await readFile(join(privateDir, `${id}.key`)));
      const { iterations, salt, prf } = parseEncryptedPrivateKey(file?.bytes ?? new Uint8Array());
      expect({ iterations, salt: salt.length, prf }).toEqual({
        iterations: 1_300_000,
        salt: 16,
        prf: 'sha1',
      });
    } finally {
      await rm(privateDir, { recursive: true });
    }
  });

  it('get other rounds when told, but no fewer than Notary’s', () => {
    const rounds = (text: string) => newKeyEncryption({ TABELLION_KDF_ROUNDS: text }).iterations;
    expect(rounds('')).toBe(1_300_000);
    expect(newKeyEncryption({ TABELLION_KDF_ROUNDS: '2048' })).toEqual(NOTARY_ENCRYPTION);
    expect(rounds('2049')).toBe(2049);
    expect(rounds('4000000')).toBe(4_000_000);
    for (const wrong of ['2047', '0', '-1', '1e9', '10000001', 'many', '99999999999']) {
      expect(() => rounds(wrong)).toThrow(UsageError);
    }
  });
});
