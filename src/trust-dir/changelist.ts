/**
 * The changes staged for a repository, one file each, in Notary's own place and format (tuf.md 5.1).
 *
 * Every plain file in the folder counts, whatever its name, and byte order of the names is the order in which
 * changes are applied. So a file is written elsewhere and renamed into the folder when it is whole.
 */
import { randomBytes } from 'node:crypto';
import { unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { printable } from '../crypto/printable.ts';
import { UsageError } from '../errors.ts';
import { type Change, decodeChange, encodeChange } from '../tuf/change.ts';
import { makeFolder, syncFolder, writeFileAtomic } from './atomic-file.ts';
import { isMissing, writeError } from './file-error.ts';
import { entriesOf } from './gun-folders.ts';
import { STAGED_PREFIX } from './metadata-swap.ts';
import { checkInside, readRegularFile } from './regular-file.ts';

const DIGITS = 20;
const STAMP = /^(\d{20})_/;
/** Later stamps than this do not come from a clock. */
const LAST_STAMP = 2n ** 63n - 1n;

/** A file of the changelist: a change, or the reason why it is none. */
export type StagedChange =
  | { readonly name: string; readonly change: Change; readonly problem?: never }
  | { readonly name: string; readonly problem: string; readonly change?: never };

export interface ChangelistOptions {
  /** The repository's folder, `tuf/<gun>`. */
  readonly repositoryFolder: string;
  /** The folder that nothing may lead out of, `tuf`. */
  readonly within: string;
  /** Runs under the repository's lock. */
  readonly withLock: <T>(work: () => Promise<T>) => Promise<T>;
  /** Unix time in nanoseconds. */
  readonly clock: () => bigint;
  readonly uuid: () => string;
}

export class Changelist {
  readonly #options: ChangelistOptions;
  readonly #folder: string;

  constructor(options: ChangelistOptions) {
    this.#options = options;
    this.#folder = join(options.repositoryFolder, 'changelist');
  }

  /**
   * All staged changes in the order in which they apply, broken files among them.
   * @throws OperationError when the folder cannot be read
   */
  async list(): Promise<StagedChange[]> {
    const changes: StagedChange[] = [];
    for (const name of await this.#names()) {
      const staged = await this.#read(name);
      if (staged !== undefined) changes.push(staged);
    }
    return changes;
  }

  /**
   * Stages a change after all that are staged already, and returns the name of its file.
   * @throws OperationError `DISK_FULL` | `FILE_NOT_WRITABLE` | `REPOSITORY_LOCKED`
   */
  async add(change: Change): Promise<string> {
    return this.#options.withLock(async () => {
      const name = `${await this.#nextStamp()}_${this.#options.uuid()}.change`;
      await this.#put(name, Buffer.from(encodeChange(change), 'utf8'));
      return name;
    });
  }

  /**
   * Removes exactly the named files; one that is gone already is fine.
   * @throws UsageError `CHANGE_NAME_INVALID` | OperationError `FILE_NOT_WRITABLE`
   */
  async remove(names: Iterable<string>): Promise<void> {
    const list = [...names];
    list.forEach(checkName);
    if (list.length === 0) return;
    await this.#options.withLock(async () => {
      for (const name of list) {
        const path = join(this.#folder, name);
        try {
          await checkInside(this.#folder, this.#options.within);
          await unlink(path);
        } catch (error) {
          if (!isMissing(error)) throw writeError(error, path);
        }
      }
      await this.#writing(() => syncFolder(this.#folder));
    });
  }

  /**
   * The files as they lie there, broken ones too, in their order.
   * @throws OperationError when one cannot be read
   */
  async readFiles(): Promise<Map<string, Uint8Array>> {
    const files = new Map<string, Uint8Array>();
    for (const name of await this.#names()) {
      const bytes = await readRegularFile(join(this.#folder, name), this.#options.within);
      if (bytes !== undefined) files.set(name, bytes);
    }
    return files;
  }

  /**
   * Puts a file back under its own name, over any that is there.
   * @throws UsageError `CHANGE_NAME_INVALID` | OperationError `DISK_FULL` | `FILE_NOT_WRITABLE` | `REPOSITORY_LOCKED`
   */
  async restore(name: string, bytes: Uint8Array): Promise<void> {
    checkName(name);
    await this.#options.withLock(() => this.#put(name, bytes));
  }

  async #names(): Promise<string[]> {
    const entries = await entriesOf(this.#folder, this.#options.within);
    // Folders belong to GUNs that go on with `/changelist`.
    return entries
      .filter(entry => !entry.isDirectory())
      .map(entry => entry.name)
      .sort((a, b) => Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8')));
  }

  async #read(name: string): Promise<StagedChange | undefined> {
    try {
      const bytes = await readRegularFile(join(this.#folder, name), this.#options.within);
      // Removed since the folder was listed; but a name that is not valid UTF-8 cannot be opened at all.
      if (bytes === undefined) {
        return name.includes('\ufffd')
          ? { name, problem: 'its name is not valid UTF-8' }
          : undefined;
      }
      return { name, change: decodeChange(bytes) };
    } catch (error) {
      return { name, problem: error instanceof Error ? error.message : printable(String(error)) };
    }
  }

  async #put(name: string, bytes: Uint8Array): Promise<void> {
    const { repositoryFolder, within } = this.#options;
    await this.#writing(async () => {
      await makeFolder(this.#folder);
      await checkInside(this.#folder, within);
    });
    const temporary = join(
      repositoryFolder,
      `${STAGED_PREFIX}${randomBytes(8).toString('hex')}.change`,
    );
    await writeFileAtomic(join(this.#folder, name), bytes, { temporary });
  }

  /** Now, but after all that is staged: a clock that was set back must not turn the order round. */
  async #nextStamp(): Promise<string> {
    let stamp = this.#options.clock();
    for (const name of await this.#names()) {
      const digits = STAMP.exec(name)?.[1];
      if (digits === undefined) continue;
      const other = BigInt(digits);
      if (other >= stamp && other < LAST_STAMP) stamp = other + 1n;
    }
    return stamp.toString().padStart(DIGITS, '0');
  }

  async #writing(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isMissing(error)) throw writeError(error, this.#folder);
    }
  }
}

function checkName(name: string): void {
  if (
    name !== '' &&
    name !== '.' &&
    name !== '..' &&
    basename(name) === name &&
    !name.includes('\0')
  )
    return;
  throw new UsageError(
    'CHANGE_NAME_INVALID',
    `“${printable(name)}” is not the name of a staged change`,
  );
}
