/**
 * What a ceremony file would do, found out from the roots in it alone: the present root verified, the proposed one
 * compared with it, and every signature tried. What the request says of itself is believed in nothing.
 */
import { printable } from '../crypto/printable.ts';
import type { Signature } from '../crypto/signature.ts';
import { TrustError } from '../errors.ts';
import { checkGun } from '../tuf/gun.ts';
import type { RootMetadata } from '../tuf/metadata.ts';
import type { TrustPinning } from '../tuf/pinning.ts';
import { BASE_ROLES, ROOT } from '../tuf/role-name.ts';
import { allowedCertificates } from '../tuf/root-certificates.ts';
import {
  badSignatures,
  checkProposedRoot,
  checkSuccessor,
  type RequiredSigners,
  type RoleDifference,
  readProposedRoot,
  requiredSigners,
  rootDifferences,
  signaturesOf,
  undeclared,
} from '../tuf/root-proposal.ts';
import { type VerifiedRoot, verifyCachedRoot } from '../tuf/root-trust.ts';
import type { CeremonyFile, CeremonyRepository } from './ceremony-file.ts';

export interface ReviewContext {
  readonly now: Date;
  readonly pinning: TrustPinning;
}

export interface ReviewedRepository {
  readonly asked: CeremonyRepository;
  /** Absent for the first root of a repository. */
  readonly current: VerifiedRoot | undefined;
  readonly proposed: RootMetadata;
  readonly differences: readonly RoleDifference[];
  readonly signers: readonly RequiredSigners[];
  readonly signatures: readonly Signature[];
}

/**
 * Reviews every repository of a file.
 * @throws TrustError for a present root that does not verify, or that no pin allows; `CEREMONY_UNDECLARED_CHANGE`,
 *   `CEREMONY_SIGNATURE_INVALID`, `THRESHOLD_UNATTAINABLE`, `METADATA_MALFORMED`; UsageError `GUN_INVALID`
 */
export function reviewCeremony(file: CeremonyFile, context: ReviewContext): ReviewedRepository[] {
  return file.request.repositories.map((asked, index) => {
    const signatures = file.signatures
      .filter(({ repository }) => repository === index)
      .map(({ keyId, method, signature }) => ({ keyId, method, signature }));
    return reviewRepository(asked, signatures, context);
  });
}

/** Reviews one repository; errors as {@link reviewCeremony}. */
export function reviewRepository(
  asked: CeremonyRepository,
  signatures: readonly Signature[],
  { now, pinning }: ReviewContext,
): ReviewedRepository {
  const { gun, base } = asked;
  checkGun(gun);
  const current = base === undefined ? undefined : verifyCachedRoot(base, { gun, now, pinning });
  const proposed = readProposedRoot(asked.proposed);
  checkSuccessor(current?.metadata, proposed);
  const differences = rootDifferences(current?.metadata, proposed);
  checkDeclared(asked, differences);
  const certificates = checkProposedRoot(proposed, gun, now);
  // A root that this machine's own pins will refuse is better not made.
  const { certs, ca } = pinning;
  allowedCertificates(certificates, { certs, ca, disableTofu: false }, gun, now);
  const signers = requiredSigners(current?.metadata, proposed);
  const [bad] = badSignatures(signers, asked.proposed, signatures);
  if (bad !== undefined) throw badSignature(gun, bad);
  return { asked, current, proposed, differences, signers, signatures };
}

/** How many signatures a proposed root still lacks, of each set of keys that must sign it. */
export function missingSignatures({ asked, signers, signatures }: ReviewedRepository): number[] {
  return signers.map(signer =>
    Math.max(0, signer.roleKeys.threshold - signaturesOf(signer, asked.proposed, signatures)),
  );
}

/** Whether enough keys have signed. */
export function isComplete(reviewed: ReviewedRepository): boolean {
  return missingSignatures(reviewed).every(missing => missing === 0);
}

/** Nothing but what the request is for may change. */
function checkDeclared(
  { kind, role }: CeremonyRepository,
  differences: readonly RoleDifference[],
): void {
  if (!BASE_ROLES.some(name => name === role) || (kind === 'rotate') === (role === ROOT))
    throw undeclared(`“${kind}” is not done to the role “${printable(role)}”`);
  if (kind === 'init') {
    if (differences.some(({ role: name }) => !BASE_ROLES.some(base => base === name)))
      throw undeclared('it has a role that no repository needs');
    return;
  }
  const [other] = differences.filter(difference => difference.role !== role);
  if (other !== undefined)
    throw undeclared(
      `it is for the ${role} role, but the ${printable(other.role)} role changes too`,
    );
  const [difference] = differences;
  if (kind === 'renew-root') {
    if (difference !== undefined && difference.added.length + difference.removed.length > 0)
      throw undeclared('it should only renew the root, but root keys change');
    return;
  }
  if (difference === undefined) throw undeclared('nothing changes');
  if (kind === 'rotate' && difference.threshold.before !== difference.threshold.after)
    throw undeclared('the number of signatures that the role needs changes');
  if (kind !== 'rotate-root' && kind !== 'rotate' && difference.removed.length > 0)
    throw undeclared('it should only add root keys, but one goes');
}

function badSignature(gun: string, keyId: string): TrustError {
  return new TrustError(
    'CEREMONY_SIGNATURE_INVALID',
    `A signature in the file, by the key ${printable(keyId)}, is none over the proposed root of ${printable(gun)}`,
    {
      hint: 'The file was altered: take it once more from the machine that wrote it.',
      details: { repository: gun, keyId },
    },
  );
}
