import { makeCertificate, parseCertificateBundle } from '../../src/crypto/certificate.ts';
import { encodePem } from '../../src/crypto/pem.ts';
import { generatePrivateKey } from '../../src/crypto/private-key.ts';

const HOUR = 3600 * 1000;

export interface CertificateAndKey {
  readonly cert: string;
  readonly key: string;
}

export interface TestAuthority {
  /** PEM text of the authority's certificate. */
  readonly ca: string;
  /** A certificate, by default for this machine's loopback and valid today. */
  issue(options?: {
    commonName?: string;
    dnsNames?: string[];
    ipAddresses?: string[];
    usage?: 'serverAuth' | 'clientAuth';
    notBefore?: Date;
    days?: number;
  }): CertificateAndKey;
}

/** A certificate authority of one test file. Its dates are today's: TLS looks at the real clock. */
export function makeAuthority(commonName = 'Tabellion test authority'): TestAuthority {
  const key = generatePrivateKey('ecdsa');
  const notBefore = new Date(Date.now() - HOUR);
  const ca = makeCertificate({ key, commonName, isCa: true, notBefore, days: 10 });
  const certificate = parseCertificateBundle(ca)[0];
  if (certificate === undefined) throw new Error('no certificate');
  return {
    ca,
    issue(options = {}) {
      const own = generatePrivateKey('ecdsa');
      const cert = makeCertificate({
        key: own,
        commonName: options.commonName ?? 'localhost',
        dnsNames: options.dnsNames ?? ['localhost'],
        ipAddresses: options.ipAddresses ?? ['127.0.0.1'],
        extendedKeyUsages: [options.usage ?? 'serverAuth'],
        issuer: { key, certificate },
        notBefore: options.notBefore ?? notBefore,
        days: options.days ?? 5,
      });
      return { cert, key: encodePem({ label: 'PRIVATE KEY', bytes: own.toPkcs8() }) };
    },
  };
}

/** A server certificate that no authority has signed. */
export function selfSigned(): CertificateAndKey {
  const key = generatePrivateKey('ecdsa');
  const cert = makeCertificate({
    key,
    commonName: 'localhost',
    dnsNames: ['localhost'],
    notBefore: new Date(Date.now() - HOUR),
    days: 5,
  });
  return { cert, key: encodePem({ label: 'PRIVATE KEY', bytes: key.toPkcs8() }) };
}
