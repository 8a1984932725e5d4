/**
 * Gives a key file another content, with a copy of the old one beside it until the new one has proved good. The
 * copy's name is one that no program takes for a key's, and always the same, so that a later run finds it.
 */
import { lstat, readFile, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { printable } from '../crypto/printable.ts';
import { KeyError } from '../errors.ts';
import type { KeyFileWriter } from './key-store.ts';
import { KEY_FILE_MODE } from './put-key-files.ts';

export interface KeyFileReplacement {
  readonly id: string;
  readonly path: string;
  readonly before: Uint8Array;
  readonly text: string;
  /** Judges what was read back. */
  readonly isGood: (readBack: Uint8Array) => Promise<boolean>;
}

/** Where the copy of a key file lies while the file is replaced. */
export function copyOfKeyFile(path: string): string {
  return join(dirname(path), `.${basename(path)}.before`);
}

/** Whether a process that was interrupted has left a copy beside a key file. */
export async function hasCopy(path: string): Promise<boolean> {
  return await lstat(copyOfKeyFile(path)).then(
    () => true,
    () => false,
  );
}

/** Removes the copy, if there is one. Errors are the system's. */
export async function removeCopy(path: string): Promise<void> {
  await unlink(copyOfKeyFile(path)).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  });
}

/**
 * Killed at any moment, it leaves the old or the new file, whole, and perhaps the copy.
 * @throws KeyError `KEY_NOT_STORED` | `KEY_CHANGED`; what the writer throws. Then the old content is there.
 */
export async function replaceKeyFile(
  writeFile: KeyFileWriter,
  { id, path, before, text, isGood }: KeyFileReplacement,
): Promise<void> {
  const options = { mode: KEY_FILE_MODE, makeFolder: false };
  const copy = copyOfKeyFile(path);
  await writeFile(copy, before, options);
  try {
    // Another program may have changed the passphrase while this one was busy with the old file.
    if (!(await holds(path, before))) throw changed(id, path);
    await writeFile(path, text, options);
    if (!(await holds(path, Buffer.from(text, 'utf8'))) || !(await isGood(await readFile(path)))) {
      await rename(copy, path);
      throw notStored(id, path);
    }
  } catch (error) {
    // Whether the writer had put the new file in place before it failed is unknown.
    const isOld = await holds(path, before);
    if (isOld) await removeCopy(path).catch(() => {});
    throw error;
  }
  await removeCopy(path);
}

async function holds(path: string, bytes: Uint8Array): Promise<boolean> {
  const found = await readFile(path).catch(() => undefined);
  return found !== undefined && Buffer.compare(found, bytes) === 0;
}

function changed(id: string, path: string): KeyError {
  return new KeyError(
    'KEY_CHANGED',
    `${printable(path)} has just been changed by another program; it was left as it is`,
    { hint: 'Run the command again.', details: { keyId: id, path } },
  );
}

function notStored(id: string, path: string): KeyError {
  return new KeyError(
    'KEY_NOT_STORED',
    `The key was written to ${printable(path)}, but what is read there does not open`,
    { hint: 'Check the disk; what was there before is there again.', details: { keyId: id, path } },
  );
}
