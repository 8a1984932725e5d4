/**
 * The trust directory: private keys and, for each repository, cached metadata and staged changes (tuf.md 2).
 */
import { randomUUID } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { join, posix, resolve, win32 } from 'node:path';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import { entriesOf } from './gun-folders.ts';
import { gunOfSegments, gunSegments, OWN_PREFIX } from './gun-path.ts';
import { OwnFiles } from './own-files.ts';
import { isInside } from './regular-file.ts';
import { RepositoryDir } from './repository-dir.ts';
import { LOCK_TIMES, type LockTimes, RepositoryLock } from './repository-lock.ts';

/** Files that make a folder `metadata` one of a repository. */
const METADATA_FILES = new Set(['root.json', 'targets.json', 'snapshot.json', 'timestamp.json']);

/** Docker's trust directory: `$DOCKER_CONFIG/trust`, else `~/.docker/trust`. */
export function defaultTrustDir(
  env: NodeJS.ProcessEnv,
  home: string,
  platform: NodeJS.Platform,
): string {
  const path = platform === 'win32' ? win32 : posix;
  const config = env.DOCKER_CONFIG || path.join(home, '.docker');
  return path.join(config, 'trust');
}

export interface TrustDirOptions {
  /** Whose rules for file names apply; the running system's unless told. */
  readonly platform?: NodeJS.Platform;
  readonly now?: () => Date;
  /** Unix time in nanoseconds, for the names of staged changes. */
  readonly clock?: () => bigint;
  readonly uuid?: () => string;
  readonly lockTimes?: LockTimes;
  /** Told when another process has to be waited for, and who that is. */
  readonly onWait?: (gun: string, holder: string) => void;
}

export class TrustDir {
  readonly path: string;
  /** Where private keys lie. */
  readonly privateDir: string;
  /** What Tabellion remembers beside what the old programs know. */
  readonly own: OwnFiles;
  readonly #tuf: string;
  readonly #options: Required<TrustDirOptions>;

  /** @param path the directory, which need not exist */
  constructor(path: string, options: TrustDirOptions = {}) {
    this.path = resolve(path);
    this.privateDir = join(this.path, 'private');
    this.own = new OwnFiles(this.path);
    this.#tuf = join(this.path, 'tuf');
    const now = options.now ?? (() => new Date());
    this.#options = {
      platform: options.platform ?? process.platform,
      now,
      clock: options.clock ?? (() => BigInt(now().getTime()) * 1_000_000n),
      uuid: options.uuid ?? randomUUID,
      lockTimes: options.lockTimes ?? LOCK_TIMES,
      onWait: options.onWait ?? (() => {}),
    };
  }

  /**
   * The place of a repository's data. Nothing is made on disk until something is written.
   * @throws UsageError `GUN_INVALID`
   */
  repository(gun: string): RepositoryDir {
    const { platform, now, clock, uuid, lockTimes, onWait } = this.#options;
    const folder = join(this.#tuf, ...gunSegments(gun, platform));
    if (folder === this.#tuf || !isInside(folder, this.#tuf)) {
      throw new OperationError(
        'PATH_OUTSIDE_TRUST_DIR',
        `The folder of ${printable(gun)} would lie outside ${printable(this.#tuf)}`,
      );
    }
    const lock = new RepositoryLock(this.own.path('locks'), gun, lockTimes, holder =>
      onWait(gun, holder),
    );
    return new RepositoryDir({ gun, folder, within: this.#tuf, lock, platform, now, clock, uuid });
  }

  /**
   * The GUNs that have metadata or staged changes here, in byte order.
   * @throws OperationError `FILE_NOT_READABLE`
   */
  async repositories(): Promise<string[]> {
    const guns: string[] = [];
    const walk = async (segments: string[]) => {
      const entries = await this.#entries(segments);
      if (segments.length > 0 && (await this.#isRepository(segments, entries))) {
        guns.push(gunOfSegments(segments, this.#options.platform));
      }
      // GUNs nest, into `metadata` and `changelist` too. Links are not followed: they could go in circles.
      for (const entry of entries) {
        if (entry.isDirectory() && !entry.name.startsWith(OWN_PREFIX)) {
          await walk([...segments, entry.name]);
        }
      }
    };
    await walk([]);
    return guns.sort((a, b) => Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8')));
  }

  async #isRepository(segments: string[], entries: Dirent[]): Promise<boolean> {
    const has = (name: string) => entries.some(entry => entry.name === name && entry.isDirectory());
    if (has('metadata')) {
      const files = await this.#entries([...segments, 'metadata']);
      if (files.some(entry => METADATA_FILES.has(entry.name))) return true;
    }
    if (has('changelist')) {
      const files = await this.#entries([...segments, 'changelist']);
      if (files.some(entry => entry.isFile())) return true;
    }
    return has(`${OWN_PREFIX}committed`);
  }

  #entries(segments: string[]): Promise<Dirent[]> {
    return entriesOf(join(this.#tuf, ...segments));
  }
}
