/** Moving what belongs to a lost root out of the way, and nothing else: it stays whole, below the recovery's folder. */
import { cp, mkdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { printable } from '../../crypto/printable.ts';
import { OperationError } from '../../errors.ts';
import { keyFileName } from '../../keys/key-files.ts';
import { writeFileAtomic } from '../../trust-dir/atomic-file.ts';
import { isMissing, writeError } from '../../trust-dir/file-error.ts';
import { ROOT } from '../../tuf/role-name.ts';
import type { RepositoryAccess, Session } from '../session.ts';

/**
 * Moves a repository's cached metadata and staged changes away, if its cached root is the old one. Run again after a
 * crash, it moves what is left.
 * @param folder the recovery's folder
 * @returns false when there was nothing of the old root here
 */
export async function setMetadataAside(
  session: Session,
  { dir }: RepositoryAccess,
  folder: string,
  isOld: (root: Uint8Array) => boolean,
): Promise<boolean> {
  return await dir.withLock(async () => {
    const files = await dir.readAll();
    const root = files.get(ROOT);
    if (files.size === 0) return false;
    if (root !== undefined && !isOld(root)) return false;
    const place = join(folder, 'aside', relative(session.trustDir.path, dir.folder));
    for (const [role, bytes] of files) {
      const file = join(place, 'metadata', ...`${role}.json`.split('/'));
      await writeFileAtomic(file, bytes, { makeFolder: true });
    }
    await copyFolder(join(dir.folder, 'changelist'), join(place, 'changelist'));
    await dir.delete();
    return true;
  });
}

async function copyFolder(from: string, to: string): Promise<void> {
  try {
    await mkdir(to, { recursive: true, mode: 0o700 });
    await cp(from, to, { recursive: true, preserveTimestamps: true });
  } catch (error) {
    if (!isMissing(error)) throw writeError(error, to);
  }
}

/**
 * Moves a private key out of the folder of private keys; its copy is on the disk before the file goes.
 * @returns false when the key is not here
 */
export async function setKeyAside(session: Session, id: string, folder: string): Promise<boolean> {
  const keys = await session.keys();
  const file = await keys.file(id);
  if (file === undefined) return false;
  if (file.content === undefined) {
    throw (
      file.error ??
      new OperationError('FILE_NOT_READABLE', `${printable(file.entry.path)} cannot be read`)
    );
  }
  const place = join(folder, 'aside', 'private', keyFileName(id));
  await writeFileAtomic(place, file.content, { makeFolder: true });
  await keys.remove(id);
  return true;
}
