/** All delegations of a repository, nested ones too, with their keys (tuf.md 4.11). */

import { certificateProblem, parseCertificateBundle } from '../../crypto/certificate.ts';
import { canonicalKeyId, type PublicKey } from '../../crypto/public-key.ts';
import { TrustError } from '../../errors.ts';
import type { DelegatedRole } from '../../tuf/metadata.ts';
import type { TrustedSet } from '../../tuf/trusted-set.ts';
import type { Session } from '../session.ts';
import { loadTrustData, type TrustDataOrigin } from '../trust-data.ts';

export interface DelegationKey {
  /** Canonical ID: the name of the private key's file. */
  readonly id: string;
  readonly keytype: string;
  /** Of a certificate. */
  readonly certificate?: {
    /** Scoped ID: the one that signatures carry. */
    readonly id: string;
    readonly commonName: string;
    readonly notAfter: string;
    /** What is wrong with it; it signs all the same once it is in the metadata (keys.md 3.2.7). */
    readonly problem?: string;
  };
}

export interface ListedDelegation {
  readonly role: string;
  /** Sorted prefixes of names; `""` means all. */
  readonly paths: readonly string[];
  readonly threshold: number;
  readonly keys: readonly DelegationKey[];
  /** Of its file; absent when it has signed nothing. */
  readonly version?: number;
  readonly expires?: string;
  /** Targets in its file. */
  readonly targets?: number;
  /** Why its file is not trusted. */
  readonly problem?: string;
}

export interface DelegationList {
  readonly repository: string;
  readonly delegations: readonly ListedDelegation[];
  readonly origin: TrustDataOrigin;
  readonly warnings: readonly string[];
}

/** Lists delegations by role. */
export async function listDelegations(
  session: Session,
  gun: string,
  options: { readonly offline?: boolean; readonly requireFresh?: boolean } = {},
): Promise<DelegationList> {
  const access = await session.repositoryByGun(gun);
  const { trusted, origin, warnings } = await loadTrustData(session, access, options);
  return { repository: gun, delegations: delegationsOf(trusted, session.now), origin, warnings };
}

/** The delegations of a trusted set, by role. */
export function delegationsOf(trusted: TrustedSet, now: Date): ListedDelegation[] {
  const found: ListedDelegation[] = [];
  for (const { metadata } of trusted.targets.values()) {
    for (const entry of metadata.delegations.roles ?? []) {
      found.push(listed(trusted, entry, metadata.delegations.keys, now));
    }
  }
  return found.sort((a, b) => (a.role < b.role ? -1 : 1));
}

function listed(
  trusted: TrustedSet,
  entry: DelegatedRole,
  keys: ReadonlyMap<string, PublicKey>,
  now: Date,
): ListedDelegation {
  const file = trusted.targets.get(entry.name)?.metadata;
  const invalid = trusted.invalid.get(entry.name);
  const content = file ?? invalid?.metadata;
  return {
    role: entry.name,
    paths: [...entry.paths].sort(),
    threshold: entry.threshold,
    keys: (entry.keyIds ?? []).flatMap(id => {
      const key = keys.get(id);
      return key === undefined ? [] : [delegationKey(id, key, now)];
    }),
    ...(content === undefined
      ? {}
      : { version: content.version, expires: content.expires, targets: content.targets.size }),
    ...(invalid === undefined ? {} : { problem: invalid.reason.message }),
  };
}

function delegationKey(scopedId: string, key: PublicKey, now: Date): DelegationKey {
  const id = canonicalKeyId(key);
  const leaf = key.keytype.endsWith('-x509') ? leafOf(key) : undefined;
  if (leaf === undefined) return { id, keytype: key.keytype };
  const problem = certificateProblem(leaf, now, { checkDates: true });
  return {
    id,
    keytype: key.keytype,
    certificate: {
      id: scopedId,
      commonName: leaf.commonName,
      notAfter: leaf.notAfter.toISOString(),
      ...(problem === undefined ? {} : { problem }),
    },
  };
}

function leafOf(key: PublicKey): ReturnType<typeof parseCertificateBundle>[number] | undefined {
  try {
    return parseCertificateBundle(key.publicBytes)[0];
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}
