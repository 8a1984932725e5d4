/** What a backup tells without its passphrase: names, roles, dates and versions, and never a key. */

import type { CborValue, Decoded } from './backup-cbor.ts';
import { Fields } from './fields.ts';

export interface BackupInventory {
  readonly keys: readonly InventoryKey[];
  readonly repositories: readonly InventoryRepository[];
  readonly records: readonly InventoryRecord[];
}

export interface InventoryKey {
  /** The key's ID, as the name of its file says. */
  readonly id: string;
  /** The file's path below `private`. */
  readonly file: string;
  /** As its header says: `root`, `targets`, a signer's name …; may be empty. */
  readonly role: string;
  readonly gun?: string;
  /** The key type, where metadata in the backup has its public key. */
  readonly algorithm?: string;
  readonly encrypted: boolean;
  /** Rounds of PBKDF2 that protect the file. */
  readonly iterations?: number;
  /** When the file was last written (ISO 8601). */
  readonly modifiedAt: string;
  /** Roles of repositories in the backup that trust the key. */
  readonly trustedBy: readonly { readonly repository: string; readonly role: string }[];
}

export interface InventoryRepository {
  readonly gun: string;
  /** When the server last confirmed this trust data (ISO 8601). */
  readonly checkedAt?: string;
  readonly metadata: readonly InventoryMetadata[];
  /** How many changes were staged. */
  readonly changes: number;
}

export interface InventoryMetadata {
  readonly role: string;
  /** Absent for a file that could not be understood. */
  readonly version?: number;
  readonly expires?: string;
}

/** A record of Tabellion's own. */
export interface InventoryRecord {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
}

export function inventoryToCbor({ keys, repositories, records }: BackupInventory): CborValue {
  return {
    keys: keys.map(({ modifiedAt, trustedBy, ...key }) => ({
      ...key,
      'modified-at': modifiedAt,
      'trusted-by': trustedBy.map(({ repository, role }) => ({ repository, role })),
    })),
    repositories: repositories.map(({ gun, checkedAt, metadata, changes }) => ({
      gun,
      'checked-at': checkedAt,
      metadata: metadata.map(({ role, version, expires }) => ({ role, version, expires })),
      changes,
    })),
    records: records.map(({ name, size }) => ({ name, size })),
  };
}

/** @throws OperationError `BACKUP_DAMAGED` */
export function inventoryFromCbor(value: Decoded | undefined): BackupInventory {
  const fields = new Fields(value, ['keys', 'records', 'repositories']);
  return {
    keys: fields.list('keys', keyFromCbor),
    repositories: fields.list('repositories', repositoryFromCbor),
    records: fields.list('records', item => {
      const record = new Fields(item, ['name', 'size']);
      return { name: record.text('name'), size: record.number('size') };
    }),
  };
}

const KEY_MEMBERS = [
  'algorithm',
  'encrypted',
  'file',
  'gun',
  'id',
  'iterations',
  'modified-at',
  'role',
  'trusted-by',
];

function keyFromCbor(value: Decoded): InventoryKey {
  const fields = new Fields(value, KEY_MEMBERS);
  const gun = fields.optionalText('gun');
  const algorithm = fields.optionalText('algorithm');
  const iterations = fields.optionalNumber('iterations');
  return {
    id: fields.text('id'),
    file: fields.text('file'),
    role: fields.text('role'),
    ...(gun === undefined ? {} : { gun }),
    ...(algorithm === undefined ? {} : { algorithm }),
    encrypted: fields.boolean('encrypted'),
    ...(iterations === undefined ? {} : { iterations }),
    modifiedAt: fields.time('modified-at'),
    trustedBy: fields.list('trusted-by', item => {
      const trusting = new Fields(item, ['repository', 'role']);
      return { repository: trusting.text('repository'), role: trusting.text('role') };
    }),
  };
}

function repositoryFromCbor(value: Decoded): InventoryRepository {
  const fields = new Fields(value, ['changes', 'checked-at', 'gun', 'metadata']);
  const checkedAt = fields.optionalTime('checked-at');
  return {
    gun: fields.text('gun'),
    ...(checkedAt === undefined ? {} : { checkedAt }),
    metadata: fields.list('metadata', item => {
      const file = new Fields(item, ['expires', 'role', 'version']);
      const version = file.optionalNumber('version');
      const expires = file.optionalText('expires');
      return {
        role: file.text('role'),
        ...(version === undefined ? {} : { version }),
        ...(expires === undefined ? {} : { expires }),
      };
    }),
    changes: fields.number('changes'),
  };
}
