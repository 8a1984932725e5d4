/**
 * The history of all repositories: which files were stored when, in one order for the whole server. What is
 * current follows from it, and so does the changefeed (tuf.md 8.4).
 */
import { TIMESTAMP } from '../tuf/role-name.ts';

export interface LoggedFile {
  readonly role: string;
  readonly version: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly length: number;
}

/** One atomic step: a publish, a renewal by the server, or the deletion of a repository. */
export interface LogEntry {
  /** From 1 up, without gaps. */
  readonly id: number;
  readonly at: Date;
  readonly gun: string;
  readonly category: 'update' | 'deletion';
  readonly files: readonly LoggedFile[];
  /** IDs of the server's keys that signed. */
  readonly signedBy: readonly string[];
}

/** Where to find a file, and what it must be. */
export interface FilePlace extends LoggedFile {
  readonly entry: number;
  readonly storedAt: Date;
}

export interface ChangesQuery {
  /** Of one repository; absent: of all. */
  readonly gun?: string | undefined;
  /** Exclusive start; 0: the beginning; negative: the newest. */
  readonly from: number;
  /** How many; negative: backwards from the start. */
  readonly records: number;
}

/** An entry as the changefeed shows it. */
export interface FeedEntry {
  readonly id: number;
  readonly at: Date;
  readonly gun: string;
  readonly category: 'update' | 'deletion';
  /** Of the timestamp; 0 for a deletion. */
  readonly version: number;
  /** Of the timestamp file, lower-case hex; empty for a deletion. */
  readonly sha256: string;
}

/** A version that is offered is not higher than one that is stored. */
export class VersionConflict extends Error {
  readonly role: string;
  readonly stored: number;

  constructor(role: string, offered: number, stored: number) {
    super(`${role} version ${offered} is offered, but version ${stored} is stored`);
    this.name = 'VersionConflict';
    this.role = role;
    this.stored = stored;
  }
}

interface RoleFiles {
  newest: FilePlace;
  readonly byVersion: Map<number, FilePlace>;
  readonly byHash: Map<string, FilePlace>;
}

export class ChangeLog {
  readonly #repositories = new Map<string, Map<string, RoleFiles>>();
  readonly #feed: FeedEntry[] = [];
  readonly #usedKeys = new Set<string>();

  get nextId(): number {
    return this.#feed.length + 1;
  }

  newest(gun: string, role: string): FilePlace | undefined {
    return this.#repositories.get(gun)?.get(role)?.newest;
  }

  byVersion(gun: string, role: string, version: number): FilePlace | undefined {
    return this.#repositories.get(gun)?.get(role)?.byVersion.get(version);
  }

  byHash(gun: string, role: string, sha256: string): FilePlace | undefined {
    return this.#repositories.get(gun)?.get(role)?.byHash.get(sha256);
  }

  /** Every file of a repository, of all versions. */
  filesOf(gun: string): FilePlace[] {
    const roles = this.#repositories.get(gun)?.values() ?? [];
    return [...roles].flatMap(({ byVersion }) => [...byVersion.values()]);
  }

  isUsed(keyId: string): boolean {
    return this.#usedKeys.has(keyId);
  }

  /** @throws VersionConflict */
  checkVersions(gun: string, files: Iterable<{ role: string; version: number }>): void {
    for (const { role, version } of files) {
      const stored = this.newest(gun, role)?.version ?? 0;
      if (version <= stored) throw new VersionConflict(role, version, stored);
    }
  }

  /** Takes over what was stored. */
  apply(entry: LogEntry): void {
    if (entry.category === 'deletion') this.#repositories.delete(entry.gun);
    else for (const file of entry.files) this.#add(entry, file);
    for (const id of entry.signedBy) this.#usedKeys.add(id);
    const timestamp = entry.files.find(({ role }) => role === TIMESTAMP);
    this.#feed.push({
      id: entry.id,
      at: entry.at,
      gun: entry.gun,
      category: entry.category,
      version: timestamp?.version ?? 0,
      sha256: timestamp?.sha256 ?? '',
    });
  }

  /** Oldest first, whichever the direction. */
  changes({ gun, from, records }: ChangesQuery): FeedEntry[] {
    const backwards = records < 0 || from < 0;
    const count = Math.abs(records);
    const wanted = this.#feed.filter(
      entry =>
        (gun === undefined || entry.gun === gun) &&
        (backwards ? from <= 0 || entry.id < from : entry.id > from),
    );
    return backwards ? wanted.slice(-count) : wanted.slice(0, count);
  }

  #add(entry: LogEntry, file: LoggedFile): void {
    const place: FilePlace = { ...file, entry: entry.id, storedAt: entry.at };
    let roles = this.#repositories.get(entry.gun);
    if (roles === undefined) {
      roles = new Map();
      this.#repositories.set(entry.gun, roles);
    }
    const known = roles.get(file.role);
    if (known === undefined) {
      roles.set(file.role, {
        newest: place,
        byVersion: new Map([[file.version, place]]),
        byHash: new Map([[file.sha256, place]]),
      });
      return;
    }
    known.newest = place;
    known.byVersion.set(file.version, place);
    known.byHash.set(file.sha256, place);
  }
}
