/**
 * Brings private keys from PEM files into a key store. All blocks are read and judged before the first is
 * written; what a block says of itself never decides where it is written, and no stored key is lost
 * (keys.md 7.1, 9).
 */
import { decodeAllPem, type PemBlock } from '../crypto/pem.ts';
import { printable } from '../crypto/printable.ts';
import { KeyError, TabellionError } from '../errors.ts';
import { type ReadKey, readImportBlock } from './import-block.ts';
import type { ImportDefaults } from './import-headers.ts';
import { sealKey } from './key-file-text.ts';
import type { KeyFile, KeyStore } from './key-store.ts';
import { createWithPassphrase, keyName, type PassphraseSource } from './passphrase.ts';
import type { NewKeyFile } from './put-key-files.ts';

export interface ImportOptions {
  readonly defaults: ImportDefaults;
  /** `notary`: only what Notary takes (keys.md 7.1); `all`: every private key that can be used. */
  readonly formats: 'all' | 'notary';
  /**
   * What becomes of the good blocks when others cannot be imported: `refuse`, none is stored; `skip`, they
   * are, as Notary does.
   */
  readonly badBlocks: 'refuse' | 'skip';
  /** What becomes of a stored key that is given again: `keep`, or `replace` if it is proved to be the same key. */
  readonly sameKey: 'keep' | 'replace';
  /** For encrypted keys, and for the files that unencrypted ones get. */
  readonly passphrases: readonly PassphraseSource[];
}

/**
 * - `stored`, `replaced`: it is in the key store, and was read back.
 * - `already-stored`: the key store has this key; its file was left as it is.
 * - `duplicate`: another block of this import is the same key.
 * - `ignored`: no key, and harmless (`EC PARAMETERS`).
 * - `refused`: see `error`.
 * - `not-stored`: nothing is wrong with it, but with another block.
 */
export type ImportStatus =
  | 'stored'
  | 'replaced'
  | 'already-stored'
  | 'duplicate'
  | 'ignored'
  | 'refused'
  | 'not-stored';

export interface ImportedBlock {
  /** Its place in its file, from 1. */
  readonly number: number;
  /** What the block calls itself: `ENCRYPTED PRIVATE KEY`. */
  readonly label: string;
  readonly status: ImportStatus;
  readonly id?: string;
  readonly role?: string;
  readonly gun?: string;
  /** The key file, for a key that is in the store. */
  readonly file?: string;
  /** Whether the ID was computed from the key; else it is what the block says, because the key stayed locked. */
  readonly verified?: boolean;
  /** Whether it is encrypted in another way than in the block: `new` passphrase, or `same` passphrase. */
  readonly reencrypted?: 'new' | 'same';
  readonly error?: TabellionError;
}

/**
 * Imports all blocks of all files, in their order. With `badBlocks: 'refuse'`, a file without any private key
 * counts as bad too.
 * @param files texts with PEM blocks
 * @returns for each file, one entry for each block
 * @throws KeyError `KEY_PASSPHRASE_MISSING` | `KEY_PASSPHRASE_TOO_SHORT` (for the new file of an unencrypted
 *   key) | `KEY_NOT_STORED` | `KEY_STORE_UNREADABLE`; what the writer throws. Then nothing was stored.
 */
export async function importKeys(
  store: KeyStore,
  files: readonly (Uint8Array | string)[],
  options: ImportOptions,
): Promise<ImportedBlock[][]> {
  const judged: Judged[] = [];
  for (const [file, content] of files.entries()) {
    for (const [index, block] of decodeAllPem(content).entries()) {
      judged.push(await judge({ file, number: index + 1, block }, store, judged, options));
    }
  }
  const perFile = (report: (one: Judged) => ImportedBlock): ImportedBlock[][] =>
    files.map((_, file) => judged.filter(one => one.file === file).map(report));
  const isBad =
    judged.some(({ status }) => status === 'refused') ||
    perFile(reportOf).some(blocks => blocks.every(({ status }) => status === 'ignored'));
  if (isBad && options.badBlocks === 'refuse') return perFile(leftOut);
  const writes: { judged: Judged; file: NewKeyFile }[] = [];
  for (const one of judged) {
    const file = await newFile(one, store, options);
    if (file !== undefined) writes.push({ judged: one, file });
  }
  const paths = await store.put(writes.map(({ file }) => file));
  const written = new Map(writes.map((write, index) => [write.judged, paths[index] ?? '']));
  return perFile(one => {
    const path = written.get(one);
    return path === undefined ? reportOf(one) : { ...reportOf(one), file: path };
  });
}

interface Candidate {
  /** Which of the files it is in. */
  readonly file: number;
  readonly number: number;
  readonly block: PemBlock;
}

interface Judged extends Candidate {
  /** `stored` and `replaced` are still to be done. */
  readonly status: ImportStatus;
  readonly key?: ReadKey;
  readonly existing?: KeyFile;
  readonly error?: TabellionError;
}

async function judge(
  candidate: Candidate,
  store: KeyStore,
  before: readonly Judged[],
  options: ImportOptions,
): Promise<Judged> {
  try {
    const key = await readImportBlock(candidate.block, {
      ...options,
      encryption: store.encryption,
    });
    if (key.kind === 'ignored') return { ...candidate, status: 'ignored' };
    const earlier = before.find(one => one.key?.id === key.id && one.status !== 'refused');
    if (earlier?.key !== undefined) {
      checkSameRole(key, earlier.key.role, earlier.key.gun, 'comes before in the same import');
      const isSame = isProved(key, earlier.key) || key.pem === earlier.key.pem;
      if (!isSame) throw cannotTell(key.id, 'an earlier block of this import');
      return { ...candidate, key, status: 'duplicate' };
    }
    const existing = await store.file(key.id);
    if (existing === undefined) return { ...candidate, key, status: 'stored' };
    return { ...candidate, key, existing, status: statusBeside(key, existing, options) };
  } catch (error) {
    // That is no fault of this block.
    const isOfStore = error instanceof KeyError && error.code === 'KEY_STORE_UNREADABLE';
    if (isOfStore || !(error instanceof TabellionError)) throw error;
    return { ...candidate, status: 'refused', error };
  }
}

function statusBeside(key: ReadKey, existing: KeyFile, { sameKey }: ImportOptions): ImportStatus {
  const { entry, content, error } = existing;
  if (content === undefined) {
    throw new KeyError(
      'KEY_EXISTS',
      `There is a file for the key ${key.id} already, which cannot be used: ${error?.message ?? ''}`,
      {
        hint: 'Move that file out of the key store, and import the key again.',
        details: { keyId: key.id, path: entry.path },
      },
    );
  }
  checkSameRole(key, entry.role, undefined, 'is stored already');
  if (key.pem === Buffer.from(content).toString('utf8')) return 'already-stored';
  // A locked key might be another one under a false name, and take the place of a good one.
  if (key.key === undefined) throw cannotTell(key.id, printable(entry.path));
  const mayReplace = sameKey === 'replace' && entry.layout === 'current' && entry.role === key.role;
  return mayReplace ? 'replaced' : 'already-stored';
}

/** Notary overwrites the stored file, and with it what the key is for. */
function checkSameRole(key: ReadKey, role: string, gun: string | undefined, where: string): void {
  if (role === key.role || !key.isRoleGiven) return;
  const known = keyName({ keyId: key.id, role, ...(gun === undefined ? {} : { gun }) });
  throw new KeyError(
    'KEY_EXISTS',
    `${known.slice(0, 1).toUpperCase()}${known.slice(1)} ${where}, so it cannot be imported as a ${printable(key.role)} key too`,
    {
      hint: 'Import it under the role that it has, or remove the stored key first.',
      details: { keyId: key.id, role },
    },
  );
}

function isProved(one: ReadKey, other: ReadKey): boolean {
  return one.key !== undefined && other.key !== undefined;
}

function cannotTell(id: string, where: string): KeyError {
  return new KeyError(
    'KEY_EXISTS',
    `It calls itself ${id}, as does ${where}, and without its passphrase nobody can tell whether both are the same key`,
    {
      hint: 'Give its passphrase in the environment, or remove the stored key first.',
      details: { keyId: id },
    },
  );
}

async function newFile(
  one: Judged,
  store: KeyStore,
  options: ImportOptions,
): Promise<NewKeyFile | undefined> {
  const { key, existing } = one;
  if (key === undefined || (one.status !== 'stored' && one.status !== 'replaced')) return undefined;
  return {
    id: key.id,
    text: key.pem ?? (await seal(key, store, options)),
    ...(existing?.content === undefined ? {} : { before: existing.content }),
  };
}

/** An unencrypted key gets a passphrase, as a new key does. */
async function seal(
  read: ReadKey,
  { encryption }: KeyStore,
  { passphrases }: ImportOptions,
): Promise<string> {
  const { id, role, gun, key, headers } = read;
  if (key === undefined) throw new KeyError('KEY_NOT_STORED', `The key ${id} could not be opened`);
  const subject = { keyId: id, role, ...(gun === undefined ? {} : { gun }) };
  return createWithPassphrase(passphrases, subject, async passphrase =>
    sealKey(key, passphrase, headers, encryption),
  );
}

function leftOut(one: Judged): ImportedBlock {
  const wasGood =
    one.status === 'stored' || one.status === 'replaced' || one.status === 'duplicate';
  return reportOf(wasGood ? { ...one, status: 'not-stored' } : one);
}

function reportOf({ number, block, status, key, existing, error }: Judged): ImportedBlock {
  const isWritten = status === 'stored' || status === 'replaced';
  const reencrypted =
    key?.encrypted === false ? 'new' : key?.converted === true ? 'same' : undefined;
  // What is in the store counts, where the block does not say.
  const entry = status === 'already-stored' ? existing?.entry : undefined;
  const { role, gun } = entry ?? key ?? {};
  return {
    number,
    label: block.label,
    status,
    ...(key === undefined ? {} : { id: key.id, verified: key.key !== undefined }),
    ...(role === undefined ? {} : { role }),
    ...(gun === undefined ? {} : { gun }),
    ...(entry === undefined ? {} : { file: entry.path }),
    ...(isWritten && reencrypted !== undefined ? { reencrypted } : {}),
    ...(error === undefined ? {} : { error }),
  };
}
