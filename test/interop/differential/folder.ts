import type { BigIntStats } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';

/** A file, folder or link below the folder that is watched. */
export interface Entry {
  /** Relative, with `/`. */
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link';
  readonly mode: number;
  /** Of a file; of a link, where it leads. */
  readonly bytes: Buffer;
  /** Different when the content is. */
  readonly stamp: string;
}

/** Reads everything below a folder, time and again; what has not changed is read once. */
export class Folder {
  readonly path: string;
  #entries = new Map<string, Entry>();

  constructor(folder: string) {
    this.path = folder;
  }

  /** Sorted by name. */
  async read(): Promise<Entry[]> {
    const found = await readdir(this.path, { recursive: true, withFileTypes: true });
    const names = found.map(entry =>
      path.relative(this.path, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'),
    );
    const entries = await Promise.all(names.toSorted().map(name => this.#read(name)));
    this.#entries = new Map(entries.map(entry => [entry.name, entry]));
    return entries;
  }

  async #read(name: string): Promise<Entry> {
    const file = path.join(this.path, name);
    const status = await lstat(file, { bigint: true });
    const stamp = stampOf(status);
    const known = this.#entries.get(name);
    if (known?.stamp === stamp) return known;
    const kind = status.isDirectory() ? 'folder' : status.isSymbolicLink() ? 'link' : 'file';
    let bytes: Buffer = Buffer.alloc(0);
    if (kind === 'file') bytes = await readFile(file);
    if (kind === 'link') bytes = Buffer.from(await readlink(file));
    return { name, kind, mode: Number(status.mode) & 0o777, bytes, stamp };
  }
}

function stampOf({ ino, ctimeNs, size, mode }: BigIntStats): string {
  return `${ino} ${ctimeNs} ${size} ${mode}`;
}
