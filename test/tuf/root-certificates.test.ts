import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  type CertificateOptions,
  makeCertificate,
  makeRootCertificate,
  parseCertificateBundle,
} from '../../src/crypto/certificate.ts';
import { generatePrivateKey, PrivateKey } from '../../src/crypto/private-key.ts';
import { TrustError } from '../../src/errors.ts';
import { asIfSignedWithSha1 } from '../support/der-patch.ts';
import { expectFailure } from '../support/expect-failure.ts';
import {
  asListed,
  GUN,
  MetadataSimulator,
  NOW,
  newKey,
  newRootKey,
  SimulatedClient,
  type SimulatedKey,
  withCertificate,
} from '../support/metadata-simulator.ts';

const DAY = 24 * 60 * 60 * 1000;
const YESTERDAY = new Date(NOW.getTime() - DAY);

/** A first-time client and a repository whose root key is this one. */
async function meet(...rootKeys: SimulatedKey[]): Promise<number | undefined> {
  const server = MetadataSimulator.published({ rootKeys });
  const { trusted } = await new SimulatedClient().update(server);
  return trusted.root.certificates.length;
}

function certified(
  options: Partial<CertificateOptions> = {},
  change: (pem: string) => string = pem => pem,
): SimulatedKey {
  const key = options.key ?? generatePrivateKey('ecdsa');
  const pem = makeCertificate({
    key,
    commonName: GUN,
    notBefore: YESTERDAY,
    days: 365,
    ...options,
  });
  return withCertificate(key, change(pem));
}

const authority = generatePrivateKey('ecdsa');
function authorityPem(options: { notBefore?: Date; days?: number } = {}): string {
  const { notBefore = YESTERDAY, days = 365 } = options;
  return makeCertificate({ key: authority, commonName: 'CA', isCa: true, notBefore, days });
}

function rsaKey(bits: number): PrivateKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  return PrivateKey.fromPkcs1(privateKey.export({ format: 'der', type: 'pkcs1' }));
}

const refused = (...keys: SimulatedKey[]) =>
  expectFailure(meet(...keys), TrustError, 'ROOT_CERTIFICATE_INVALID');

describe('the common name of a root certificate', () => {
  it.each([GUN, 'registry.example.com/team/*', 'registry.example.com/te*', '*', '**', `${GUN}*`])(
    '“%s” covers the repository',
    async commonName => {
      expect(await meet(certified({ commonName }))).toBe(1);
    },
  );

  it.each([
    'registry.example.com/team/other',
    'registry.example.com/team',
    'registry.example.com/*/app',
    'Registry.example.com/team/app',
    '*.example.com/team/app',
    `${GUN}/*`,
    '',
    'app*',
  ])('“%s” does not', async commonName => {
    const error = await refused(certified({ commonName }));
    expect(error.message).toContain(`“${commonName}”`);
  });

  it('is printed without its control characters', async () => {
    const error = await refused(certified({ commonName: 'evil\u001b[2J' }));
    expect(error.message).toContain('evil\\u001b[2J');
    expect(error.message).not.toContain('\u001b');
  });
});

describe('the text of a root certificate', () => {
  it.each<[string, (pem: string) => string]>([
    ['with CRLF', pem => pem.replaceAll('\n', '\r\n')],
    ['without its last line end', pem => pem.trimEnd()],
    ['with text before it', pem => `hello\n${pem}`],
    ['with text after it', pem => `${pem}\n`],
    ['with a header', pem => pem.replace('-----\n', '-----\nname: value\n\n')],
    ['with another label', pem => pem.replaceAll('CERTIFICATE', 'X509 CERTIFICATE')],
    ['in lines of 76 columns', pem => rewrapped(pem, 76)],
    [
      'with a key after it',
      pem => `${pem}-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n`,
    ],
    ['cut short', pem => pem.slice(0, 200)],
    ['empty', () => ''],
  ])('%s is refused, since Go would rebuild another', async (_, change) => {
    await refused(certified({}, change));
  });

  it('with a key type that is not the certificate’s is refused', async () => {
    const key = newRootKey();
    await refused(asListed(key.signer, { ...key.publicKey, keytype: 'rsa-x509' }));
    await refused(asListed(key.signer, { ...key.publicKey, keytype: 'ecdsa' }));
  });

  it('that is missing, because the key is bare, is refused', async () => {
    await refused(newKey());
    await refused(newKey('ed25519'));
  });
});

function rewrapped(pem: string, columns: number): string {
  const body = pem.split('\n').slice(1, -2).join('');
  const lines = body.match(new RegExp(`.{1,${columns}}`, 'g')) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

describe('a bundle of root certificates', () => {
  it('is one leaf followed by authorities', async () => {
    expect(await meet(certified({}, pem => pem + authorityPem()))).toBe(1);
  });

  it('with the authority first is refused', async () => {
    await refused(certified({}, pem => authorityPem() + pem));
  });

  it('of two leaves is refused', async () => {
    await refused(
      certified({}, pem => pem + Buffer.from(newRootKey().publicKey.publicBytes).toString()),
    );
  });

  it('of an authority alone is refused', async () => {
    await refused(certified({ isCa: true }));
  });

  it('with an authority that has expired is refused, because what is left has another ID', async () => {
    const old = authorityPem({ notBefore: new Date(NOW.getTime() - 10 * DAY), days: 2 });
    await refused(certified({}, pem => pem + old));
  });
});

describe('the dates and strength of a root certificate', () => {
  it.each<[string, Date, number]>([
    ['expired yesterday', new Date(NOW.getTime() - 10 * DAY), 9],
    ['valid only in two days', new Date(NOW.getTime() + 2 * DAY), 9],
  ])('%s: it is refused', async (_, notBefore, days) => {
    await refused(certified({ notBefore, days }));
  });

  it.each<[string, Date, number]>([
    ['expiring at this moment', new Date(NOW.getTime() - 9 * DAY), 9],
    ['valid in half a day, for clocks differ', new Date(NOW.getTime() + DAY / 2), 9],
  ])('%s: it is taken', async (_, notBefore, days) => {
    expect(await meet(certified({ notBefore, days }))).toBe(1);
  });

  it('an RSA key of 2048 bits is taken, and as if signed with SHA-1 it is refused', async () => {
    const key = rsaKey(2048);
    const pem = makeRootCertificate({ key, gun: GUN, notBefore: YESTERDAY });
    expect(await meet(withCertificate(key, pem))).toBe(1);
    const weak = asIfSignedWithSha1(pem);
    expect(parseCertificateBundle(weak)[0]?.signedWithSha1).toBe(true);
    const error = await refused(withCertificate(key, weak));
    expect(error.message).toContain('sha1');
  });

  it('an RSA key of 1024 bits is refused', async () => {
    const weak = rsaKey(1024);
    const pem = makeRootCertificate({ key: weak, gun: GUN, notBefore: YESTERDAY });
    const { publicKey } = withCertificate(weak, pem);
    // It signs nothing by itself: somebody else’s signature stands there in its name.
    const error = await refused({ ...newKey(), publicKey, id: withCertificate(weak, pem).id });
    expect(error.message).toContain('rsa-too-small');
  });
});

describe('of several root keys', () => {
  it('those that cannot be used are passed over', async () => {
    const good = newRootKey();
    expect(await meet(newRootKey({ gun: 'another' }), newKey(), good)).toBe(1);
  });

  it('the usable ones alone must reach the threshold', async () => {
    const [good, foreign] = [newRootKey(), newRootKey({ gun: 'another' })];
    const server = new MetadataSimulator({ rootKeys: [good] });
    server.setKeys('root', [good, foreign], 2);
    server.publish(['root', 'targets']);
    await expectFailure(new SimulatedClient().update(server), TrustError, 'SIGNATURE_THRESHOLD');
  });
});

describe('a cached root whose certificate has expired', () => {
  const notBefore = new Date(NOW.getTime() - 3650 * DAY + 1000);
  const later = new Date(NOW.getTime() + 2000);

  async function scene(): Promise<{ server: MetadataSimulator; client: SimulatedClient }> {
    const server = MetadataSimulator.published({ rootKeys: [newRootKey({ notBefore })] });
    return { server, client: await SimulatedClient.updated(server) };
  }

  it('still verifies its successor, and nothing more is needed to recover', async () => {
    const { server, client } = await scene();
    const old = server.keysOf('root');
    const fresh = newRootKey();
    server.setKeys('root', [fresh]);
    server.publish(['root'], { root: { signers: [fresh, ...old] } });
    const { trusted } = await client.update(server, { now: later });
    expect(trusted.root.metadata.version).toBe(2);
  });

  it('is replaced by a new certificate of the same key', async () => {
    const { server, client } = await scene();
    const [old] = server.keysOf('root') as [SimulatedKey];
    const renewed = newRootKey({ key: old.signer as PrivateKey });
    server.setKeys('root', [renewed]);
    server.publish(['root'], { root: { signers: [renewed, old] } });
    expect((await client.update(server, { now: later })).trusted.root.metadata.version).toBe(2);
  });

  it('is replaced over several rotations, through certificates that have expired as well', async () => {
    const { server, client } = await scene();
    for (const next of [newRootKey({ notBefore }), newRootKey({ notBefore }), newRootKey()]) {
      const before = server.keysOf('root');
      server.setKeys('root', [next]);
      server.publish(['root'], { root: { signers: [next, ...before] } });
    }
    expect((await client.update(server, { now: later })).trusted.root.metadata.version).toBe(4);
  });

  it('vouches for nothing else: without a successor the repository is refused', async () => {
    const { server, client } = await scene();
    const refusal = client.update(server, { now: later });
    await expectFailure(refusal, TrustError, 'ROOT_CERTIFICATE_INVALID');
    const offline = client.update(server, { now: later, remote: undefined });
    await expectFailure(offline, TrustError, 'ROOT_CERTIFICATE_INVALID');
    await expectFailure(
      new SimulatedClient().update(server, { now: later }),
      TrustError,
      'ROOT_CERTIFICATE_INVALID',
    );
  });

  it('does not vouch for a successor whose own certificate has expired', async () => {
    const { server, client } = await scene();
    server.publish(['root']);
    await expectFailure(
      client.update(server, { now: later }),
      TrustError,
      'ROOT_CERTIFICATE_INVALID',
    );
  });
});

describe('a delegation’s certificate', () => {
  async function delegatedTo(key: SimulatedKey): Promise<string[]> {
    const server = MetadataSimulator.published();
    server.delegate('targets/a', [''], [key]);
    server.publish(['targets', 'targets/a']);
    const { trusted } = await new SimulatedClient().update(server);
    return [...trusted.targets.keys()];
  }

  it('may have any name, be an authority’s, be old and be followed by others', async () => {
    const old = {
      commonName: 'alice',
      isCa: true,
      notBefore: new Date(NOW.getTime() - 9 * DAY),
      days: 1,
    };
    const key = certified(old, pem => `text\r\n${pem}${authorityPem()}`);
    expect(await delegatedTo(key)).toEqual(['targets', 'targets/a']);
  });

  it('that was signed with SHA-1 signs nothing', async () => {
    const key = certified({ key: rsaKey(2048), commonName: 'alice' }, asIfSignedWithSha1);
    expect(await delegatedTo(key)).toEqual(['targets']);
  });
});
