import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { makeRootCertificate } from '../../src/crypto/certificate.ts';
import { generatePrivateKey, PrivateKey } from '../../src/crypto/private-key.ts';
import {
  canonicalKeyId,
  encodePublicKeyPem,
  keyId,
  readPublicKeyPem,
} from '../../src/crypto/public-key.ts';
import { KeyError } from '../../src/errors.ts';
import { readVector } from '../support/fixtures.ts';

const NOW = new Date('2026-11-22T00:00:00Z');
const BOB = '81becb51554f3355ac59c9d32ce1425b67a06aa151154acc99b17ebc8933b161';
const CAROL = 'b490c2240a686463aed9c036c0a9ae9ec7e6c7e808fd22e787c08e536ca226d7';

function refusal(text: string | Uint8Array, now: Date = NOW): string {
  try {
    readPublicKeyPem(text, now);
  } catch (error) {
    expect(error).toBeInstanceOf(KeyError);
    return (error as KeyError).code;
  }
  return 'no error';
}

function publicPem(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'spki' }).toString();
}

describe('public key files', () => {
  test('a bare key, with or without headers', () => {
    const bob = readPublicKeyPem(readVector('keys/public/rsa2048-bob.pub.pem'), NOW);
    expect([bob.keytype, keyId(bob)]).toEqual(['rsa', BOB]);
    const carol = readPublicKeyPem(readVector('keys/docker/carol.pub'), NOW);
    expect([carol.keytype, keyId(carol)]).toEqual(['ecdsa', CAROL]);
  });

  test('a certificate', () => {
    const text = readVector('keys/public/rsa2048-bob.crt');
    const bob = readPublicKeyPem(text, NOW);
    expect(bob.keytype).toBe('rsa-x509');
    expect(keyId(bob)).toBe('de04dac23dcb4e5b1a4834cd9d8d62bb5ec3f897789d6b13edb7a5c1df2e3149');
    expect(canonicalKeyId(bob)).toBe(BOB);
    // Line ends, text around and further certificates make no difference: the text is written anew.
    const crlf = `text\n${text.toString().replaceAll('\n', '\r\n')}${text}`;
    expect(keyId(readPublicKeyPem(crlf, NOW))).toBe(keyId(bob));
  });

  test('an Ed25519 key, for who can do more than Notary', () => {
    const key = generatePrivateKey('ed25519');
    const pem = encodePublicKeyPem(key.publicKey, [['role', 'eddy']]);
    const read = readPublicKeyPem(pem, NOW, { ed25519: true });
    expect([read.keytype, keyId(read)]).toEqual(['ed25519', key.id]);
    expect(refusal(pem)).toBe('KEY_UNSUPPORTED');
    // As OpenSSL writes one, and reads ours.
    const { publicKey } = generateKeyPairSync('ed25519');
    const ofOpenssl = readPublicKeyPem(publicPem(publicKey), NOW, { ed25519: true });
    expect(encodePublicKeyPem(ofOpenssl, [])).toBe(publicPem(publicKey));
  });

  test('an EC certificate', () => {
    const key = generatePrivateKey('ecdsa');
    const pem = makeRootCertificate({ key, gun: 'x', notBefore: NOW });
    const read = readPublicKeyPem(pem, NOW);
    expect(read.keytype).toBe('ecdsa-x509');
    expect(Buffer.from(read.publicBytes).toString()).toBe(pem);
    expect(canonicalKeyId(read)).toBe(key.id);
  });

  test('a certificate that is out of date, or not yet in date', () => {
    const text = readVector('keys/public/rsa2048-bob.crt');
    expect(refusal(text, new Date('2100-01-01'))).toBe('CERTIFICATE_UNACCEPTABLE');
    expect(refusal(text, new Date('2026-11-01'))).toBe('CERTIFICATE_UNACCEPTABLE');
  });

  test('a certificate of an RSA key that is too small', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const key = PrivateKey.fromPkcs1(privateKey.export({ format: 'der', type: 'pkcs1' }));
    const pem = makeRootCertificate({ key, gun: 'x', notBefore: NOW });
    expect(refusal(pem)).toBe('CERTIFICATE_UNACCEPTABLE');
  });

  test.each<[string, string, string]>([
    ['nothing', '', 'KEY_FILE_DAMAGED'],
    ['no PEM', 'hello', 'KEY_FILE_DAMAGED'],
    [
      'a broken certificate',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      'KEY_FILE_DAMAGED',
    ],
    [
      'a broken key',
      '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n',
      'KEY_FILE_DAMAGED',
    ],
    ['Ed25519', publicPem(generateKeyPairSync('ed25519').publicKey), 'KEY_UNSUPPORTED'],
    [
      'secp256k1',
      publicPem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey),
      'KEY_UNSUPPORTED',
    ],
    [
      'DSA',
      publicPem(generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).publicKey),
      'KEY_UNSUPPORTED',
    ],
  ])('%s', (_, text, code) => {
    expect(refusal(text)).toBe(code);
  });

  test('a private key', () => {
    const name =
      'keys/variants/plain-pkcs8.cd5f459c1577fae71bad8328436bf74c370e5a6ffa3053f3affa69fe8e1a50f6.key';
    expect(refusal(readVector(name))).toBe('KEY_UNSUPPORTED');
  });
});
