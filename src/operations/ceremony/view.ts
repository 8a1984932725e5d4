/** A reviewed ceremony as people and programs are told of it. */
import {
  type CeremonyFile,
  type CeremonyKind,
  ceremonyId,
  requestFingerprint,
} from '../../ceremony/ceremony-file.ts';
import { missingSignatures, type ReviewedRepository } from '../../ceremony/review.ts';
import type { PublicKey } from '../../crypto/public-key.ts';
import { keyThumbprints } from '../../crypto/thumbprint.ts';
import type { RootMetadata } from '../../tuf/metadata.ts';
import { signingKeys } from '../../tuf/root-proposal.ts';

export interface CeremonyKey {
  /** Canonical: by which private keys are stored. */
  readonly id: string;
  /** Of a root key: ID of its certificate. */
  readonly certificateId?: string;
  /** SHA-256, lower-case hex: of the certificate's DER if there is one, else of the public key. */
  readonly thumbprint: string;
  readonly algorithm: string;
  /** Of a certificate (ISO 8601). */
  readonly validUntil?: string;
}

export interface CeremonyRoleChange {
  readonly role: string;
  readonly added: readonly CeremonyKey[];
  readonly removed: readonly CeremonyKey[];
  readonly kept: readonly CeremonyKey[];
  readonly threshold: { readonly before?: number; readonly after: number };
}

export interface CeremonySigners {
  /** `current`: the root keys as they are; `proposed`: as they would be. */
  readonly by: 'current' | 'proposed';
  readonly threshold: number;
  readonly missing: number;
  readonly keys: readonly (CeremonyKey & { readonly signed: boolean })[];
}

export interface CeremonyRepositoryView {
  readonly repository: string;
  readonly server: string;
  readonly kind: CeremonyKind;
  readonly role: string;
  readonly version: { readonly before?: number; readonly after: number };
  /** RFC 3339, as the roots have it. */
  readonly expires: { readonly before?: string; readonly after: string };
  readonly changes: readonly CeremonyRoleChange[];
  /** The present root keys, by which a person tells that it is the right root. */
  readonly currentRootKeys: readonly CeremonyKey[];
  readonly signers: readonly CeremonySigners[];
  readonly complete: boolean;
  readonly warnings: readonly string[];
}

export interface CeremonyView {
  readonly id: string;
  /** SHA-256 of the request, to be compared between the machines. */
  readonly fingerprint: string;
  readonly created: string;
  readonly expires: string;
  readonly repositories: readonly CeremonyRepositoryView[];
  readonly complete: boolean;
}

/** Everything there is to say of a file that was reviewed. */
export function ceremonyView(
  file: CeremonyFile,
  reviewed: readonly ReviewedRepository[],
): CeremonyView {
  const repositories = reviewed.map(repositoryView);
  return {
    id: ceremonyId(file.request),
    fingerprint: requestFingerprint(file),
    created: file.request.created,
    expires: file.request.expires,
    repositories,
    complete: repositories.every(({ complete }) => complete),
  };
}

/** One repository of it. */
export function repositoryView(reviewed: ReviewedRepository): CeremonyRepositoryView {
  const { asked, current, proposed, differences, signers, signatures } = reviewed;
  const before = current?.metadata;
  const missing = missingSignatures(reviewed);
  const signed = new Set(signatures.map(signature => signature.keyId));
  return {
    repository: asked.gun,
    server: asked.server,
    kind: asked.kind,
    role: asked.role,
    version: {
      ...(before === undefined ? {} : { before: before.version }),
      after: proposed.version,
    },
    expires: {
      ...(before === undefined ? {} : { before: before.expires }),
      after: proposed.expires,
    },
    changes: differences.map(({ role, added, removed, kept, threshold }) => ({
      role,
      added: added.map(describeKey),
      removed: removed.map(describeKey),
      kept: kept.map(describeKey),
      threshold,
    })),
    currentRootKeys: current?.certificates.map(({ key }) => describeKey(key)) ?? [],
    signers: signers.map((signer, index) => ({
      by: signer.by,
      threshold: signer.roleKeys.threshold,
      missing: missing[index] ?? 0,
      keys: [...signingKeys([signer])].map(([id, key]) => ({
        ...describeKey(key),
        signed: signed.has(id),
      })),
    })),
    complete: missing.every(count => count === 0),
    warnings: thresholdWarnings(proposed, before),
  };
}

export function describeKey(key: PublicKey): CeremonyKey {
  const {
    keyId: scoped,
    privateKeyId: id,
    algorithm,
    certificate,
    publicKeySha256,
  } = keyThumbprints(key);
  return {
    id,
    ...(scoped === id ? {} : { certificateId: scoped }),
    thumbprint: certificate?.sha256 ?? publicKeySha256,
    algorithm,
    ...(certificate === undefined ? {} : { validUntil: certificate.notAfter }),
  };
}

/** With as many signatures as keys, the loss of one key is the loss of all. */
export function thresholdWarnings(
  proposed: RootMetadata,
  before: RootMetadata | undefined,
): string[] {
  const warnings: string[] = [];
  for (const [role, { keyIds, threshold }] of proposed.roles) {
    const { length } = keyIds ?? [];
    const old = before?.roles.get(role);
    if (threshold < 2 || threshold < length) continue;
    if (old?.threshold === threshold && old.keyIds?.length === length) continue;
    warnings.push(
      `The ${role} role would need the signatures of all its ${length} keys: if one is lost, nobody can sign for it any more`,
    );
  }
  return warnings;
}
