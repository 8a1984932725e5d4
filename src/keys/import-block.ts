/**
 * One PEM block of a file to import: is it a private key, whose is it, and how will it be stored? Nothing is
 * written here (keys.md 7.1).
 */
import { encodePem, type PemBlock } from '../crypto/pem.ts';
import { printable } from '../crypto/printable.ts';
import type { PrivateKey } from '../crypto/private-key.ts';
import {
  decodePrivateKeyPemAsync,
  type EncryptionParameters,
  inspectPrivateKeyPem,
  type PrivateKeyPemInfo,
} from '../crypto/private-key-pem.ts';
import { KeyError } from '../errors.ts';
import { mayBeForeignKey, openForeignKey } from './foreign-key.ts';
import { type ImportDefaults, type ImportHeaders, readImportHeaders } from './import-headers.ts';
import { noWeakerThan, sealKey } from './key-file-text.ts';
import { type PassphraseSource, unlock } from './passphrase.ts';

export interface ReadBlockOptions {
  readonly defaults: ImportDefaults;
  /** `notary`: only what Notary takes; `all`: also encrypted keys that do not name themselves, and keys of other programs. */
  readonly formats: 'all' | 'notary';
  /** For encrypted keys. */
  readonly passphrases: readonly PassphraseSource[];
  /** For what cannot be stored as it is. */
  readonly encryption: EncryptionParameters;
}

/** A private key that could be stored. */
export interface ReadKey {
  readonly kind: 'key';
  readonly id: string;
  readonly role: string;
  /** Whether anybody said the role. */
  readonly isRoleGiven: boolean;
  readonly gun?: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly encrypted: boolean;
  /** The key, where the block could be opened; else its ID is only what the block claims. */
  readonly key?: PrivateKey;
  /** The file to store; absent for an unencrypted key, which needs a passphrase first. */
  readonly pem?: string;
  /** Whether the encryption is another one than in the block; the passphrase is the same. */
  readonly converted: boolean;
}

/** Parameters of a curve, which `openssl ecparam -genkey` puts before the key. */
export interface IgnoredBlock {
  readonly kind: 'ignored';
}

const IGNORED = 'EC PARAMETERS';
const PRIVATE_KEY = /(?:^| )PRIVATE KEY$/;

/**
 * Reads one block, and opens it as far as that is needed and possible: an encrypted key that does not say its
 * ID always, one that does only if nobody has to be asked for its passphrase.
 * @throws KeyError `KEY_NOT_PRIVATE` | `KEY_PATH_MISSING` (`notary` only) | `KEY_GUN_MISSING` |
 *   `KEY_ROLE_INVALID` | `KEY_ID_MISMATCH` | `KEY_FILE_DAMAGED` | `KEY_UNSUPPORTED` |
 *   `KEY_PASSPHRASE_MISSING` | `KEY_PASSPHRASE_WRONG`; UsageError `GUN_INVALID`
 */
export async function readImportBlock(
  block: PemBlock,
  options: ReadBlockOptions,
): Promise<ReadKey | IgnoredBlock> {
  if (block.label === IGNORED) return { kind: 'ignored' };
  if (!PRIVATE_KEY.test(block.label)) throw notPrivate(block.label);
  const named = readImportHeaders(block.headers, options.defaults);
  const { headers } = named;
  const text = encodePem({ label: block.label, headers, bytes: block.bytes });
  const info = inspectPrivateKeyPem(text);
  if (info === undefined) throw new KeyError('KEY_FILE_DAMAGED', 'It cannot be read back');
  const candidate: Candidate = { block, named, text, info, options };
  return info.encrypted ? readEncrypted(candidate) : readPlain(candidate);
}

interface Candidate {
  readonly block: PemBlock;
  readonly named: ImportHeaders;
  readonly text: string;
  readonly info: PrivateKeyPemInfo;
  readonly options: ReadBlockOptions;
}

async function readPlain(candidate: Candidate): Promise<ReadKey> {
  const { block, text, info } = candidate;
  if (info.problem !== undefined && !isForeign(candidate)) throw info.problem;
  const key =
    info.problem === undefined ? await decodePrivateKeyPemAsync(text, '') : openForeignKey(block);
  if (key === undefined) throw info.problem ?? notPrivate(block.label);
  return found(candidate, key, {});
}

async function readEncrypted(candidate: Candidate): Promise<ReadKey> {
  const { named, info, options } = candidate;
  if (info.problem !== undefined && !isForeign(candidate)) throw info.problem;
  if (options.formats === 'notary' && !named.hasPath) throw pathMissing();
  // What Notary could not open under its name must be opened now, to be stored in another form.
  const isReadable = info.problem === undefined && (info.prf === undefined || info.prf === 'sha1');
  if (named.namedId !== undefined && isReadable) {
    const opened = await openSilently(candidate);
    return opened === undefined
      ? claimed(candidate, named.namedId)
      : found(candidate, opened.key, opened);
  }
  const opened = await open(candidate, false);
  return found(candidate, opened.key, opened);
}

interface Opened {
  readonly key: PrivateKey;
  readonly passphrase: string;
}

async function openSilently(candidate: Candidate): Promise<Opened | undefined> {
  try {
    return await open(candidate, true);
  } catch (error) {
    const isLocked =
      error instanceof KeyError &&
      (error.code === 'KEY_PASSPHRASE_WRONG' || error.code === 'KEY_PASSPHRASE_MISSING');
    if (isLocked) return undefined;
    throw error;
  }
}

function open(
  { block, named, text, info, options }: Candidate,
  isOptional: boolean,
): Promise<Opened> {
  const { role, gun, namedId } = named;
  const subject = {
    role,
    isOptional,
    isElsewhere: true,
    ...(gun === undefined ? {} : { gun }),
    ...(namedId === undefined ? {} : { keyId: namedId }),
  };
  return unlock(options.passphrases, subject, async passphrase => {
    if (passphrase === '') return undefined;
    const key =
      info.problem === undefined
        ? await tryOpen(text, passphrase)
        : openForeignKey(block, passphrase);
    return key === undefined ? undefined : { key, passphrase };
  });
}

async function tryOpen(text: string, passphrase: string): Promise<PrivateKey | undefined> {
  try {
    return await decodePrivateKeyPemAsync(text, passphrase);
  } catch (error) {
    if (error instanceof KeyError && error.code === 'KEY_PASSPHRASE_WRONG') return undefined;
    throw error;
  }
}

function isForeign({ block, info, options }: Candidate): boolean {
  return (
    options.formats === 'all' && info.problem?.code === 'KEY_UNSUPPORTED' && mayBeForeignKey(block)
  );
}

/** A key that was opened: its ID is what it is. */
function found(
  candidate: Candidate,
  key: PrivateKey,
  { passphrase }: { passphrase?: string },
): ReadKey {
  const { named, text, info, options } = candidate;
  if (named.namedId !== undefined && named.namedId !== key.id) {
    throw pathMismatch(named.namedId, key.id);
  }
  const base = { ...common(candidate, key.id), key };
  if (passphrase === undefined) return base;
  const isPbes2OverSha1 = info.problem === undefined && info.prf === 'sha1';
  // The old encryption of OpenSSL (MD5, one round) is replaced, except where Notary's very bytes are wanted.
  if (isPbes2OverSha1 || (options.formats === 'notary' && info.prf === undefined)) {
    return { ...base, pem: text };
  }
  return {
    ...base,
    pem: sealKey(key, passphrase, named.headers, noWeakerThan(text, options.encryption)),
    converted: true,
  };
}

/** A key that stays locked: stored as it is, under the ID that it claims. */
function claimed(candidate: Candidate, id: string): ReadKey {
  return { ...common(candidate, id), pem: candidate.text };
}

function common({ named, info }: Candidate, id: string): ReadKey {
  const { role, isRoleGiven, gun, headers } = named;
  return {
    kind: 'key',
    id,
    role,
    isRoleGiven,
    ...(gun === undefined ? {} : { gun }),
    headers,
    encrypted: info.encrypted,
    converted: false,
  };
}

function notPrivate(label: string): KeyError {
  return new KeyError(
    'KEY_NOT_PRIVATE',
    `It is a “${printable(label)}”, where a private key is expected`,
    { hint: 'Give the file that holds the private key.' },
  );
}

function pathMissing(): KeyError {
  return new KeyError(
    'KEY_PATH_MISSING',
    'It is encrypted and has no “path” header, which would say which key it is',
    { hint: 'Import it with: tabellion key import' },
  );
}

function pathMismatch(named: string, actual: string): KeyError {
  return new KeyError(
    'KEY_ID_MISMATCH',
    `Its “path” header says that it is ${named}, but the key inside is ${actual}`,
    {
      hint: 'Find out where the file comes from; if the key is right, remove the header.',
      details: { named, found: actual },
    },
  );
}
