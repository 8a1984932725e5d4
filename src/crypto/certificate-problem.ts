import type { Certificate } from './certificate-parse.ts';
import { MIN_RSA_BITS } from './subject-public-key-info.ts';

/** Why content trust does not accept a certificate. */
export type CertificateProblem =
  | 'dates-reversed'
  | 'not-yet-valid'
  | 'expired'
  | 'sha1'
  | 'rsa-too-small';

/** Clocks differ: a certificate may become valid up to a day after now (spec/keys.md 3.2). */
const CLOCK_TOLERANCE_MS = 24 * 60 * 60 * 1000;

/**
 * What makes a certificate unacceptable for a root or delegation key, or `undefined` (spec/keys.md 3.2.2).
 * With `checkDates: false` it may be expired or not valid yet.
 */
export function certificateProblem(
  certificate: Certificate,
  now: Date,
  options: { checkDates: boolean },
): CertificateProblem | undefined {
  const notBefore = certificate.notBefore.getTime();
  const notAfter = certificate.notAfter.getTime();
  if (notBefore > notAfter) {
    return 'dates-reversed';
  }
  if (options.checkDates && notBefore > now.getTime() + CLOCK_TOLERANCE_MS) {
    return 'not-yet-valid';
  }
  if (options.checkDates && notAfter < now.getTime()) {
    return 'expired';
  }
  if (certificate.signedWithSha1) {
    return 'sha1';
  }
  if (certificate.rsaBits !== undefined && certificate.rsaBits < MIN_RSA_BITS) {
    return 'rsa-too-small';
  }
  return undefined;
}

/** The predicate of a sentence about the problem: "The certificate …" */
export function certificateProblemText(
  certificate: Certificate,
  problem: CertificateProblem,
): string {
  switch (problem) {
    case 'dates-reversed':
      return 'ends before it begins';
    case 'not-yet-valid':
      return `is not valid before ${certificate.notBefore.toISOString()}`;
    case 'expired':
      return `expired on ${certificate.notAfter.toISOString()}`;
    case 'sha1':
      return 'is signed with SHA-1, which is not safe';
    case 'rsa-too-small':
      return `has an RSA key of ${certificate.rsaBits} bits where at least ${MIN_RSA_BITS} are needed`;
  }
}
