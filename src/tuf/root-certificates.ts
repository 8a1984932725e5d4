/** The certificates that a root's own keys are made of, and which of them may be used (tuf.md 3.3, keys.md 3.2). */
import {
  type Certificate,
  type CertificateProblem,
  certificateProblem,
  parseCertificateBundle,
  verifyChain,
} from '../crypto/certificate.ts';
import { printable } from '../crypto/printable.ts';
import { keyId, type PublicKey } from '../crypto/public-key.ts';
import { TrustError } from '../errors.ts';
import type { RootMetadata } from './metadata.ts';
import { type PinRule, pinRules, type TrustPinning } from './pinning.ts';
import { ROOT } from './role-name.ts';

/** How many keys an error explains. */
const SHOWN = 5;

/** What is asked of a certificate's dates: nothing, that it is valid, or only that its time has begun. */
export type CertificateDates = 'any' | 'valid' | 'begun';

/** What makes a certificate unacceptable at `now`; `begun` looks at an expired one as it was in its last moment. */
export function datesProblem(
  certificate: Certificate,
  now: Date,
  dates: CertificateDates,
): CertificateProblem | undefined {
  const { notAfter } = certificate;
  const at = dates === 'begun' && notAfter < now ? notAfter : now;
  return certificateProblem(certificate, at, { checkDates: dates !== 'any' });
}

/** A usable key of the root role: one leaf certificate, perhaps with certificate authorities behind it. */
export interface RootCertificate {
  /** Scoped key ID: of the whole bundle. */
  readonly id: string;
  readonly key: PublicKey;
  readonly leaf: Certificate;
  readonly intermediates: readonly Certificate[];
}

/**
 * The root role's keys that are certificates for this GUN; the others are passed over.
 * @param dates which certificates to leave out for their dates (one day of slack before)
 * @throws TrustError `ROOT_CERTIFICATE_INVALID` when none is left
 */
export function rootCertificates(
  root: RootMetadata,
  gun: string,
  now: Date,
  dates: CertificateDates,
): RootCertificate[] {
  const usable: RootCertificate[] = [];
  const refused: string[] = [];
  for (const id of new Set(root.roles.get(ROOT)?.keyIds)) {
    const key = root.keys.get(id);
    const result = key === undefined ? 'it is missing' : readCertificate(id, key, gun, now, dates);
    if (typeof result === 'string') refused.push(result);
    else usable.push(result);
  }
  if (usable.length > 0) return usable;
  const reasons = refused.length > SHOWN ? [...refused.slice(0, SHOWN), '…'] : refused;
  throw new TrustError(
    'ROOT_CERTIFICATE_INVALID',
    `Root version ${root.version} of ${printable(gun)} has no certificate that can be used: ${reasons.join('; ')}`,
    { details: { role: ROOT, version: root.version } },
  );
}

/**
 * Leaves those certificates that all pins for a GUN allow.
 * @throws TrustError `PIN_MISMATCH`, `NOT_PINNED`
 */
export function allowedCertificates(
  certificates: readonly RootCertificate[],
  pinning: TrustPinning,
  gun: string,
  now: Date,
): readonly RootCertificate[] {
  return pinRules(pinning, gun).reduce(
    (left, rule) => pinnedCertificates(left, rule, gun, now),
    certificates,
  );
}

/**
 * Leaves those certificates that a pin allows.
 * @throws TrustError `PIN_MISMATCH`, `NOT_PINNED`
 */
function pinnedCertificates(
  certificates: readonly RootCertificate[],
  rule: PinRule,
  gun: string,
  now: Date,
): readonly RootCertificate[] {
  if (rule.kind === 'first-use') return certificates;
  if (rule.kind === 'none') {
    throw new TrustError(
      'NOT_PINNED',
      `No trust pin covers ${printable(gun)}, and trust on first use is switched off`,
      {
        hint: `The repository presents the root certificate ${certificates.map(({ id }) => id).join(', ')}: compare it with its owner, then pin it.`,
        details: { certificateIds: certificates.map(({ id }) => id) },
      },
    );
  }
  const allowed = certificates.filter(certificate => isPinned(certificate, rule, now));
  if (allowed.length > 0) return allowed;
  throw new TrustError(
    'PIN_MISMATCH',
    `The root of ${printable(gun)} does not carry what the pin for “${printable(rule.pattern)}” demands`,
    {
      hint:
        rule.kind === 'certs' && rule.confirmed === true
          ? `Do not trust this repository until its owner has confirmed the change of root. “tabellion thumbprint ${printable(gun)}” shows both thumbprints; with --expect and --pin it pins the new one.`
          : 'Do not trust this repository until its owner has confirmed the change of root; then correct the pin.',
      details: {
        found: certificates.map(({ id }) => id),
        ...(rule.kind === 'certs' ? { pinned: rule.keyIds } : {}),
      },
    },
  );
}

/** The keys to verify a root's signatures with, and their number needed. */
export function keysOf(certificates: readonly RootCertificate[]): Map<string, PublicKey> {
  return new Map(certificates.map(({ id, key }) => [id, key]));
}

function readCertificate(
  id: string,
  key: PublicKey,
  gun: string,
  now: Date,
  dates: CertificateDates,
): RootCertificate | string {
  if (!key.keytype.endsWith('-x509')) return 'a key is not a certificate';
  const bundle = parseBundle(key);
  const [leaf, ...intermediates] = bundle ?? [];
  if (leaf === undefined || leaf.isCa || intermediates.some(({ isCa }) => !isCa)) {
    return 'a certificate bundle is not one leaf followed by authorities';
  }
  if (!covers(leaf.commonName, gun))
    return `a certificate is for “${printable(leaf.commonName.slice(0, 300))}”`;
  const problem = datesProblem(leaf, now, dates);
  if (problem !== undefined)
    return `the certificate ${id.slice(0, 12)} is not acceptable (${problem})`;
  const authorities = intermediates.filter(ca => datesProblem(ca, now, dates) === undefined);
  // Rebuilt from what was parsed, so that text which only looks like the certificate cannot stand for it.
  const rebuilt: PublicKey = {
    keytype: `${leaf.publicKey.keytype}-x509`,
    publicBytes: Buffer.from([leaf, ...authorities].map(({ pem }) => pem).join(''), 'utf8'),
  };
  if (keyId(rebuilt) !== id)
    return `the certificate ${id.slice(0, 12)} is not written as its key ID demands`;
  return { id, key: rebuilt, leaf, intermediates: authorities };
}

function parseBundle(key: PublicKey): Certificate[] | undefined {
  try {
    return parseCertificateBundle(Buffer.from(key.publicBytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Notary's rule: the name itself, or a prefix that ends in one or more `*` (plain text, no path logic). */
function covers(commonName: string, gun: string): boolean {
  if (!commonName.endsWith('*')) return commonName === gun;
  return gun.startsWith(commonName.replace(/\*+$/, ''));
}

function isPinned(certificate: RootCertificate, rule: PinRule, now: Date): boolean {
  if (rule.kind === 'certs') return rule.keyIds.includes(certificate.id);
  if (rule.kind !== 'ca') return false;
  const { leaf, intermediates } = certificate;
  // A leaf that has expired comes from the cache, to verify its successor: it is judged by its last moment.
  const at = leaf.notAfter < now ? leaf.notAfter : now;
  const authorities = parseCertificateBundle(rule.pem).filter(
    ca => certificateProblem(ca, at, { checkDates: true }) === undefined,
  );
  return verifyChain(leaf, intermediates, authorities, at);
}
