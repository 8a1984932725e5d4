/**
 * Delegations that come back under a name they had before. A snapshot that the server signs never drops the
 * entry of a removed delegation, so the old file would be trusted again, with all its targets and without
 * anybody having signed anything, as soon as the same key is back (tuf.md 5.4).
 */
import { printable } from '../../crypto/printable.ts';
import { TabellionError, TrustError } from '../../errors.ts';
import { METADATA_LIMIT } from '../../tuf/constants.ts';
import { decodeTargets } from '../../tuf/decode.ts';
import { openEnvelope } from '../../tuf/envelope.ts';
import { sha256HexOf } from '../../tuf/fingerprint.ts';
import type { KeyRing } from '../../tuf/key-ring.ts';
import type { TargetsMetadata } from '../../tuf/metadata.ts';
import type { Repository } from '../../tuf/repository.ts';
import { canSign, hasAnyKey } from '../../tuf/role-keys.ts';
import { SNAPSHOT } from '../../tuf/role-name.ts';
import { verifySignatures } from '../../tuf/verify-signatures.ts';
import type { RepositoryAccess } from '../session.ts';

/** How many names a warning lists. */
const SHOWN = 5;

/**
 * Has each returning delegation begin with an emptied file, or warns where no key for it is here.
 * A snapshot that is signed here drops the old entries by itself.
 */
export async function emptyReturningRoles(
  access: RepositoryAccess,
  repository: Repository,
  ring: KeyRing,
): Promise<void> {
  if (repository.snapshot === undefined || repository.addedRoles.size === 0) return;
  if (await hasAnyKey(repository.keysFor(SNAPSHOT), ring)) return;
  for (const role of repository.addedRoles) {
    if (repository.roles.has(role) || !repository.hasRole(role)) continue;
    const old = await trustedAgain(access, repository, role);
    if (old === undefined || old.targets.size + (old.delegations.roles?.length ?? 0) === 0)
      continue;
    if (await canSign(repository.keysFor(role), ring)) {
      repository.edit(role, metadata => ({ ...metadata, version: old.version }));
      repository.warnings.push(
        `${role} was delegated before: its old ${names(old)} were emptied, so that they do not come back`,
      );
    } else {
      repository.warnings.push(
        `${role} was delegated before to the same key: its old ${names(old)} are trusted again; have its signer remove what should not be`,
      );
    }
  }
}

/** The old file of a role, when its present keys make it valid. */
async function trustedAgain(
  { remote }: RepositoryAccess,
  repository: Repository,
  role: string,
): Promise<TargetsMetadata | undefined> {
  const entry = repository.snapshot?.meta.get(role);
  const hex = entry === undefined ? undefined : sha256HexOf(entry);
  if (entry === undefined || hex === undefined) return undefined;
  try {
    const bytes = await remote.byHash(role, hex, Math.min(entry.length, METADATA_LIMIT));
    const envelope = openEnvelope(bytes, role);
    const { roleKeys, keys } = repository.keysFor(role);
    verifySignatures(envelope, role, roleKeys, keys);
    return decodeTargets(envelope.signed, role);
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    if (error instanceof TabellionError) {
      repository.warnings.push(
        `${role} was delegated before, and what it signed then could not be looked at: ${error.message}`,
      );
      return undefined;
    }
    throw error;
  }
}

function names({ targets }: TargetsMetadata): string {
  const all = [...targets.keys()];
  const shown = all.slice(0, SHOWN).map(printable).join(', ');
  const more = all.length > SHOWN ? ` and ${all.length - SHOWN} more` : '';
  return all.length === 0 ? 'delegations' : `targets (${shown}${more})`;
}
