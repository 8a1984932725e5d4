/** What a person should see to some day, though nothing is wrong today: one line for each thing. */
import { printable } from '../crypto/printable.ts';
import { TabellionError } from '../errors.ts';
import type { KeyEntry } from '../keys/key-store.ts';
import { keyStrength } from '../keys/key-strength.ts';
import { backedUpKeys } from '../trust-dir/backup-record.ts';
import { ROOT, TIMESTAMP } from '../tuf/role-name.ts';
import { isNearExpiry } from '../tuf/sign-repository.ts';
import type { Session } from './session.ts';
import { type CachedTrust, cachedTrust } from './trusting-roles.ts';

export interface Reminder {
  /** `no-record`: the record of backups cannot be read. */
  readonly kind: 'no-backup' | 'weak-key' | 'near-expiry' | 'no-record';
  readonly message: string;
  /** Canonical IDs of the keys that it is about. */
  readonly keyIds?: readonly string[];
}

/** The keys that a message names by their IDs; of more it only gives the number. */
const NAMED = 3;
const SHOWN_DIGITS = 12;

/**
 * Reminders about the private keys here that repositories trust, and about their metadata. Never throws: what was asked
 * for has been done already.
 * @param repositories GUNs
 */
export async function reminders(
  session: Session,
  repositories: readonly string[],
): Promise<Reminder[]> {
  try {
    const trust = await cachedTrust(session, repositories);
    const entries = (await (await session.keys()).list()).filter(({ usable }) => usable);
    return await remindersOf(session, trust, entries, false);
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    session.log(`no reminders: ${error.message}`);
    return [];
  }
}

/**
 * As {@link reminders}, of what has been read already.
 * @param ofAllKeys whether keys count that nobody trusts
 */
export async function remindersOf(
  session: Session,
  trust: CachedTrust,
  entries: readonly KeyEntry[],
  ofAllKeys: boolean,
): Promise<Reminder[]> {
  const trusted = new Set(trust.roles.flatMap(({ keys }) => [...keys.keys()]));
  const concerned = entries.filter(({ id }) => ofAllKeys || trusted.has(id));
  return [
    ...(await withoutBackup(session, concerned)),
    ...weakFiles(concerned),
    ...nearExpiry(session, trust, new Set(entries.map(({ id }) => id))),
  ];
}

async function withoutBackup(session: Session, entries: readonly KeyEntry[]): Promise<Reminder[]> {
  const roots = unique(entries.filter(({ role }) => role === ROOT));
  if (roots.length === 0) return [];
  try {
    const known = await backedUpKeys(session.trustDir.own);
    const missing = roots.filter(id => !known.has(id));
    if (missing.length === 0) return [];
    const subject =
      missing.length === 1
        ? `The root key ${names(missing)} has`
        : `${missing.length} root keys${inBrackets(missing)} have`;
    const message = `${subject} no backup on record; make one with: tabellion backup create FILE`;
    return [{ kind: 'no-backup', message, keyIds: missing }];
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    return [
      { kind: 'no-record', message: `Which keys have a backup is unknown: ${error.message}` },
    ];
  }
}

function weakFiles(entries: readonly KeyEntry[]): Reminder[] {
  const of = (strength: string): string[] =>
    unique(entries.filter(entry => keyStrength(entry) === strength));
  const [weak, open] = [of('weak'), of('none')];
  const [weakest = ''] = weak;
  const [first = ''] = open;
  const reminders: Reminder[] = [];
  if (weak.length > 0) {
    const message =
      weak.length === 1
        ? `The file of the key ${names(weak)} is weakly encrypted; mend it with: tabellion key harden ${short(weakest)}`
        : `${weak.length} key files${inBrackets(weak)} are weakly encrypted; mend them with: tabellion key harden --all`;
    reminders.push({ kind: 'weak-key', message, keyIds: weak });
  }
  if (open.length > 0) {
    const message = `${open.length === 1 ? `The file of the key ${names(open)} is` : `${open.length} key files${inBrackets(open)} are`} not encrypted; give a passphrase with: tabellion key passwd ${short(first)}`;
    reminders.push({ kind: 'weak-key', message, keyIds: open });
  }
  return reminders;
}

/** Only of roles that somebody here can sign anew. */
function nearExpiry(
  session: Session,
  { roles, files }: CachedTrust,
  here: ReadonlySet<string>,
): Reminder[] {
  const near = files.filter(({ repository, role, expires }) => {
    if (role === TIMESTAMP || !isNearExpiry(expires, role, session.now)) return false;
    const same = roles.filter(one => one.repository === repository && one.role === role);
    return same.some(({ keys }) => [...keys.keys()].some(id => here.has(id)));
  });
  const [first] = near;
  if (first === undefined) return [];
  const repositories = [...new Set(near.map(({ repository }) => repository))];
  const earliest = near.map(({ expires }) => expires).sort()[0] ?? first.expires;
  const message =
    near.length === 1
      ? `The ${printable(first.role)} metadata of ${printable(first.repository)} expires on ${first.expires}; whoever has its key must sign it again before`
      : `${near.length} metadata files of ${repositories.slice(0, NAMED).map(printable).join(', ')}${repositories.length > NAMED ? ' and others' : ''} expire soon, the first on ${earliest}; whoever has their keys must sign them again before`;
  return [{ kind: 'near-expiry', message }];
}

function unique(entries: readonly KeyEntry[]): string[] {
  return [...new Set(entries.map(({ id }) => id))];
}

function short(id: string): string {
  return printable(id.slice(0, SHOWN_DIGITS));
}

function names(ids: readonly string[]): string {
  return ids.map(short).join(', ');
}

function inBrackets(ids: readonly string[]): string {
  return ids.length > NAMED ? '' : ` (${names(ids)})`;
}
