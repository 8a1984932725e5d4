import { constants, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { certificateProblem, signerCertificate } from '../../src/crypto/certificate.ts';
import { generatePrivateKey, PrivateKey } from '../../src/crypto/private-key.ts';
import {
  keyId,
  type PublicKey,
  type PublicKeyJson,
  publicKeyFromJson,
} from '../../src/crypto/public-key.ts';
import { canVerify, verifySignature } from '../../src/crypto/signature.ts';
import { readVectorJson } from '../support/fixtures.ts';

interface SignatureVector {
  name: string;
  accepted: boolean;
  key: PublicKeyJson;
  keyid: string;
  method: string;
  signed: string;
  sig: string;
}

const vectors = readVectorJson<SignatureVector[]>('keys/signatures.json');

describe('signatures with the verdict of a real trust server', () => {
  test('all 43 are here', () => {
    expect(vectors).toHaveLength(43);
  });

  test.each(vectors)('$name: $accepted', ({ key, keyid, method, signed, sig, accepted }) => {
    const parsed = publicKeyFromJson(key);
    expect(keyId(parsed)).toBe(keyid);
    const message = Buffer.from(signed, 'base64');
    const signature = Buffer.from(sig, 'base64');
    expect(verifySignature(parsed, method, message, signature)).toBe(accepted);
    // The second call uses what the first one kept.
    expect(verifySignature(parsed, method, message, signature)).toBe(accepted);
  });

  test.each(vectors.filter(({ accepted }) => accepted))(
    '$name: not when anything is changed',
    ({ key, method, signed, sig }) => {
      const parsed = publicKeyFromJson(key);
      const message = Buffer.from(signed, 'base64');
      const signature = Buffer.from(sig, 'base64');
      const changed = (bytes: Buffer): Buffer => {
        const copy = Buffer.from(bytes);
        copy[copy.length >> 1] = (copy[copy.length >> 1] ?? 0) ^ 1;
        return copy;
      };
      expect(verifySignature(parsed, method, changed(message), signature)).toBe(false);
      expect(verifySignature(parsed, method, message, changed(signature))).toBe(false);
      expect(verifySignature(parsed, method, message, signature.subarray(1))).toBe(false);
      expect(
        verifySignature(parsed, method, message, Buffer.concat([Buffer.alloc(1), signature])),
      ).toBe(false);
      expect(verifySignature(parsed, method, message, Buffer.alloc(signature.length))).toBe(false);
      expect(verifySignature(parsed, method, message, Buffer.alloc(0))).toBe(false);
    },
  );
});

test('a weak certificate is named as such', () => {
  const problemOf = (name: string): string | undefined => {
    const vector = vectors.find(candidate => candidate.name === name);
    const certificate = signerCertificate(Buffer.from(vector?.key.keyval.public ?? '', 'base64'));
    return (
      certificate && certificateProblem(certificate, new Date('2026-11-22'), { checkDates: true })
    );
  };
  expect(problemOf('ecdsa-x509 SHA-1 certificate')).toBe('sha1');
  expect(problemOf('rsa-x509 1024-bit certificate')).toBe('rsa-too-small');
  expect(problemOf('ecdsa-x509 expired certificate')).toBe('expired');
  expect(problemOf('ecdsa-x509')).toBeUndefined();
});

test('a key that nobody could use is told from one that somebody can', () => {
  const usable = (name: string): boolean => {
    const vector = vectors.find(candidate => candidate.name === name) as SignatureVector;
    return canVerify(publicKeyFromJson(vector.key));
  };
  expect(usable('ecdsa P-521 SHA-256')).toBe(true);
  expect(usable('rsa 1024 rsapss')).toBe(false);
  expect(usable('unknown keytype')).toBe(false);
  expect(usable('ed25519 SPKI public')).toBe(false);
});

test('bytes of any kind as a key, a method or a signature never throw and never verify', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('ecdsa', 'ecdsa-x509', 'rsa', 'rsa-x509', 'ed25519', 'x', '__proto__'),
      fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ minLength: 32, maxLength: 32 })),
      fc.constantFrom('ecdsa', 'rsapss', 'rsapkcs1v15', 'eddsa', 'pycrypto-pkcs#1 pss', '', 'x'),
      fc.oneof(fc.uint8Array({ maxLength: 70 }), fc.uint8Array({ minLength: 64, maxLength: 64 })),
      (keytype, publicBytes, method, signature) => {
        const key: PublicKey = { keytype, publicBytes };
        expect(verifySignature(key, method, Buffer.from('message'), signature)).toBe(false);
      },
    ),
    { numRuns: 500 },
  );
});

function privateKeys(): [string, PrivateKey, string, number][] {
  const curve = (namedCurve: string): PrivateKey =>
    PrivateKey.fromSec1(
      generateKeyPairSync('ec', { namedCurve }).privateKey.export({ format: 'der', type: 'sec1' }),
    );
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  return [
    ['P-224', curve('P-224'), 'ecdsa', 56],
    ['P-256', generatePrivateKey('ecdsa'), 'ecdsa', 64],
    ['P-384', curve('P-384'), 'ecdsa', 96],
    ['P-521', curve('P-521'), 'ecdsa', 132],
    ['RSA', PrivateKey.fromPkcs1(rsa.export({ format: 'der', type: 'pkcs1' })), 'rsapss', 256],
    ['Ed25519', generatePrivateKey('ed25519'), 'eddsa', 64],
  ];
}

describe('what is signed verifies', () => {
  test.each(privateKeys())('%s', (_, key, method, length) => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ maxLength: 30 }),
        (message, other) => {
          const made = key.sign(message);
          expect(made.method).toBe(method);
          expect(made.signature).toHaveLength(length);
          expect(verifySignature(key.publicKey, method, message, made.signature)).toBe(true);
          if (Buffer.compare(message, other) !== 0) {
            expect(verifySignature(key.publicKey, method, other, made.signature)).toBe(false);
          }
          // Read back from its own file form it is the same key.
          const again = PrivateKey.fromPkcs8(key.toPkcs8());
          expect(again.id).toBe(key.id);
          expect(Buffer.compare(again.toPkcs8(), key.toPkcs8())).toBe(0);
        },
      ),
      { numRuns: 20 },
    );
  });
});

test('an RSA key below 2048 bits reads, but does not sign', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const key = PrivateKey.fromPkcs1(privateKey.export({ format: 'der', type: 'pkcs1' }));
  expect(() => key.sign(Buffer.from('x'))).toThrow(
    expect.objectContaining({ code: 'KEY_UNSUPPORTED' }) as Error,
  );
  const signature = sign('sha256', Buffer.from('x'), {
    key: privateKey,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 32,
  });
  expect(verifySignature(key.publicKey, 'rsapss', Buffer.from('x'), signature)).toBe(false);
});

test('a private key does not show its secret', async () => {
  const { inspect } = await import('node:util');
  const key = generatePrivateKey('ed25519');
  const secret = Buffer.from(key.toPkcs8()).subarray(-64, -32);
  for (const shown of [inspect(key, { depth: 9, showHidden: true }), JSON.stringify(key)]) {
    expect(shown).not.toContain(secret.toString('hex').slice(0, 16));
    expect(shown).not.toContain([...secret.subarray(0, 6)].join(', '));
    expect(shown).not.toContain([...secret.subarray(0, 6)].join(','));
  }
});
