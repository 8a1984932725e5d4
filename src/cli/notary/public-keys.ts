/** Public key files for delegations: what is wrong with one, in the words of the original. */
import { parseCertificateBundle } from '../../crypto/certificate.ts';
import type { PublicKey } from '../../crypto/public-key.ts';
import type { KeyError } from '../../errors.ts';
import { errorCode } from './go-file-error.ts';

/** The sentence for a file that cannot be used. */
export function publicKeyProblem(error: KeyError): string {
  const file = String(error.details?.file);
  if (error.code === 'KEY_FILE_UNREADABLE') {
    return errorCode(error) === 'ENOENT'
      ? `file for public key does not exist: ${file}`
      : `unable to read public key from file: ${file}`;
  }
  const message = error.message.replace(`${file}: `, '');
  return `unable to parse valid public key certificate from PEM file ${file}: ${problem(error, message)}`;
}

function problem({ code, details }: KeyError, message: string): string {
  const [, label] = /holds a "(.*)" where/.exec(message) ?? [];
  if (label !== undefined) {
    return `unsupported PEM block type "${label}", expected CERTIFICATE or PUBLIC KEY`;
  }
  if (message.includes('no PEM block')) return 'no valid public key found';
  if (code === 'CERTIFICATE_UNACCEPTABLE') {
    const [, name = ''] = /certificate for "(.*)" /.exec(message) ?? [];
    return `invalid certificate: ${certificateProblem(String(details?.problem), name) ?? message}`;
  }
  if (message.includes('elliptic curve')) {
    return 'unable to parse pem encoded public key: x509: unsupported elliptic curve';
  }
  return code === 'KEY_UNSUPPORTED' ? 'unknown public key format' : message;
}

function certificateProblem(found: string, name: string): string | undefined {
  switch (found) {
    case 'rsa-too-small':
      return 'RSA bit length is too short';
    case 'sha1':
      return `certificate with CN ${name} uses invalid SHA1 signature algorithm`;
    case 'expired':
    case 'not-yet-valid':
      return `certificate with CN ${name} is expired`;
    default:
      return undefined;
  }
}

/** The names of certificates that expire within six months. */
export function nearExpiry(keys: readonly PublicKey[], now: Date): string[] {
  const limit = new Date(now);
  limit.setMonth(limit.getMonth() + 6);
  return keys
    .filter(({ keytype }) => keytype.endsWith('-x509'))
    .flatMap(({ publicBytes }) => parseCertificateBundle(publicBytes))
    .filter(({ notAfter }) => notAfter < limit)
    .map(({ commonName }) => commonName);
}
