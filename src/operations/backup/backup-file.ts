/**
 * The file of a backup: one CBOR array of a name, a version, a header and the sealed content. docs/backup-format.md
 * describes it byte for byte. Everything before the sealed content is authenticated together with it.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { printable } from '../../crypto/printable.ts';
import { OperationError } from '../../errors.ts';
import { isMissing, readError } from '../../trust-dir/file-error.ts';
import { damaged, decodeCbor, encodeCbor } from './backup-cbor.ts';
import { Fields } from './fields.ts';
import { type BackupInventory, inventoryFromCbor, inventoryToCbor } from './inventory.ts';
import {
  CIPHER,
  decrypt,
  encrypt,
  NONCE_BYTES,
  type Slot,
  slotFromCbor,
  slotToCbor,
  TAG_BYTES,
} from './seal.ts';

export const BACKUP_VERSION = 1;

/** “This is CBOR” (RFC 8949 3.4.6), an array of four, the text `tabellion-backup`. */
export const MAGIC = Buffer.concat([
  Buffer.from([0xd9, 0xd9, 0xf7, 0x84, 0x70]),
  Buffer.from('tabellion-backup'),
]);

/** In bytes; a thousand repositories need some tens of millions. */
export const BACKUP_LIMIT = 256 * 1024 * 1024;
const HEADER_LIMIT = 16 * 1024 * 1024;
/** Magic, version, and the beginning of a byte string. */
const HEADER_START = MAGIC.length + 1 + 5;
const LONG_BYTES = 0x5a;
/** The largest number that CBOR has in the byte of its kind. */
const LAST_VERSION = 23;
const SLOT_LIMIT = 4;

/** What can be read without opening it. None of it is proven before it is opened. */
export interface BackupHeader {
  /** ISO 8601. */
  readonly createdAt: string;
  readonly inventory: BackupInventory;
  readonly slots: readonly Slot[];
  readonly nonce: Uint8Array;
}

/** A backup as it lies in its file. */
export interface SealedBackup {
  readonly header: BackupHeader;
  /** All bytes before the sealed content. */
  readonly front: Uint8Array;
  readonly sealed: Uint8Array;
}

/** @param content CBOR @param key of the content, which is in the slots */
export function sealBackup(header: BackupHeader, key: Uint8Array, content: Uint8Array): Uint8Array {
  const head = encodeCbor({
    cipher: CIPHER,
    'created-at': header.createdAt,
    inventory: inventoryToCbor(header.inventory),
    nonce: header.nonce,
    slots: header.slots.map(slotToCbor),
  });
  const front = Buffer.concat([
    MAGIC,
    Buffer.from([BACKUP_VERSION]),
    longBytes(head.length),
    head,
    longBytes(content.length + TAG_BYTES),
  ]);
  const bytes = Buffer.concat([front, encrypt(key, header.nonce, content, front)]);
  if (bytes.length <= BACKUP_LIMIT && head.length <= HEADER_LIMIT) return bytes;
  throw new OperationError(
    'BACKUP_TOO_LARGE',
    `The backup would have ${bytes.length} bytes; at most ${BACKUP_LIMIT} are supported`,
    { hint: 'Make several, with some of the keys in each: tabellion backup create --keys' },
  );
}

/** The content; undefined when anything in the file is not as it was written. */
export function unsealBackup(
  { header, front, sealed }: SealedBackup,
  key: Uint8Array,
): Uint8Array | undefined {
  return decrypt(key, header.nonce, sealed, front);
}

/**
 * Reads the header alone.
 * @throws OperationError `BACKUP_UNRECOGNISED` | `BACKUP_VERSION_UNKNOWN` | `BACKUP_DAMAGED` | `BACKUP_TOO_LARGE` |
 *   `FILE_NOT_READABLE`
 */
export async function readBackupHeader(
  path: string,
): Promise<BackupHeader & { readonly size: number }> {
  return reading(path, async (file, size) => {
    const { head } = await readFront(path, file, size);
    return { ...headerFromCbor(head), size };
  });
}

/** Reads the whole file. Errors as {@link readBackupHeader}. */
export async function readBackupFile(
  path: string,
): Promise<{ bytes: Uint8Array; backup: SealedBackup }> {
  return reading(path, async (file, size) => {
    await readFront(path, file, size);
    const bytes = await readBytes(file, 0, size);
    return { bytes, backup: parseBackup(bytes, path) };
  });
}

/** @param path for messages @throws OperationError as {@link readBackupHeader} */
export function parseBackup(bytes: Uint8Array, path: string): SealedBackup {
  checkMagic(bytes, path);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headEnd = HEADER_START + headLength(view);
  const start = headEnd + 5;
  if (view.length < start || view[headEnd] !== LONG_BYTES) throw damaged('it is cut short');
  if (view.readUInt32BE(headEnd + 1) !== view.length - start) {
    throw damaged('it is cut short, or there is something after its end');
  }
  return {
    header: headerFromCbor(view.subarray(HEADER_START, headEnd)),
    front: view.subarray(0, start),
    sealed: view.subarray(start),
  };
}

function headerFromCbor(bytes: Uint8Array): BackupHeader {
  const members = ['cipher', 'created-at', 'inventory', 'nonce', 'slots'];
  const fields = new Fields(decodeCbor(bytes), members);
  if (fields.text('cipher') !== CIPHER) throw damaged('its cipher is not the one of its version');
  const slots = fields.list('slots', slotFromCbor);
  if (slots.length === 0 || slots.length > SLOT_LIMIT) throw damaged('its seals make no sense');
  return {
    createdAt: fields.time('created-at'),
    inventory: inventoryFromCbor(fields.member('inventory')),
    slots,
    nonce: fields.bytes('nonce', NONCE_BYTES),
  };
}

/** A byte string with a length of four bytes, whatever it is: so the front has a fixed form. */
function longBytes(length: number): Buffer {
  const bytes = Buffer.alloc(5, LONG_BYTES);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

function headLength(front: Buffer): number {
  if (front.length < HEADER_START || front[MAGIC.length + 1] !== LONG_BYTES) {
    throw damaged('it is cut short');
  }
  const length = front.readUInt32BE(MAGIC.length + 2);
  if (length > HEADER_LIMIT) throw damaged('its header is larger than any');
  return length;
}

/** Nothing that comes after it is read before this has said what it is. */
function checkMagic(bytes: Uint8Array, path: string): void {
  if (Buffer.compare(bytes.subarray(0, MAGIC.length), MAGIC) !== 0) {
    throw new OperationError(
      'BACKUP_UNRECOGNISED',
      `${printable(path)} is not a backup made by tabellion backup create`,
      {
        hint: 'Keys in other files are read by: tabellion key import',
        details: { path },
      },
    );
  }
  const version = bytes[MAGIC.length];
  if (version === undefined) throw damaged('it is cut short');
  if (version === BACKUP_VERSION) return;
  if (version === 0 || version > LAST_VERSION) throw damaged('its version makes no sense');
  throw new OperationError(
    'BACKUP_VERSION_UNKNOWN',
    `${printable(path)} was made by a newer Tabellion: this one reads version ${BACKUP_VERSION} of backups only`,
    { hint: 'Update Tabellion, and open it with that.', details: { path, version } },
  );
}

async function readFront(
  path: string,
  file: FileHandle,
  size: number,
): Promise<{ head: Uint8Array }> {
  const start = await readBytes(file, 0, Math.min(size, HEADER_START));
  checkMagic(start, path);
  if (size > BACKUP_LIMIT) {
    throw new OperationError(
      'BACKUP_TOO_LARGE',
      `${printable(path)} has ${size} bytes, more than any backup has`,
      { details: { path, size } },
    );
  }
  const length = headLength(start);
  if (HEADER_START + length > size) throw damaged('it is cut short');
  return { head: await readBytes(file, HEADER_START, length) };
}

async function reading<T>(
  path: string,
  read: (file: FileHandle, size: number) => Promise<T>,
): Promise<T> {
  try {
    // Without O_NONBLOCK, opening a FIFO waits for ever.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const stats = await file.stat();
      if (!stats.isFile()) {
        throw new OperationError('FILE_NOT_REGULAR', `${printable(path)} is not a regular file`, {
          details: { path },
        });
      }
      return await read(file, stats.size);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!isMissing(error)) throw readError(error, path);
    throw new OperationError('FILE_NOT_READABLE', `There is no file ${printable(path)}`, {
      cause: error,
      details: { path, reason: 'ENOENT' },
    });
  }
}

async function readBytes(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, from + filled);
    if (bytesRead === 0) throw damaged('it is cut short');
    filled += bytesRead;
  }
  return bytes;
}

/** Whether these are the bytes of a backup that holds Tabellion's own records too. */
export function isWholeBackup(bytes: Uint8Array): boolean {
  try {
    return parseBackup(bytes, '').header.inventory.records.length > 0;
  } catch (error) {
    if (error instanceof OperationError) return false;
    throw error;
  }
}
