import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as tls from 'node:tls';

/** Where the distributions keep the bundle of trusted authorities; the first that exists counts, as in Go's programs. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** The authorities that node trusts by itself, with those of `NODE_EXTRA_CA_CERTS`: PEM texts. */
export function builtInRoots(env: NodeJS.ProcessEnv): string[] {
  const extra = env.NODE_EXTRA_CA_CERTS ? readIfPresent(env.NODE_EXTRA_CA_CERTS) : undefined;
  return [...tls.rootCertificates, ...(extra === undefined ? [] : [extra])];
}

/**
 * The authorities that this system's administrator trusts: PEM texts. Node does not look there, Docker and Notary do.
 * `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the usual places.
 */
export function systemRoots(env: NodeJS.ProcessEnv): string[] {
  const found: string[] = [];
  const files = env.SSL_CERT_FILE ? [env.SSL_CERT_FILE] : BUNDLES;
  for (const file of files) {
    const text = readIfPresent(file);
    if (text === undefined) continue;
    found.push(text);
    break;
  }
  for (const folder of (env.SSL_CERT_DIR ?? '').split(path.delimiter)) {
    if (folder !== '') found.push(...readFolder(folder));
  }
  if (found.length > 0) return found;
  // macOS and Windows keep them in a store that newer releases of node can read.
  const { getCACertificates } = tls as typeof tls & {
    getCACertificates?: (type: 'system') => string[];
  };
  return getCACertificates?.('system') ?? [];
}

function readFolder(folder: string): string[] {
  try {
    return readdirSync(folder)
      .sort()
      .map(name => readIfPresent(path.join(folder, name)))
      .filter(text => text !== undefined);
  } catch {
    return [];
  }
}

/** A store that cannot be read, or holds no certificate, adds nothing: trust only ever gets less by it. */
function readIfPresent(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    return text.includes('-----BEGIN CERTIFICATE-----') ? text : undefined;
  } catch {
    return undefined;
  }
}
