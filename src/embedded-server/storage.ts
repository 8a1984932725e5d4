/** What the trust server keeps, wherever it keeps it. */
import type { PrivateKey } from '../crypto/private-key.ts';
import type { ChangesQuery, FeedEntry } from './change-log.ts';

/** The roles whose keys the server may hold. */
export type ManagedRole = 'timestamp' | 'snapshot';

export interface NewFile {
  readonly role: string;
  readonly version: number;
  readonly bytes: Uint8Array;
}

export interface StoredFile extends NewFile {
  /** SHA-256 in lower-case hex. */
  readonly sha256: string;
  readonly storedAt: Date;
}

/** Files of one repository that become visible together, or not at all. */
export interface Batch {
  readonly gun: string;
  readonly files: readonly NewFile[];
  /** IDs of the server's keys that signed some of them: from now on they are in use, no longer pending. */
  readonly signedBy: readonly string[];
  readonly at: Date;
}

export interface ServerKey {
  readonly key: PrivateKey;
  /** It has signed nothing yet. */
  readonly pending: boolean;
}

/**
 * Metadata files, each kept under its version for ever, the list of changes, and the server's keys.
 * Reads throw OperationError `SERVER_DATA_DAMAGED` when a file is not what was stored.
 */
export interface Storage {
  newest(gun: string, role: string): Promise<StoredFile | undefined>;
  byVersion(gun: string, role: string, version: number): Promise<StoredFile | undefined>;
  /** @param sha256 lower-case hex */
  byHash(gun: string, role: string, sha256: string): Promise<StoredFile | undefined>;
  /** @throws VersionConflict when a version is not higher than the newest of its role; nothing is stored then */
  append(batch: Batch): Promise<void>;
  /** Forgets the files of exactly this repository. Its keys stay, as a signer keeps them. */
  delete(gun: string, at: Date): Promise<void>;
  changes(query: ChangesQuery): FeedEntry[];
  keys(gun: string, role: ManagedRole): ServerKey[];
  /** On disk when it returns: a key that was given out must never be lost. */
  addKey(gun: string, role: ManagedRole, key: PrivateKey): Promise<void>;
  close(): Promise<void>;
}
