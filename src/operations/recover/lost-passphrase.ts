/** Before a key counts as lost because its passphrase is: everything that may open it is tried. */
import { join } from 'node:path';
import { decodePrivateKeyPemAsync } from '../../crypto/private-key-pem.ts';
import { KeyError, TabellionError } from '../../errors.ts';
import { passphraseVariables } from '../../keys/environment-passphrases.ts';
import { keyFileName, readKeyFile } from '../../keys/key-files.ts';
import { readBackupNotes } from '../../trust-dir/backup-record.ts';
import { defaultTrustDir } from '../../trust-dir/trust-dir.ts';
import type { Session } from '../session.ts';

export interface PassphraseSearch {
  readonly keyId: string;
  readonly role: string;
  /** What opened it, in words, as `the variable NOTARY_ROOT_PASSPHRASE`; absent when nothing did. */
  readonly openedBy?: string;
  /** The file that was opened: not always the one in the trust directory. */
  readonly openedFile?: string;
  /** Places that were tried, in words. */
  readonly tried: readonly string[];
  /** Backups on record that hold the key as it was then. */
  readonly backups: readonly { readonly file: string; readonly createdAt: string }[];
}

interface Candidate {
  readonly from: string;
  readonly passphrase: string;
}

/** Roles whose variables differ. */
const ROLES = ['root', 'targets', 'snapshot', 'delegation'];

/**
 * Tries the variables of all roles, every item of the keychain, and what the person types, on every copy of the key.
 * @param ask the next guess; undefined: no more. Absent where nobody can be asked.
 * @throws KeyError when the key file is not here or damaged
 */
export async function searchPassphrase(
  session: Session,
  keyId: string,
  ask?: () => Promise<string | undefined>,
): Promise<PassphraseSearch> {
  const files = await copiesOf(session, keyId);
  const [first] = files;
  if (first === undefined) {
    throw new KeyError('KEY_NOT_FOUND', `There is no private key ${keyId} on this machine`, {
      hint: 'Then it is the key that is lost: tabellion recover --lost',
      details: { keyId },
    });
  }
  const backups = (await readBackupNotes(session.trustDir.own))
    .filter(({ keyIds }) => keyIds.includes(keyId))
    .map(({ file, createdAt }) => ({ file, createdAt }));
  const found = { keyId, role: first.role, backups };
  const tried = new Set<string>();
  const attempt = async (
    candidates: readonly Candidate[],
  ): Promise<PassphraseSearch | undefined> => {
    for (const { from, passphrase } of candidates) {
      tried.add(from);
      for (const { path, content } of files) {
        if (await opens(content, passphrase, keyId)) {
          return { ...found, openedBy: from, openedFile: path, tried: [...tried] };
        }
      }
    }
    return undefined;
  };
  const opened =
    (await attempt([{ from: 'no passphrase at all', passphrase: '' }])) ??
    (await attempt(fromEnvironment(session))) ??
    (await attempt(await fromKeychain(session, tried)));
  if (opened !== undefined) return opened;
  for (let typed = await ask?.(); typed !== undefined; typed = await ask?.()) {
    const guessed = await attempt(variants(typed));
    if (guessed !== undefined) return guessed;
  }
  return { ...found, tried: [...tried] };
}

/** What people mean to type and what they typed then: blanks around it, caps lock. */
function variants(typed: string): Candidate[] {
  const swapped = [...typed.trim()]
    .map(char => (char === char.toUpperCase() ? char.toLowerCase() : char.toUpperCase()))
    .join('');
  const all: Candidate[] = [
    { from: 'what you typed', passphrase: typed },
    { from: 'what you typed, without the blanks around it', passphrase: typed.trim() },
    { from: 'what you typed, with a blank at its end', passphrase: `${typed.trim()} ` },
    { from: 'what you typed, with a line end', passphrase: `${typed.trim()}\n` },
    { from: 'what you typed, with caps lock the other way', passphrase: swapped },
  ];
  return all.filter(
    ({ passphrase }, index) => all.findIndex(other => other.passphrase === passphrase) === index,
  );
}

function fromEnvironment({ options: { env } }: Session): Candidate[] {
  const names = [...new Set(ROLES.flatMap(role => passphraseVariables(role)))];
  return names.flatMap(name => {
    const value = env[name];
    if (value === undefined || value === '') return [];
    const from = `the variable ${name}`;
    const trimmed = value.trim();
    return trimmed === value
      ? [{ from, passphrase: value }]
      : [
          { from, passphrase: value },
          { from: `${from}, without the blanks around it`, passphrase: trimmed },
        ];
  });
}

async function fromKeychain(session: Session, tried: Set<string>): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  try {
    const keychain = await session.keychain();
    for (const account of (await keychain?.list()) ?? []) {
      const passphrase = await keychain?.get(account);
      if (passphrase !== undefined)
        candidates.push({ from: `the keychain’s entry ${account.slice(0, 12)}`, passphrase });
    }
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    tried.add(`the keychain, in vain (${error.message})`);
  }
  return candidates;
}

interface Copy {
  readonly path: string;
  readonly content: Uint8Array;
  readonly role: string;
}

/** The key's file in the trust directory, and where the old programs may have another copy. */
async function copiesOf(session: Session, keyId: string): Promise<Copy[]> {
  const copies: Copy[] = [];
  const own = await (await session.keys()).file(keyId);
  if (own?.content !== undefined)
    copies.push({ path: own.entry.path, content: own.content, role: own.entry.role });
  for (const folder of otherKeyFolders(session)) {
    const file = await readKeyFile(folder, [keyFileName(keyId)]);
    if (file?.content !== undefined)
      copies.push({ path: file.entry.path, content: file.content, role: file.entry.role });
  }
  return copies;
}

/** Where private keys of this person may lie beside the trust directory in use. */
export function otherKeyFolders(session: Session): string[] {
  const { env, home } = session.options;
  const folders = [
    join(home, '.docker', 'trust', 'private'),
    join(defaultTrustDir(env, home, process.platform), 'private'),
    join(home, '.notary', 'private'),
  ];
  return [...new Set(folders)].filter(folder => folder !== session.trustDir.privateDir);
}

async function opens(content: Uint8Array, passphrase: string, keyId: string): Promise<boolean> {
  try {
    return (await decodePrivateKeyPemAsync(content, passphrase)).id === keyId;
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    return false;
  }
}
