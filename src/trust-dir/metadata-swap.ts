/**
 * Replaces many metadata files of a repository in one step.
 *
 * New files are written to a folder `.tabellion-staged-…` beside `metadata/` and flushed. Renaming that folder
 * to `.tabellion-committed` is the moment at which the new data counts. Then each file is renamed to its place,
 * and the folder removed. Whoever finds a committed folder finishes that work first, so a process may be killed
 * at any moment. Notary and docker read `metadata/` and `changelist/` only and take no notice of these folders.
 */
import { randomBytes } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { readdir, rm, stat, unlink, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ROOT, SNAPSHOT, TARGETS, TIMESTAMP } from '../tuf/role-name.ts';
import { makeFolder, renameFile, syncFolder, writeNewFile } from './atomic-file.ts';
import { isMissing } from './file-error.ts';
import { OWN_PREFIX } from './gun-path.ts';
import { checkInside, readRegularFile } from './regular-file.ts';

/** Files and folders with this prefix are thrown away by the next holder of the lock. */
export const STAGED_PREFIX = `${OWN_PREFIX}staged-`;
const COMMITTED = `${OWN_PREFIX}committed`;
const REMOVED_LIST = 'removed';
const METADATA = 'metadata';

export interface MetadataSwap {
  /** The repository's folder, `tuf/<gun>`. */
  readonly folder: string;
  /** The folder that nothing may lead out of, `tuf`. */
  readonly within: string;
  /** The path of a role's file below `metadata/`. */
  readonly fileName: (role: string) => string;
}

/** Where the data of an unfinished swap lies: newer than `metadata/`. */
export function committedFile(swap: MetadataSwap, role: string): string {
  return join(swap.folder, COMMITTED, METADATA, swap.fileName(role));
}

/** Where a role's file lies. */
export function metadataFile(swap: MetadataSwap, role: string): string {
  return join(swap.folder, METADATA, swap.fileName(role));
}

/** Whether a swap was committed and not finished. */
export async function isCommitted(swap: MetadataSwap): Promise<boolean> {
  try {
    await stat(join(swap.folder, COMMITTED));
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** The paths below `metadata/` that an unfinished swap removes. */
export async function committedRemovals(swap: MetadataSwap): Promise<string[]> {
  const list = await readRegularFile(join(swap.folder, COMMITTED, REMOVED_LIST), swap.within);
  if (list === undefined) return [];
  return Buffer.from(list).toString('utf8').split('\n').filter(Boolean);
}

/**
 * Writes and flushes the new files where nobody looks, and returns a function that makes them count.
 * Only under the repository's lock. Errors are the system's; what was staged is removed then.
 * @param checkedAt the time to record as that of the timestamp's check
 */
export async function stageMetadata(
  swap: MetadataSwap,
  files: ReadonlyMap<string, Uint8Array>,
  remove: Iterable<string>,
  checkedAt: Date,
): Promise<{ commit(): Promise<void>; discard(): Promise<void> }> {
  // A name of its own: a process that lost its lock unawares must not mix its files with another's.
  const staged = join(swap.folder, `${STAGED_PREFIX}${randomBytes(8).toString('hex')}`);
  const discard = () => rm(staged, { recursive: true, force: true });
  try {
    await makeFolder(join(staged, METADATA));
    await checkInside(swap.folder, swap.within);
    const folders = new Set([staged, join(staged, METADATA)]);
    for (const [role, bytes] of files) {
      const path = join(staged, METADATA, swap.fileName(role));
      await makeFolder(dirname(path));
      await writeNewFile(path, bytes);
      if (role === TIMESTAMP) await utimes(path, checkedAt, checkedAt);
      folders.add(dirname(path));
    }
    const removed = [...remove].filter(role => !files.has(role)).map(swap.fileName);
    await writeNewFile(join(staged, REMOVED_LIST), removed.map(name => `${name}\n`).join(''));
    for (const folder of folders) await syncFolder(folder);
  } catch (error) {
    await discard().catch(() => {});
    throw error;
  }
  const commit = async () => {
    await renameFile(staged, join(swap.folder, COMMITTED));
    await syncFolder(swap.folder);
  };
  return { commit, discard };
}

/** Finishes a committed swap, if there is one. Only under the repository's lock. Errors are the system's. */
export async function finishSwap(swap: MetadataSwap): Promise<void> {
  if (!(await isCommitted(swap))) return;
  await checkInside(swap.folder, swap.within);
  const committed = join(swap.folder, COMMITTED);
  const touched = new Set<string>();
  for (const name of await filesInOrder(swap, join(committed, METADATA))) {
    const place = join(swap.folder, METADATA, name);
    await makeFolder(dirname(place));
    await checkInside(dirname(place), swap.within);
    await renameFile(join(committed, METADATA, name), place);
    touched.add(dirname(place));
  }
  for (const name of await committedRemovals(swap)) {
    const place = join(swap.folder, METADATA, name);
    if (await removeFile(place, swap.within)) touched.add(dirname(place));
  }
  for (const folder of touched) await syncFolder(folder);
  await rm(committed, { recursive: true, force: true });
}

/** Throws away what a killed process staged and did not commit. Only under the repository's lock. */
export async function discardStaged(swap: MetadataSwap): Promise<void> {
  for (const name of await namesIn(swap.folder)) {
    if (name.startsWith(STAGED_PREFIX)) {
      await rm(join(swap.folder, name), { recursive: true, force: true });
    }
  }
}

/** Root first, timestamp last: a reader without our rules then finds at worst what it has to download again. */
async function filesInOrder(swap: MetadataSwap, folder: string): Promise<string[]> {
  const names = await filesBelow(folder, '');
  const ends = [TARGETS, SNAPSHOT, TIMESTAMP].map(swap.fileName);
  const rank = (name: string) => (name === swap.fileName(ROOT) ? -2 : ends.indexOf(name));
  return names.sort((a, b) => rank(a) - rank(b));
}

async function filesBelow(folder: string, way: string): Promise<string[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(join(folder, way), { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
  const names: string[] = [];
  for (const entry of entries) {
    const name = join(way, entry.name);
    if (entry.isDirectory()) names.push(...(await filesBelow(folder, name)));
    else names.push(name);
  }
  return names;
}

async function removeFile(path: string, within: string): Promise<boolean> {
  try {
    await checkInside(dirname(path), within);
    await unlink(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}
