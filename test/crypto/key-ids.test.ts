import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/crypto/canonical-json.ts';
import {
  canonicalKeyId,
  keyId,
  type PublicKeyJson,
  publicKeyFromJson,
  publicKeyToJson,
} from '../../src/crypto/public-key.ts';
import { TrustError } from '../../src/errors.ts';
import { readVectorJson } from '../support/fixtures.ts';

interface KeyIdVector {
  source: string;
  key: PublicKeyJson;
  preimage: string;
  id: string;
  canonicalId: string;
}

const vectors = readVectorJson<KeyIdVector[]>('keys/keyids.json');

describe('key IDs of the specification', () => {
  test.each(
    vectors.map(vector => ({ ...vector, label: `${vector.key.keytype} ${vector.id.slice(0, 8)}` })),
  )('$label from $source', ({ key, preimage, id, canonicalId }) => {
    const parsed = publicKeyFromJson(key);
    expect(canonicalJson({ ...publicKeyToJson(parsed) })).toBe(preimage);
    expect(keyId(parsed)).toBe(id);
    expect(canonicalKeyId(parsed)).toBe(canonicalId);
  });
});

test('an empty key has null as its public part, and an ID of its own', () => {
  for (const text of ['', null]) {
    const key = publicKeyFromJson({ keytype: '', keyval: { private: null, public: text } });
    expect(publicKeyToJson(key).keyval.public).toBeNull();
    expect(keyId(key)).toBe('ee3b8956cf5c4a7ad24516ebf675687eb533d8ba92fa65f84d037cf7fbc88202');
    expect(canonicalKeyId(key)).toBe(keyId(key));
  }
});

test('a private part and unknown members do not change the ID', () => {
  const [vector] = vectors as [KeyIdVector];
  const { keytype, keyval } = vector.key;
  const key = publicKeyFromJson({
    scheme: 'x',
    keyval: { public: keyval.public, private: 'AAAA', other: 1 },
    keytype,
  });
  expect(keyId(key)).toBe(vector.id);
});

test('an x509 key without a certificate in it keeps its own ID', () => {
  const key = { keytype: 'ecdsa-x509', publicBytes: Buffer.from('no certificate') };
  expect(canonicalKeyId(key)).toBe(keyId(key));
});

describe('key objects that are refused', () => {
  const keyval = { private: null, public: 'AAAA' };
  test.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['a text', 'key'],
    ['no keytype', { keyval }],
    ['a keytype that is a number', { keytype: 1, keyval }],
    ['no keyval', { keytype: 'ecdsa' }],
    ['a keyval that is a list', { keytype: 'ecdsa', keyval: [] }],
    ['a public part that is a number', { keytype: 'ecdsa', keyval: { public: 1 } }],
    ['base64 without padding', { keytype: 'ecdsa', keyval: { public: 'AAA' } }],
    ['base64url', { keytype: 'ecdsa', keyval: { public: 'A_-A' } }],
    ['a line break in base64', { keytype: 'ecdsa', keyval: { public: 'AAA\nAAAA' } }],
    ['KeyType', { keytype: 'ecdsa', KeyType: 'rsa', keyval }],
    ['PUBLIC', { keytype: 'ecdsa', keyval: { ...keyval, PUBLIC: 'BBBB' } }],
  ])('%s', (_, value) => {
    expect(() => publicKeyFromJson(value)).toThrow(
      expect.objectContaining({ code: 'METADATA_MALFORMED' }) as TrustError,
    );
    expect(() => publicKeyFromJson(value)).toThrow(TrustError);
  });
});
