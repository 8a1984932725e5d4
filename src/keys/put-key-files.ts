/** Puts several key files in place, or none: what a failure interrupts is undone. */
import { lstat, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { printable } from '../crypto/printable.ts';
import { KeyError } from '../errors.ts';
import { keyFileName } from './key-files.ts';
import type { KeyFileWriter } from './key-store.ts';

/** A key file to be. */
export interface NewKeyFile {
  readonly id: string;
  readonly text: string;
  /** Where it goes instead of the store's folder, under the key's ID: an existing file, to be replaced. */
  readonly path?: string;
  /** What the file holds now, if it exists. */
  readonly before?: Uint8Array;
}

export const KEY_FILE_MODE = 0o600;

/**
 * Writes each file, flushed to the disk, and reads it back before the next.
 * @returns the paths
 * @throws KeyError `KEY_NOT_STORED`; what the writer throws. Then nothing has changed.
 */
export async function putKeyFiles(
  privateDir: string,
  writeFile: KeyFileWriter,
  files: readonly NewKeyFile[],
): Promise<string[]> {
  const options = { mode: KEY_FILE_MODE, makeFolder: true };
  const begun: { path: string; before: Uint8Array | undefined }[] = [];
  try {
    for (const { id, text, path = join(privateDir, keyFileName(id)), before } of files) {
      if (before === undefined) await refuseExisting(id, path);
      begun.push({ path, before });
      await writeFile(path, text, options);
      await readBack(id, path, text);
    }
  } catch (error) {
    for (const { path, before } of begun.reverse()) {
      if (before === undefined) await unlink(path).catch(() => {});
      else await writeFile(path, before, options).catch(() => {});
    }
    throw error;
  }
  return begun.map(({ path }) => path);
}

/** It was not there when this was decided: another process has just put it there. */
async function refuseExisting(id: string, path: string): Promise<void> {
  const exists = await lstat(path).then(
    () => true,
    () => false,
  );
  if (!exists) return;
  throw new KeyError('KEY_EXISTS', `${printable(path)} has just been made by another program`, {
    hint: 'See what it is with: tabellion key list',
    details: { keyId: id, path },
  });
}

async function readBack(id: string, path: string, text: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) return;
  throw new KeyError(
    'KEY_NOT_STORED',
    `The key was written to ${printable(path)}, but what is read there is not the same`,
    { hint: 'Check the disk; what was there before is there again.', details: { keyId: id, path } },
  );
}
