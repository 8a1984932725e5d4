import type { Certificate } from './certificate-parse.ts';
import { OID } from './object-identifiers.ts';

/** Why a certificate cannot be part of a chain. */
export type ChainProblem =
  | 'not-yet-valid'
  | 'expired'
  | 'unknown-critical-extension'
  | 'wrong-key-usage'
  | 'unknown-issuer';

/** More than any sane PKI has; bounds the search through a hostile bundle. */
const MAX_CHAIN_LENGTH = 8;
const MAX_SIGNATURE_CHECKS = 100;

/** Signature algorithms that may link a chain: SHA-256 and up. RSA-PSS hides its hash in parameters. */
const CHAIN_SIGNATURES: readonly string[] = [
  OID.sha256WithRsa,
  OID.sha384WithRsa,
  OID.sha512WithRsa,
  OID.sha256WithEcdsa,
  OID.sha384WithEcdsa,
  OID.sha512WithEcdsa,
  OID.ed25519,
];

/**
 * Whether `leaf` chains to one of `roots`, for a CA pin, as Go judges it by default (spec/tuf.md 3.3.4):
 * each certificate valid at `now` and either without extended key usages or good for TLS servers; each
 * issuer a CA that may sign certificates, within its path length; no signature with SHA-1 or MD5.
 *
 * Stricter than Go: refused are chains under name constraints, RSA-PSS signatures, and roots of version 1.
 */
export function verifyChain(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  roots: readonly Certificate[],
  now: Date,
): boolean {
  return certificateChainProblem(leaf, intermediates, roots, now) === undefined;
}

/** What keeps `leaf` from chaining to a root; of the issuers only that none fits. Same rules as {@link verifyChain}. */
export function certificateChainProblem(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  roots: readonly Certificate[],
  now: Date,
): ChainProblem | undefined {
  const problem = memberProblem(leaf, now);
  if (problem !== undefined) {
    return problem;
  }
  const search: Search = { intermediates, roots, now, checksLeft: MAX_SIGNATURE_CHECKS };
  return roots.some(root => same(root, leaf)) || reachesRoot(leaf, [leaf], search)
    ? undefined
    : 'unknown-issuer';
}

interface Search {
  readonly intermediates: readonly Certificate[];
  readonly roots: readonly Certificate[];
  readonly now: Date;
  checksLeft: number;
}

function reachesRoot(child: Certificate, chain: readonly Certificate[], search: Search): boolean {
  const fits = (issuer: Certificate): boolean =>
    memberProblem(issuer, search.now) === undefined && isIssuer(issuer, child, chain, search);
  if (search.roots.some(fits)) {
    return true;
  }
  return (
    chain.length < MAX_CHAIN_LENGTH &&
    search.intermediates.some(
      issuer =>
        !chain.some(member => same(member, issuer)) &&
        fits(issuer) &&
        reachesRoot(issuer, [...chain, issuer], search),
    )
  );
}

function memberProblem(certificate: Certificate, now: Date): ChainProblem | undefined {
  if (now < certificate.notBefore) {
    return 'not-yet-valid';
  }
  if (now > certificate.notAfter) {
    return 'expired';
  }
  if (certificate.unhandledExtensions.length > 0) {
    return 'unknown-critical-extension';
  }
  const usages = certificate.extendedKeyUsages;
  const serves =
    usages === undefined ||
    usages.includes(OID.serverAuth) ||
    usages.includes(OID.anyExtendedKeyUsage);
  return serves ? undefined : 'wrong-key-usage';
}

function isIssuer(
  issuer: Certificate,
  child: Certificate,
  chain: readonly Certificate[],
  search: Search,
): boolean {
  // The leaf is no intermediate, so it does not count towards the path length.
  const intermediatesBelow = chain.length - 1;
  if (
    Buffer.compare(issuer.subject, child.issuer) !== 0 ||
    !issuer.isCa ||
    issuer.mayCertify === false ||
    (issuer.pathLength !== undefined && intermediatesBelow > issuer.pathLength) ||
    !CHAIN_SIGNATURES.includes(child.signatureAlgorithm) ||
    search.checksLeft <= 0
  ) {
    return false;
  }
  search.checksLeft--;
  try {
    return child.x509.verify(issuer.x509.publicKey);
  } catch {
    return false;
  }
}

function same(a: Certificate, b: Certificate): boolean {
  return Buffer.compare(a.der, b.der) === 0;
}
