/**
 * Private keys in the files of a trust directory, shared with notary and docker (keys.md 4, 5).
 */
import { stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { printable } from '../crypto/printable.ts';
import { generatePrivateKey, type PrivateKey } from '../crypto/private-key.ts';
import {
  decodePrivateKeyPemAsync,
  type EncryptionParameters,
  encodePrivateKeyPem,
} from '../crypto/private-key-pem.ts';
import { KeyError, UsageError } from '../errors.ts';
import {
  idMismatch,
  inKeyFile,
  isKeyId,
  type KeyEntry,
  type KeyFile,
  keyFileName,
  readKeyFile,
  readKeyFiles,
} from './key-files.ts';
import { needsGun } from './key-roles.ts';
import { createWithPassphrase, keyName, type PassphraseSource, unlock } from './passphrase.ts';
import { type NewKeyFile, putKeyFiles } from './put-key-files.ts';
import { removeKeyFiles } from './remove-key-files.ts';
import { replaceKeyFile } from './replace-key-file.ts';

export type { KeyEntry, KeyFile } from './key-files.ts';

/** Replaces a file in one step, and makes its folder if told. */
export type KeyFileWriter = (
  path: string,
  text: string | Uint8Array,
  options: { readonly mode: number; readonly makeFolder: boolean },
) => Promise<void>;

export interface KeyStoreOptions {
  /** `<trust dir>/private`; need not exist. */
  readonly privateDir: string;
  /** In the order in which they are asked: environment, keychain, prompt. */
  readonly passphrases: readonly PassphraseSource[];
  readonly writeFile: KeyFileWriter;
  /** How new key files are encrypted. */
  readonly encryption: EncryptionParameters;
}

/** What a key is for. */
export interface KeyUse {
  /** `root`, `targets`, `snapshot`, a signer's name …; becomes the header of the file as it is. */
  readonly role: string;
  /** Kept for `targets`, `snapshot` and `timestamp` only (keys.md 5.4). */
  readonly gun?: string;
}

/** A key with what opened its file; the empty passphrase for one that is not encrypted. */
export interface OpenedKeyFile {
  readonly key: PrivateKey;
  readonly passphrase: string;
  readonly file: KeyFile;
}

const OWNER_ONLY = 0o600;
const OTHERS = 0o077;
const LAYOUT_ORDER: readonly KeyEntry['layout'][] = ['current', 'legacy', 'sub-folder'];

export class KeyStore {
  readonly privateDir: string;
  /** How new key files are encrypted. */
  readonly encryption: EncryptionParameters;
  readonly #options: KeyStoreOptions;
  readonly #opened = new Map<string, PrivateKey>();
  /** One key is unlocked at a time: there is one terminal, and what is typed for one may open the next. */
  #unlocking: Promise<unknown> = Promise.resolve();

  constructor(options: KeyStoreOptions) {
    this.privateDir = options.privateDir;
    this.encryption = options.encryption;
    this.#options = options;
  }

  /**
   * All key files, those that cannot be used too: root keys first, then by GUN, role, ID and path.
   * @throws KeyError `KEY_STORE_UNREADABLE`
   */
  async list(): Promise<KeyEntry[]> {
    const files = await readKeyFiles(this.privateDir);
    return files.map(file => file.entry).sort(compareEntries);
  }

  /** The keys that can be used whose header names exactly this role, smallest ID first; over all GUNs (keys.md 5.2). */
  async keysOfRole(role: string): Promise<KeyEntry[]> {
    const entries = (await this.list()).filter(entry => entry.usable && entry.role === role);
    return entries.sort((a, b) => compareText(a.id, b.id));
  }

  /** The root key for a new repository: with several, the one with the smallest ID, as docker does (keys.md 5.3). */
  async findRoot(): Promise<KeyEntry | undefined> {
    return (await this.keysOfRole('root'))[0];
  }

  /** What is known of a key; undefined when no file has its name. */
  async find(id: string): Promise<KeyEntry | undefined> {
    return (await this.#file(id))?.entry;
  }

  /** The file of a key with its content, as {@link open} would use it; undefined when no file has its name. */
  async file(id: string): Promise<KeyFile | undefined> {
    return this.#file(id);
  }

  /** All files of all keys, also those that cannot be used. */
  async files(): Promise<KeyFile[]> {
    return readKeyFiles(this.privateDir);
  }

  /**
   * Puts key files in place, all or none; each is read back.
   * @returns the paths
   * @throws KeyError `KEY_NOT_STORED`; what the writer throws
   */
  async put(files: readonly NewKeyFile[]): Promise<string[]> {
    const paths = await putKeyFiles(this.privateDir, this.#options.writeFile, files);
    for (const { id } of files) this.#opened.delete(id);
    return paths;
  }

  /** Whether there is a file for the key. Whether it can be opened is another question. */
  async has(id: string): Promise<boolean> {
    return this.#opened.has(id) || (await this.#file(id)) !== undefined;
  }

  /** What is wrong with the folder as a whole. */
  async folderProblem(): Promise<string | undefined> {
    if (process.platform === 'win32') return undefined;
    const mode = await stat(this.privateDir).then(
      stats => stats.mode,
      () => 0,
    );
    if ((mode & OTHERS) === 0) return undefined;
    return `The mode of ${printable(this.privateDir)} is 0${(mode & 0o777).toString(8)}, so that others than its owner have access; it should be 0700`;
  }

  /**
   * The private key of an ID, decrypted once in the life of this object.
   * @throws KeyError `KEY_NOT_FOUND` | `KEY_PASSPHRASE_MISSING` | `KEY_PASSPHRASE_WRONG` | `KEY_ID_MISMATCH` |
   *   `KEY_FILE_DAMAGED` | `KEY_FILE_UNREADABLE` | `KEY_UNSUPPORTED`
   */
  async open(id: string): Promise<PrivateKey> {
    return this.#inTurn(async () => this.#opened.get(id) ?? (await this.#open(id)).key);
  }

  /** Opens the file of a key anew, to encrypt it in another way. Errors as {@link open}. */
  async openFile(id: string): Promise<OpenedKeyFile> {
    return this.#inTurn(() => this.#open(id));
  }

  /**
   * Replaces the content of a key's file; a copy of the old one lies beside it until the new one has been read back.
   * @param isGood judges what was read back
   * @throws KeyError `KEY_NOT_STORED` | `KEY_CHANGED`; what the writer throws. Then the old content is there.
   */
  async replace(
    { entry, content }: KeyFile,
    text: string,
    isGood: (readBack: Uint8Array) => Promise<boolean>,
  ): Promise<void> {
    const { id, path } = entry;
    const before = content ?? new Uint8Array();
    await replaceKeyFile(this.#options.writeFile, { id, path, before, text, isGood });
    this.#opened.delete(id);
  }

  /**
   * Stores a key, encrypted with a new passphrase, and reads it back before it returns. A key that is there
   * already with the same role stays as it is, with its passphrase.
   * @throws KeyError `KEY_EXISTS` (under another role) | `KEY_PASSPHRASE_MISSING` | `KEY_NOT_STORED` |
   *   UsageError `KEY_ROLE_INVALID` | what the writer throws
   */
  async add(key: PrivateKey, use: KeyUse): Promise<void> {
    checkHeader('role', use.role);
    checkHeader('GUN', use.gun ?? '');
    const existing = await this.#file(key.id);
    if (existing === undefined) await this.#write(key, use);
    else checkSame(existing, key, use);
    this.#opened.set(key.id, key);
  }

  /** Makes a key (ECDSA on P-256 unless told) and stores it. Errors as {@link add}. */
  async generate(use: KeyUse & { algorithm?: 'ecdsa' | 'ed25519' }): Promise<PrivateKey> {
    const key = generatePrivateKey(use.algorithm ?? 'ecdsa');
    await this.add(key, use);
    return key;
  }

  /**
   * Removes the files of a key, all or none.
   * @returns the paths
   * @throws KeyError `KEY_NOT_FOUND` | `KEY_NOT_REMOVED`
   */
  async remove(id: string): Promise<string[]> {
    const files = (await readKeyFiles(this.privateDir)).filter(file => file.entry.id === id);
    if (files.length === 0) throw this.#notFound(id);
    const paths = files.map(({ entry }) => entry.path);
    await removeKeyFiles(id, paths);
    this.#opened.delete(id);
    return paths;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#unlocking.then(work);
    this.#unlocking = turn.catch(() => {});
    return turn;
  }

  async #open(id: string): Promise<OpenedKeyFile> {
    const file = await this.#file(id);
    if (file === undefined) throw this.#notFound(id);
    const { entry, content } = file;
    if (content === undefined) throw file.error ?? this.#notFound(id);
    const opened = await this.#decrypt(entry, content);
    if (opened.key.id !== id) throw inKeyFile(entry, idMismatch(id, opened.key.id));
    this.#opened.set(id, opened.key);
    return { ...opened, file };
  }

  async #decrypt(
    entry: KeyEntry,
    content: Uint8Array,
  ): Promise<Pick<OpenedKeyFile, 'key' | 'passphrase'>> {
    // An unencrypted key never makes anyone ask for a passphrase.
    const withoutPassphrase = await tryPassphrase(entry, content, '');
    if (withoutPassphrase !== undefined) return { key: withoutPassphrase, passphrase: '' };
    const { id, role, gun } = entry;
    const subject = { keyId: id, role, ...(gun === undefined ? {} : { gun }) };
    return unlock(this.#options.passphrases, subject, async passphrase => {
      const key = await tryPassphrase(entry, content, passphrase);
      if (key === undefined) return undefined;
      // Before anybody hears of it: what opens another key is not to be kept as this one's passphrase.
      if (key.id !== id) throw inKeyFile(entry, idMismatch(id, key.id));
      return { key, passphrase };
    });
  }

  /** The file for an ID: the usual place first, then a search for old layouts. */
  async #file(id: string): Promise<KeyFile | undefined> {
    const usual = isKeyId(id) ? await readKeyFile(this.privateDir, [keyFileName(id)]) : undefined;
    if (usual?.entry.usable) return usual;
    const files = (await readKeyFiles(this.privateDir)).filter(file => file.entry.id === id);
    return files.sort(
      (a, b) =>
        Number(b.entry.usable) - Number(a.entry.usable) ||
        LAYOUT_ORDER.indexOf(a.entry.layout) - LAYOUT_ORDER.indexOf(b.entry.layout) ||
        compareText(a.entry.path, b.entry.path),
    )[0];
  }

  async #write(key: PrivateKey, use: KeyUse): Promise<void> {
    const gun = needsGun(use.role) ? use.gun : undefined;
    const headers = { role: use.role, ...(gun === undefined ? {} : { gun }) };
    await createWithPassphrase(
      this.#options.passphrases,
      { keyId: key.id, ...headers },
      async passphrase => {
        const text = encodePrivateKeyPem(key, {
          ...headers,
          passphrase,
          encryption: this.encryption,
        });
        const path = join(this.privateDir, keyFileName(key.id));
        await this.#options.writeFile(path, text, { mode: OWNER_ONLY, makeFolder: true });
        await this.#readBack(key, passphrase, text, path);
      },
    );
  }

  /** Nothing may be published that needs a key which is not on the disk. */
  async #readBack(key: PrivateKey, passphrase: string, text: string, path: string): Promise<void> {
    const { content } = (await readKeyFile(this.privateDir, [keyFileName(key.id)])) ?? {};
    const isWhole =
      content !== undefined &&
      Buffer.compare(content, Buffer.from(text, 'utf8')) === 0 &&
      (await decodePrivateKeyPemAsync(content, passphrase)).id === key.id;
    if (isWhole) return;
    await unlink(path).catch(() => {});
    throw new KeyError(
      'KEY_NOT_STORED',
      `The new key was written to ${printable(path)}, but what is read there is not the same`,
      {
        hint: 'Check the disk; nothing was made that needs the key.',
        details: { keyId: key.id, path },
      },
    );
  }

  #notFound(id: string): KeyError {
    return keyNotFound(id, this.privateDir);
  }
}

/** The error for a key that is not in a store. */
export function keyNotFound(id: string, privateDir: string): KeyError {
  return new KeyError(
    'KEY_NOT_FOUND',
    `There is no private key ${printable(id)} in ${printable(privateDir)}`,
    {
      hint: 'Import the key, or use the trust directory that has it.',
      details: { keyId: id, privateDir },
    },
  );
}

/** undefined for a wrong passphrase. */
async function tryPassphrase(
  entry: KeyEntry,
  content: Uint8Array,
  passphrase: string,
): Promise<PrivateKey | undefined> {
  try {
    return await decodePrivateKeyPemAsync(content, passphrase);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    if (error.code === 'KEY_PASSPHRASE_WRONG') return undefined;
    throw inKeyFile(entry, error);
  }
}

function checkSame(existing: KeyFile, key: PrivateKey, use: KeyUse): void {
  const { entry, error } = existing;
  if (error !== undefined) throw error;
  if (entry.role === use.role) return;
  throw new KeyError(
    'KEY_EXISTS',
    `${sentence(keyName({ keyId: key.id, role: entry.role, ...(entry.gun === undefined ? {} : { gun: entry.gun }) }))} is stored already, so it cannot be stored as a ${printable(use.role)} key too`,
    {
      hint: 'Use another key for this role.',
      details: { keyId: key.id, role: entry.role, path: entry.path },
    },
  );
}

/** A header is one line, and readers trim it. */
function checkHeader(what: string, text: string): void {
  if (text === printable(text) && text === text.trim()) return;
  throw new UsageError(
    'KEY_ROLE_INVALID',
    `“${printable(text)}” cannot be the ${what} of a key: it has a control character, or a space at its end`,
  );
}

function compareEntries(a: KeyEntry, b: KeyEntry): number {
  return (
    Number(b.role === 'root') - Number(a.role === 'root') ||
    compareText(a.gun ?? '', b.gun ?? '') ||
    compareText(a.role, b.role) ||
    compareText(a.id, b.id) ||
    compareText(a.path, b.path)
  );
}

function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}

function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
