/** The private keys on this machine: whose they are, how they are kept, and who trusts them. */
import { TabellionError } from '../../errors.ts';
import type { KeyEntry } from '../../keys/key-store.ts';
import { type KeyStrength, keyStrength } from '../../keys/key-strength.ts';
import { backedUpKeys } from '../../trust-dir/backup-record.ts';
import { ROOT } from '../../tuf/role-name.ts';
import { type Reminder, remindersOf } from '../reminders.ts';
import type { Session } from '../session.ts';
import {
  type CachedTrust,
  cachedTrust,
  certificateDate,
  type UnreadableRepositories,
} from '../trusting-roles.ts';

export interface ListedKey extends KeyEntry {
  /** Of the file, whatever the passphrase. */
  readonly strength: KeyStrength;
  /** The earliest date in a certificate of a root key (ISO 8601): the key is at least that old. */
  readonly certifiedAt?: string;
  /** The roles of repositories that name the key, as the cached trust data says. */
  readonly trustedBy: readonly { readonly repository: string; readonly role: string }[];
  /** Whether the keychain has its passphrase; null where that is unknown, absent where it is not used. */
  readonly inKeychain?: boolean | null;
  /** When the newest backup that holds the key was made (ISO 8601); absent if there is none on record. */
  readonly backedUpAt?: string;
}

export interface KeyList {
  readonly privateDir: string;
  readonly keys: readonly ListedKey[];
  /** Repositories whose cached trust data could not be read. */
  readonly unreadable: UnreadableRepositories;
  /** Why nothing is known of the keychain. */
  readonly keychainProblem?: string;
  readonly reminders: readonly Reminder[];
}

export interface ListKeysOptions {
  /** Whether to look into the keychain, which can take seconds; default false. */
  readonly keychain?: boolean;
}

/** Lists the keys without unlocking any. No server is asked. */
export async function listKeys(session: Session, options: ListKeysOptions = {}): Promise<KeyList> {
  const entries = await (await session.keys()).list();
  const trust = await cachedTrust(session);
  const keychain =
    options.keychain === true && entries.length > 0 ? await keychainEntries(session) : undefined;
  // A record that cannot be read is among the reminders.
  const backups = await backedUpKeys(session.trustDir.own).catch(unlessOurs);
  return {
    privateDir: session.trustDir.privateDir,
    keys: entries.map(entry => {
      const backedUpAt = backups?.get(entry.id)?.createdAt;
      return {
        ...entry,
        strength: keyStrength(entry),
        ...usesOf(entry, trust),
        ...(keychain === undefined
          ? {}
          : { inKeychain: keychain.accounts?.includes(entry.id) ?? null }),
        ...(backedUpAt === undefined ? {} : { backedUpAt }),
      };
    }),
    unreadable: trust.unreadable,
    ...(keychain?.problem === undefined ? {} : { keychainProblem: keychain.problem }),
    reminders: await remindersOf(
      session,
      trust,
      entries.filter(({ usable }) => usable),
      true,
    ),
  };
}

function usesOf(
  { id }: KeyEntry,
  { roles }: CachedTrust,
): Pick<ListedKey, 'trustedBy' | 'certifiedAt'> {
  const trusting = roles.filter(({ keys }) => keys.has(id));
  const dates = trusting
    .filter(({ role }) => role === ROOT)
    .flatMap(({ keys }) => keys.get(id) ?? [])
    .flatMap(key => certificateDate(key)?.toISOString() ?? []);
  const [certifiedAt] = dates.sort();
  return {
    trustedBy: trusting.map(({ repository, role }) => ({ repository, role })),
    ...(certifiedAt === undefined ? {} : { certifiedAt }),
  };
}

function unlessOurs(error: unknown): undefined {
  if (!(error instanceof TabellionError)) throw error;
}

/** The accounts of the keychain, or why they are not known; undefined where it is not to be used. */
async function keychainEntries(
  session: Session,
): Promise<{ accounts?: readonly string[]; problem?: string } | undefined> {
  try {
    const keychain = await session.keychain();
    return keychain === undefined ? undefined : { accounts: await keychain.list() };
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    return { problem: error.message };
  }
}
