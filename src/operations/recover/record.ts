/**
 * What is remembered of a recovery: `.tabellion/recoveries/<id>.json`, written after every step, so that it can be
 * carried on after a crash, an interruption, or a support ticket that takes days. Never a secret.
 */
import { readdir } from 'node:fs/promises';
import { printable } from '../../crypto/printable.ts';
import { OperationError, UsageError } from '../../errors.ts';
import type { ProviderId } from '../../registry/providers.ts';
import { isMissing, readError } from '../../trust-dir/file-error.ts';
import { damagedRecord, type OwnFiles } from '../../trust-dir/own-files.ts';
import type { Failure } from '../failure.ts';
import type { RecordedContent } from './recorded-content.ts';

const FOLDER = 'recoveries';
const RECORD_VERSION = 1;

/** What happened to a key. */
export type LossReason = 'lost' | 'compromised';
/** What the key signs; `expired`: no key is concerned, but metadata has expired. */
export type CaseKind = 'root' | 'targets' | 'snapshot' | 'timestamp' | 'delegation' | 'expired';

export interface RecoveryCase {
  readonly kind: CaseKind;
  readonly reason: LossReason;
  /** Canonical ID; absent for `expired`. */
  readonly keyId?: string;
  /** Of a delegation key: the names of the signers it signs for. */
  readonly signers?: readonly string[];
}

/**
 * How far a repository has come. Under a lost root: found, recorded, removed (from the server), set-aside (here),
 * signed, verified. In every other case: found, then done. `left`: not to be touched, or not possible here.
 */
export type RepositoryStage =
  | 'found'
  | 'recorded'
  | 'removed'
  | 'set-aside'
  | 'signed'
  | 'verified'
  | 'done'
  | 'left';

export interface RecoveredRepository {
  readonly gun: string;
  readonly domain: string;
  readonly server: string;
  readonly provider: ProviderId;
  /** `collateral`: under another root, but the provider's step deletes it too. */
  readonly under: 'affected' | 'collateral';
  /** Canonical IDs of the root keys as they were. */
  oldRootKeys: readonly string[];
  /** IDs of the root certificates as they were: what pins name. */
  oldRootCertificates: readonly string[];
  stage: RepositoryStage;
  /** When somebody had pinned the old root on this machine (ISO 8601): the pin moves to the new one. */
  pinnedAt?: string;
  /** What it held, verified. */
  content?: RecordedContent;
  /** IDs of the new root certificates. */
  newRootCertificates?: readonly string[];
  /** SHA-256 fingerprints of the new root certificates, lower-case hex. */
  newRootFingerprints?: readonly string[];
  newTargetsKeys?: readonly string[];
  /** Tags that were signed again. */
  signedTags?: readonly string[];
  /** What nobody on this machine could sign again, and who can. */
  unsigned?: readonly UnsignedRole[];
  /** What a person has to look after, in sentences. */
  remarks?: readonly string[];
  /** Why it stands where it stands. */
  problem?: Failure;
}

export interface UnsignedRole {
  readonly role: string;
  readonly keyIds: readonly string[];
  readonly tags: readonly string[];
}

export type StepKind =
  | 'backup'
  | 'record'
  | 'new-root'
  | 'repositories'
  | 'set-keys-aside'
  | 'report';

export interface StepRecord {
  readonly kind: StepKind;
  status: 'pending' | 'waiting' | 'done';
  at?: string;
}

/**
 * `rotate`: a leaked root key that is here signs its successor, and nothing is deleted. `anew`: the repositories are made
 * anew; at IBM Cloud by a `ticket`, or the person deletes the `namespace`.
 */
export type RecoveryPath = 'rotate' | 'anew' | 'ticket' | 'namespace';

export interface RecoveryOptions {
  /** Said by the person for registries that do not show who runs them. */
  readonly provider?: ProviderId;
  readonly path?: RecoveryPath;
  readonly account?: string;
  /** Where the sealed backup goes. */
  readonly backupFile?: string;
  /** False: the registry is not asked whether it still has the images. */
  readonly checkRegistry: boolean;
  /** After a leak: sign again what this machine had verified before `trustedSince`, or all that was recorded. */
  readonly keep?: 'known' | 'all';
  /** ISO 8601: before this moment nobody had the key. */
  readonly trustedSince?: string;
  /** `gun:tag` of what is not signed again. */
  readonly drop: readonly string[];
  /** Names of signers that do not come back. */
  readonly dropSigners: readonly string[];
  /** Canonical ID of a root key that is here, to use instead of a new one. */
  readonly rootKeyId?: string;
}

export interface RecoveryRecord {
  readonly version: number;
  readonly id: string;
  /** Counts the writes of this record. */
  revision: number;
  readonly case: RecoveryCase;
  readonly startedAt: string;
  updatedAt: string;
  state: 'running' | 'waiting' | 'done';
  readonly options: RecoveryOptions;
  readonly steps: StepRecord[];
  readonly repositories: RecoveredRepository[];
  backup?: { readonly file: string; readonly verifiedAt: string };
  /** Canonical IDs of the root keys that were here when it began. */
  readonly rootKeysBefore: readonly string[];
  newRootKeyId?: string;
  /** Keys that were moved out of the folder of private keys. */
  keysSetAside: string[];
  /** New keys of rotations. */
  newKeys: string[];
  history: { readonly at: string; readonly what: string }[];
}

/** Whether repositories are deleted and made anew, under a root that nothing leads to. */
export function isMadeAnew({
  case: what,
  options,
}: Pick<RecoveryRecord, 'case' | 'options'>): boolean {
  return what.kind === 'root' && options.path !== 'rotate';
}

/** The records of recoveries in one trust directory. */
export class RecoveryRecords {
  readonly #own: OwnFiles;

  constructor(own: OwnFiles) {
    this.#own = own;
  }

  /** Folder for what belongs to a recovery beside its record: report, ticket, what was set aside. */
  folder(id: string): string {
    return this.#own.path(`${FOLDER}/${id}`);
  }

  /** @throws OperationError `DISK_FULL` | `FILE_NOT_WRITABLE` */
  async write(record: RecoveryRecord): Promise<void> {
    await this.#own.write(`${FOLDER}/${record.id}.json`, record);
  }

  /**
   * @throws UsageError `RECOVERY_UNKNOWN`; OperationError `RECORD_DAMAGED`, `RECORD_TOO_NEW`
   */
  async read(id: string): Promise<RecoveryRecord> {
    const name = `${FOLDER}/${id}.json`;
    const value = isId(id) ? await this.#own.read(name) : undefined;
    if (value === undefined) {
      throw new UsageError('RECOVERY_UNKNOWN', `There is no recovery ${printable(id)}`, {
        hint: 'See which there are with: tabellion recover --list',
      });
    }
    return checkRecord(value, this.#own.path(name));
  }

  /** All of them, the newest last. */
  async list(): Promise<RecoveryRecord[]> {
    const folder = this.#own.path(FOLDER);
    let names: string[];
    try {
      names = await readdir(folder);
    } catch (error) {
      if (isMissing(error)) return [];
      throw readError(error, folder);
    }
    const records: RecoveryRecord[] = [];
    for (const name of names.sort())
      if (name.endsWith('.json')) records.push(await this.read(name.slice(0, -'.json'.length)));
    return records;
  }

  /** A name for a new recovery that sorts by time: `20261126-134500-root-1a2b3c4`. */
  async newId(now: Date, { kind, keyId }: RecoveryCase): Promise<string> {
    const time = now.toISOString().replaceAll(/[-:]/g, '').replace('T', '-').replace(/\..*$/, '');
    const base = [time, kind, ...(keyId === undefined ? [] : [keyId.slice(0, 7)])].join('-');
    const taken = new Set((await this.list()).map(({ id }) => id));
    let id = base;
    for (let count = 2; taken.has(id); count += 1) id = `${base}-${count}`;
    return id;
  }
}

/** A record of a recovery that begins. */
export function newRecord(
  id: string,
  now: Date,
  given: Pick<RecoveryRecord, 'case' | 'options' | 'repositories' | 'rootKeysBefore'> & {
    readonly steps: readonly StepKind[];
  },
): RecoveryRecord {
  const at = now.toISOString();
  return {
    version: RECORD_VERSION,
    id,
    revision: 0,
    case: given.case,
    startedAt: at,
    updatedAt: at,
    state: 'running',
    options: given.options,
    steps: given.steps.map(kind => ({ kind, status: 'pending' })),
    repositories: given.repositories,
    rootKeysBefore: given.rootKeysBefore,
    keysSetAside: [],
    newKeys: [],
    history: [],
  };
}

/**
 * A record with answers that were given when it was carried on.
 * @param skip GUNs that are left alone from now on
 * @throws UsageError `RECOVERY_SKIP_TOO_LATE` for one whose trust data was deleted already
 */
export function withAnswers(
  record: RecoveryRecord,
  { skip, checkRegistry }: { readonly skip: readonly string[]; readonly checkRegistry: boolean },
): RecoveryRecord {
  const repositories = record.repositories.map(repository => {
    if (!skip.includes(repository.gun)) return repository;
    if (!['found', 'recorded', 'left'].includes(repository.stage)) {
      throw new UsageError(
        'RECOVERY_SKIP_TOO_LATE',
        `${printable(repository.gun)} cannot be left alone any more: its old trust data is gone`,
        { hint: 'Carry on without --skip.', details: { gun: repository.gun } },
      );
    }
    return { ...repository, stage: 'left' as const };
  });
  const options = checkRegistry ? record.options : { ...record.options, checkRegistry };
  return { ...record, repositories, options };
}

function isId(id: string): boolean {
  return /^[0-9a-z-]+$/.test(id);
}

function checkRecord(value: unknown, path: string): RecoveryRecord {
  if (typeof value !== 'object' || value === null) throw damagedRecord(path);
  const record = value as Partial<RecoveryRecord>;
  if (typeof record.version === 'number' && record.version > RECORD_VERSION) {
    throw new OperationError(
      'RECORD_TOO_NEW',
      `${printable(path)} was written by a newer Tabellion`,
      { hint: 'Carry on with that one.', details: { path } },
    );
  }
  const isWhole =
    record.version === RECORD_VERSION &&
    typeof record.id === 'string' &&
    isId(record.id) &&
    typeof record.revision === 'number' &&
    typeof record.case?.kind === 'string' &&
    Array.isArray(record.options?.drop) &&
    [
      record.steps,
      record.repositories,
      record.history,
      record.keysSetAside,
      record.newKeys,
      record.rootKeysBefore,
    ].every(Array.isArray);
  if (!isWhole) throw damagedRecord(path);
  return record as RecoveryRecord;
}
