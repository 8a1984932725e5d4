/**
 * One writer at a time for each repository, across processes.
 *
 * Notary has no lock (tuf.md 2.9), and its `delete` removes whole folders of a GUN, so the lock lies outside
 * `tuf/`, in `<trust dir>/.tabellion/locks`, under a digest of the GUN: no GUN can nest into another's lock.
 * A folder stands for the lock (making one is atomic everywhere); its holder renews its time, and one that
 * was not renewed for a while belongs to a dead process and is taken over. The file beside it says who holds it.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { readFile, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sha256Hex } from '../crypto/digest.ts';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import { makeFolder } from './atomic-file.ts';
import { isMissing, systemCode, writeError } from './file-error.ts';

const OWNER_FILE_LIMIT = 4096;
const POLL_MS = 50;

export interface LockTimes {
  /** How long to wait for another process, in ms. */
  readonly waitMs: number;
  /** After how long without renewal a lock belongs to a dead process, in ms; at least 2000. */
  readonly staleMs: number;
}

/** Longer than the time after which a dead process's lock is taken over. */
export const LOCK_TIMES: LockTimes = { waitMs: 30_000, staleMs: 10_000 };

/** A lock while it is held. */
export interface HeldLock {
  /**
   * Makes sure that the lock is still ours: a process that was suspended for long may have lost it.
   * @throws OperationError `LOCK_LOST`
   */
  check(): Promise<void>;
}

interface Holding extends HeldLock {
  released: boolean;
}

/** The locks held by the call that is running: a call inside `withLock` must not wait for itself. */
const held = new AsyncLocalStorage<ReadonlyMap<string, Holding>>();

export class RepositoryLock {
  readonly gun: string;
  readonly #folder: string;
  readonly #path: string;
  readonly #times: LockTimes;
  readonly #waiting: (holder: string) => void;

  /**
   * @param folder where locks lie; made when needed
   * @param waiting told once, with words for who holds the lock, when another process has to be waited for
   */
  constructor(
    folder: string,
    gun: string,
    times: LockTimes,
    waiting: (holder: string) => void = () => {},
  ) {
    this.gun = gun;
    this.#folder = folder;
    // Names that differ only in case are one folder on some systems: they share a lock.
    this.#path = join(folder, sha256Hex(Buffer.from(gun.toLowerCase(), 'utf8')));
    this.#times = times;
    this.#waiting = waiting;
  }

  /** Whether the running call holds this lock. */
  get isHeld(): boolean {
    return this.#holding() !== undefined;
  }

  /**
   * Runs `work` while no other process, and no other call of this one, holds the lock. Nested calls join.
   * @throws OperationError `REPOSITORY_LOCKED` after the wait | `FILE_NOT_WRITABLE`
   */
  async run<T>(
    work: (lock: HeldLock) => Promise<T>,
    waitMs: number = this.#times.waitMs,
  ): Promise<T> {
    const outer = this.#holding();
    if (outer !== undefined) return work(outer);

    const lost = { value: false };
    const release = await this.#acquire(waitMs, () => {
      lost.value = true;
    });
    const token = randomUUID();
    let hasName = false;
    const holding: Holding = {
      released: false,
      check: async () => {
        if (lost.value || holding.released || !(await this.#isOwner(token))) throw this.#lost();
      },
    };
    try {
      await this.#writeOwner(token);
      hasName = true;
      const locks = new Map(held.getStore() ?? []).set(this.#path, holding);
      return await held.run(locks, () => work(holding));
    } finally {
      holding.released = true;
      const isOurs = !lost.value && (await this.#isOwner(token));
      if (isOurs) await unlink(this.#ownerPath).catch(() => {});
      // Releasing removes the folder, whoever holds it: one that was taken over belongs to another process.
      if (isOurs || !hasName) await release().catch(() => {});
    }
  }

  #holding(): Holding | undefined {
    const holding = held.getStore()?.get(this.#path);
    return holding?.released === false ? holding : undefined;
  }

  async #acquire(waitMs: number, onLost: () => void): Promise<() => Promise<void>> {
    const { lock } = await import('proper-lockfile');
    const deadline = performance.now() + waitMs;
    let isTold = false;
    for (;;) {
      try {
        await makeFolder(this.#folder);
        return await lock(this.#path, {
          lockfilePath: this.#lockPath,
          realpath: false,
          stale: this.#times.staleMs,
          onCompromised: onLost,
        });
      } catch (error) {
        if (systemCode(error) !== 'ELOCKED' && !isMissing(error)) {
          throw writeError(error, this.#lockPath);
        }
        if (performance.now() >= deadline) throw await this.#locked(waitMs);
      }
      if (!isTold) this.#waiting(await this.#holder());
      isTold = true;
      await delay(POLL_MS * (0.5 + Math.random()));
    }
  }

  async #writeOwner(token: string): Promise<void> {
    const owner = { token, pid: process.pid, host: hostname(), since: new Date().toISOString() };
    try {
      await writeFile(this.#ownerPath, JSON.stringify(owner), { mode: 0o600 });
    } catch (error) {
      throw writeError(error, this.#ownerPath);
    }
  }

  async #isOwner(token: string): Promise<boolean> {
    return (await this.#owner())?.token === token;
  }

  /** What the file beside the lock says; it is only a hint, and may be gone or half written. */
  async #owner(): Promise<Record<string, unknown> | undefined> {
    try {
      const text = await readFile(this.#ownerPath, 'utf8');
      const value: unknown = text.length > OWNER_FILE_LIMIT ? undefined : JSON.parse(text);
      return value !== null && typeof value === 'object'
        ? (value as Record<string, unknown>)
        : undefined;
    } catch {
      return undefined;
    }
  }

  async #holder(): Promise<string> {
    const { pid, host, since } = (await this.#owner()) ?? {};
    return typeof pid === 'number' && typeof host === 'string' && typeof since === 'string'
      ? `process ${pid} on ${printable(host)}, since ${printable(since)}`
      : 'it left no name';
  }

  async #locked(waitMs: number): Promise<OperationError> {
    const who = await this.#holder();
    return new OperationError(
      'REPOSITORY_LOCKED',
      `Another process is changing the trust data of ${printable(this.gun)} (${who}); waited ${waitMs / 1000} s for it`,
      {
        hint: `Let it finish, then run the command again. If no such process runs, remove ${printable(this.#lockPath)}`,
        details: { gun: this.gun, lock: this.#lockPath },
      },
    );
  }

  #lost(): OperationError {
    return new OperationError(
      'LOCK_LOST',
      `This process stood still for so long that another took over the lock of ${printable(this.gun)}; nothing was changed`,
      { hint: 'Run the command again.', details: { gun: this.gun } },
    );
  }

  get #lockPath(): string {
    return `${this.#path}.lock`;
  }

  get #ownerPath(): string {
    return `${this.#path}.owner`;
  }
}
