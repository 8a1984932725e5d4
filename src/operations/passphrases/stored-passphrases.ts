/** The passphrases that the system's keychain keeps: which there are, and whether they still open their keys. */
import { KeyError, TabellionError } from '../../errors.ts';
import { FixedPassphrase } from '../../keys/fixed-passphrase.ts';
import { isKeyId } from '../../keys/key-files.ts';
import type { KeyEntry } from '../../keys/key-store.ts';
import { type Keychain, keychainError } from '../../keys/keychain.ts';
import { keyName } from '../../keys/passphrase.ts';
import { openKeyStore } from '../keys/open-key-store.ts';
import type { Session } from '../session.ts';
import { RememberedPassphrases } from './remembered-passphrases.ts';

/** An entry of the keychain. */
export interface StoredPassphrase {
  readonly keyId: string;
  /** Whether the trust directory has the key. If not, what follows is not known. */
  readonly present: boolean;
  readonly role?: string;
  readonly gun?: string;
}

export interface CheckedPassphrase extends StoredPassphrase {
  /** `unknown`: the trust directory does not have the key, or its file cannot be used. */
  readonly state: 'opens' | 'wrong' | 'unknown';
  readonly problem?: string;
}

/**
 * All entries: of keys that are here first, in the order of `key list`.
 * @throws KeyError `KEYCHAIN_…`
 */
export async function listPassphrases(session: Session): Promise<StoredPassphrase[]> {
  const accounts = (await (await requireKeychain(session)).list()).filter(isKeyId);
  const keys = new Map<string, KeyEntry>();
  for (const entry of await (await session.keys()).list()) {
    if (!keys.has(entry.id)) keys.set(entry.id, entry);
  }
  const here = [...keys.keys()].filter(id => accounts.includes(id));
  const elsewhere = accounts.filter(id => !keys.has(id));
  return [...here, ...elsewhere].map(id => describe(id, keys.get(id)));
}

export interface StorePassphraseRequest {
  /** The full key ID. */
  readonly id: string;
  readonly passphrase: string;
  /** Checks that it opens the key, and stores nothing. */
  readonly dryRun?: boolean;
}

/**
 * Puts a passphrase into the keychain once it has opened its key.
 * @throws KeyError `KEY_NOT_FOUND` | `KEY_NOT_ENCRYPTED` | `KEY_PASSPHRASE_WRONG` | `KEYCHAIN_…`, and as `KeyStore.open`
 */
export async function storePassphrase(
  session: Session,
  { id, passphrase, dryRun = false }: StorePassphraseRequest,
): Promise<StoredPassphrase> {
  const keychain = await requireKeychain(session);
  const entry = await encryptedKey(session, id);
  await opens(session, id, passphrase);
  if (!dryRun) {
    await keychain.set(id, passphrase);
    await answers(session).put(id, 'kept');
  }
  return describe(id, entry);
}

/**
 * The key that a passphrase is to be stored for, before anybody is asked for one.
 * @throws KeyError `KEY_NOT_FOUND` | `KEY_NOT_ENCRYPTED`
 */
export async function encryptedKey(session: Session, id: string): Promise<KeyEntry> {
  const entry = await (await session.keys()).find(id);
  if (entry === undefined) throw new KeyError('KEY_NOT_FOUND', `There is no private key ${id}`);
  if (entry.encrypted || !entry.usable) return entry;
  throw new KeyError('KEY_NOT_ENCRYPTED', `${capital(keyName(subject(entry)))} has no passphrase`, {
    hint: `Give it one with: tabellion key passwd ${id.slice(0, 12)}`,
    details: { keyId: id },
  });
}

/**
 * Takes a passphrase out of the keychain, also of a key that is gone; and forgets whether it was to be kept there.
 * @param id the full key ID
 * @throws KeyError `PASSPHRASE_NOT_STORED` | `KEYCHAIN_…`
 */
export async function forgetPassphrase(
  session: Session,
  { id, dryRun = false }: { readonly id: string; readonly dryRun?: boolean },
): Promise<StoredPassphrase> {
  const keychain = await requireKeychain(session);
  const entry = await (await session.keys()).find(id);
  const record = answers(session);
  const isKnown = (await record.get(id)) !== undefined;
  const isThere = dryRun ? (await keychain.get(id)) !== undefined : await keychain.delete(id);
  if (!dryRun) await record.put(id, undefined);
  if (isThere || isKnown) return describe(id, entry);
  throw new KeyError(
    'PASSPHRASE_NOT_STORED',
    `The keychain has no passphrase for ${keyName(entry === undefined ? { keyId: id, role: '' } : subject(entry))}`,
    { hint: 'See which it has with: tabellion passphrase list', details: { keyId: id } },
  );
}

/**
 * Tries each entry on its key.
 * @throws KeyError `KEYCHAIN_…`
 */
export async function checkPassphrases(session: Session): Promise<CheckedPassphrase[]> {
  const keychain = await requireKeychain(session);
  const stored = await listPassphrases(session);
  const checked: CheckedPassphrase[] = [];
  for (const entry of stored) {
    session.progress({
      message: 'Opening keys',
      done: checked.length,
      total: stored.length,
    });
    checked.push({ ...entry, ...(await check(session, keychain, entry)) });
  }
  return checked;
}

async function check(
  session: Session,
  keychain: Keychain,
  { keyId, present }: StoredPassphrase,
): Promise<Pick<CheckedPassphrase, 'state' | 'problem'>> {
  if (!present) return { state: 'unknown', problem: 'The trust directory does not have the key' };
  const passphrase = await keychain.get(keyId);
  if (passphrase === undefined) return { state: 'unknown', problem: 'The entry has been removed' };
  try {
    await opens(session, keyId, passphrase);
    return { state: 'opens' };
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    const isWrong = error.code === 'KEY_PASSPHRASE_WRONG';
    return isWrong ? { state: 'wrong' } : { state: 'unknown', problem: error.message };
  }
}

/** @throws as `KeyStore.open` */
async function opens(session: Session, id: string, passphrase: string): Promise<void> {
  const source = new FixedPassphrase('the one given', async () => passphrase);
  const store = openKeyStore(session.trustDir.privateDir, [source], session.options.env);
  await store.open(id);
}

async function requireKeychain(session: Session): Promise<Keychain> {
  const keychain = await session.keychain();
  if (keychain !== undefined) return keychain;
  throw keychainError(
    'off',
    'is turned off',
    'Leave --no-keychain and TABELLION_KEYCHAIN=off out.',
  );
}

function answers(session: Session): RememberedPassphrases {
  return new RememberedPassphrases(session.trustDir.own, step => session.log(step));
}

function describe(keyId: string, entry: KeyEntry | undefined): StoredPassphrase {
  if (entry === undefined) return { keyId, present: false };
  const { role, gun } = entry;
  return { keyId, present: true, role, ...(gun === undefined ? {} : { gun }) };
}

function subject({ id, role, gun }: KeyEntry) {
  return { keyId: id, role, ...(gun === undefined ? {} : { gun }) };
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
