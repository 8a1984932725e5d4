import { describe, expect, it } from 'vitest';
import {
  type CertificateOptions,
  makeCertificate,
  parseCertificateBundle,
} from '../../src/crypto/certificate.ts';
import { generatePrivateKey } from '../../src/crypto/private-key.ts';
import { canonicalKeyId } from '../../src/crypto/public-key.ts';
import { TrustError } from '../../src/errors.ts';
import { NO_PINNING, pinRule, type TrustPinning } from '../../src/tuf/pinning.ts';
import { expectFailure } from '../support/expect-failure.ts';
import {
  GUN,
  MetadataSimulator,
  NOW,
  newRootKey,
  SimulatedClient,
  type SimulatedKey,
  withCertificate,
} from '../support/metadata-simulator.ts';

const DAY = 24 * 60 * 60 * 1000;
const YESTERDAY = new Date(NOW.getTime() - DAY);

function pins(rules: {
  certs?: Record<string, string[]>;
  ca?: Record<string, string>;
  disableTofu?: boolean;
}): TrustPinning {
  const { certs = {}, ca = {}, disableTofu = false } = rules;
  return { certs: new Map(Object.entries(certs)), ca: new Map(Object.entries(ca)), disableTofu };
}

/** A first-time client with these pins. */
async function meet(server: MetadataSimulator, pinning: TrustPinning): Promise<unknown> {
  return await new SimulatedClient().update(server, { pinning });
}

function rotate(server: MetadataSimulator, key: SimulatedKey): void {
  const before = server.keysOf('root');
  server.setKeys('root', [key]);
  server.publish(['root'], { root: { signers: [key, ...before] } });
}

describe('the rule for a repository', () => {
  it('is its exact certificates, else the longest wildcard, else the longest authority, else first use', () => {
    const certs = { 'reg/a/b': ['1'], 'reg/a/*': ['2'], 'reg/*': ['3'], 'reg/a/b/c': ['4'] };
    const pinning = pins({ certs, ca: { '': 'any', 'other/': 'other' } });
    expect(pinRule(pinning, 'reg/a/b')).toEqual({
      kind: 'certs',
      pattern: 'reg/a/b',
      keyIds: ['1'],
    });
    expect(pinRule(pinning, 'reg/a/bb')).toEqual({
      kind: 'certs',
      pattern: 'reg/a/*',
      keyIds: ['2'],
    });
    expect(pinRule(pinning, 'reg/x')).toEqual({ kind: 'certs', pattern: 'reg/*', keyIds: ['3'] });
    expect(pinRule(pinning, 'other/x')).toEqual({ kind: 'ca', pattern: 'other/', pem: 'other' });
    expect(pinRule(pinning, 'else')).toEqual({ kind: 'ca', pattern: '', pem: 'any' });
    expect(pinRule(NO_PINNING, 'else')).toEqual({ kind: 'first-use' });
    expect(pinRule(pins({ disableTofu: true }), 'else')).toEqual({ kind: 'none' });
  });

  it('keeps the case of names, and treats names of Object.prototype as any other', () => {
    const pinning = pins({ certs: { 'Reg/App': ['1'] } });
    expect(pinRule(pinning, 'Reg/App').kind).toBe('certs');
    expect(pinRule(pinning, 'reg/app').kind).toBe('first-use');
    expect(pinRule(NO_PINNING, 'constructor').kind).toBe('first-use');
  });
});

describe('a pinned certificate', () => {
  it.each([GUN, 'registry.example.com/*', '*'])(
    'under “%s” lets its repository in',
    async pattern => {
      const key = newRootKey();
      const server = MetadataSimulator.published({ rootKeys: [key] });
      await meet(
        server,
        pins({ certs: { [pattern]: ['0'.repeat(64), key.id] }, disableTofu: true }),
      );
    },
  );

  it.each([GUN, 'registry.example.com/*', '*'])('under “%s” keeps any other out', async pattern => {
    const server = MetadataSimulator.published();
    const refusal = meet(server, pins({ certs: { [pattern]: [newRootKey().id] } }));
    const error = await expectFailure(refusal, TrustError, 'PIN_MISMATCH');
    expect(error.details).toMatchObject({ found: [server.keysOf('root')[0]?.id] });
    expect(server.requests).toEqual(['root']);
  });

  it('is named by the ID of the certificate: the key’s own ID does not do, and an empty list lets nobody in', async () => {
    const key = newRootKey();
    const server = MetadataSimulator.published({ rootKeys: [key] });
    for (const ids of [[canonicalKeyId(key.publicKey)], [key.id.toUpperCase()], []]) {
      await expectFailure(
        meet(server, pins({ certs: { [GUN]: ids } })),
        TrustError,
        'PIN_MISMATCH',
      );
    }
  });

  it('of the exact name goes before a wildcard that would let the repository in', async () => {
    const key = newRootKey();
    const server = MetadataSimulator.published({ rootKeys: [key] });
    const pinning = pins({ certs: { [GUN]: [newRootKey().id], '*': [key.id] } });
    await expectFailure(meet(server, pinning), TrustError, 'PIN_MISMATCH');
  });

  it('must reach the root’s threshold alone', async () => {
    const [a, b] = [newRootKey(), newRootKey()];
    const server = new MetadataSimulator({ rootKeys: [a] });
    server.setKeys('root', [a, b], 2);
    server.publish(['root', 'targets']);
    await meet(server, pins({ certs: { [GUN]: [a.id, b.id] } }));
    const refusal = meet(server, pins({ certs: { [GUN]: [a.id] } }));
    await expectFailure(refusal, TrustError, 'SIGNATURE_THRESHOLD');
  });

  it('that is listed in the root but signed nothing does not let it in', async () => {
    const [pinned, other] = [newRootKey(), newRootKey()];
    const server = new MetadataSimulator({ rootKeys: [pinned] });
    server.setKeys('root', [pinned, other], 1);
    server.publish(['root', 'targets'], { root: { signers: [other] } });
    const refusal = meet(server, pins({ certs: { [GUN]: [pinned.id] } }));
    await expectFailure(refusal, TrustError, 'SIGNATURE_THRESHOLD');
  });
});

describe('trust on first use', () => {
  it('is refused when it is switched off, and the error shows the certificate to compare', async () => {
    const server = MetadataSimulator.published();
    const refusal = meet(server, pins({ disableTofu: true }));
    const error = await expectFailure(refusal, TrustError, 'NOT_PINNED');
    expect(error.hint).toContain(server.keysOf('root')[0]?.id);
  });

  it('that happened before stays valid when it is switched off later', async () => {
    const server = MetadataSimulator.published();
    const client = await SimulatedClient.updated(server);
    await client.update(server, { pinning: pins({ disableTofu: true }) });
  });
});

describe('a pin that is added later', () => {
  it('binds a cached root, and nothing but a successor of it is asked for', async () => {
    const server = MetadataSimulator.published();
    const client = await SimulatedClient.updated(server);
    const pinning = pins({ certs: { [GUN]: [newRootKey().id] } });
    await expectFailure(client.update(server, { pinning }), TrustError, 'PIN_MISMATCH');
    expect(server.requests).toEqual(['root']);
    await expectFailure(
      client.update(server, { pinning, remote: undefined }),
      TrustError,
      'PIN_MISMATCH',
    );
  });

  it('that names the successor of the cached root leads there, by a rotation that the old key signed', async () => {
    const [old, successor, stranger] = [newRootKey(), newRootKey(), newRootKey()];
    const pinning = pins({ certs: { [GUN]: [successor.id] } });
    const server = MetadataSimulator.published({ rootKeys: [old] });
    const client = await SimulatedClient.updated(server);
    rotate(server, successor);
    const { trusted } = await client.update(server, { pinning });
    expect(trusted.root.metadata.version).toBe(2);

    const usurped = MetadataSimulator.published({ rootKeys: [old] });
    const other = await SimulatedClient.updated(usurped);
    usurped.setKeys('root', [stranger]);
    usurped.publish(['root'], { root: { signers: [stranger] } });
    const theirs = pins({ certs: { [GUN]: [stranger.id] } });
    await expectFailure(other.update(usurped, { pinning: theirs }), TrustError, 'ROOT_ROTATION');
  });

  it('binds a rotation that the old key signed', async () => {
    const [pinned, other] = [newRootKey(), newRootKey()];
    const pinning = pins({ certs: { [GUN]: [pinned.id] } });
    const server = MetadataSimulator.published({ rootKeys: [pinned] });
    const client = await SimulatedClient.updated(server);
    rotate(server, other);
    await expectFailure(client.update(server, { pinning }), TrustError, 'PIN_MISMATCH');
    const both = pins({ certs: { [GUN]: [pinned.id, other.id] } });
    await client.update(server, { pinning: both });
  });

  it('does not bind the roots in between, of which only the last is used', async () => {
    const [first, second, third] = [newRootKey(), newRootKey(), newRootKey()];
    const pinning = pins({ certs: { [GUN]: [first.id, third.id] } });
    const server = MetadataSimulator.published({ rootKeys: [first] });
    const client = await SimulatedClient.updated(server);
    rotate(server, second);
    rotate(server, third);
    const { trusted } = await client.update(server, { pinning });
    expect(trusted.root.metadata.version).toBe(3);
  });
});

describe('a pinned authority', () => {
  const authority = generatePrivateKey('ecdsa');
  const ca = (options: Partial<CertificateOptions> = {}): string =>
    makeCertificate({
      key: authority,
      commonName: 'CA',
      isCa: true,
      notBefore: YESTERDAY,
      days: 365,
      ...options,
    });
  const issued = (options: Partial<CertificateOptions> = {}, below = ''): SimulatedKey => {
    const key = generatePrivateKey('ecdsa');
    const [certificate] = parseCertificateBundle(ca());
    if (certificate === undefined) throw new Error('the authority has a certificate');
    const issuer = { key: authority, certificate };
    const pem = makeCertificate({
      key,
      commonName: GUN,
      notBefore: YESTERDAY,
      days: 365,
      issuer,
      ...options,
    });
    return withCertificate(key, pem + below);
  };
  const under = (pem: string): TrustPinning =>
    pins({ ca: { 'registry.example.com/': pem }, disableTofu: true });

  it.each<[string, Partial<CertificateOptions>]>([
    ['for TLS servers', {}],
    ['for nothing in particular', { extendedKeyUsages: [] }],
    ['for signing code and TLS servers', { extendedKeyUsages: ['codeSigning', 'serverAuth'] }],
  ])('lets in a certificate that it issued %s', async (_, options) => {
    await meet(MetadataSimulator.published({ rootKeys: [issued(options)] }), under(ca()));
  });

  it('keeps out a certificate for signing code alone, as Go does', async () => {
    const server = MetadataSimulator.published({
      rootKeys: [issued({ extendedKeyUsages: ['codeSigning'] })],
    });
    await expectFailure(meet(server, under(ca())), TrustError, 'PIN_MISMATCH');
  });

  it('keeps out a self-signed certificate, even under its name', async () => {
    const impostor = generatePrivateKey('ecdsa');
    const pem = makeCertificate({
      key: impostor,
      commonName: 'CA',
      isCa: true,
      notBefore: YESTERDAY,
      days: 9,
    });
    const [certificate] = parseCertificateBundle(pem);
    if (certificate === undefined) throw new Error('the impostor has a certificate');
    const forged = issued({ issuer: { key: impostor, certificate } }, pem);
    for (const key of [newRootKey(), forged]) {
      const server = MetadataSimulator.published({ rootKeys: [key] });
      await expectFailure(meet(server, under(ca())), TrustError, 'PIN_MISMATCH');
    }
  });

  it('reaches a leaf over the intermediates of its bundle', async () => {
    const middle = generatePrivateKey('ecdsa');
    const [root] = parseCertificateBundle(ca());
    if (root === undefined) throw new Error('the authority has a certificate');
    const options = {
      key: middle,
      commonName: 'Middle',
      isCa: true,
      notBefore: YESTERDAY,
      days: 365,
    };
    const middlePem = makeCertificate({
      ...options,
      issuer: { key: authority, certificate: root },
    });
    const [certificate] = parseCertificateBundle(middlePem);
    if (certificate === undefined) throw new Error('the intermediate has a certificate');
    const issuer = { key: middle, certificate };
    await meet(
      MetadataSimulator.published({ rootKeys: [issued({ issuer }, middlePem)] }),
      under(ca()),
    );
    const server = MetadataSimulator.published({ rootKeys: [issued({ issuer })] });
    await expectFailure(meet(server, under(ca())), TrustError, 'PIN_MISMATCH');
  });

  it('that has expired lets nobody in', async () => {
    const old = ca({ notBefore: new Date(NOW.getTime() - 9 * DAY), days: 2 });
    const server = MetadataSimulator.published({ rootKeys: [issued()] });
    await expectFailure(meet(server, under(old)), TrustError, 'PIN_MISMATCH');
  });

  it('still lets a cached certificate that has expired verify its successor', async () => {
    const server = MetadataSimulator.published({ rootKeys: [issued({ days: 2 })] });
    const client = new SimulatedClient();
    await client.update(server, { pinning: under(ca()) });
    rotate(server, issued());
    const later = new Date(NOW.getTime() + 2 * DAY);
    const { trusted } = await client.update(server, { pinning: under(ca()), now: later });
    expect(trusted.root.metadata.version).toBe(2);
  });
});

it('a cached root that is gone does not open the door when a pin is there', async () => {
  const server = MetadataSimulator.published();
  const client = await SimulatedClient.updated(server);
  client.files.delete('root');
  const pinning = pins({ certs: { [GUN]: [newRootKey().id] } });
  await expectFailure(client.update(server, { pinning }), TrustError, 'PIN_MISMATCH');
});
