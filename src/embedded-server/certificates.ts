/**
 * The server's own certificate authority and TLS certificate, for those who bring none.
 *
 * They are kept beside the server's data, so that clients which trust the authority once trust it after every
 * restart: `tls/ca.crt` is what clients are given; `ca.key`, `server.crt` and `server.key` stay here.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import {
  type Certificate,
  makeCertificate,
  parseCertificateBundle,
} from '../crypto/certificate.ts';
import { decodePem, encodePem } from '../crypto/pem.ts';
import { generatePrivateKey, PrivateKey } from '../crypto/private-key.ts';
import { TabellionError } from '../errors.ts';
import { makeFolder, writeFileAtomic } from '../trust-dir/atomic-file.ts';
import { isMissing, readError } from '../trust-dir/file-error.ts';
import { DAY } from '../tuf/time.ts';

export interface TlsIdentity {
  /** PEM: the server's certificate. */
  readonly cert: string;
  /** PEM: its private key. */
  readonly key: string;
  /** PEM: what clients have to trust. */
  readonly ca: string;
}

interface Pair {
  readonly key: PrivateKey;
  readonly certificate: Certificate;
}

const CA_DAYS = 3650;
/** No longer than clients accept of any server. */
const SERVER_DAYS = 397;
/** So many days before its end a certificate is replaced. */
const RENEWAL_DAYS = 30;
/** Clocks differ: certificates begin in the past. */
const BACKDATED_DAYS = 1;
const ANY_ADDRESS = new Set(['0.0.0.0', '::']);

/** A new authority and certificate, kept nowhere. */
export function makeTlsIdentity(host: string, now: Date): TlsIdentity {
  const authority = makeAuthority(now);
  return identity(authority, makeServerPair(authority, host, now));
}

/**
 * The authority and certificate in `folder`; made where they are missing, end soon or lack a name.
 * @param host what the server listens on
 * @throws OperationError `FILE_NOT_READABLE`, `FILE_NOT_WRITABLE`
 */
export async function keptTlsIdentity(
  folder: string,
  host: string,
  now: Date,
): Promise<TlsIdentity> {
  await makeFolder(folder);
  const kept = await readPair(folder, 'ca');
  const authority = kept !== undefined && isLasting(kept, now) ? kept : makeAuthority(now);
  if (authority !== kept) await writePair(folder, 'ca', authority);
  const known = await readPair(folder, 'server');
  const server =
    known !== undefined && isLasting(known, now) && isFor(known, authority, host)
      ? known
      : makeServerPair(authority, host, now);
  if (server !== known) await writePair(folder, 'server', server);
  return identity(authority, server);
}

function makeAuthority(now: Date): Pair {
  const key = generatePrivateKey('ecdsa');
  // Two authorities of one name would confuse clients that trust both.
  const commonName = `Tabellion trust server CA ${key.id.slice(0, 8)}`;
  return pair(
    key,
    makeCertificate({ key, commonName, isCa: true, notBefore: backdated(now), days: CA_DAYS }),
  );
}

function makeServerPair(issuer: Pair, host: string, now: Date): Pair {
  const key = generatePrivateKey('ecdsa');
  const names = namesFor(host);
  const certificate = makeCertificate({
    key,
    commonName: names.find(name => isIP(name) === 0) ?? 'localhost',
    dnsNames: names.filter(name => isIP(name) === 0),
    ipAddresses: names.filter(name => isIP(name) !== 0),
    issuer,
    notBefore: backdated(now),
    days: SERVER_DAYS,
  });
  return pair(key, certificate);
}

/** Whoever listens everywhere is reached by every name and address of this machine. */
function namesFor(host: string): string[] {
  const own = ANY_ADDRESS.has(host) ? [hostname(), ...machineAddresses()] : [host];
  return [...new Set(['localhost', '127.0.0.1', '::1', ...own])];
}

function machineAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .map(({ address }) => address)
    .filter(address => !address.includes('%'));
}

function isLasting({ certificate }: Pair, now: Date): boolean {
  return (
    certificate.notBefore.getTime() <= now.getTime() &&
    certificate.notAfter.getTime() - RENEWAL_DAYS * DAY > now.getTime()
  );
}

function isFor({ certificate }: Pair, authority: Pair, host: string): boolean {
  const { x509 } = certificate;
  return (
    x509.checkIssued(authority.certificate.x509) &&
    x509.verify(authority.certificate.x509.publicKey) &&
    namesFor(host).every(
      name => (isIP(name) === 0 ? x509.checkHost(name) : x509.checkIP(name)) !== undefined,
    )
  );
}

function pair(key: PrivateKey, pem: string): Pair {
  const [certificate] = parseCertificateBundle(pem);
  if (certificate === undefined) throw new RangeError('no certificate was made');
  return { key, certificate };
}

function identity(authority: Pair, server: Pair): TlsIdentity {
  return { cert: server.certificate.pem, key: keyPem(server.key), ca: authority.certificate.pem };
}

function keyPem(key: PrivateKey): string {
  const standard = key.keyObject?.export({ format: 'pem', type: 'pkcs8' });
  return typeof standard === 'string'
    ? standard
    : encodePem({ label: 'PRIVATE KEY', bytes: key.toPkcs8() });
}

function backdated(now: Date): Date {
  return new Date(now.getTime() - BACKDATED_DAYS * DAY);
}

/** The key goes first: a certificate without its key would be of no use, and is replaced at the next start. */
async function writePair(folder: string, name: string, { key, certificate }: Pair): Promise<void> {
  await writeFileAtomic(join(folder, `${name}.key`), keyPem(key));
  await writeFileAtomic(join(folder, `${name}.crt`), certificate.pem, { mode: 0o644 });
}

/** Whatever cannot be used counts as absent: these files hold nothing that cannot be made again. */
async function readPair(folder: string, name: string): Promise<Pair | undefined> {
  const keyText = await readIfThere(join(folder, `${name}.key`));
  const certificateText = await readIfThere(join(folder, `${name}.crt`));
  const block = keyText === undefined ? undefined : decodePem(keyText);
  if (block === undefined || certificateText === undefined) return undefined;
  try {
    const found = pair(PrivateKey.fromPkcs8(block.bytes), certificateText);
    const ownKey = Buffer.from(found.certificate.publicKeyInfo).equals(
      found.key.publicKey.publicBytes,
    );
    return ownKey ? found : undefined;
  } catch (error) {
    if (error instanceof TabellionError) return undefined;
    throw error;
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw readError(error, path);
  }
}
