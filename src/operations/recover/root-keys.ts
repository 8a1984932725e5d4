/** Which keys a root file names, without any verification: to tell whose it is, not to trust it. */
import { canonicalKeyId } from '../../crypto/public-key.ts';
import { decodeRoot } from '../../tuf/decode.ts';
import { openEnvelope } from '../../tuf/envelope.ts';
import type { RootMetadata } from '../../tuf/metadata.ts';
import { ROOT } from '../../tuf/role-name.ts';

export interface RootIds {
  /** Canonical IDs: the names of private keys' files. */
  readonly keyIds: readonly string[];
  /** Scoped IDs: of the certificates, as pins name them. */
  readonly certificateIds: readonly string[];
}

/** The IDs of a root's own keys. @throws TrustError for a file that is no root */
export function rootIds(bytes: Uint8Array): RootIds {
  const root = decodeRoot(openEnvelope(bytes, ROOT).signed);
  return { keyIds: roleKeyIds(root, ROOT), certificateIds: root.roles.get(ROOT)?.keyIds ?? [] };
}

/** Canonical IDs of a base role's keys. */
export function roleKeyIds(root: RootMetadata, role: string): string[] {
  const ids = (root.roles.get(role)?.keyIds ?? []).flatMap(id => {
    const key = root.keys.get(id);
    return key === undefined ? [] : [canonicalKeyId(key)];
  });
  return [...new Set(ids)];
}
