/** Private keys out of the trust directory: a backup, or what another machine needs. */
import { lstat, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { printable } from '../../crypto/printable.ts';
import { KeyError, OperationError } from '../../errors.ts';
import {
  checkExport,
  type ExportedKeys,
  exportKeys as selectKeys,
} from '../../keys/export-keys.ts';
import type { KeyEntry } from '../../keys/key-store.ts';
import { writeFileAtomic } from '../../trust-dir/atomic-file.ts';
import { isMissing, writeError } from '../../trust-dir/file-error.ts';
import type { Session } from '../session.ts';

export interface ExportKeysRequest {
  /** Full key IDs; see `resolveKeyIds` for abbreviated ones. */
  readonly ids?: readonly string[];
  /** GUNs: the targets and snapshot keys of each. */
  readonly guns?: readonly string[];
  /** Where to write; without it the caller gets the text only. */
  readonly file?: string;
  /** Whether a file that is there may be replaced. */
  readonly overwrite?: boolean;
  /** Whether something unknown is passed over, as Notary does; else it is an error. */
  readonly ignoreUnknown?: boolean;
}

export interface ExportKeysReport {
  /** The PEM text: private keys, as they are encrypted in the store. */
  readonly pem: string;
  readonly keys: readonly KeyEntry[];
  /** Files that were selected but cannot be exported; their `problem` says why. Then this is no whole backup. */
  readonly skipped: readonly KeyEntry[];
  readonly unknownIds: readonly string[];
  readonly unknownGuns: readonly string[];
  /** The absolute path of what was written, read back and counted. */
  readonly file?: string;
}

/**
 * Exports the keys of the IDs and of the repositories, or all when neither is given.
 * @throws KeyError `KEY_NOT_FOUND` (unless `ignoreUnknown`) | `EXPORT_DAMAGED`; OperationError `FILE_EXISTS` |
 *   `FILE_NOT_WRITABLE` | `DISK_FULL`
 */
export async function exportKeys(
  session: Session,
  request: ExportKeysRequest,
): Promise<ExportKeysReport> {
  const { ids = [], guns = [], file, overwrite = false, ignoreUnknown = false } = request;
  const exported = await selectKeys(await session.keys(), { ids, guns });
  if (!ignoreUnknown) refuseUnknown(exported, session.trustDir.privateDir);
  if (file === undefined) return exported;
  return { ...exported, file: await writeExport(resolve(file), exported, overwrite) };
}

function refuseUnknown({ unknownIds, unknownGuns }: ExportedKeys, privateDir: string): void {
  const [id] = unknownIds;
  const [gun] = unknownGuns;
  if (id === undefined && gun === undefined) return;
  const what = id === undefined ? `of ${printable(gun ?? '')}` : printable(id);
  throw new KeyError(
    'KEY_NOT_FOUND',
    `There is no private key ${what} in ${printable(privateDir)}; nothing was exported`,
    {
      hint: 'See which there are with: tabellion key list',
      details: { unknownIds, unknownRepositories: unknownGuns },
    },
  );
}

/** A new file for the owner alone in place of any other; a device or pipe is written to as it is. */
async function writeExport(
  path: string,
  exported: ExportedKeys,
  overwrite: boolean,
): Promise<string> {
  const target = await realpath(path).catch(() => path);
  const existing = await stat(target).catch(error => {
    if (isMissing(error)) return undefined;
    throw writeError(error, path);
  });
  if (existing !== undefined && !existing.isFile() && !existing.isDirectory()) {
    await writeFile(target, exported.pem).catch(error => {
      throw writeError(error, path);
    });
    return path;
  }
  if (!overwrite && (existing !== undefined || (await isThere(path)))) {
    throw new OperationError(
      'FILE_EXISTS',
      `${printable(path)} exists already; it was not overwritten`,
      {
        hint: 'It may be the only copy of a key: choose another name, or say --force.',
        details: { path },
      },
    );
  }
  await writeFileAtomic(target, exported.pem, { mode: 0o600 });
  checkExport(await readFile(target), exported);
  return path;
}

/** Also for a symbolic link to nowhere. */
async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
