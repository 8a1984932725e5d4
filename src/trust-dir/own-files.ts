/**
 * What Tabellion itself remembers about a trust directory: small JSON files in its folder `.tabellion`, which
 * Notary and Docker never look at. Each is replaced whole; one that cannot be understood is an error, not “nothing”.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import { writeFileAtomic } from './atomic-file.ts';
import { isMissing, readError, writeError } from './file-error.ts';
import { readRegularFile } from './regular-file.ts';

/** The folder in the trust directory that is Tabellion's own. */
export const OWN_FOLDER = '.tabellion';

/** Generous for a record of thousands of repositories, in bytes. */
const RECORD_LIMIT = 64 * 1024 * 1024;

export class OwnFiles {
  readonly folder: string;
  readonly #within: string;

  /** @param trustDir the trust directory, which need not exist */
  constructor(trustDir: string) {
    this.#within = trustDir;
    this.folder = join(trustDir, OWN_FOLDER);
  }

  /** Where a record lies. @param name its path below the folder, as `recoveries/x.json`; never from outside */
  path(name: string): string {
    return join(this.folder, ...name.split('/'));
  }

  /**
   * Reads a record; undefined when there is none.
   * @throws OperationError `RECORD_DAMAGED` | `FILE_NOT_READABLE`
   */
  async read(name: string): Promise<unknown> {
    const path = this.path(name);
    const bytes = await readRegularFile(path, this.#within, RECORD_LIMIT);
    if (bytes === undefined) return undefined;
    try {
      return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    } catch (cause) {
      throw damagedRecord(path, cause);
    }
  }

  /**
   * The names in a folder of records, in byte order; none when there is no such folder.
   * @param name the folder's path below the own folder
   * @throws OperationError `FILE_NOT_READABLE`
   */
  async list(name: string): Promise<string[]> {
    const path = this.path(name);
    try {
      return (await readdir(path)).sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw readError(error, path);
    }
  }

  /** Replaces a record whole. @throws OperationError `DISK_FULL` | `FILE_NOT_WRITABLE` */
  async write(name: string, value: object): Promise<void> {
    const text = `${JSON.stringify(value, undefined, 2)}\n`;
    await writeFileAtomic(this.path(name), text, { makeFolder: true });
  }

  /** Removes a record, if it is there. @throws OperationError `FILE_NOT_WRITABLE` */
  async remove(name: string): Promise<void> {
    const path = this.path(name);
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw writeError(error, path);
    }
  }
}

/** For a record whose content is not what its writer wrote. */
export function damagedRecord(path: string, cause?: unknown): OperationError {
  return new OperationError('RECORD_DAMAGED', `${printable(path)} is damaged`, {
    cause,
    hint: 'Move it away to go on without what it remembers.',
    details: { path },
  });
}
