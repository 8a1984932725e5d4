/** Stronger encryption for the files of private keys, under the passphrases that they have. */
import { printable } from '../../crypto/printable.ts';
import { type KeyError, TabellionError, UsageError } from '../../errors.ts';
import { hardenKey, hardnessOf, notEncrypted } from '../../keys/harden-key.ts';
import { type KeyEntry, type KeyStore, keyNotFound } from '../../keys/key-store.ts';
import { type KeyStrength, keyStrength } from '../../keys/key-strength.ts';
import { copyOfKeyFile, hasCopy } from '../../keys/replace-key-file.ts';
import { type Failure, failureOf } from '../failure.ts';
import type { Session } from '../session.ts';

export interface HardenKeysRequest {
  /** Full key IDs, or the names of files that have none; all keys unless given. */
  readonly ids?: readonly string[];
  /** Only say what would happen; no passphrase is asked for. */
  readonly dryRun?: boolean;
}

/**
 * - `hardened`: its file was encrypted anew, read back and opened.
 * - `would-harden`: of a dry run.
 * - `strong`: nothing to do.
 * - `failed`: see `error`; the file is as it was.
 */
export type HardenStatus = 'hardened' | 'would-harden' | 'strong' | 'failed';

export interface HardenedKey {
  readonly id: string;
  readonly role: string;
  readonly gun?: string;
  readonly file: string;
  readonly status: HardenStatus;
  readonly strengthBefore: KeyStrength;
  /** Rounds of the derivation; absent for the old encryption of OpenSSL and for none. */
  readonly iterationsBefore?: number;
  readonly iterations?: number;
  readonly error?: Failure;
}

export interface HardenKeysReport {
  readonly dryRun: boolean;
  readonly keys: readonly HardenedKey[];
  /** Rounds of new key files. */
  readonly targetIterations: number;
  /** 0, or 4 when the file of some key is still not strong. */
  readonly exitCode: number;
}

/**
 * Hardens keys one after the other; one that fails does not keep the others from it.
 * @throws KeyError `KEY_STORE_UNREADABLE`; what a prompt throws. Each file then is as it was, or done.
 */
export async function hardenKeys(
  session: Session,
  { ids, dryRun = false }: HardenKeysRequest,
): Promise<HardenKeysReport> {
  const store = await session.keys();
  const wanted = ids ?? [...new Set((await store.list()).map(({ id }) => id))];
  const keys: HardenedKey[] = [];
  for (const id of wanted) {
    session.progress({ message: 'hardening keys', done: keys.length, total: wanted.length });
    const entry = await store.find(id);
    if (entry === undefined) throw keyNotFound(id, store.privateDir);
    keys.push(await hardenOne(store, entry, dryRun));
  }
  const exitCode = keys.some(({ status }) => status === 'failed') ? 4 : 0;
  return { dryRun, keys, targetIterations: store.encryption.iterations, exitCode };
}

async function hardenOne(store: KeyStore, entry: KeyEntry, dryRun: boolean): Promise<HardenedKey> {
  const { id, role, gun, path, iterations } = entry;
  const base = {
    id,
    role,
    ...(gun === undefined ? {} : { gun }),
    file: path,
    strengthBefore: keyStrength(entry),
    ...(iterations === undefined ? {} : { iterationsBefore: iterations, iterations }),
  };
  try {
    if (!entry.usable) throw await unusable(store, entry);
    if (!entry.encrypted) throw notEncrypted(id);
    if ((await hardnessOf(entry, store.encryption)) === 'strong') {
      return { ...base, status: 'strong' };
    }
    if (dryRun) return { ...base, status: 'would-harden' };
    return { ...base, status: 'hardened', iterations: await hardenKey(store, id) };
  } catch (error) {
    if (!(error instanceof TabellionError) || error instanceof UsageError) throw error;
    return { ...base, status: 'failed', error: failureOf(error) };
  }
}

async function unusable(store: KeyStore, { id, path }: KeyEntry): Promise<KeyError> {
  const error = (await store.file(id))?.error ?? keyNotFound(id, store.privateDir);
  return (await hasCopy(path))
    ? error.advising(`A copy from before an interrupted run is ${printable(copyOfKeyFile(path))}.`)
    : error;
}
