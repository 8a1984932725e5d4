import { describe, expect, it } from 'vitest';
import { generatePrivateKey } from '../../../src/crypto/private-key.ts';
import { type KeyThumbprints, keyThumbprints } from '../../../src/crypto/thumbprint.ts';
import { UsageError } from '../../../src/errors.ts';
import { certifiedKey } from '../../../src/operations/initialise-repository.ts';
import {
  matchedKind,
  parseExpected,
  THUMBPRINT_KINDS,
  thumbprintOf,
} from '../../../src/operations/thumbprints/thumbprint-text.ts';
import { expectFailure } from '../../support/expect-failure.ts';

const KEY = generatePrivateKey('ecdsa');
const ROOT = keyThumbprints(certifiedKey(KEY, 'reg.example/app', new Date('2026-11-22T00:00:00Z')));
const SHA256 = ROOT.certificate?.sha256 ?? '';
const SHA1 = ROOT.certificate?.sha1 ?? '';

function colons(hex: string): string {
  return hex.toUpperCase().replace(/..(?=.)/g, '$&:');
}

function kind(text: string, key: KeyThumbprints = ROOT): string | undefined {
  return matchedKind(parseExpected(text), key);
}

describe('a thumbprint', () => {
  it('may be any of a key’s five numbers', () => {
    const numbers = THUMBPRINT_KINDS.map(name => thumbprintOf(ROOT, name) ?? '');
    expect(new Set(numbers).size).toBe(5);
    expect(numbers.map(number => kind(number))).toEqual([...THUMBPRINT_KINDS]);
    expect(ROOT.privateKeyId).toBe(KEY.id);
    expect(ROOT.algorithm).toBe('ECDSA P-256');
  });

  it.each([
    ['as hex', SHA256],
    ['in capitals with colons', colons(SHA256)],
    ['with spaces around and between', `  ${SHA256.replace(/.{4}/g, '$& ')} `],
    ['as openssl prints it', `sha256 Fingerprint=${colons(SHA256)}`],
    ['as older ones did', `SHA256 Fingerprint=${colons(SHA256)}`],
    ['with a label and a colon', `SHA-256: ${SHA256}`],
    ['in base64', `SHA256:${Buffer.from(SHA256, 'hex').toString('base64')}`],
    ['in base64 without its end', `SHA256:${Buffer.from(SHA256, 'hex').toString('base64url')}`],
    ['by its first twenty digits', SHA256.slice(0, 20)],
    ['with its role', `root=${SHA256}`],
    ['with its role and a label', `root=SHA256 Fingerprint=${colons(SHA256)}`],
  ])('%s is the certificate’s SHA-256', (_name, text) => {
    expect(parseExpected(text).role).toBe('root');
    expect(kind(text)).toBe('certificate-sha256');
  });

  it('of SHA-1 is told from one of SHA-256', () => {
    expect(kind(`sha1 Fingerprint=${colons(SHA1)}`)).toBe('certificate-sha1');
    expect(kind(SHA1)).toBe('certificate-sha1');
    expect(kind(`SHA1:${Buffer.from(SHA1, 'hex').toString('base64')}`)).toBe('certificate-sha1');
    // Not what the label says.
    expect(kind(`SHA1: ${SHA256.slice(0, 40)}`)).toBeUndefined();
    expect(kind(`SHA256: ${SHA1}`)).toBeUndefined();
  });

  it('belongs to the role that is named', () => {
    expect(parseExpected(`targets/alice=${SHA256}`)).toMatchObject({ role: 'targets/alice' });
    expect(parseExpected(`alice=${SHA256}`)).toMatchObject({ role: 'alice', digits: SHA256 });
  });

  it('that differs in one digit is another', () => {
    for (let at = 0; at < SHA256.length; at++) {
      const other = SHA256[at] === '0' ? '1' : '0';
      expect(kind(SHA256.slice(0, at) + other + SHA256.slice(at + 1))).toBeUndefined();
    }
  });

  it.each([
    ['', 'nothing'],
    [SHA256.slice(0, 19), 'too few digits'],
    [`${SHA256}0`, 'too many digits'],
    [`SHA1: ${SHA256}`, 'too many digits for SHA-1'],
    ['root=', 'a role alone'],
    ['xyz', 'no hex'],
    [Buffer.from(SHA256, 'hex').toString('base64'), 'base64 without a label'],
    ['SHA256:AAAA', 'base64 of too few bytes'],
    ['a'.repeat(43), 'hex or base64'],
  ])('%j is none: %s', async text => {
    await expectFailure(() => parseExpected(text), UsageError, 'THUMBPRINT_INVALID');
  });
});
