/** Key files out of a backup: each as it was, where it was, and never over another one unless that was asked for. */
import { utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256Hex } from '../../crypto/digest.ts';
import { decodePem } from '../../crypto/pem.ts';
import { printable } from '../../crypto/printable.ts';
import { KeyError } from '../../errors.ts';
import { makeFolder, writeFileAtomic } from '../../trust-dir/atomic-file.ts';
import { writeError } from '../../trust-dir/file-error.ts';
import { checkInside, readRegularFile } from '../../trust-dir/regular-file.ts';
import type { Session } from '../session.ts';
import type { InventoryKey } from './inventory.ts';
import type { OpenedBackup } from './open-backup.ts';
import type { RestoreSelection } from './restore-selection.ts';

/**
 * What is done with one thing: `restored` (it was not here), `same` (it is here already), `replaced` (another was here,
 * and its replacement was asked for), `kept` (what is here stays, for the reason given).
 */
export type RestoreAction = 'restored' | 'same' | 'replaced' | 'kept';

export interface RestoredKey {
  readonly id: string;
  readonly role: string;
  readonly gun?: string;
  /** Absolute path. */
  readonly path: string;
  readonly action: RestoreAction;
  readonly reason?: string;
  /** Where the file that was replaced lies now. */
  readonly replacedFile?: string;
}

interface PlannedKey extends RestoredKey {
  readonly bytes: Uint8Array;
  readonly modifiedAt: string;
  /** What is there now. */
  readonly before?: Uint8Array;
}

const KEY_FILE_LIMIT = 1024 * 1024;

/** What would be done. Nothing is written. */
export async function planKeys(
  session: Session,
  { inventory, contents }: OpenedBackup,
  { wantsKey }: RestoreSelection,
  replace: boolean,
): Promise<PlannedKey[]> {
  const planned: PlannedKey[] = [];
  for (const [index, key] of inventory.keys.entries()) {
    const bytes = contents.keys[index]?.bytes;
    if (bytes !== undefined && wantsKey(key.id)) {
      planned.push(await planKey(session, key, bytes, replace));
    }
  }
  return planned;
}

async function planKey(
  session: Session,
  { id, role, gun, file, modifiedAt }: InventoryKey,
  bytes: Uint8Array,
  replace: boolean,
): Promise<PlannedKey> {
  const { privateDir } = session.trustDir;
  const path = join(privateDir, ...file.split('/'));
  const plan = { id, role, ...(gun === undefined ? {} : { gun }), path, bytes, modifiedAt };
  const before = await readRegularFile(path, privateDir, KEY_FILE_LIMIT);
  if (before !== undefined) {
    if (Buffer.compare(before, bytes) === 0) return { ...plan, action: 'same' };
    return replace
      ? { ...plan, before, action: 'replaced' }
      : { ...plan, action: 'kept', reason: 'the file of this key that is here is another one' };
  }
  const other = await (await session.keys()).file(id);
  if (other?.content === undefined) return { ...plan, action: 'restored' };
  // Notary moved it out of the old layout, perhaps.
  if (isSameKeyBlock(other.content, bytes)) {
    const { path: there } = other.entry;
    return { ...plan, path: there, action: 'same', reason: 'it lies under another name' };
  }
  // That one may be under a passphrase that nobody knows, or not be this key at all. It stays, whatever is done.
  return replace
    ? { ...plan, action: 'restored' }
    : {
        ...plan,
        action: 'kept',
        reason: `another file of this key is here, ${printable(other.entry.path)}`,
      };
}

/** Whatever their headers say. */
function isSameKeyBlock(a: Uint8Array, b: Uint8Array): boolean {
  const [one, other] = [decodePem(a), decodePem(b)];
  return one !== undefined && other !== undefined && Buffer.compare(one.bytes, other.bytes) === 0;
}

/**
 * Does what was planned. What is replaced is kept among Tabellion's own records.
 * @throws OperationError `DISK_FULL` | `FILE_NOT_WRITABLE`; KeyError `KEY_NOT_STORED`
 */
export async function restoreKeys(
  session: Session,
  planned: readonly PlannedKey[],
): Promise<RestoredKey[]> {
  const done: RestoredKey[] = [];
  for (const [index, plan] of planned.entries()) {
    session.progress({ message: 'restoring keys', done: index, total: planned.length });
    const { bytes, modifiedAt, before, ...key } = plan;
    const isNew = plan.action === 'restored' || plan.action === 'replaced';
    const replacedFile = before === undefined ? undefined : await setAside(session, plan, before);
    if (isNew) await putKey(session, plan);
    done.push({ ...key, ...(replacedFile === undefined ? {} : { replacedFile }) });
  }
  return done;
}

async function putKey(
  session: Session,
  { id, path, bytes, modifiedAt }: PlannedKey,
): Promise<void> {
  const { privateDir } = session.trustDir;
  try {
    await makeFolder(dirname(path));
    await checkInside(dirname(path), privateDir);
    await writeFileAtomic(path, bytes);
    const time = new Date(modifiedAt);
    await utimes(path, time, time);
  } catch (error) {
    throw writeError(error, path);
  }
  const found = await readRegularFile(path, privateDir, KEY_FILE_LIMIT);
  if (found !== undefined && Buffer.compare(found, bytes) === 0) return;
  throw new KeyError(
    'KEY_NOT_STORED',
    `The key was written to ${printable(path)}, but what is read there is not the same`,
    { hint: 'Check the disk; the backup is untouched.', details: { keyId: id, path } },
  );
}

/** A key file is never thrown away: it may be under a passphrase that somebody still knows. */
async function setAside(session: Session, { id }: PlannedKey, before: Uint8Array): Promise<string> {
  const stamp = session.now.toISOString().replaceAll(/[-:]/g, '').slice(0, 15);
  // A key may have several files, and a second may see two of them replaced.
  const name = `${stamp}Z-${id.slice(0, 64)}-${sha256Hex(before).slice(0, 8)}.key`;
  const path = session.trustDir.own.path(`replaced-keys/${name}`);
  await writeFileAtomic(path, before, { makeFolder: true });
  return path;
}
