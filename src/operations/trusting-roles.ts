/** Which repositories in the trust directory have a key among those of a role, as the cached metadata says. */
import { canonicalKeyId, type PublicKey } from '../crypto/public-key.ts';
import { TabellionError } from '../errors.ts';
import { decodeRoot, decodeTargets } from '../tuf/decode.ts';
import { openEnvelope } from '../tuf/envelope.ts';
import type { RoleKeys } from '../tuf/metadata.ts';
import { isTargetsRole, ROOT } from '../tuf/role-name.ts';
import type { Session } from './session.ts';

/** A role that the key signs for. */
export interface TrustingRole {
  /** The GUN. */
  readonly repository: string;
  readonly role: string;
  /** How many of its keys must sign. */
  readonly threshold: number;
  /** How many other keys of the role have their private part here. */
  readonly otherKeysHere: number;
}

export interface TrustingRoles {
  readonly roles: readonly TrustingRole[];
  /** Repositories of which not all metadata could be read, and why. */
  readonly unreadable: readonly { readonly repository: string; readonly message: string }[];
}

/**
 * Looks through all cached metadata, expired or not: nothing is verified, and no server is asked. Deleting a
 * key that is needed cannot be undone, so a doubtful entry counts.
 * @param id canonical ID
 */
export async function rolesTrusting(session: Session, id: string): Promise<TrustingRoles> {
  const stored = new Set((await (await session.keys()).list()).map(entry => entry.id));
  const roles: TrustingRole[] = [];
  const unreadable: { repository: string; message: string }[] = [];
  for (const repository of await session.trustDir.repositories()) {
    try {
      const files = await session.trustDir.repository(repository).readAll();
      for (const [role, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
        try {
          roles.push(...trustingIn(repository, role, bytes, id, stored));
        } catch (error) {
          unreadable.push({ repository, message: messageOf(error) });
        }
      }
    } catch (error) {
      unreadable.push({ repository, message: messageOf(error) });
    }
  }
  return { roles, unreadable };
}

function trustingIn(
  repository: string,
  file: string,
  bytes: Uint8Array,
  id: string,
  stored: ReadonlySet<string>,
): TrustingRole[] {
  return rolesOf(file, bytes).flatMap(({ role, keys, threshold, keyIds }) => {
    const ids = new Set((keyIds ?? []).map(keyId => canonical(keys.get(keyId)) ?? keyId));
    if (!ids.has(id)) return [];
    const others = [...ids].filter(other => other !== id && stored.has(other));
    return [{ repository, role, threshold, otherKeysHere: others.length }];
  });
}

/** A role that a metadata file speaks of, with the file's keys by their TUF IDs. */
export interface RoleWithKeys extends RoleKeys {
  readonly role: string;
  readonly keys: ReadonlyMap<string, PublicKey>;
}

/**
 * The roles whose keys a metadata file names: those of root, or the delegations of a targets role. Nothing is verified.
 * @param file the role that the file is of
 * @throws TrustError
 */
export function rolesOf(file: string, bytes: Uint8Array): RoleWithKeys[] {
  if (file === ROOT) {
    const { keys, roles } = decodeRoot(openEnvelope(bytes, file).signed);
    return [...roles].map(([role, entry]) => ({ ...entry, role, keys }));
  }
  if (!isTargetsRole(file)) return [];
  const { keys, roles } = decodeTargets(openEnvelope(bytes, file).signed, file).delegations;
  return (roles ?? []).map(({ name, ...entry }) => ({ ...entry, role: name, keys }));
}

function canonical(key: PublicKey | undefined): string | undefined {
  return key === undefined ? undefined : canonicalKeyId(key);
}

function messageOf(error: unknown): string {
  if (error instanceof TabellionError) return error.message;
  throw error;
}
