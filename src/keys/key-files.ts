/**
 * The files of a key store: where they lie, under which name, and what they say of themselves without a
 * passphrase (keys.md 4).
 *
 * Besides today's `<key id>.key`, the layout of old versions is read where it is, and never converted or
 * deleted: `root_keys/<id>_root.key`, `tuf_keys/<gun>/<id>_targets.key` (keys.md 4.8).
 */
import { constants, type Dirent } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PseudoRandomFunction } from '../crypto/encrypted-private-key.ts';
import { printable } from '../crypto/printable.ts';
import { decodePrivateKeyPem, inspectPrivateKeyPem } from '../crypto/private-key-pem.ts';
import { KeyError } from '../errors.ts';

const SUFFIX = '.key';
const KEY_ID = /^[0-9a-f]{64}$/;
const KEY_ID_AND_ROLE = /^([0-9a-f]{64})_(.+)$/s;
const LEGACY_FOLDERS = new Set(['root_keys', 'tuf_keys']);
const FILE_LIMIT = 1024 * 1024;
const OTHERS = 0o077;

/** What a key store knows of one file. */
export interface KeyEntry {
  /** The key's ID, as the file name says. */
  readonly id: string;
  /** Role of the header (or of an old file name); empty if there is none. */
  readonly role: string;
  readonly gun?: string;
  readonly path: string;
  /** `legacy`: of the old layout or an old kind of name; `sub-folder`: somewhere below the store's folder. */
  readonly layout: 'current' | 'legacy' | 'sub-folder';
  readonly encrypted: boolean;
  /** Rounds of the derivation of the encryption key, for the usual kind of encryption. */
  readonly iterations?: number;
  /** The hash of that derivation. */
  readonly prf?: PseudoRandomFunction;
  /** When the file was last written (ISO 8601); absent where it cannot be told. */
  readonly modified?: string;
  /** Whether a key could be taken out of it, given the passphrase. */
  readonly usable: boolean;
  /** What is wrong with the file, in words; also for a file that is usable all the same. */
  readonly problem?: string;
}

/** A file, and why no key can be taken out of it. */
export interface KeyFile {
  readonly entry: KeyEntry;
  readonly content?: Uint8Array;
  readonly error?: KeyError;
}

/** Whether a text has the form of a key ID: 64 lower-case hex digits. */
export function isKeyId(text: string): boolean {
  return KEY_ID.test(text);
}

/** The name of a key's file. */
export function keyFileName(id: string): string {
  return `${id}${SUFFIX}`;
}

/**
 * All key files below a folder, which need not exist.
 * @throws KeyError `KEY_STORE_UNREADABLE`
 */
export async function readKeyFiles(folder: string): Promise<KeyFile[]> {
  const files: KeyFile[] = [];
  for (const segments of await findKeyFiles(folder, [])) {
    const file = await readKeyFile(folder, segments);
    if (file !== undefined) files.push(file);
  }
  return files;
}

/**
 * One key file, by its path below the folder; undefined when there is none.
 */
export async function readKeyFile(
  folder: string,
  segments: readonly string[],
): Promise<KeyFile | undefined> {
  const path = join(folder, ...segments);
  const place = { path, ...placeOf(segments) };
  try {
    const file = await readFile(path);
    return file === undefined ? undefined : describe(place, file);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    return unusable(place, error, { role: place.role ?? '', encrypted: false }, []);
  }
}

interface Place {
  readonly id: string;
  readonly path: string;
  readonly layout: KeyEntry['layout'];
  /** An old kind of name where notary does not look for it any more. */
  readonly isMisplaced: boolean;
  /** What an old file name or folder says, which goes before the headers. */
  readonly role?: string;
  readonly gun?: string;
}

interface RawFile {
  readonly content: Uint8Array;
  readonly mode: number;
  readonly modified: Date;
}

async function findKeyFiles(folder: string, way: readonly string[]): Promise<string[][]> {
  let entries: Dirent[];
  const path = join(folder, ...way);
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw new KeyError(
      'KEY_STORE_UNREADABLE',
      `The key store ${printable(path)} cannot be read: ${systemCode(error)}`,
      { hint: 'Check who owns the folder, and its permissions.', cause: error, details: { path } },
    );
  }
  const found: string[][] = [];
  for (const entry of entries) {
    const below = [...way, entry.name];
    if (entry.isDirectory()) found.push(...(await findKeyFiles(folder, below)));
    else if (entry.name.endsWith(SUFFIX)) found.push(below);
  }
  return found;
}

function placeOf(segments: readonly string[]): Omit<Place, 'path'> {
  const [top = ''] = segments;
  const isLegacyFolder = segments.length > 1 && LEGACY_FOLDERS.has(top);
  // The role of an old name may hold a slash: `<id>_targets/releases.key`.
  const withRole = segments.findIndex(segment => KEY_ID_AND_ROLE.test(segment));
  const start = withRole >= 0 ? withRole : segments.length - 1;
  const name = segments.slice(start).join('/').slice(0, -SUFFIX.length);
  const [, id = name, role] = KEY_ID_AND_ROLE.exec(name) ?? [];
  const gun = isLegacyFolder ? segments.slice(1, start).join('/') : '';
  const isLegacy = isLegacyFolder || role !== undefined;
  return {
    id,
    layout: isLegacy ? 'legacy' : segments.length > 1 ? 'sub-folder' : 'current',
    isMisplaced: isLegacy && !isLegacyFolder,
    ...(role === undefined ? {} : { role }),
    ...(gun === '' ? {} : { gun }),
  };
}

function describe(place: Place, file: RawFile): KeyFile {
  const warnings = warningsOf(place, file.mode);
  const info = inspectPrivateKeyPem(file.content);
  const role = place.role ?? info?.headers.get('role') ?? '';
  const gun = place.gun ?? info?.headers.get('gun') ?? '';
  const facts = {
    role,
    ...(gun === '' ? {} : { gun }),
    encrypted: info?.encrypted ?? false,
    ...(info?.iterations === undefined ? {} : { iterations: info.iterations }),
    ...(info?.prf === undefined ? {} : { prf: info.prf }),
    modified: file.modified.toISOString(),
  };
  if (info?.prf !== undefined && info.prf !== 'sha1') {
    warnings.push(
      `notary and docker cannot open it, because it is encrypted with PBKDF2 over ${info.prf}`,
    );
  }
  const error =
    info === undefined
      ? unreadable(file.content)
      : (info.problem ?? nameProblem(place, info, file.content));
  if (error !== undefined) return unusable(place, error, facts, warnings);
  return { entry: entryOf(place, facts, true, warnings), content: file.content };
}

type Facts = Pick<KeyEntry, 'role' | 'gun' | 'encrypted' | 'iterations' | 'prf' | 'modified'>;

function unusable(place: Place, error: KeyError, facts: Facts, warnings: string[]): KeyFile {
  const entry = entryOf(place, facts, false, [error.message, ...warnings]);
  return { entry, error: inKeyFile(place, error) };
}

/** The error with the file it is about. */
export function inKeyFile({ id, path }: { id: string; path: string }, error: KeyError): KeyError {
  return new KeyError(
    error.code,
    `The key file ${printable(path)} cannot be used: ${error.message}`,
    {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      details: { ...error.details, keyId: id, path },
    },
  );
}

function entryOf(place: Place, facts: Facts, usable: boolean, problems: string[]): KeyEntry {
  const { id, path, layout } = place;
  const problem = problems.map(text => text.replace(/\.$/, '')).join('; ');
  return { id, path, layout, ...facts, usable, ...(problem === '' ? {} : { problem }) };
}

/** The error of a file without a PEM block, in the words of the reader. */
function unreadable(content: Uint8Array): KeyError {
  try {
    decodePrivateKeyPem(content, '');
  } catch (error) {
    if (error instanceof KeyError) return error;
  }
  return new KeyError('KEY_FILE_DAMAGED', 'It is not a PEM file');
}

/** Notary believes the file name (keys.md 4.1); where the key can be seen without a passphrase, we compare. */
function nameProblem(
  place: Place,
  info: { encrypted: boolean },
  content: Uint8Array,
): KeyError | undefined {
  if (!info.encrypted) {
    const { id } = decodePrivateKeyPem(content, '');
    return id === place.id ? undefined : idMismatch(place.id, id);
  }
  if (isKeyId(place.id)) return undefined;
  return new KeyError(
    'KEY_ID_MISMATCH',
    'Its name is not a key ID (64 lower-case hexadecimal digits)',
    {
      hint: 'Rename it to the ID of the key inside, followed by “.key”.',
    },
  );
}

/** The error for a key that lies under the ID of another one. */
export function idMismatch(named: string, found: string): KeyError {
  return new KeyError(
    'KEY_ID_MISMATCH',
    `The file is named ${printable(named)}, but the key inside is ${found}`,
    {
      hint: `If the key is right, rename the file to ${keyFileName(found)}.`,
      details: { named, found },
    },
  );
}

function warningsOf(place: Place, mode: number): string[] {
  const warnings: string[] = [];
  if (process.platform !== 'win32' && (mode & OTHERS) !== 0) {
    warnings.push(
      `its mode is 0${(mode & 0o777).toString(8)}, so that others than its owner have access; it should be 0600`,
    );
  }
  if (place.isMisplaced) {
    warnings.push('notary and docker list it but cannot use it under a name that ends in a role');
  }
  if (place.layout === 'sub-folder') {
    warnings.push('it lies in a sub-folder, where notary and docker list it but cannot use it');
  }
  return warnings;
}

/** Reads a plain file without following links, as Notary does. */
async function readFile(path: string): Promise<RawFile | undefined> {
  try {
    // O_NONBLOCK: opening a FIFO would wait for ever.
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    const file = await open(path, flags);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw new KeyError('KEY_FILE_DAMAGED', 'It is not a regular file');
      if (stats.size > FILE_LIMIT) {
        throw new KeyError('KEY_FILE_DAMAGED', `It has ${stats.size} bytes, far more than a key`);
      }
      return { content: await file.readFile(), mode: stats.mode, modified: stats.mtime };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof KeyError) throw error;
    if (isMissing(error)) return undefined;
    if (systemCode(error) === 'ELOOP') {
      throw new KeyError(
        'KEY_FILE_DAMAGED',
        'It is a symbolic link, which notary and docker do not follow either',
        {
          hint: 'Put the key file itself there, or make the whole folder a symbolic link.',
        },
      );
    }
    throw new KeyError('KEY_FILE_UNREADABLE', `It could not be read: ${systemCode(error)}`, {
      hint: 'Check who owns the file, and its permissions.',
      cause: error,
    });
  }
}

function isMissing(error: unknown): boolean {
  return systemCode(error) === 'ENOENT';
}

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
}
