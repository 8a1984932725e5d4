/** Which repositories in the trust directory have a key among those of a role, as the cached metadata says. */
import { certificateInText } from '../crypto/certificate-bundle.ts';
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

/** Repositories of which not all metadata could be read, and why. */
export type UnreadableRepositories = readonly {
  readonly repository: string;
  readonly message: string;
}[];

export interface TrustingRoles {
  readonly roles: readonly TrustingRole[];
  readonly unreadable: UnreadableRepositories;
}

/** A role of a repository with its keys. */
export interface CachedRole {
  readonly repository: string;
  readonly role: string;
  readonly threshold: number;
  /** By canonical ID; the key is absent where the metadata names one that it does not have. */
  readonly keys: ReadonlyMap<string, PublicKey | undefined>;
}

/**
 * Looks through all cached metadata, expired or not: nothing is verified, and no server is asked. Deleting a
 * key that is needed cannot be undone, so a doubtful entry counts.
 * @param id canonical ID
 */
export async function rolesTrusting(session: Session, id: string): Promise<TrustingRoles> {
  const stored = new Set((await (await session.keys()).list()).map(entry => entry.id));
  const { roles, unreadable } = await cachedTrust(session);
  return {
    roles: roles
      .filter(({ keys }) => keys.has(id))
      .map(({ repository, role, threshold, keys }) => ({
        repository,
        role,
        threshold,
        otherKeysHere: [...keys.keys()].filter(other => other !== id && stored.has(other)).length,
      })),
    unreadable,
  };
}

/** What the cache of trust data says of roles; nothing of it is verified. */
export interface CachedTrust {
  readonly roles: readonly CachedRole[];
  /** The files, with the end of their validity (as it stands in them). */
  readonly files: readonly {
    readonly repository: string;
    readonly role: string;
    readonly expires: string;
  }[];
  readonly unreadable: UnreadableRepositories;
}

/**
 * Every role of repositories in the trust directory, as their cached metadata says, which is not verified.
 * @param repositories GUNs; all that are there unless told
 */
export async function cachedTrust(
  session: Session,
  repositories?: readonly string[],
): Promise<CachedTrust> {
  const roles: CachedRole[] = [];
  const files: { repository: string; role: string; expires: string }[] = [];
  const unreadable: { repository: string; message: string }[] = [];
  const guns = repositories ?? (await session.trustDir.repositories());
  for (const repository of guns) {
    try {
      const cache = await session.trustDir.repository(repository).readAll();
      for (const [role, bytes] of [...cache].sort(([a], [b]) => (a < b ? -1 : 1))) {
        try {
          const { expires, found } = contentOf(role, bytes);
          roles.push(...found.map(one => cachedRole(repository, one)));
          if (expires !== undefined) files.push({ repository, role, expires });
        } catch (error) {
          unreadable.push({ repository, message: messageOf(error) });
        }
      }
    } catch (error) {
      unreadable.push({ repository, message: messageOf(error) });
    }
  }
  return { roles, files, unreadable };
}

/** When the certificate of a root key was made; undefined for other keys. */
export function certificateDate(key: PublicKey): Date | undefined {
  return key.keytype.endsWith('-x509') ? certificateInText(key.publicBytes)?.notBefore : undefined;
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
  return contentOf(file, bytes).found;
}

function cachedRole(
  repository: string,
  { role, keys, threshold, keyIds }: RoleWithKeys,
): CachedRole {
  const entries = (keyIds ?? []).map((keyId): [string, PublicKey | undefined] => {
    const key = keys.get(keyId);
    return [key === undefined ? keyId : canonicalKeyId(key), key];
  });
  return { repository, role, threshold, keys: new Map(entries) };
}

function contentOf(file: string, bytes: Uint8Array): { expires?: string; found: RoleWithKeys[] } {
  if (file === ROOT) {
    const { keys, roles, expires } = decodeRoot(openEnvelope(bytes, file).signed);
    return { expires, found: [...roles].map(([role, entry]) => ({ ...entry, role, keys })) };
  }
  if (!isTargetsRole(file)) return { found: [] };
  const { delegations, expires } = decodeTargets(openEnvelope(bytes, file).signed, file);
  const { keys, roles } = delegations;
  return {
    expires,
    found: (roles ?? []).map(({ name, ...entry }) => ({ ...entry, role: name, keys })),
  };
}

function messageOf(error: unknown): string {
  if (error instanceof TabellionError) return error.message;
  throw error;
}
