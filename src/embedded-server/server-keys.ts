/** The server's own keys: for timestamps always, for snapshots where a repository leaves them to it (tuf.md 7.5). */
import { generatePrivateKey, type PrivateKey, type Signer } from '../crypto/private-key.ts';
import type { PublicKey } from '../crypto/public-key.ts';
import { KeyError } from '../errors.ts';
import { decodeRoot } from '../tuf/decode.ts';
import { openEnvelope } from '../tuf/envelope.ts';
import type { KeyRing } from '../tuf/key-ring.ts';
import { ROOT } from '../tuf/role-name.ts';
import type { ManagedRole, Storage } from './storage.ts';

/** The key that the published root names, when it is the server's; else the one for the next root. */
export async function currentKey(
  storage: Storage,
  gun: string,
  role: ManagedRole,
): Promise<PublicKey> {
  const stored = await storage.newest(gun, ROOT);
  if (stored !== undefined) {
    const root = decodeRoot(openEnvelope(stored.bytes, ROOT).signed);
    const named = root.roles.get(role)?.keyIds ?? [];
    const own = storage.keys(gun, role).find(({ key }) => named.includes(key.id));
    if (own !== undefined) return own.key.publicKey;
  }
  return await pendingKey(storage, gun, role);
}

/** The key for the next root: the same one until it is in use, so that a rotation cut short does no harm. */
export async function pendingKey(
  storage: Storage,
  gun: string,
  role: ManagedRole,
): Promise<PublicKey> {
  const pending = storage.keys(gun, role).find(entry => entry.pending);
  if (pending !== undefined) return pending.key.publicKey;
  const key = generatePrivateKey('ecdsa');
  await storage.addKey(gun, role, key);
  return key.publicKey;
}

/** The server's keys for a role, to sign with; it notes which were used. */
export class ServerKeyRing implements KeyRing {
  readonly used = new Set<string>();
  readonly #keys: ReadonlyMap<string, PrivateKey>;

  constructor(storage: Storage, gun: string, role: ManagedRole) {
    this.#keys = new Map(storage.keys(gun, role).map(({ key }) => [key.id, key]));
  }

  async has(canonicalKeyId: string): Promise<boolean> {
    return this.#keys.has(canonicalKeyId);
  }

  async signer(canonicalKeyId: string): Promise<Signer> {
    const key = this.#keys.get(canonicalKeyId);
    if (key === undefined)
      throw new KeyError('KEY_MISSING', `This server does not hold the key ${canonicalKeyId}`);
    this.used.add(canonicalKeyId);
    return key;
  }
}
