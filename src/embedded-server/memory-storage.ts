/** A storage that ends with the process: for tests and demonstrations. */
import type { FilePlace, LogEntry } from './change-log.ts';
import { LogStorage } from './log-storage.ts';

export class MemoryStorage extends LogStorage {
  readonly #contents = new Map<string, Uint8Array>();

  protected async persist(
    entry: LogEntry,
    contents: ReadonlyMap<string, Uint8Array>,
  ): Promise<void> {
    for (const [sha256, bytes] of contents)
      this.#contents.set(contentName(entry.id, sha256), bytes);
  }

  protected async load(place: FilePlace): Promise<Uint8Array> {
    const bytes = this.#contents.get(contentName(place.entry, place.sha256));
    if (bytes === undefined) throw new Error(`${place.role} version ${place.version} is gone`);
    return bytes;
  }

  protected async discard(places: readonly FilePlace[]): Promise<void> {
    for (const { entry, sha256 } of places) this.#contents.delete(contentName(entry, sha256));
  }

  protected async persistKey(): Promise<void> {}

  async close(): Promise<void> {}
}

function contentName(entry: number, sha256: string): string {
  return `${entry}/${sha256}`;
}
