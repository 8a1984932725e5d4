/** What is sealed in a backup: files, byte for byte as they lay in the trust directory. */
import { checkGun } from '../../tuf/gun.ts';
import { isBaseRole, isDelegationName } from '../../tuf/role-name.ts';
import { type CborValue, type Decoded, damaged } from './backup-cbor.ts';
import { Fields } from './fields.ts';

/** Of Tabellion's own folder, what is not worth keeping. */
export const LOCKS_FOLDER = 'locks';

export interface BackupContents {
  readonly keys: readonly KeyFileContent[];
  readonly repositories: readonly RepositoryContent[];
  /** Tabellion's own records. */
  readonly records: readonly NamedContent[];
}

export interface KeyFileContent {
  /** Its path below `private`, with `/` between segments. */
  readonly file: string;
  readonly bytes: Uint8Array;
}

export interface RepositoryContent {
  readonly gun: string;
  /** Cached metadata files by role, as they were served. */
  readonly metadata: ReadonlyMap<string, Uint8Array>;
  /** Files of the changelist, in their order. */
  readonly changes: readonly NamedContent[];
}

export interface NamedContent {
  /** Of a record its path below `.tabellion`, with `/` between segments. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export function contentsToCbor({ keys, repositories, records }: BackupContents): CborValue {
  return {
    keys: keys.map(({ file, bytes }) => ({ file, bytes })),
    repositories: repositories.map(({ gun, metadata, changes }) => ({
      gun,
      metadata: [...metadata].map(([role, bytes]) => ({ role, bytes })),
      changes: changes.map(({ name, bytes }) => ({ name, bytes })),
    })),
    records: records.map(({ name, bytes }) => ({ name, bytes })),
  };
}

/**
 * No name leads out of its folder, and none comes twice.
 * @throws OperationError `BACKUP_DAMAGED`
 */
export function contentsFromCbor(value: Decoded): BackupContents {
  const fields = new Fields(value, ['keys', 'records', 'repositories']);
  const contents = {
    keys: fields.list('keys', item => {
      const key = new Fields(item, ['bytes', 'file']);
      return { file: relativePath(key.text('file'), '.key'), bytes: key.bytes('bytes') };
    }),
    repositories: fields.list('repositories', repositoryFromCbor),
    records: fields.list('records', item => namedFromCbor(item, recordName)),
  };
  unique(contents.keys.map(({ file }) => file));
  unique(contents.repositories.map(({ gun }) => gun));
  unique(contents.records.map(({ name }) => name));
  return contents;
}

function repositoryFromCbor(value: Decoded): RepositoryContent {
  const fields = new Fields(value, ['changes', 'gun', 'metadata']);
  const gun = fields.text('gun');
  try {
    checkGun(gun);
  } catch {
    throw damaged('a name in it cannot be that of a repository');
  }
  const metadata = fields.list('metadata', item => {
    const file = new Fields(item, ['bytes', 'role']);
    const role = file.text('role');
    if (!isBaseRole(role) && !isDelegationName(role)) throw badName();
    return [role, file.bytes('bytes')] as const;
  });
  unique(metadata.map(([role]) => role));
  const changes = fields.list('changes', item => namedFromCbor(item, fileName));
  unique(changes.map(({ name }) => name));
  return { gun, metadata: new Map(metadata), changes };
}

function namedFromCbor(value: Decoded, check: (name: string) => string): NamedContent {
  const fields = new Fields(value, ['bytes', 'name']);
  return { name: check(fields.text('name')), bytes: fields.bytes('bytes') };
}

/** Locks are no records: one that was restored would lock everybody out. */
function recordName(name: string): string {
  if (name.split('/')[0] === LOCKS_FOLDER) throw badName();
  return relativePath(name);
}

function relativePath(path: string, suffix = ''): string {
  path.split('/').forEach(fileName);
  if (!path.endsWith(suffix)) throw badName();
  return path;
}

function fileName(name: string): string {
  const isPlain = name !== '' && name !== '.' && name !== '..' && name.length <= 255;
  if (isPlain && !/[/\\\u0000-\u001f\u007f]/.test(name)) return name;
  throw badName();
}

/** Else it would be a matter of order which of two is restored. */
function unique(names: readonly string[]): void {
  if (new Set(names).size !== names.length) throw damaged('a name in it comes twice');
}

function badName() {
  return damaged('a name in it cannot be that of a file in a trust directory');
}
