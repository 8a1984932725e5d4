import { lstat, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

export interface TreeEntry {
  /** Below the folder that was asked for; `.` for itself. */
  readonly path: string;
  readonly isFolder: boolean;
  /** Permission bits, e.g. 0o600. */
  readonly mode: number;
}

/** Everything in a folder, itself first, links not followed. */
export async function folderTree(folder: string): Promise<TreeEntry[]> {
  const names = await readdir(folder, { recursive: true });
  return await Promise.all(
    ['.', ...names.sort()].map(async name => {
      const stats = await lstat(path.join(folder, name));
      return { path: name, isFolder: stats.isDirectory(), mode: stats.mode & 0o7777 };
    }),
  );
}

/** The content of every file in a folder, by its path in it; empty when there is no such folder. */
export async function folderContent(folder: string): Promise<Map<string, string>> {
  const content = new Map<string, string>();
  const tree = await folderTree(folder).catch(() => []);
  for (const { path: name, isFolder } of tree) {
    if (!isFolder) content.set(name, await readFile(path.join(folder, name), 'latin1'));
  }
  return content;
}
