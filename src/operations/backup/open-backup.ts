/** Opening a backup: with its passphrase or enough of its shares, and in memory only. */
import { resolve } from 'node:path';
import { sha256Hex } from '../../crypto/digest.ts';
import { printable } from '../../crypto/printable.ts';
import { KeyError } from '../../errors.ts';
import { damaged, decodeCbor } from './backup-cbor.ts';
import { parseBackup, readBackupFile, type SealedBackup, unsealBackup } from './backup-file.ts';
import { type BackupContents, contentsFromCbor } from './contents.ts';
import type { BackupInventory, InventoryKey } from './inventory.ts';
import {
  openPassphraseSlot,
  openSharesSlot,
  type PassphraseSlot,
  type SharesSlot,
  type Slot,
} from './seal.ts';
import { combineShares, type Share } from './shares.ts';

/** What opens a backup. */
export type BackupSecret =
  | { readonly passphrase: string }
  /** See `decodeShare`. */
  | { readonly shares: readonly Share[] };

/** A backup whose every byte is proven to be what was written. */
export interface OpenedBackup {
  /** Absolute path. */
  readonly file: string;
  /** Of the file, in hex. */
  readonly sha256: string;
  /** Of the file, in bytes. */
  readonly size: number;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly inventory: BackupInventory;
  readonly contents: BackupContents;
}

/**
 * Reads a backup and opens it.
 * @throws KeyError `BACKUP_PASSPHRASE_WRONG` | `SHARES_TOO_FEW` | `SHARE_FOREIGN` | `SHARE_DUPLICATE`;
 *   OperationError `BACKUP_UNRECOGNISED` | `BACKUP_VERSION_UNKNOWN` | `BACKUP_DAMAGED` | `BACKUP_TOO_LARGE` |
 *   `FILE_NOT_READABLE`
 */
export async function openBackup(file: string, secret: BackupSecret): Promise<OpenedBackup> {
  const path = resolve(file);
  const { bytes, backup } = await readBackupFile(path);
  return open(path, bytes, backup, secret);
}

/** As {@link openBackup}, of bytes that are read already. @param file for the result and for messages */
export async function openBackupBytes(
  file: string,
  bytes: Uint8Array,
  secret: BackupSecret,
): Promise<OpenedBackup> {
  return open(file, bytes, parseBackup(bytes, file), secret);
}

/** The slot for a passphrase, if the backup has one. */
export function passphraseSlotOf(slots: readonly Slot[]): PassphraseSlot | undefined {
  return slots.find(slot => slot.kind === 'passphrase');
}

/** The slot for shares, if the backup has one. */
export function sharesSlotOf(slots: readonly Slot[]): SharesSlot | undefined {
  return slots.find(slot => slot.kind === 'shares');
}

async function open(
  file: string,
  bytes: Uint8Array,
  backup: SealedBackup,
  secret: BackupSecret,
): Promise<OpenedBackup> {
  const { createdAt, inventory, slots } = backup.header;
  const key =
    'shares' in secret
      ? await keyByShares(slots, secret.shares)
      : await keyByPassphrase(file, slots, secret.passphrase);
  const content = unsealBackup(backup, key);
  if (content === undefined) throw damaged('what is in it is not what was written');
  const contents = contentsFromCbor(decodeCbor(content));
  checkInventory(inventory, contents);
  return { file, sha256: sha256Hex(bytes), size: bytes.length, createdAt, inventory, contents };
}

async function keyByPassphrase(
  file: string,
  slots: readonly Slot[],
  passphrase: string,
): Promise<Uint8Array> {
  const slot = passphraseSlotOf(slots);
  if (slot === undefined) {
    throw new KeyError(
      'BACKUP_PASSPHRASE_WRONG',
      `${printable(file)} has no passphrase: it is opened by shares`,
      { hint: 'Give --share FILE for each share, or type them at a terminal.' },
    );
  }
  const key = await openPassphraseSlot(slot, passphrase);
  if (key !== undefined) return key;
  throw new KeyError('BACKUP_PASSPHRASE_WRONG', `The passphrase does not open ${printable(file)}`, {
    hint: 'Give the passphrase that this backup was made with. If it is right, the backup is damaged.',
    details: { path: file },
  });
}

async function keyByShares(slots: readonly Slot[], shares: readonly Share[]): Promise<Uint8Array> {
  const slot = sharesSlotOf(slots);
  if (slot === undefined) {
    throw new KeyError(
      'SHARE_FOREIGN',
      'This backup has no shares: it is opened by its passphrase',
      {
        hint: 'Leave out --share.',
      },
    );
  }
  const key = openSharesSlot(slot, await combineShares(shares, slot));
  if (key !== undefined) return key;
  throw damaged('the shares fit each other, but do not open it');
}

/** What people were shown before it was opened must be what is in it. */
function checkInventory(inventory: BackupInventory, contents: BackupContents): void {
  const same =
    inventory.keys.every(isNamed) &&
    equal(
      inventory.keys.map(({ file }) => file),
      contents.keys.map(({ file }) => file),
    ) &&
    equal(
      inventory.repositories.map(({ gun }) => gun),
      contents.repositories.map(({ gun }) => gun),
    ) &&
    equal(
      inventory.records.map(({ name }) => name),
      contents.records.map(({ name }) => name),
    );
  if (!same) throw damaged('its inventory does not tell what is in it');
}

/** Every name of a key's file has the ID at the beginning of some part (keys.md 4.1, 4.8). */
function isNamed({ id, file }: InventoryKey): boolean {
  return file.split('/').some(part => part.startsWith(id));
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}
