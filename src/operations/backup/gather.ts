/** Collects what goes into a backup, without a passphrase: files as they lie there, and the inventory of them. */
import { readdir, stat } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { printable } from '../../crypto/printable.ts';
import { canonicalKeyId } from '../../crypto/public-key.ts';
import { KeyError, TabellionError, TrustError } from '../../errors.ts';
import type { KeyEntry } from '../../keys/key-store.ts';
import { isMissing, readError } from '../../trust-dir/file-error.ts';
import { readRegularFile } from '../../trust-dir/regular-file.ts';
import type { Session } from '../session.ts';
import { isWholeBackup } from './backup-file.ts';
import {
  type BackupContents,
  type KeyFileContent,
  LOCKS_FOLDER,
  type NamedContent,
  type RepositoryContent,
} from './contents.ts';
import type { BackupInventory, InventoryKey, InventoryRepository } from './inventory.ts';
import { describeMetadata, holdersIn, type RoleHolders } from './role-holders.ts';

export interface BackupSelection {
  /** Canonical key IDs. Default: all, or with `guns` the keys that these repositories trust. */
  readonly keys?: 'all' | readonly string[];
  /** Default: all, or with `keys` the repositories that trust these. */
  readonly guns?: 'all' | readonly string[];
  /** Whether Tabellion's own records go into it. Default: when all keys and all repositories do. */
  readonly records?: boolean;
}

export interface Gathered {
  readonly contents: BackupContents;
  readonly inventory: BackupInventory;
  /** What was selected and could not be read, and why: then this is no whole backup. */
  readonly skipped: readonly SkippedFile[];
}

export interface SkippedFile {
  readonly path: string;
  readonly problem: string;
}

const KEY_FILE_LIMIT = 1024 * 1024;

/** @throws KeyError `KEY_NOT_FOUND`; TrustError `NO_TRUST_DATA` for a repository that is not here; errors of reading */
export async function gather(session: Session, selection: BackupSelection): Promise<Gathered> {
  const { keys: wantedKeys, guns: wantedGuns } = selection;
  const { trustDir } = session;
  const entries = await (await session.keys()).list();
  refuseUnknownKeys(wantedKeys, entries, trustDir.privateDir);

  const skipped: SkippedFile[] = [];
  const all = await gatherRepositories(session, wantedGuns, skipped);
  const trusting = (id: string) =>
    all.flatMap(({ holders, content }) =>
      holders
        .filter(({ keys }) => keys.some(key => canonicalKeyId(key) === id))
        .map(({ role }) => ({ repository: content.gun, role })),
    );

  const isWanted = (id: string) => {
    if (wantedKeys === undefined) return !Array.isArray(wantedGuns) || trusting(id).length > 0;
    return wantedKeys === 'all' || wantedKeys.includes(id);
  };
  const keys = entries.filter(({ id }) => isWanted(id));
  const ids = new Set(keys.map(({ id }) => id));
  const repositories = all.filter(
    ({ holders }) =>
      wantedGuns !== undefined ||
      !Array.isArray(wantedKeys) ||
      holders.some(holder => holder.keys.some(key => ids.has(canonicalKeyId(key)))),
  );
  const guns = new Set(repositories.map(({ content }) => content.gun));
  const withRecords =
    selection.records ?? !(Array.isArray(wantedKeys) || Array.isArray(wantedGuns));
  const records = withRecords ? await gatherRecords(session, skipped) : [];
  const keyFiles = await gatherKeys(keys, trustDir.privateDir, skipped);

  const algorithms = new Map(
    repositories.flatMap(({ holders }) =>
      holders.flatMap(holder =>
        holder.keys.map(key => [canonicalKeyId(key), key.keytype.replace(/-x509$/, '')] as const),
      ),
    ),
  );
  return {
    contents: {
      keys: keyFiles.map(({ content }) => content),
      repositories: repositories.map(({ content }) => content),
      records,
    },
    inventory: {
      keys: keyFiles.map(({ key }) => {
        const algorithm = algorithms.get(key.id);
        return {
          ...key,
          ...(algorithm === undefined ? {} : { algorithm }),
          trustedBy: trusting(key.id).filter(({ repository }) => guns.has(repository)),
        };
      }),
      repositories: repositories.map(({ listed }) => listed),
      records: records.map(({ name, bytes }) => ({ name, size: bytes.length })),
    },
    skipped,
  };
}

function refuseUnknownKeys(
  wanted: BackupSelection['keys'],
  entries: readonly KeyEntry[],
  privateDir: string,
): void {
  if (!Array.isArray(wanted)) return;
  const known = new Set(entries.map(({ id }) => id));
  const unknown = wanted.filter(id => !known.has(id));
  if (unknown[0] === undefined) return;
  throw new KeyError(
    'KEY_NOT_FOUND',
    `There is no private key ${printable(unknown[0])} in ${printable(privateDir)}; no backup was made`,
    { hint: 'See which there are with: tabellion key list', details: { unknownIds: unknown } },
  );
}

interface GatheredRepository {
  readonly content: RepositoryContent;
  readonly listed: InventoryRepository;
  readonly holders: readonly RoleHolders[];
}

async function gatherRepositories(
  session: Session,
  wanted: BackupSelection['guns'],
  skipped: SkippedFile[],
): Promise<GatheredRepository[]> {
  const here = await session.trustDir.repositories();
  const guns = Array.isArray(wanted) ? [...new Set<string>(wanted)].sort() : here;
  const unknown = guns.find(gun => !here.includes(gun));
  if (unknown !== undefined) {
    throw new TrustError(
      'NO_TRUST_DATA',
      `There is no trust data of ${printable(unknown)} in ${printable(session.trustDir.path)}; no backup was made`,
      { details: { repository: unknown } },
    );
  }
  const found: GatheredRepository[] = [];
  for (const [done, gun] of guns.entries()) {
    session.progress({ message: 'reading trust data', done, total: guns.length });
    const dir = session.trustDir.repository(gun);
    try {
      const metadata = await dir.readAll();
      const changes = [...(await dir.changelist.readFiles())].map(([name, bytes]) => ({
        name,
        bytes,
      }));
      const checkedAt = await dir.checkedAt();
      found.push({
        content: { gun, metadata, changes },
        listed: {
          gun,
          ...(checkedAt === undefined ? {} : { checkedAt: checkedAt.toISOString() }),
          metadata: [...metadata].map(([role, bytes]) => describeMetadata(role, bytes)),
          changes: changes.length,
        },
        holders: holdersIn(metadata),
      });
    } catch (error) {
      if (!(error instanceof TabellionError)) throw error;
      skipped.push({ path: dir.folder, problem: error.message });
    }
  }
  return found;
}

interface GatheredKey {
  readonly content: KeyFileContent;
  readonly key: Omit<InventoryKey, 'trustedBy'>;
}

async function gatherKeys(
  entries: readonly KeyEntry[],
  privateDir: string,
  skipped: SkippedFile[],
): Promise<GatheredKey[]> {
  const found: GatheredKey[] = [];
  for (const { id, path, role, gun, encrypted, iterations } of entries) {
    try {
      const bytes = await readRegularFile(path, privateDir, KEY_FILE_LIMIT);
      // Removed since the folder was listed.
      if (bytes === undefined) continue;
      const file = relative(privateDir, path).split(sep).join('/');
      const modifiedAt = (await stat(path)).mtime.toISOString();
      const key = {
        id,
        file,
        role,
        ...(gun === undefined ? {} : { gun }),
        encrypted,
        ...(iterations === undefined ? {} : { iterations }),
        modifiedAt,
      };
      found.push({ content: { file, bytes }, key });
    } catch (error) {
      const { message } = readError(error, path);
      skipped.push({ path, problem: message });
    }
  }
  return found;
}

/** All of Tabellion's own files but locks, half-written ones, and backups that hold records themselves. */
async function gatherRecords(session: Session, skipped: SkippedFile[]): Promise<NamedContent[]> {
  const { own } = session.trustDir;
  const records: NamedContent[] = [];
  for (const name of (await namesBelow(own.folder)).sort()) {
    const path = own.path(name);
    try {
      const bytes = await readRegularFile(path, own.folder);
      // Each would hold all the earlier ones, and the next one twice as many.
      if (bytes !== undefined && !isWholeBackup(bytes)) records.push({ name, bytes });
    } catch (error) {
      if (!(error instanceof TabellionError)) throw error;
      skipped.push({ path, problem: error.message });
    }
  }
  return records;
}

async function namesBelow(folder: string): Promise<string[]> {
  try {
    const found = await readdir(folder, { recursive: true, withFileTypes: true });
    return found
      .filter(entry => !entry.isDirectory() && !entry.name.startsWith('.'))
      .map(entry => relative(folder, `${entry.parentPath}${sep}${entry.name}`).split(sep).join('/'))
      .filter(name => !name.startsWith(`${LOCKS_FOLDER}/`));
  } catch (error) {
    if (isMissing(error)) return [];
    throw readError(error, folder);
  }
}
