/**
 * What a trust directory knows of one repository: `tuf/<gun>/metadata` and `tuf/<gun>/changelist` (tuf.md 2).
 */
import { stat, unlink, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  checkDelegationName,
  isBaseRole,
  isDelegationName,
  ROOT,
  TIMESTAMP,
} from '../tuf/role-name.ts';
import { Changelist } from './changelist.ts';
import { isMissing, readError, systemCode, writeError } from './file-error.ts';
import { entriesOf, filesOfGun, removeEmptyFolders } from './gun-folders.ts';
import { nameToSegment, segmentToName } from './gun-path.ts';
import {
  committedFile,
  committedRemovals,
  discardStaged,
  finishSwap,
  isCommitted,
  type MetadataSwap,
  metadataFile,
  stageMetadata,
} from './metadata-swap.ts';
import { checkInside, readRegularFile } from './regular-file.ts';
import type { HeldLock, RepositoryLock } from './repository-lock.ts';

const JSON_SUFFIX = '.json';
const CONSISTENT_READS = 5;

export interface RepositoryDirOptions {
  readonly gun: string;
  /** `tuf/<gun>` */
  readonly folder: string;
  /** `tuf` */
  readonly within: string;
  readonly lock: RepositoryLock;
  readonly platform: NodeJS.Platform;
  readonly now: () => Date;
  /** Unix time in nanoseconds. */
  readonly clock: () => bigint;
  readonly uuid: () => string;
}

export class RepositoryDir {
  readonly gun: string;
  /** The folder of the repository, which need not exist. */
  readonly folder: string;
  readonly changelist: Changelist;
  readonly #options: RepositoryDirOptions;
  readonly #swap: MetadataSwap;

  constructor(options: RepositoryDirOptions) {
    this.gun = options.gun;
    this.folder = options.folder;
    this.#options = options;
    this.#swap = {
      folder: options.folder,
      within: options.within,
      fileName: role => this.#fileName(role),
    };
    this.changelist = new Changelist({
      repositoryFolder: options.folder,
      within: options.within,
      withLock: work => this.withLock(work),
      clock: options.clock,
      uuid: options.uuid,
    });
  }

  /**
   * The cached file of a role, as it was served; undefined when there is none. Takes no lock and works in a
   * trust directory that cannot be written.
   * @throws OperationError `ROLE_INVALID` | `FILE_NOT_READABLE` | `FILE_NOT_REGULAR` | `FILE_TOO_LARGE` |
   *   `PATH_OUTSIDE_TRUST_DIR`
   */
  async read(role: string): Promise<Uint8Array | undefined> {
    checkRole(role);
    await this.#finishIfPossible();
    return this.#readNewest(role);
  }

  /** Where the cached file of a role lies, or would lie. @throws OperationError `ROLE_INVALID` */
  metadataPath(role: string): string {
    checkRole(role);
    return metadataFile(this.#swap, role);
  }

  /** All cached files by role, of one moment: never some from before and some from after another process's update. */
  async readAll(): Promise<Map<string, Uint8Array>> {
    await this.#finishIfPossible();
    for (let attempt = 0; attempt < CONSISTENT_READS; attempt++) {
      const before = await this.#fingerprint();
      const files = await this.#readEach();
      if (before === (await this.#fingerprint())) return files;
    }
    return this.withLock(() => this.#readEach());
  }

  /** The roles that have a cached file; delegations stay after they were removed from their parent (tuf.md 2.6). */
  async roles(): Promise<string[]> {
    const roles = new Set<string>();
    const removed = new Set(await this.#removals());
    for (const file of [metadataFile, committedFile]) {
      const folder = dirname(file(this.#swap, ROOT));
      for (const name of await filesOfGun(folder, this.#options.within)) {
        const role = this.#roleOfFile(name);
        if (role === undefined) continue;
        if (file === metadataFile && removed.has(this.#fileName(role))) continue;
        roles.add(role);
      }
    }
    return [...roles].sort();
  }

  /** When the timestamp was last found to be the server's; undefined without a timestamp. */
  async checkedAt(): Promise<Date | undefined> {
    for (const file of [committedFile, metadataFile]) {
      const path = file(this.#swap, TIMESTAMP);
      try {
        return (await stat(path)).mtime;
      } catch (error) {
        if (!isMissing(error)) throw readError(error, path);
      }
    }
    return undefined;
  }

  /** When the newest of some roles' cached files was written; undefined when none is there. */
  async storedAt(roles: Iterable<string>): Promise<Date | undefined> {
    let newest: Date | undefined;
    for (const role of roles) {
      checkRole(role);
      for (const file of [committedFile, metadataFile]) {
        const path = file(this.#swap, role);
        try {
          const { mtime } = await stat(path);
          if (newest === undefined || mtime > newest) newest = mtime;
        } catch (error) {
          if (!isMissing(error)) throw readError(error, path);
        }
      }
    }
    return newest;
  }

  /**
   * Records that the cached timestamp was found to be the server's just now.
   * @throws OperationError `FILE_NOT_WRITABLE`
   */
  async touch(): Promise<void> {
    await this.#finishIfPossible();
    const path = metadataFile(this.#swap, TIMESTAMP);
    const now = this.#options.now();
    try {
      await checkInside(path, this.#options.within);
      await utimes(path, now, now);
    } catch (error) {
      if (!isMissing(error)) throw writeError(error, path);
    }
  }

  /**
   * Replaces, adds and removes files of roles in one step: whoever looks, also after a crash, finds all of the
   * change or nothing of it.
   * @param options `checkedAt`: when the server was last found to have this timestamp; now unless told
   * @throws OperationError `ROLE_INVALID` | `DISK_FULL` | `FILE_NOT_WRITABLE` | `REPOSITORY_LOCKED` | `LOCK_LOST`
   */
  async replace(
    files: ReadonlyMap<string, Uint8Array>,
    options: { remove?: Iterable<string>; checkedAt?: Date } = {},
  ): Promise<void> {
    const remove = [...(options.remove ?? [])];
    const checkedAt = options.checkedAt ?? this.#options.now();
    for (const role of [...files.keys(), ...remove]) checkRole(role);
    if (files.size === 0 && remove.length === 0) return;
    await this.#locked(lock =>
      this.#writing(async () => {
        const staged = await stageMetadata(this.#swap, files, remove, checkedAt);
        try {
          await lock.check();
          await staged.commit();
        } catch (error) {
          await staged.discard().catch(() => {});
          throw error;
        }
        await finishSwap(this.#swap);
      }),
    );
  }

  /**
   * Runs `work` while no other process changes this repository; calls inside it may do so.
   * @param waitMs how long to wait for another process; the trust directory's own time unless told
   * @throws OperationError `REPOSITORY_LOCKED` | `FILE_NOT_WRITABLE`
   */
  async withLock<T>(work: () => Promise<T>, waitMs?: number): Promise<T> {
    return this.#locked(() => work(), waitMs);
  }

  /**
   * Removes what is stored of this repository, and folders that are empty then. Folders of other GUNs that
   * nest in this one's stay (tuf.md 2.4), and so do private keys.
   * @throws OperationError `FILE_NOT_WRITABLE` | `REPOSITORY_LOCKED`
   */
  async delete(): Promise<void> {
    await this.#locked(() => this.#writing(() => this.#deleteFiles()));
  }

  async #locked<T>(work: (lock: HeldLock) => Promise<T>, waitMs?: number): Promise<T> {
    const { lock } = this.#options;
    if (lock.isHeld) return lock.run(work);
    return lock.run(async holding => {
      await this.#writing(async () => {
        await finishSwap(this.#swap);
        await discardStaged(this.#swap);
      });
      return work(holding);
    }, waitMs);
  }

  /** What a killed process committed becomes visible to other programs; without the lock, it is visible to us all the same. */
  async #finishIfPossible(): Promise<void> {
    try {
      if (await isCommitted(this.#swap)) await this.#locked(async () => {}, 0);
    } catch (error) {
      if (systemCode(error) === 'ENOTDIR') throw readError(error, this.folder);
    }
  }

  async #readEach(): Promise<Map<string, Uint8Array>> {
    const files = new Map<string, Uint8Array>();
    for (const role of await this.roles()) {
      const bytes = await this.#readNewest(role);
      if (bytes !== undefined) files.set(role, bytes);
    }
    return files;
  }

  async #readNewest(role: string): Promise<Uint8Array | undefined> {
    const { within } = this.#options;
    const committed = await readRegularFile(committedFile(this.#swap, role), within);
    if (committed !== undefined) return committed;
    if ((await this.#removals()).includes(this.#fileName(role))) return undefined;
    return readRegularFile(metadataFile(this.#swap, role), within);
  }

  #removals(): Promise<string[]> {
    return committedRemovals(this.#swap);
  }

  /** Changes whenever a file is replaced, added or removed. */
  async #fingerprint(): Promise<string> {
    const parts: string[] = [];
    for (const role of await this.roles()) {
      for (const file of [committedFile, metadataFile]) {
        const { ino, ctimeNs } = await stat(file(this.#swap, role), { bigint: true }).catch(() => ({
          ino: 0n,
          ctimeNs: 0n,
        }));
        parts.push(`${role} ${ino} ${ctimeNs}`);
      }
    }
    return parts.join('\n');
  }

  async #deleteFiles(): Promise<void> {
    const { folder } = this;
    const { within } = this.#options;
    const metadata = dirname(metadataFile(this.#swap, ROOT));
    const changelist = join(folder, 'changelist');
    const changes = (await entriesOf(changelist)).filter(entry => !entry.isDirectory());
    // The root goes last: as long as it is there, nobody trusts a new one on first use.
    const rootName = this.#fileName(ROOT);
    const names = (await filesOfGun(metadata, within)).sort(
      (a, b) => Number(a === rootName) - Number(b === rootName),
    );
    const paths = [
      ...changes.map(entry => join(changelist, entry.name)),
      ...names.map(name => join(metadata, name)),
    ];
    const folders = new Set<string>([metadata, changelist]);
    for (const path of paths) {
      await checkInside(dirname(path), within);
      await unlink(path).catch(ignoreMissing);
      folders.add(dirname(path));
    }
    const deepestFirst = [...folders].sort((a, b) => b.length - a.length);
    for (const emptied of deepestFirst) await removeEmptyFolders(emptied, folder);
    await removeEmptyFolders(folder, within);
  }

  #fileName(role: string): string {
    const names = role.split('/').map(segment => segmentToName(segment, this.#options.platform));
    return `${join(...names)}${JSON_SUFFIX}`;
  }

  #roleOfFile(name: string): string | undefined {
    if (!name.endsWith(JSON_SUFFIX)) return undefined;
    const role = name
      .slice(0, -JSON_SUFFIX.length)
      .split(/[\\/]/)
      .map(segment => nameToSegment(segment, this.#options.platform))
      .join('/');
    return isBaseRole(role) || isDelegationName(role) ? role : undefined;
  }

  async #writing(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw writeError(error, this.folder);
    }
  }
}

/** The base roles are the only ones beside delegations that have a file. */
function checkRole(role: string): void {
  if (!isBaseRole(role)) checkDelegationName(role);
}

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}
