/** Making a sealed backup: one file, written beside its place, read back and opened there, and only then put in place. */
import { randomBytes } from 'node:crypto';
import { readFile, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { printable } from '../../crypto/printable.ts';
import { OperationError, TabellionError, UsageError } from '../../errors.ts';
import { renameFile, syncFolder, writeNewFile } from '../../trust-dir/atomic-file.ts';
import { noteBackups } from '../../trust-dir/backup-record.ts';
import { writeError } from '../../trust-dir/file-error.ts';
import type { Session } from '../session.ts';
import { encodeCbor } from './backup-cbor.ts';
import { sealBackup } from './backup-file.ts';
import { putInEmptyPlace, targetFile } from './backup-place.ts';
import { contentsToCbor } from './contents.ts';
import { type BackupSelection, gather, type SkippedFile } from './gather.ts';
import type { BackupInventory } from './inventory.ts';
import { type BackupSecret, type OpenedBackup, openBackupBytes } from './open-backup.ts';
import {
  newContentKey,
  passphraseSlot,
  type RandomBytes,
  SCRYPT_COST,
  type ScryptCost,
  SHARED_SECRET_BYTES,
  type Slot,
  sharesSlot,
} from './seal.ts';
import { type Share, type ShareNumbers, shareFileText, splitSecret } from './shares.ts';

export interface CreateBackupRequest extends BackupSelection {
  readonly file: string;
  /**
   * What opens it, or who is asked for it once it is known that the backup can be made. At least one of `passphrase` and
   * `shares` is needed; each alone opens the backup.
   */
  readonly passphrase?: string | (() => Promise<string>);
  /** A random secret opens it too, which nobody is told: it is split into files beside the backup. */
  readonly shares?: ShareNumbers;
  /** Whether a file that is there may be replaced. */
  readonly overwrite?: boolean;
  /** Only collects, and writes nothing. */
  readonly dryRun?: boolean;
  /** For tests, which make many. */
  readonly cost?: ScryptCost;
}

export interface BackupReport {
  /** Absolute path. */
  readonly file: string;
  readonly createdAt: string;
  readonly inventory: BackupInventory;
  /** What was selected and could not be read: unless it is empty, this is no whole backup. */
  readonly skipped: readonly SkippedFile[];
  /** Absolute paths of the files with one share each. */
  readonly shareFiles: readonly string[];
  /** Names the set of shares. */
  readonly shareSet?: string;
  /** Of the file, in hex; absent in a dry run, as is `size`, in bytes. */
  readonly sha256?: string;
  readonly size?: number;
  /** Why the backup, which is good, could not be put on record; then reminders do not know of it. */
  readonly recordProblem?: string;
}

/**
 * Backs up keys (as they are encrypted), trust data, staged changes and Tabellion's own records. When it returns, the
 * file is on the disk, was opened with what opens it, and is on record (see `backedUpKeys`).
 * @throws OperationError `BACKUP_EMPTY` | `FILE_EXISTS` | `BACKUP_TOO_LARGE` | `BACKUP_NOT_WRITTEN` | `DISK_FULL` |
 *   `FILE_NOT_WRITABLE`; UsageError `BACKUP_IN_TRUST_DIR`; what {@link gather} throws. What was there before is untouched.
 */
export async function createBackup(
  session: Session,
  request: CreateBackupRequest,
): Promise<BackupReport> {
  const { passphrase, shares, overwrite = false, dryRun = false, cost = SCRYPT_COST } = request;
  const file = await targetFile(session, resolve(request.file), overwrite);
  const { contents, inventory, skipped } = await gather(session, request);
  if (inventory.keys.length === 0 && inventory.repositories.length === 0) {
    throw new OperationError(
      'BACKUP_EMPTY',
      `There are no keys and no trust data to back up in ${printable(session.trustDir.path)}`,
      { hint: 'Name the folder with --trust-dir.' },
    );
  }
  const createdAt = session.now.toISOString();
  const report = { file, createdAt, inventory, skipped };
  if (dryRun) return { ...report, shareFiles: [] };

  const secret = typeof passphrase === 'function' ? await passphrase() : passphrase;
  session.progress({ message: 'sealing the backup' });
  const { key, nonce } = newContentKey(randomBytes);
  const sealed = await seal(key, secret, shares, cost, randomBytes);
  const header = { createdAt, inventory, nonce, slots: sealed.slots };
  const bytes = sealBackup(header, key, encodeCbor(contentsToCbor(contents)));

  // The shares first: a backup that nobody can open must not take the place of another.
  const shareFiles = await writeShares(file, sealed.shares, createdAt);
  try {
    const sha256 = await writeChecked(file, bytes, sealed.secrets, overwrite);
    const recordProblem = await noteBackup(session, { createdAt, file, sha256, inventory });
    return {
      ...report,
      shareFiles,
      ...(sealed.shares[0] === undefined ? {} : { shareSet: sealed.shares[0].setId }),
      sha256,
      size: bytes.length,
      ...(recordProblem === undefined ? {} : { recordProblem }),
    };
  } catch (error) {
    if (!(await holds(file, bytes))) await removeAll(shareFiles);
    throw error;
  }
}

/**
 * Puts a backup on record, if that can be done.
 * @returns why not
 */
export async function noteBackup(
  session: Session,
  {
    createdAt,
    file,
    sha256,
    inventory,
  }: Pick<OpenedBackup, 'createdAt' | 'file' | 'sha256' | 'inventory'>,
): Promise<string | undefined> {
  const keyIds = [...new Set(inventory.keys.map(({ id }) => id))].sort();
  try {
    await noteBackups(session.trustDir.own, [{ createdAt, file, sha256, keyIds }]);
    return undefined;
  } catch (error) {
    if (error instanceof TabellionError) return error.message;
    throw error;
  }
}

interface Seal {
  readonly slots: Slot[];
  readonly shares: Share[];
  /** Each opens the backup. */
  readonly secrets: BackupSecret[];
}

async function seal(
  key: Uint8Array,
  passphrase: string | undefined,
  numbers: ShareNumbers | undefined,
  cost: ScryptCost,
  random: RandomBytes,
): Promise<Seal> {
  const sealed: Seal = { slots: [], shares: [], secrets: [] };
  if (passphrase !== undefined) {
    checkPassphrase(passphrase);
    sealed.slots.push(await passphraseSlot(key, passphrase, cost, random));
    sealed.secrets.push({ passphrase });
  }
  if (numbers !== undefined) {
    const secret = random(SHARED_SECRET_BYTES);
    const slot = sharesSlot(key, secret, numbers, random);
    sealed.slots.push(slot);
    sealed.shares.push(...(await splitSecret(secret, numbers, slot.setId)));
    // The first and the last of them.
    const { threshold } = numbers;
    sealed.secrets.push({ shares: sealed.shares.slice(0, threshold) });
    sealed.secrets.push({ shares: sealed.shares.slice(-threshold) });
  }
  if (sealed.slots.length > 0) return sealed;
  throw new UsageError('BACKUP_PASSPHRASE_MISSING', 'A backup needs a passphrase, or shares');
}

/** The fewest characters of a backup's passphrase: whoever has the file can try for years. */
export const SHORTEST_PASSPHRASE = 12;

/** @throws UsageError `BACKUP_PASSPHRASE_WEAK` | `BACKUP_PASSPHRASE_PADDED` */
export function checkPassphrase(passphrase: string): void {
  // What comes from a variable counts verbatim, what is typed does not: in ten years it may have to be typed.
  if (passphrase.trim() !== passphrase) {
    throw new UsageError(
      'BACKUP_PASSPHRASE_PADDED',
      'The passphrase of a backup may not begin or end with white space',
      { hint: 'Nobody could type it at the prompt, where white space around it does not count.' },
    );
  }
  if ([...passphrase].length >= SHORTEST_PASSPHRASE) return;
  throw new UsageError(
    'BACKUP_PASSPHRASE_WEAK',
    `The passphrase of a backup needs ${SHORTEST_PASSPHRASE} characters or more`,
    { hint: 'A password manager can make a good one.' },
  );
}

/** @returns SHA-256 of the file, in hex */
async function writeChecked(
  file: string,
  bytes: Uint8Array,
  secrets: readonly BackupSecret[],
  overwrite: boolean,
): Promise<string> {
  const temporary = join(
    dirname(file),
    `.${basename(file).slice(0, 100)}.${randomBytes(8).toString('hex')}.tmp`,
  );
  try {
    await writeNewFile(temporary, bytes);
    const written = await readFile(temporary);
    if (Buffer.compare(written, bytes) !== 0) throw notWritten(file);
    let sha256 = '';
    for (const secret of secrets) ({ sha256 } = await openBackupBytes(file, written, secret));
    if (overwrite) await renameFile(temporary, file);
    else await putInEmptyPlace(temporary, file);
    await syncFolder(dirname(file));
    if (!(await holds(file, bytes))) throw notWritten(file);
    return sha256;
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw writeError(error, file);
  }
}

function notWritten(file: string): OperationError {
  return new OperationError(
    'BACKUP_NOT_WRITTEN',
    `The backup was written to ${printable(file)}, but what is read there is not the same`,
    { hint: 'Check the disk.', details: { path: file } },
  );
}

/** One file for each share, for the owner alone. Their names have the set in them, so that none replaces another. */
async function writeShares(
  file: string,
  shares: readonly Share[],
  createdAt: string,
): Promise<string[]> {
  const written: string[] = [];
  try {
    for (const share of shares) {
      const path = `${file}.${share.setId}.share-${share.number}-of-${share.count}`;
      written.push(path);
      await writeNewFile(path, shareFileText(share, printable(basename(file)), createdAt));
    }
    if (shares.length > 0) await syncFolder(dirname(file));
    return written;
  } catch (error) {
    await removeAll(written);
    throw writeError(error, written.at(-1) ?? file);
  }
}

async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of paths) await unlink(path).catch(() => {});
}

async function holds(file: string, bytes: Uint8Array): Promise<boolean> {
  const found = await readFile(file).catch(() => undefined);
  return found !== undefined && Buffer.compare(found, bytes) === 0;
}
