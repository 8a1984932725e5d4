/** Private keys from files into the trust directory. */
import { printable } from '../../crypto/printable.ts';
import { KeyError, type TabellionError } from '../../errors.ts';
import {
  type ImportedBlock,
  type ImportStatus,
  importKeys as importBlocks,
} from '../../keys/import-keys.ts';
import type { PassphraseSource } from '../../keys/passphrase.ts';
import { type InputFile, readInputFile } from '../read-input-file.ts';
import type { Session } from '../session.ts';

export type { ImportedBlock, ImportStatus } from '../../keys/import-keys.ts';

/** Some ten thousand keys. */
const FILE_LIMIT = 16 * 1024 * 1024;

export interface ImportKeysRequest {
  /** PEM files, each with any number of blocks. */
  readonly files: readonly string[];
  /** For keys whose header does not say it; `delegation` unless told. */
  readonly role?: string;
  /** The GUN of targets, snapshot and timestamp keys whose header does not say it. */
  readonly gun?: string;
  /** `notary`: only what Notary takes; default `all`. */
  readonly formats?: 'all' | 'notary';
  /** `refuse` (default): one bad block, and nothing is stored; `skip`: the others are, as Notary does. */
  readonly badBlocks?: 'refuse' | 'skip';
  /** `keep` (default): a key that is stored keeps its file; `replace`: it gets the imported one, if it is proved to be the same key. */
  readonly sameKey?: 'keep' | 'replace';
  /** Instead of the session's: Notary has new ones for each file. */
  readonly passphrases?: readonly PassphraseSource[];
  /** Takes no file that others than its owner can read or write. */
  readonly ownerOnly?: boolean;
}

export interface ImportKeysReport {
  readonly privateDir: string;
  readonly files: readonly ImportedFile[];
  /** False if a block was refused, or a file holds no private key at all: then something that was asked for is not in the store. */
  readonly complete: boolean;
}

export interface ImportedFile {
  readonly file: string;
  /** Others than its owner can read or write it. */
  readonly othersHaveAccess: boolean;
  /** In their order. */
  readonly blocks: readonly ImportedBlock[];
  /** `KEY_FILE_EMPTY`: there is no private key in it, not even a bad one. */
  readonly error?: TabellionError;
}

/**
 * Imports all keys of all files, or none (see `badBlocks`). What is reported as stored was read back.
 * @throws OperationError `FILE_NOT_READABLE` | `FILE_TOO_LARGE`; KeyError `KEY_FILE_OPEN_TO_OTHERS` | `KEY_PASSPHRASE_MISSING` |
 *   `KEY_PASSPHRASE_TOO_SHORT` | `KEY_NOT_STORED` | `KEY_STORE_UNREADABLE`. Then nothing was stored.
 */
export async function importKeys(
  session: Session,
  request: ImportKeysRequest,
): Promise<ImportKeysReport> {
  const { role, gun, formats = 'all', badBlocks = 'refuse', sameKey = 'keep' } = request;
  const inputs: InputFile[] = [];
  for (const file of request.files) {
    const input = await readInputFile(file, FILE_LIMIT);
    if (input.othersHaveAccess && request.ownerOnly === true) throw openToOthers(file);
    inputs.push(input);
  }
  const imported = await importBlocks(
    await session.keys(),
    inputs.map(({ content }) => content),
    {
      defaults: {
        ...(role === undefined ? {} : { role }),
        ...(gun === undefined ? {} : { gun }),
      },
      formats,
      badBlocks,
      sameKey,
      passphrases: request.passphrases ?? (await session.passphrases()),
    },
  );
  const files = request.files.map((file, index): ImportedFile => {
    const blocks = imported[index] ?? [];
    const hasKey = blocks.some(({ status }) => status !== 'ignored');
    return {
      file,
      othersHaveAccess: inputs[index]?.othersHaveAccess ?? false,
      blocks,
      ...(hasKey ? {} : { error: noKey(file) }),
    };
  });
  const privateDir = session.trustDir.privateDir;
  return { privateDir, files, complete: files.every(isComplete) };
}

const COMPLETE = new Set<ImportStatus>([
  'stored',
  'replaced',
  'already-stored',
  'duplicate',
  'ignored',
]);

function isComplete({ error, blocks }: ImportedFile): boolean {
  return error === undefined && blocks.every(({ status }) => COMPLETE.has(status));
}

function openToOthers(file: string): KeyError {
  return new KeyError(
    'KEY_FILE_OPEN_TO_OTHERS',
    `Others than its owner can read or write ${printable(file)}`,
    {
      hint: 'Set its mode to 0600; if others may have read it, make a new key.',
      details: { path: file },
    },
  );
}

function noKey(file: string): KeyError {
  return new KeyError('KEY_FILE_EMPTY', `There is no private key in ${printable(file)}`, {
    hint: 'Give a PEM file, with a line “-----BEGIN … PRIVATE KEY-----”.',
    details: { path: file },
  });
}
