/** Whether a root may be trusted: by its predecessor, by a pin, or on first use; and by itself (tuf.md 3.3). */

import type { Certificate } from '../crypto/certificate.ts';
import { printable } from '../crypto/printable.ts';
import { TrustError } from '../errors.ts';
import { decodeRoot } from './decode.ts';
import { type Envelope, openEnvelope } from './envelope.ts';
import type { RoleKeys, RootMetadata } from './metadata.ts';
import { NO_PINNING, type TrustPinning } from './pinning.ts';
import { ROOT } from './role-name.ts';
import {
  allowedCertificates,
  type CertificateDates,
  datesProblem,
  keysOf,
  type RootCertificate,
  rootCertificates,
} from './root-certificates.ts';
import { verifySignatures } from './verify-signatures.ts';

export interface VerifiedRoot {
  readonly bytes: Uint8Array;
  readonly metadata: RootMetadata;
  readonly certificates: readonly RootCertificate[];
}

export interface RootContext {
  readonly gun: string;
  readonly now: Date;
  readonly pinning: TrustPinning;
  /**
   * Reports what has expired instead of refusing it; every other check stays. Only to show or renew what is there:
   * nothing that is found this way may be called trusted.
   */
  readonly reportExpiry?: boolean;
}

/**
 * A root from the cache: whole, signed by itself and allowed by the pins. Dates are left aside: the only use
 * of an expired one is to verify its successor.
 * @throws TrustError
 */
export function verifyCachedRoot(bytes: Uint8Array, context: RootContext): VerifiedRoot {
  const { envelope, metadata } = open(bytes);
  const certificates = rootCertificates(metadata, context.gun, context.now, 'any');
  // Trust on first use was decided when it came into the cache; pins are binding at every load.
  const pinning = { ...context.pinning, disableTofu: false };
  return verifyItself(
    bytes,
    envelope,
    metadata,
    allowedCertificates(certificates, pinning, context.gun, context.now),
  );
}

/**
 * A root that is met for the first time: a pin must allow it, else it is trusted on first use.
 * @throws TrustError
 */
export function verifyFirstRoot(bytes: Uint8Array, context: RootContext): VerifiedRoot {
  const { envelope, metadata } = open(bytes);
  const certificates = rootCertificates(metadata, context.gun, context.now, datesOf(context));
  return verifyItself(
    bytes,
    envelope,
    metadata,
    allowedCertificates(certificates, context.pinning, context.gun, context.now),
  );
}

/**
 * A root that follows a trusted one: signed to that one's threshold and to its own.
 * @param link an intermediate of a chain, whose dates and pins are of no account
 * @throws TrustError `ROOT_ROTATION` when the previous root's keys did not sign it
 */
export function verifyNextRoot(
  bytes: Uint8Array,
  previous: VerifiedRoot,
  context: RootContext,
  link = false,
): VerifiedRoot {
  const { envelope, metadata } = open(bytes);
  const dates = link ? 'any' : datesOf(context);
  const certificates = rootCertificates(metadata, context.gun, context.now, dates);
  checkSuccession(envelope, metadata, previous, context);
  const pinning = link ? NO_PINNING : { ...context.pinning, disableTofu: false };
  return verifyItself(
    bytes,
    envelope,
    metadata,
    allowedCertificates(certificates, pinning, context.gun, context.now),
  );
}

/**
 * Checks that a root, taken from the cache perhaps, reaches its threshold with those certificates alone that
 * are valid now: only then may anything but its successor rest on it (keys.md 3.2).
 * @param dates `begun` lets expired certificates pass
 * @throws TrustError `ROOT_CERTIFICATE_INVALID`, `SIGNATURE_THRESHOLD`
 */
export function checkCertificateDates(
  root: VerifiedRoot,
  context: RootContext,
  dates: CertificateDates = 'valid',
): void {
  const { gun, now } = context;
  const valid = (certificate: Certificate) => datesProblem(certificate, now, dates) === undefined;
  if (root.certificates.every(({ leaf, intermediates }) => [leaf, ...intermediates].every(valid))) {
    return;
  }
  const dated = new Set(rootCertificates(root.metadata, gun, now, dates).map(({ id }) => id));
  const usable = root.certificates.filter(({ id }) => dated.has(id));
  verifyItself(root.bytes, openEnvelope(root.bytes, ROOT), root.metadata, usable);
}

/** What is asked of the certificates of a root that is offered. */
function datesOf({ reportExpiry }: RootContext): CertificateDates {
  return reportExpiry === true ? 'begun' : 'valid';
}

function open(bytes: Uint8Array): { envelope: Envelope; metadata: RootMetadata } {
  const envelope = openEnvelope(bytes, ROOT);
  return { envelope, metadata: decodeRoot(envelope.signed) };
}

function checkSuccession(
  envelope: Envelope,
  metadata: RootMetadata,
  previous: VerifiedRoot,
  context: RootContext,
): void {
  try {
    verifySignatures(envelope, ROOT, roleOf(previous.metadata), keysOf(previous.certificates));
  } catch (cause) {
    const from = previous.metadata.version;
    throw new TrustError(
      'ROOT_ROTATION',
      `Root version ${metadata.version} of ${printable(context.gun)} is not signed by the keys of root version ${from}, which this machine trusts`,
      {
        cause,
        hint: 'Either the repository was made anew by its owner, or somebody is in between: ask the owner before you trust it.',
        details: { role: ROOT, trustedVersion: from, offeredVersion: metadata.version },
      },
    );
  }
}

function verifyItself(
  bytes: Uint8Array,
  envelope: Envelope,
  metadata: RootMetadata,
  certificates: readonly RootCertificate[],
): VerifiedRoot {
  verifySignatures(envelope, ROOT, roleOf(metadata), keysOf(certificates));
  return { bytes, metadata, certificates };
}

function roleOf(root: RootMetadata): RoleKeys {
  return root.roles.get(ROOT) ?? { keyIds: [], threshold: 1 };
}
