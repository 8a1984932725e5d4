/**
 * Which files and folders below `tuf/` belong to which GUN. GUNs nest (tuf.md 2.4): `g/metadata` lies in the
 * folder where `g` keeps its metadata, and `g/metadata/targets/x` even among the files of `g`'s delegations.
 */
import type { Dirent } from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ROOT, TARGETS } from '../tuf/role-name.ts';
import { isMissing, readError, systemCode } from './file-error.ts';
import { checkInside } from './regular-file.ts';

/**
 * Paths below a GUN's folder `metadata` of the files that are this GUN's own. A repository of a longer GUN is
 * recognised by its root.
 * @param within the folder that symbolic links must not lead out of
 */
export async function filesOfGun(metadata: string, within: string): Promise<string[]> {
  const files: string[] = [];
  const walk = async (way: string, isOwn: (folder: string) => Promise<boolean>) => {
    for (const entry of await entriesOf(join(metadata, way), within)) {
      const path = join(way, entry.name);
      if (!entry.isDirectory()) files.push(path);
      else if (await isOwn(path)) await walk(path, isOfDelegations);
    }
  };
  const isOfDelegations = async (folder: string) => !(await isNested(join(metadata, folder)));
  // At the top, only delegations have a folder.
  await walk('', async folder => folder === TARGETS);
  return files;
}

/** Whether the folder is `metadata` or `changelist` of a longer GUN. */
async function isNested(folder: string): Promise<boolean> {
  const names = ['metadata', 'changelist'].map(name => join(dirname(folder), name));
  if (!names.includes(folder)) return false;
  const entries = await entriesOf(join(dirname(folder), 'metadata'));
  return entries.some(entry => entry.name === `${ROOT}.json`);
}

/**
 * What lies in a folder; nothing if there is no such folder.
 * @throws OperationError `FILE_NOT_READABLE` | `PATH_OUTSIDE_TRUST_DIR`
 */
export async function entriesOf(folder: string, within?: string): Promise<Dirent[]> {
  try {
    if (within !== undefined) await checkInside(folder, within);
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw readError(error, folder);
  }
}

/** Removes `folder` and those above it as long as they are empty; `top` stays. Errors are the system's. */
export async function removeEmptyFolders(folder: string, top: string): Promise<void> {
  for (let path = folder; path !== top; path = dirname(path)) {
    try {
      await rmdir(path);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOTEMPTY' || code === 'EEXIST') return;
      if (code !== 'ENOENT') throw error;
    }
  }
}
