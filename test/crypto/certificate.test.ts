import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import { describe, expect, test } from 'vitest';
import {
  type Certificate,
  certificateChainProblem,
  certificateProblem,
  makeCertificate,
  makeRootCertificate,
  parseCertificateBundle,
  parseCertificateDer,
  splitRootBundle,
  verifyChain,
} from '../../src/crypto/certificate.ts';
import { DerReader } from '../../src/crypto/der.ts';
import { decodePem, encodePem } from '../../src/crypto/pem.ts';
import { generatePrivateKey, PrivateKey } from '../../src/crypto/private-key.ts';
import { decodePrivateKeyPem } from '../../src/crypto/private-key-pem.ts';
import {
  canonicalKeyId,
  keyId,
  type PublicKeyJson,
  readPublicKeyPem,
} from '../../src/crypto/public-key.ts';
import { TrustError } from '../../src/errors.ts';
import { readVector, readVectorJson } from '../support/fixtures.ts';

const NOW = new Date('2026-11-22T00:00:00Z');
const DAY_MS = 24 * 60 * 60 * 1000;

const GUN = 'localhost:5000/speca/keyvectors';
const ROOT_ID = '70aee2cfd333d01d55aff3064e0e3a72e954f7ec7a3806cfd5d36a5aa785e622';

function rootCertificatePem(): string {
  const root = readVectorJson<{ signed: { keys: Record<string, PublicKeyJson> } }>(
    'keys/metadata/root.json',
  );
  const key = Object.values(root.signed.keys).find(({ keytype }) => keytype === 'ecdsa-x509');
  return Buffer.from(key?.keyval.public ?? '', 'base64').toString();
}

function der(pem: string): Uint8Array {
  return decodePem(pem)?.bytes ?? new Uint8Array();
}

function certificate(pem: string): Certificate {
  return parseCertificateDer(der(pem));
}

/** The parts of a certificate in DER: to be signed, algorithm, signature. */
function parts(pem: string): Buffer[] {
  const sequence = new DerReader(der(pem)).sequence();
  return [1, 2, 3].map(() => Buffer.from(sequence.element().encoded));
}

function serial(pem: string): Buffer {
  return Buffer.from(new X509Certificate(pem).serialNumber.padStart(32, '0'), 'hex');
}

function ecKey(namedCurve: string): PrivateKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve });
  return PrivateKey.fromSec1(privateKey.export({ format: 'der', type: 'sec1' }));
}

function rsaKey(bits: number): PrivateKey {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  return PrivateKey.fromPkcs1(privateKey.export({ format: 'der', type: 'pkcs1' }));
}

describe('root certificates', () => {
  test('the one that notary made is read', () => {
    const pem = rootCertificatePem();
    const read = certificate(pem);
    expect(read).toMatchObject({
      pem,
      commonName: GUN,
      notBefore: new Date('2026-11-21T00:52:59Z'),
      isCa: false,
      signedWithSha1: false,
      rsaBits: undefined,
      extendedKeyUsages: ['1.3.6.1.5.5.7.3.3'],
    });
    expect(read.notAfter.getTime() - read.notBefore.getTime()).toBe(3650 * DAY_MS);
    expect(keyId(read.publicKey)).toBe(ROOT_ID);
    expect(read.x509.subject).toBe(`CN=${GUN}`);
  });

  test('made again from the same key, serial number and date, it is the same but for the signature', () => {
    const original = rootCertificatePem();
    const key = decodePrivateKeyPem(readVector(`keys/store/${ROOT_ID}.key`), 'root-pass-1');
    const made = makeRootCertificate({
      key,
      gun: GUN,
      notBefore: new Date('2026-11-21T00:52:59.987Z'),
      randomBytes: count => {
        expect(count).toBe(16);
        return serial(original);
      },
    });
    const [toBeSigned, algorithm] = parts(made) as [Buffer, Buffer];
    const [expectedToBeSigned, expectedAlgorithm] = parts(original) as [Buffer, Buffer];
    expect(toBeSigned.toString('hex')).toBe(expectedToBeSigned.toString('hex'));
    expect(algorithm).toEqual(expectedAlgorithm);
    expect(
      made
        .split('\n')
        .slice(1, -2)
        .every(line => line.length <= 64),
    ).toBe(true);
  });

  test.each([
    'a/server/1',
    'b/server/1',
    'c/server/2',
    'c/server/3',
    'd/server-after-publish/1',
    'e/server/1',
  ])('those in %s.root.json are in the one text form, with one leaf each', name => {
    const { signed } = readVectorJson<{ signed: { keys: Record<string, PublicKeyJson> } }>(
      `metadata/${name}.root.json`,
    );
    const texts = Object.values(signed.keys)
      .filter(({ keytype }) => keytype.endsWith('-x509'))
      .map(({ keyval }) => Buffer.from(keyval.public ?? '', 'base64').toString());
    expect(texts.length).toBeGreaterThan(0);
    for (const text of texts) {
      const bundle = parseCertificateBundle(text);
      expect(bundle.map(({ pem }) => pem).join('')).toBe(text);
      expect(splitRootBundle(bundle)?.leaf.commonName).toMatch(/^localhost:5000\/specb\//);
    }
  });

  test.each([
    ['P-224', ecKey('P-224'), '1.2.840.10045.4.3.2'],
    ['P-256', ecKey('P-256'), '1.2.840.10045.4.3.2'],
    ['P-384', ecKey('P-384'), '1.2.840.10045.4.3.3'],
    ['P-521', ecKey('P-521'), '1.2.840.10045.4.3.4'],
    ['RSA', rsaKey(2048), '1.2.840.113549.1.1.11'],
  ])('of a %s key verify under themselves', (_, key, algorithm) => {
    const pem = makeRootCertificate({ key, gun: 'docker.io/library/app', notBefore: NOW });
    const read = certificate(pem);
    expect(read.signatureAlgorithm).toBe(algorithm);
    expect(read.pem).toBe(pem);
    expect(canonicalKeyId(read.publicKey)).toBe(key.id);
    expect(certificateProblem(read, NOW, { checkDates: true })).toBeUndefined();
    expect(read.x509.verify(read.x509.publicKey)).toBe(true);
    expect(read.x509.keyUsage).toEqual(['1.3.6.1.5.5.7.3.3']);
    expect(read.x509.subjectAltName).toBeUndefined();
  });

  test('an Ed25519 key has none', () => {
    const key = generatePrivateKey('ed25519');
    expect(() => makeRootCertificate({ key, gun: 'x', notBefore: NOW })).toThrow(
      expect.objectContaining({ code: 'KEY_UNSUPPORTED' }) as Error,
    );
  });

  test.each([
    ['localhost:5000/a-b.c', 0x13],
    [`docker.io/${'x'.repeat(111)}`, 0x13],
    ['under_score', 0x0c],
    ['at@sign', 0x0c],
    ['star*', 0x0c],
    ['and&', 0x0c],
    ['gött', 0x0c],
    ['', 0x13],
  ])('"%s" as a common name has string type %i', (gun, tag) => {
    const key = generatePrivateKey('ecdsa');
    const read = certificate(makeRootCertificate({ key, gun, notBefore: NOW }));
    expect(read.commonName).toBe(gun);
    const attribute = new DerReader(
      new DerReader(new DerReader(read.subject).take(0x31)).take(0x30),
    );
    attribute.element();
    expect(attribute.peekTag()).toBe(tag);
  });

  test('dates from 2050 on are in the long form, and read back', () => {
    const key = generatePrivateKey('ecdsa');
    const notBefore = new Date('2045-03-01T12:30:45.500Z');
    const read = certificate(makeRootCertificate({ key, gun: 'x', notBefore }));
    expect(read.notBefore.toISOString()).toBe('2045-03-01T12:30:45.000Z');
    expect(read.notAfter.toISOString()).toBe('2055-02-27T12:30:45.000Z');
    expect(new Date(read.x509.validTo)).toEqual(read.notAfter);
  });

  test('serial numbers of all sizes keep their value', () => {
    const key = generatePrivateKey('ecdsa');
    for (const hex of [
      '00'.repeat(16),
      'ff'.repeat(16),
      `${'00'.repeat(15)}80`,
      `7f${'00'.repeat(15)}`,
    ]) {
      const bytes = Buffer.from(hex, 'hex');
      const pem = makeRootCertificate({ key, gun: 'x', notBefore: NOW, randomBytes: () => bytes });
      expect(serial(pem).toString('hex')).toBe(hex);
    }
  });
});

describe('whether a certificate is acceptable (spec/keys.md 3.2)', () => {
  const key = generatePrivateKey('ecdsa');
  const of = (notBefore: Date, days = 10): Certificate =>
    certificate(makeCertificate({ key, commonName: 'x', notBefore, days }));
  const from = (days: number): Date => new Date(NOW.getTime() + days * DAY_MS);

  test.each<[string, Certificate, string | undefined, string | undefined]>([
    ['in date', of(from(-5)), undefined, undefined],
    ['half a day ahead', of(from(0.5)), undefined, undefined],
    ['two days ahead', of(from(2)), 'not-yet-valid', undefined],
    ['expired', of(from(-11)), 'expired', undefined],
    ['ends at this second', of(from(-10)), undefined, undefined],
    ['backwards', of(from(0), -1), 'dates-reversed', 'dates-reversed'],
  ])('%s', (_, subject, withDates, withoutDates) => {
    expect(certificateProblem(subject, NOW, { checkDates: true })).toBe(withDates);
    expect(certificateProblem(subject, NOW, { checkDates: false })).toBe(withoutDates);
  });

  test('RSA below 2048 bits', () => {
    const pem = makeRootCertificate({ key: rsaKey(1024), gun: 'x', notBefore: NOW });
    expect(certificate(pem).rsaBits).toBe(1024);
    expect(certificateProblem(certificate(pem), NOW, { checkDates: false })).toBe('rsa-too-small');
  });
});

describe('reading certificates', () => {
  const key = generatePrivateKey('ecdsa');
  const whole = Buffer.from(der(makeRootCertificate({ key, gun: 'x', notBefore: NOW })));

  test('every cut is refused, and nothing else is thrown for a changed byte', () => {
    for (let length = 0; length < whole.length; length++) {
      expect(() => parseCertificateDer(whole.subarray(0, length))).toThrow(TrustError);
    }
    for (let i = 0; i < whole.length; i++) {
      for (const change of [0x01, 0x80, 0xff]) {
        const changed = Buffer.from(whole);
        changed[i] = (changed[i] ?? 0) ^ change;
        try {
          parseCertificateDer(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(TrustError);
        }
      }
    }
  });

  test('bytes after the end are refused', () => {
    expect(() => parseCertificateDer(Buffer.concat([whole, Buffer.from([0])]))).toThrow(
      expect.objectContaining({ code: 'CERTIFICATE_MALFORMED' }) as Error,
    );
  });

  test('an Ed25519 certificate is read, to be judged by others', () => {
    const pem = `-----BEGIN CERTIFICATE-----
MIIBMDCB46ADAgECAhR7k35Co+ylLWb9BYs6bj7GUQ937jAFBgMrZXAwDTELMAkG
A1UEAwwCZWQwIBcNMjYxMTIxMDE1ODE4WhgPMjA1NDA0MDcwMTU4MThaMA0xCzAJ
BgNVBAMMAmVkMCowBQYDK2VwAyEApXx3R+T8oJfw6ywUxORZ3maXL5uwE3Wl1HVU
deDmD+KjUzBRMB0GA1UdDgQWBBR0XZOd621W4DwxtZaxWK7B2J2ydjAfBgNVHSME
GDAWgBR0XZOd621W4DwxtZaxWK7B2J2ydjAPBgNVHRMBAf8EBTADAQH/MAUGAytl
cANBAP3b1PCNRFPIwLmmVEOChdUGUODmNSA69N/dftz7yvjAoZFoRVxCEWHef0FJ
3Wog1wWSxOlhCy5SikLtjd5zqw8=
-----END CERTIFICATE-----
`;
    const read = certificate(pem);
    expect(read.publicKey.keytype).toBe('ed25519');
    expect(read.publicKey.publicBytes).toHaveLength(32);
    expect(() => readPublicKeyPem(pem, NOW)).toThrow(
      expect.objectContaining({ code: 'KEY_UNSUPPORTED' }) as Error,
    );
  });
});

describe('bundles', () => {
  const key = generatePrivateKey('ecdsa');
  const ca = makeCertificate({ key, commonName: 'CA', isCa: true, notBefore: NOW, days: 10 });
  const leaf = makeRootCertificate({ key, gun: 'x', notBefore: NOW });
  const split = (text: string): ReturnType<typeof splitRootBundle> =>
    splitRootBundle(parseCertificateBundle(text));

  test('a leaf, then authorities', () => {
    expect(split(leaf)?.leaf.commonName).toBe('x');
    expect(split(leaf + ca + ca)?.intermediates.map(({ commonName }) => commonName)).toEqual([
      'CA',
      'CA',
    ]);
  });

  test('no leaf, two leaves, or the leaf second', () => {
    expect(split(ca)).toBeUndefined();
    expect(split(leaf + leaf)).toBeUndefined();
    expect(split(ca + leaf)).toBeUndefined();
  });

  test('nothing, a foreign block or a broken certificate', () => {
    const foreign = encodePem({ label: 'PUBLIC KEY', bytes: key.publicKey.publicBytes });
    const broken = encodePem({ label: 'CERTIFICATE', bytes: Buffer.from([1, 2]) });
    for (const text of ['', 'x', leaf + foreign, leaf + broken]) {
      expect(() => parseCertificateBundle(text)).toThrow(
        expect.objectContaining({ code: 'CERTIFICATE_MALFORMED' }) as Error,
      );
    }
  });
});

/** A small PKI: a CA, one below it, and a leaf for TLS. */
function pki(): { root: Certificate; middle: Certificate; leaf: Certificate; keys: PrivateKey[] } {
  const keys = [rsaKey(2048), ecKey('P-384'), ecKey('P-256')];
  const [rootKey, middleKey, leafKey] = keys as [PrivateKey, PrivateKey, PrivateKey];
  const common = { notBefore: NOW, days: 100 };
  const root = certificate(
    makeCertificate({ ...common, key: rootKey, commonName: 'Root', isCa: true }),
  );
  const middle = certificate(
    makeCertificate({
      ...common,
      key: middleKey,
      commonName: 'Middle',
      isCa: true,
      issuer: { key: rootKey, certificate: root },
    }),
  );
  const leaf = certificate(
    makeCertificate({
      ...common,
      key: leafKey,
      commonName: 'Leaf',
      issuer: { key: middleKey, certificate: middle },
      dnsNames: ['localhost', '*.example.test'],
      ipAddresses: ['127.0.0.1', '::1', '2001:db8::ff00:42:8329', '::ffff:1.2.3.4'],
    }),
  );
  return { root, middle, leaf, keys };
}

describe('chains, for a CA pin', () => {
  const { root, middle, leaf, keys } = pki();
  const [rootKey, middleKey, leafKey] = keys as [PrivateKey, PrivateKey, PrivateKey];
  const at = new Date(NOW.getTime() + DAY_MS);
  const issued = (
    options: Partial<Parameters<typeof makeCertificate>[0]>,
    by: { key: PrivateKey; certificate: Certificate },
  ): Certificate =>
    certificate(
      makeCertificate({
        key: leafKey,
        commonName: 'y',
        notBefore: NOW,
        days: 10,
        issuer: by,
        ...options,
      }),
    );
  const byRoot = { key: rootKey, certificate: root };

  test('a leaf under an intermediate', () => {
    expect(verifyChain(leaf, [middle], [root], at)).toBe(true);
    expect(verifyChain(leaf, [root, leaf, middle], [root], at)).toBe(true);
    expect(verifyChain(leaf, [], [middle], at)).toBe(true);
    expect(verifyChain(leaf, [], [leaf], at)).toBe(true);
  });

  test('a missing link, another root, no root', () => {
    expect(verifyChain(leaf, [], [root], at)).toBe(false);
    expect(verifyChain(leaf, [middle, root], [], at)).toBe(false);
    const other = certificate(
      makeCertificate({ key: leafKey, commonName: 'Root', isCa: true, notBefore: NOW, days: 10 }),
    );
    expect(verifyChain(leaf, [middle], [other], at)).toBe(false);
  });

  test('dates of every member count', () => {
    expect(certificateChainProblem(leaf, [middle], [root], new Date(NOW.getTime() - 1))).toBe(
      'not-yet-valid',
    );
    expect(certificateChainProblem(leaf, [middle], [root], new Date('2030-01-01'))).toBe('expired');
    const short = issued({ key: middleKey, commonName: 'Middle', isCa: true, days: 0.5 }, byRoot);
    expect(verifyChain(leaf, [short], [root], at)).toBe(false);
  });

  test('a certificate that notary makes has the wrong usage', () => {
    const made = certificate(makeRootCertificate({ key: rootKey, gun: 'x', notBefore: NOW }));
    expect(certificateChainProblem(made, [], [made], at)).toBe('wrong-key-usage');
    const codeSigning = issued({ extendedKeyUsages: ['codeSigning'] }, byRoot);
    expect(certificateChainProblem(codeSigning, [], [root], at)).toBe('wrong-key-usage');
    expect(verifyChain(issued({ extendedKeyUsages: [] }, byRoot), [], [root], at)).toBe(true);
    expect(
      verifyChain(
        issued({ extendedKeyUsages: ['clientAuth', 'serverAuth'] }, byRoot),
        [],
        [root],
        at,
      ),
    ).toBe(true);
  });

  test('an intermediate for code signing only', () => {
    const signing = issued(
      { key: middleKey, commonName: 'Middle', isCa: true, extendedKeyUsages: ['codeSigning'] },
      byRoot,
    );
    expect(verifyChain(leaf, [signing], [root], at)).toBe(false);
  });

  test('an issuer that is no CA', () => {
    const noCa = issued({ key: middleKey, commonName: 'Middle' }, byRoot);
    expect(verifyChain(leaf, [noCa], [root], at)).toBe(false);
  });

  test('two that issued each other do not keep the search going', () => {
    const a = { key: ecKey('P-256'), name: 'A' };
    const b = { key: ecKey('P-256'), name: 'B' };
    const self = (it: typeof a): Certificate =>
      certificate(
        makeCertificate({ key: it.key, commonName: it.name, isCa: true, notBefore: NOW, days: 9 }),
      );
    const aByB = issued(
      { key: a.key, commonName: 'A', isCa: true },
      { key: b.key, certificate: self(b) },
    );
    const bByA = issued(
      { key: b.key, commonName: 'B', isCa: true },
      { key: a.key, certificate: self(a) },
    );
    const below = issued({}, { key: a.key, certificate: self(a) });
    expect(verifyChain(below, [aByB, bByA], [root], at)).toBe(false);
  });
});

describe('certificates of a private PKI', () => {
  const { root, middle, leaf, keys } = pki();

  test('name their keys and their issuers', () => {
    expect(leaf.x509.checkIssued(middle.x509)).toBe(true);
    expect(middle.x509.checkIssued(root.x509)).toBe(true);
    expect(leaf.x509.verify(middle.x509.publicKey)).toBe(true);
    expect([root.isCa, middle.isCa, leaf.isCa]).toEqual([true, true, false]);
    expect(leaf.x509.subjectAltName).toBe(
      'DNS:localhost, DNS:*.example.test, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, ' +
        'IP Address:2001:DB8:0:0:0:FF00:42:8329, IP Address:0:0:0:0:0:FFFF:102:304',
    );
    expect(leaf.x509.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(leaf.x509.checkHost('a.example.test')).toBe('*.example.test');
  });

  test('what is no IP address is refused', () => {
    const [key] = keys as [PrivateKey];
    for (const address of ['localhost', '1.2.3', 'fe80::1%eth0', '']) {
      expect(() =>
        makeCertificate({ key, commonName: 'x', notBefore: NOW, days: 1, ipAddresses: [address] }),
      ).toThrow(RangeError);
    }
  });

  test('serve TLS to a client that knows only the CA', async () => {
    // The client checks dates against the clock of the machine, so these begin now.
    const notBefore = new Date(Date.now() - DAY_MS);
    const caKey = generatePrivateKey('ecdsa');
    const ca = makeCertificate({
      key: caKey,
      commonName: 'Test CA',
      isCa: true,
      notBefore,
      days: 3,
    });
    const issuer = { key: caKey, certificate: certificate(ca) };
    const make = (
      commonName: string,
      usages: ('serverAuth' | 'clientAuth')[],
      names: { dnsNames?: string[]; ipAddresses?: string[] } = {},
    ): { cert: string; key: string } => {
      const key = generatePrivateKey('ecdsa');
      return {
        cert: makeCertificate({
          key,
          commonName,
          issuer,
          notBefore,
          days: 2,
          extendedKeyUsages: usages,
          ...names,
        }),
        key: key.keyObject?.export({ format: 'pem', type: 'pkcs8' }).toString() ?? '',
      };
    };
    const server = createServer(
      {
        ...make('server', ['serverAuth'], { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] }),
        ca,
        requestCert: true,
        rejectUnauthorized: true,
      },
      socket => socket.end('hello'),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const socket = connect({
        host: '127.0.0.1',
        port,
        ca,
        servername: 'localhost',
        ...make('client', ['clientAuth']),
      });
      await once(socket, 'secureConnect');
      expect(socket.authorized).toBe(true);
      socket.destroy();
    } finally {
      server.close();
    }
  });
});
