/** Proving a backup: that it opens, that each key in it is what it says, and which repositories it could bring back. */
import { randomBytes } from 'node:crypto';
import type { PrivateKey } from '../../crypto/private-key.ts';
import {
  decodePrivateKeyPem,
  decodePrivateKeyPemAsync,
  inspectPrivateKeyPem,
} from '../../crypto/private-key-pem.ts';
import { canonicalKeyId, type PublicKey } from '../../crypto/public-key.ts';
import { verifySignature } from '../../crypto/signature.ts';
import { KeyError } from '../../errors.ts';
import { idMismatch, isKeyId } from '../../keys/key-files.ts';
import { unlock } from '../../keys/passphrase.ts';
import { ROOT, SNAPSHOT, TARGETS } from '../../tuf/role-name.ts';
import type { Session } from '../session.ts';
import type { BackupContents } from './contents.ts';
import type { BackupInventory, InventoryKey } from './inventory.ts';
import { type BackupSecret, type OpenedBackup, openBackup } from './open-backup.ts';
import { describeMetadata, holdersIn, type RoleHolders } from './role-holders.ts';

export interface VerifyBackupRequest {
  readonly file: string;
  readonly secret: BackupSecret;
  /** Also opens each key, by the session's passphrases, and signs with it. */
  readonly unlock?: boolean;
}

export interface BackupVerification {
  readonly file: string;
  readonly sha256: string;
  readonly size: number;
  readonly createdAt: string;
  readonly inventory: BackupInventory;
  readonly keys: readonly VerifiedKey[];
  readonly repositories: readonly Recoverability[];
  /** Whether nothing is wrong with any key. */
  readonly sound: boolean;
}

export interface VerifiedKey extends InventoryKey {
  /**
   * `proven`: opened, of its ID, and what it signs its public key verifies; `whole`: as far as can be told without its
   * passphrase; `locked`: it was to be opened, and its passphrase is missing or wrong.
   */
  readonly state: 'proven' | 'whole' | 'locked' | 'bad';
  readonly problem?: string;
}

/** What the keys in the backup could do for a repository. */
export interface Recoverability {
  readonly gun: string;
  readonly roles: readonly RecoverableRole[];
  /** What is missing to recover it, in words; nothing when root and targets keys are there. */
  readonly missing: readonly string[];
}

export interface RecoverableRole {
  readonly role: string;
  readonly threshold: number;
  /** Canonical IDs of the role's keys. */
  readonly keyIds: readonly string[];
  /** Those of them whose private part is in the backup, and not bad. */
  readonly keyIdsInBackup: readonly string[];
  /** `server`: its key is not in the backup, which is as it should be if the server manages it. */
  readonly state: 'complete' | 'missing' | 'server';
}

/**
 * Opens a backup and checks what is in it. Nothing is written.
 * @throws what `openBackup` throws; what is wrong with a key is told in the report
 */
export async function verifyBackup(
  session: Session,
  { file, secret, unlock: opensKeys = false }: VerifyBackupRequest,
): Promise<BackupVerification> {
  session.progress({ message: 'opening the backup' });
  const backup = await openBackup(file, secret);
  return checkBackup(session, backup, opensKeys);
}

/** As {@link verifyBackup}, for one that is open. */
export async function checkBackup(
  session: Session,
  { file, sha256, size, createdAt, inventory, contents }: OpenedBackup,
  opensKeys: boolean,
): Promise<BackupVerification> {
  const holders = new Map(
    contents.repositories.map(({ gun, metadata }) => [gun, holdersIn(metadata)]),
  );
  const published = new Map(
    [...holders.values()].flatMap(roles =>
      roles.flatMap(({ keys }) => keys.map(key => [canonicalKeyId(key), key] as const)),
    ),
  );
  const keys: VerifiedKey[] = [];
  for (const [index, key] of inventory.keys.entries()) {
    session.progress({ message: 'checking keys', done: index, total: inventory.keys.length });
    const bytes = contents.keys[index]?.bytes ?? new Uint8Array();
    keys.push(await checkKey(session, key, bytes, published.get(key.id), opensKeys));
  }
  const good = new Set(keys.filter(({ state }) => state !== 'bad').map(({ id }) => id));
  return {
    file,
    sha256,
    size,
    createdAt,
    inventory,
    keys,
    repositories: [...holders].map(([gun, roles]) => recoverability(gun, roles, contents, good)),
    sound: keys.every(({ state }) => state !== 'bad'),
  };
}

const LOCKED: readonly string[] = ['KEY_PASSPHRASE_MISSING', 'KEY_PASSPHRASE_WRONG'];

async function checkKey(
  session: Session,
  key: InventoryKey,
  bytes: Uint8Array,
  published: PublicKey | undefined,
  opensKeys: boolean,
): Promise<VerifiedKey> {
  try {
    const opened = opensKeys ? await openKey(session, key, bytes) : lookAtKey(key, bytes);
    if (opened === undefined) return { ...key, state: 'whole' };
    if (opened.id !== key.id) throw idMismatch(key.id, opened.id);
    await checkSigns(opened, published);
    return { ...key, state: 'proven' };
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    const state = LOCKED.includes(error.code) ? 'locked' : 'bad';
    return { ...key, state, problem: error.message };
  }
}

/** As far as it goes without a passphrase; the key, when it needs none. */
function lookAtKey({ id }: InventoryKey, bytes: Uint8Array): PrivateKey | undefined {
  const info = inspectPrivateKeyPem(bytes);
  if (info === undefined || !info.encrypted) return decodePrivateKeyPem(bytes, '');
  if (info.problem !== undefined) throw info.problem;
  if (!isKeyId(id)) throw new KeyError('KEY_ID_MISMATCH', 'Its name is not a key ID');
  return undefined;
}

async function openKey(
  session: Session,
  { id, role, gun }: InventoryKey,
  bytes: Uint8Array,
): Promise<PrivateKey> {
  const attempt = async (passphrase: string) => {
    try {
      return await decodePrivateKeyPemAsync(bytes, passphrase);
    } catch (error) {
      if (error instanceof KeyError && error.code === 'KEY_PASSPHRASE_WRONG') return undefined;
      throw error;
    }
  };
  const subject = { keyId: id, role, isElsewhere: true, ...(gun === undefined ? {} : { gun }) };
  return (await attempt('')) ?? unlock(await session.passphrases(), subject, attempt);
}

/** The trust data's public key, not the one in the file, is what others verify with. */
async function checkSigns(key: PrivateKey, published: PublicKey | undefined): Promise<void> {
  const message = randomBytes(32);
  const { method, signature } = key.sign(message);
  if (verifySignature(published ?? key.publicKey, method, message, signature)) return;
  throw new KeyError('KEY_DOES_NOT_SIGN', 'What it signs its public key does not verify');
}

function recoverability(
  gun: string,
  holders: readonly RoleHolders[],
  { repositories }: BackupContents,
  good: ReadonlySet<string>,
): Recoverability {
  const roles = holders
    .filter(({ role }) => role !== 'timestamp')
    .map(({ role, threshold, keys }): RecoverableRole => {
      const keyIds = keys.map(canonicalKeyId);
      const keyIdsInBackup = keyIds.filter(id => good.has(id));
      const isEnough = keyIdsInBackup.length >= threshold;
      const mayBeServer = role === SNAPSHOT && keyIdsInBackup.length === 0;
      const state = isEnough ? 'complete' : mayBeServer ? 'server' : 'missing';
      return { role, threshold, keyIds, keyIdsInBackup, state };
    });
  const missing = [ROOT, TARGETS, SNAPSHOT].flatMap(role => {
    const found = roles.find(other => other.role === role);
    if (found === undefined || found.state !== 'missing') return [];
    const name = role === ROOT ? 'root' : role === TARGETS ? 'repository' : 'snapshot';
    const lacking = found.threshold - found.keyIdsInBackup.length;
    return [lacking === 1 ? `the ${name} key` : `${lacking} ${name} keys`];
  });
  const metadata = repositories.find(other => other.gun === gun)?.metadata;
  const root = metadata?.get(ROOT);
  if (root === undefined || describeMetadata(ROOT, root).version === undefined) {
    missing.push('the root metadata');
  }
  return { gun, roles, missing };
}
