/**
 * What a repository was when this machine verified it: small records in `.tabellion/history`, one for each state,
 * oldest first by name. The folder is named by a digest of the GUN: GUNs nest, and hold what no file name may.
 */
import { sha256Hex } from '../crypto/digest.ts';
import type { OwnFiles } from './own-files.ts';

/** A record as its file name tells it. */
export interface HistoryEntry {
  /** Path below the own folder. */
  readonly name: string;
  readonly time: Date;
  /** Begins the SHA-256 of the state. */
  readonly digest: string;
}

const FOLDER = 'history';
const NAME = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-(\d{4})-([0-9a-f]{16})\.json$/;
const DAY = 24 * 60 * 60 * 1000;
/** So many of the newest records stay, whatever their time. */
const NEWEST = 12;
/** Older ones: the last of each day for two weeks, of each week for a quarter, of each 30 days for long. */
const DAILY = 14 * DAY;
const WEEKLY = 98 * DAY;
const MOST = 80;

export class RepositoryHistory {
  readonly #own: OwnFiles;
  readonly #folder: string;

  constructor(own: OwnFiles, gun: string) {
    this.#own = own;
    this.#folder = `${FOLDER}/${sha256Hex(Buffer.from(gun, 'utf8')).slice(0, 32)}`;
  }

  /** All records, oldest first. @throws OperationError `FILE_NOT_READABLE` */
  async list(): Promise<HistoryEntry[]> {
    const names = await this.#own.list(this.#folder);
    return names.flatMap(file => {
      const [, year, month, day, hour, minute, second, ms, , digest] = NAME.exec(file) ?? [];
      if (digest === undefined) return [];
      const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
      if (Number.isNaN(time.getTime())) return [];
      return [{ name: `${this.#folder}/${file}`, time, digest }];
    });
  }

  /** @throws OperationError `RECORD_DAMAGED` | `FILE_NOT_READABLE` */
  async read({ name }: HistoryEntry): Promise<unknown> {
    return await this.#own.read(name);
  }

  /**
   * Adds a record and removes those that are too many.
   * @param state what makes two records the same
   * @throws OperationError `DISK_FULL` | `FILE_NOT_WRITABLE`
   */
  async add(time: Date, state: string, record: object): Promise<void> {
    const stamp = time.toISOString().replaceAll(/[-:.]/g, '');
    const before = await this.list();
    // Two states of one moment keep their order: a publish is read before and after it.
    const turn = before.filter(entry => entry.time.getTime() === time.getTime()).length;
    const digest = stateDigest(state);
    const name = `${this.#folder}/${stamp}-${String(turn).padStart(4, '0')}-${digest}.json`;
    await this.#own.write(name, record);
    for (const entry of superfluous([...before, { name, time, digest }]))
      await this.#own.remove(entry.name);
  }
}

/** As it stands in a record's name. */
export function stateDigest(state: string): string {
  return sha256Hex(Buffer.from(state, 'utf8')).slice(0, 16);
}

/** The records that are not worth their place: of old days, all but the last. @param entries oldest first */
export function superfluous(entries: readonly HistoryEntry[]): HistoryEntry[] {
  const newestFirst = entries.toSorted((a, b) => (a.name < b.name ? 1 : -1));
  const newest = newestFirst[0]?.time.getTime() ?? 0;
  const periods = new Set<string>();
  let kept = 0;
  return newestFirst.filter(({ time }, index) => {
    const at = time.getTime();
    const age = newest - at;
    const [unit, length] =
      age < DAILY ? ['day', DAY] : age < WEEKLY ? ['week', 7 * DAY] : ['month', 30 * DAY];
    const period = `${unit} ${Math.floor(at / (length as number))}`;
    const isKept = kept < MOST && (index < NEWEST || !periods.has(period));
    periods.add(period);
    if (isKept) kept += 1;
    return !isKept;
  });
}
