/**
 * A storage in a folder, for one server process at a time.
 *
 *     trust-server.json                    says what this folder is
 *     changes/000000000001/change.json     an entry of the change log …
 *     changes/000000000001/<sha256>.json   … and the metadata files that came with it
 *     keys/<key ID>.key                    a key of the server's own: PKCS#8, not encrypted
 *
 * A change is written into a temporary folder, flushed, and renamed into place: one step, so that a process
 * killed at any moment leaves all of it or nothing. Nothing is ever written over.
 *
 * The server must sign by itself after a restart, with nobody there to type a passphrase. So its keys lie
 * unencrypted, readable for the owner of the folder alone (0600), as those of any TLS server do.
 */
import { randomBytes } from 'node:crypto';
import { readdir, readFile, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '../crypto/digest.ts';
import { decodePem, encodePem } from '../crypto/pem.ts';
import { printable } from '../crypto/printable.ts';
import { PrivateKey } from '../crypto/private-key.ts';
import { OperationError } from '../errors.ts';
import {
  makeFolder,
  renameFile,
  syncFolder,
  writeFileAtomic,
  writeNewFile,
} from '../trust-dir/atomic-file.ts';
import { isMissing, readError, writeError } from '../trust-dir/file-error.ts';
import type { FilePlace, LogEntry, LoggedFile } from './change-log.ts';
import { type DirectoryLock, lockDirectory } from './directory-lock.ts';
import { LogStorage } from './log-storage.ts';
import type { ManagedRole } from './storage.ts';

const MARKER = 'trust-server.json';
const MARKER_TEXT = `${JSON.stringify({ format: 'tabellion-trust-server', version: 1 })}\n`;
const CHANGE_FOLDER = /^[0-9]{12}$/;
const TEMPORARY = '.new-';
const KEY_FILE = /^[0-9a-f]{64}\.key$/;

export class FolderStorage extends LogStorage {
  readonly #lock: DirectoryLock;
  readonly #changes: string;
  readonly #keys: string;

  private constructor(directory: string, lock: DirectoryLock) {
    super();
    this.#lock = lock;
    this.#changes = join(directory, 'changes');
    this.#keys = join(directory, 'keys');
  }

  /**
   * Opens the folder, or makes it.
   * @throws OperationError `DIRECTORY_NOT_EMPTY` when it holds something else, `DIRECTORY_LOCKED` when another
   *   server uses it, `SERVER_DATA_DAMAGED`, `FILE_NOT_READABLE`, `FILE_NOT_WRITABLE`
   */
  static async open(directory: string): Promise<FolderStorage> {
    await makeFolder(directory).catch((error: unknown) => {
      throw writeError(error, directory);
    });
    await checkPurpose(directory);
    const lock = await lockDirectory(directory);
    try {
      await writeFileAtomic(join(directory, MARKER), MARKER_TEXT);
      const storage = new FolderStorage(directory, lock);
      await storage.#readAll();
      return storage;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#lock.release();
  }

  protected async persist(
    entry: LogEntry,
    contents: ReadonlyMap<string, Uint8Array>,
  ): Promise<void> {
    this.#lock.check();
    const folder = this.#folderOf(entry.id);
    const temporary = join(this.#changes, `${TEMPORARY}${randomBytes(8).toString('hex')}`);
    try {
      await makeFolder(temporary);
      for (const [sha256, bytes] of contents)
        await writeNewFile(join(temporary, `${sha256}.json`), bytes);
      await writeNewFile(join(temporary, 'change.json'), encodeEntry(entry));
      await syncFolder(temporary);
      await renameFile(temporary, folder);
      await syncFolder(this.#changes);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true }).catch(() => {});
      throw writeError(error, folder);
    }
  }

  protected async load(place: FilePlace): Promise<Uint8Array> {
    const path = this.#pathOf(place);
    const bytes = await readFile(path).catch((error: unknown) => {
      throw isMissing(error) ? damaged(path, 'it is missing') : readError(error, path);
    });
    if (sha256Hex(bytes) !== place.sha256)
      throw damaged(path, 'its content is not what was stored');
    return bytes;
  }

  protected async discard(places: readonly FilePlace[]): Promise<void> {
    // What cannot be removed now goes at the next start.
    for (const place of places) await unlink(this.#pathOf(place)).catch(() => {});
  }

  protected async persistKey(gun: string, role: ManagedRole, key: PrivateKey): Promise<void> {
    this.#lock.check();
    const headers: [string, string][] = [
      // Encoded, since a header loses blanks at its ends.
      ['gun', encodeURI(gun)],
      ['role', role],
    ];
    const pem = encodePem({ label: 'PRIVATE KEY', headers, bytes: key.toPkcs8() });
    await writeFileAtomic(join(this.#keys, `${key.id}.key`), pem);
  }

  async #readAll(): Promise<void> {
    for (const folder of [this.#changes, this.#keys]) {
      await makeFolder(folder).catch((error: unknown) => {
        throw writeError(error, folder);
      });
    }
    await this.#readKeys();
    const names = (await readdir(this.#changes)).sort();
    for (const name of names) {
      if (name.startsWith(TEMPORARY))
        await rm(join(this.#changes, name), { recursive: true, force: true });
      else if (CHANGE_FOLDER.test(name)) await this.#readChange(Number(name));
    }
  }

  async #readChange(id: number): Promise<void> {
    const path = join(this.#folderOf(id), 'change.json');
    if (id !== this.log.nextId) throw damaged(this.#folderOf(this.log.nextId), 'it is missing');
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      throw isMissing(error) ? damaged(path, 'it is missing') : readError(error, path);
    });
    const entry = decodeEntry(text, id);
    if (entry === undefined) throw damaged(path, 'it is no change');
    const before = entry.category === 'deletion' ? this.log.filesOf(entry.gun) : [];
    this.log.apply(entry);
    await this.discard(before);
  }

  async #readKeys(): Promise<void> {
    for (const name of (await readdir(this.#keys)).sort()) {
      if (!KEY_FILE.test(name)) continue;
      const path = join(this.#keys, name);
      const block = decodePem(
        await readFile(path).catch((error: unknown) => {
          throw readError(error, path);
        }),
      );
      const gun = block?.headers.get('gun');
      const role = block?.headers.get('role');
      if (
        block === undefined ||
        gun === undefined ||
        (role !== 'timestamp' && role !== 'snapshot')
      ) {
        throw damaged(path, 'it is no key of this server');
      }
      const key = PrivateKey.fromPkcs8(block.bytes);
      if (`${key.id}.key` !== name) throw damaged(path, 'its name belongs to another key');
      this.rememberKey(decodeURI(gun), role, key);
    }
  }

  #folderOf(id: number): string {
    return join(this.#changes, String(id).padStart(12, '0'));
  }

  #pathOf({ entry, sha256 }: FilePlace): string {
    return join(this.#folderOf(entry), `${sha256}.json`);
  }
}

/** A slip of the hand must not scatter a server's files over a home folder. */
async function checkPurpose(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error: unknown) => {
    throw readError(error, directory);
  });
  if (names.includes(MARKER) || names.every(name => name.startsWith('.'))) return;
  throw new OperationError(
    'DIRECTORY_NOT_EMPTY',
    `${printable(directory)} holds other files, and no data of a trust server`,
    { hint: 'Give a new or an empty directory.', details: { path: directory } },
  );
}

function encodeEntry({ at, gun, category, files, signedBy }: LogEntry): string {
  return `${JSON.stringify({ at: at.toISOString(), gun, category, files, signedBy }, null, 2)}\n`;
}

function decodeEntry(text: string, id: number): LogEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { at, gun, category, files, signedBy } = value as Record<string, unknown>;
  if (typeof at !== 'string' || Number.isNaN(Date.parse(at)) || typeof gun !== 'string')
    return undefined;
  if (category !== 'update' && category !== 'deletion') return undefined;
  if (!Array.isArray(files) || !files.every(isLoggedFile)) return undefined;
  if (!Array.isArray(signedBy) || !signedBy.every(keyId => typeof keyId === 'string'))
    return undefined;
  return { id, at: new Date(at), gun, category, files, signedBy };
}

function isLoggedFile(value: unknown): value is LoggedFile {
  if (typeof value !== 'object' || value === null) return false;
  const { role, version, sha256, length } = value as Record<string, unknown>;
  return (
    typeof role === 'string' &&
    Number.isSafeInteger(version) &&
    Number.isSafeInteger(length) &&
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256)
  );
}

function damaged(path: string, why: string): OperationError {
  return new OperationError(
    'SERVER_DATA_DAMAGED',
    `The trust server's data is damaged at ${printable(path)}: ${why}`,
    {
      hint: 'Restore the whole directory from a backup; single files of different ages do not fit together.',
      details: { path },
    },
  );
}
