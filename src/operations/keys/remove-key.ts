/** Takes a private key away, which cannot be undone. */
import { KeyError } from '../../errors.ts';
import { keyNotFound } from '../../keys/key-store.ts';
import type { Session } from '../session.ts';
import { rolesTrusting, type TrustingRoles } from '../trusting-roles.ts';

export interface RemoveKeyRequest {
  /** The full key ID, or the name of a file that has none. */
  readonly id: string;
  /** Only say what would happen. */
  readonly dryRun?: boolean;
}

export interface RemoveKeyReport {
  readonly id: string;
  /** Of the file that is used; empty if it has none. */
  readonly role: string;
  readonly gun?: string;
  /** All files of the key. */
  readonly files: readonly string[];
  readonly removed: boolean;
  /** What still needs the key, as far as the trust directory knows. */
  readonly trusted: TrustingRoles;
}

/**
 * Removes all files of a key, or none, and looks again.
 * @throws KeyError `KEY_NOT_FOUND` | `KEY_NOT_REMOVED`
 */
export async function removeKey(
  session: Session,
  { id, dryRun = false }: RemoveKeyRequest,
): Promise<RemoveKeyReport> {
  const store = await session.keys();
  const entries = (await store.list()).filter(entry => entry.id === id);
  const entry = (await store.find(id)) ?? entries[0];
  if (entry === undefined) throw keyNotFound(id, store.privateDir);
  const trusted = await rolesTrusting(session, id);
  if (!dryRun) {
    await store.remove(id);
    if (await store.has(id)) {
      throw new KeyError('KEY_NOT_REMOVED', `The key ${id} is still there after its removal`, {
        details: { keyId: id },
      });
    }
  }
  return {
    id,
    role: entry.role,
    ...(entry.gun === undefined ? {} : { gun: entry.gun }),
    files: entries.map(({ path }) => path),
    removed: !dryRun,
    trusted,
  };
}
