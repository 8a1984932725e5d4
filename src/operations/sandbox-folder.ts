/** A folder for a play with throw-away keys: it goes when the play ends, and also when it is broken off. */
import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Works in a new temporary folder, which goes at the end whatever happens; a Ctrl-C ends the process, and takes it along. */
export async function inSandboxFolder<T>(
  prefix: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  // At once: no moment at which it is there and nobody would remove it.
  const folder = mkdtempSync(join(tmpdir(), prefix));
  const removeNow = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  process.once('exit', removeNow);
  try {
    return await work(folder);
  } finally {
    process.off('exit', removeNow);
    await rm(folder, { recursive: true, force: true });
  }
}
