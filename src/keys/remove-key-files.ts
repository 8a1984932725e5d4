/** Removes the files of a key, of which there may be several, all or none. */
import { randomBytes } from 'node:crypto';
import { rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { printable } from '../crypto/printable.ts';
import { KeyError } from '../errors.ts';

/**
 * First each file gets a name that no program takes for a key's; when all have, they are deleted.
 * @throws KeyError `KEY_NOT_REMOVED`; unless it says otherwise, all files are where they were
 */
export async function removeKeyFiles(id: string, paths: readonly string[]): Promise<void> {
  const moved: { path: string; aside: string }[] = [];
  for (const path of paths) {
    const aside = join(
      dirname(path),
      `.${basename(path)}.${randomBytes(4).toString('hex')}.removed`,
    );
    try {
      await rename(path, aside);
      moved.push({ path, aside });
    } catch (cause) {
      for (const back of moved.reverse()) await rename(back.aside, back.path).catch(() => {});
      throw notRemoved(id, path, cause);
    }
  }
  for (const { path, aside } of moved) {
    try {
      await unlink(aside);
    } catch (cause) {
      // Under this name no program would find the key, and yet it would be there.
      await rename(aside, path).catch(() => {});
      throw notRemoved(id, path, cause);
    }
  }
}

function notRemoved(id: string, path: string, cause: unknown): KeyError {
  return new KeyError('KEY_NOT_REMOVED', `The key file ${printable(path)} could not be removed`, {
    hint: 'Check who owns the file and its folder, and their permissions.',
    cause,
    details: { keyId: id, path },
  });
}
