/** One server process for one directory. */
import { join } from 'node:path';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import { systemCode, writeError } from '../trust-dir/file-error.ts';

/** After so long without renewal, in milliseconds, a lock belongs to a process that is dead. */
const STALE_MS = 10_000;

export interface DirectoryLock {
  /** @throws OperationError `LOCK_LOST` when another process took the lock over while this one stood still */
  check(): void;
  release(): Promise<void>;
}

/** @throws OperationError `DIRECTORY_LOCKED` at once when another process holds it */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const { lock } = await import('proper-lockfile');
  const path = join(directory, '.server.lock');
  let lost = false;
  let release: (() => Promise<void>) | undefined;
  try {
    release = await lock(directory, {
      lockfilePath: path,
      realpath: false,
      stale: STALE_MS,
      onCompromised: () => {
        lost = true;
      },
    });
  } catch (error) {
    if (systemCode(error) !== 'ELOCKED') throw writeError(error, path);
    throw new OperationError(
      'DIRECTORY_LOCKED',
      `Another trust server is using ${printable(directory)}`,
      {
        hint: `Stop it, or give another directory. After a crash the lock opens by itself in ${STALE_MS / 1000} seconds.`,
        details: { path: directory },
      },
    );
  }
  const unlock = release;
  return {
    check() {
      if (!lost) return;
      throw new OperationError(
        'LOCK_LOST',
        `This server stood still for so long that another took over ${printable(directory)}`,
        { hint: 'Stop this server.', details: { path: directory } },
      );
    },
    async release() {
      if (!lost) await unlock().catch(() => {});
    },
  };
}
