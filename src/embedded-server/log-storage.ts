/** What all storages have in common: the change log in memory, and changes one after the other. */

import { sha256Hex } from '../crypto/digest.ts';
import type { PrivateKey } from '../crypto/private-key.ts';
import {
  ChangeLog,
  type ChangesQuery,
  type FeedEntry,
  type FilePlace,
  type LogEntry,
} from './change-log.ts';
import { SerialQueue } from './serial-queue.ts';
import type { Batch, ManagedRole, ServerKey, Storage, StoredFile } from './storage.ts';

export abstract class LogStorage implements Storage {
  protected readonly log = new ChangeLog();
  readonly #keys = new Map<string, PrivateKey[]>();
  readonly #writes = new SerialQueue();

  /** Makes an entry last, with its files (SHA-256 → bytes), in one atomic step. */
  protected abstract persist(
    entry: LogEntry,
    contents: ReadonlyMap<string, Uint8Array>,
  ): Promise<void>;
  /** The bytes of a file, as they were given. */
  protected abstract load(place: FilePlace): Promise<Uint8Array>;
  /** Files that nothing refers to any more. */
  protected abstract discard(places: readonly FilePlace[]): Promise<void>;
  protected abstract persistKey(gun: string, role: ManagedRole, key: PrivateKey): Promise<void>;
  abstract close(): Promise<void>;

  newest(gun: string, role: string): Promise<StoredFile | undefined> {
    return this.#read(this.log.newest(gun, role));
  }

  byVersion(gun: string, role: string, version: number): Promise<StoredFile | undefined> {
    return this.#read(this.log.byVersion(gun, role, version));
  }

  byHash(gun: string, role: string, sha256: string): Promise<StoredFile | undefined> {
    return this.#read(this.log.byHash(gun, role, sha256));
  }

  append(batch: Batch): Promise<void> {
    return this.#writes.run('', async () => {
      this.log.checkVersions(batch.gun, batch.files);
      const contents = new Map(batch.files.map(({ bytes }) => [sha256Hex(bytes), bytes]));
      const files = batch.files.map(({ role, version, bytes }) => ({
        role,
        version,
        sha256: sha256Hex(bytes),
        length: bytes.length,
      }));
      const { gun, at, signedBy } = batch;
      const entry: LogEntry = { id: this.log.nextId, at, gun, category: 'update', files, signedBy };
      await this.persist(entry, contents);
      this.log.apply(entry);
    });
  }

  delete(gun: string, at: Date): Promise<void> {
    return this.#writes.run('', async () => {
      const places = this.log.filesOf(gun);
      const id = this.log.nextId;
      const entry: LogEntry = { id, at, gun, category: 'deletion', files: [], signedBy: [] };
      await this.persist(entry, new Map());
      this.log.apply(entry);
      await this.discard(places);
    });
  }

  changes(query: ChangesQuery): FeedEntry[] {
    return this.log.changes(query);
  }

  keys(gun: string, role: ManagedRole): ServerKey[] {
    const keys = this.#keys.get(keySlot(gun, role)) ?? [];
    return keys.map(key => ({ key, pending: !this.log.isUsed(key.id) }));
  }

  async addKey(gun: string, role: ManagedRole, key: PrivateKey): Promise<void> {
    await this.persistKey(gun, role, key);
    this.rememberKey(gun, role, key);
  }

  protected rememberKey(gun: string, role: ManagedRole, key: PrivateKey): void {
    const slot = keySlot(gun, role);
    this.#keys.set(slot, [...(this.#keys.get(slot) ?? []), key]);
  }

  async #read(place: FilePlace | undefined): Promise<StoredFile | undefined> {
    if (place === undefined) return undefined;
    const { role, version, sha256, storedAt } = place;
    return { role, version, sha256, storedAt, bytes: await this.load(place) };
  }
}

/** A role's name has no blank, so two repositories never share a slot. */
function keySlot(gun: string, role: ManagedRole): string {
  return `${role} ${gun}`;
}
