/** What the machine that made a request remembers of it, in `.tabellion/ceremonies/<id>.json`, until it is published. */
import type { CeremonyKind } from '../../ceremony/ceremony-file.ts';
import { printable } from '../../crypto/printable.ts';
import { OperationError } from '../../errors.ts';
import { damagedRecord } from '../../trust-dir/own-files.ts';
import type { Session } from '../session.ts';

export interface CeremonyRecordRepository {
  readonly gun: string;
  readonly server: string;
  readonly kind: CeremonyKind;
  readonly role: string;
  /** Of the proposed root. */
  readonly version: number;
  readonly state: 'waiting' | 'published';
  /** When (ISO 8601). */
  readonly publishedAt?: string;
}

export interface CeremonyRecord {
  readonly schemaVersion: 1;
  readonly id: string;
  /** SHA-256 of the request, hex. */
  readonly fingerprint: string;
  readonly created: string;
  readonly expires: string;
  readonly repositories: readonly CeremonyRecordRepository[];
  /** Keys that were made here for it. */
  readonly createdKeys: readonly { readonly id: string; readonly role: string }[];
}

const FOLDER = 'ceremonies';
const ID = /^[0-9a-f]{16}$/;

/** @throws OperationError `RECORD_DAMAGED` */
export async function readCeremonyRecord(
  session: Session,
  id: string,
): Promise<CeremonyRecord | undefined> {
  if (!ID.test(id)) return undefined;
  const { own } = session.trustDir;
  const name = fileOf(id);
  const value = await own.read(name);
  if (value === undefined) return undefined;
  if (!isRecord(value) || value.id !== id) throw damagedRecord(own.path(name));
  return value;
}

/**
 * All requests that this machine remembers, the oldest first.
 * @throws OperationError `RECORD_DAMAGED`
 */
export async function listCeremonies(session: Session): Promise<CeremonyRecord[]> {
  const names = await session.trustDir.own.list(FOLDER);
  const records: CeremonyRecord[] = [];
  for (const name of names) {
    const record = await readCeremonyRecord(session, name.replace(/\.json$/, ''));
    if (record !== undefined) records.push(record);
  }
  return records.sort((a, b) => (a.created < b.created ? -1 : 1));
}

/**
 * Forgets a request: no answer to it is published from here any more. Keys that were made for it stay.
 * @returns what was forgotten
 * @throws OperationError `CEREMONY_UNKNOWN`, `RECORD_DAMAGED`
 */
export async function cancelCeremony(session: Session, id: string): Promise<CeremonyRecord> {
  const record = await readCeremonyRecord(session, id);
  if (record === undefined) {
    throw new OperationError(
      'CEREMONY_UNKNOWN',
      `This machine remembers no request ${printable(id)}`,
      { hint: 'See which there are with: tabellion ceremony list', details: { id } },
    );
  }
  await session.trustDir.own.remove(fileOf(id));
  return record;
}

export async function writeCeremonyRecord(session: Session, record: CeremonyRecord): Promise<void> {
  await session.trustDir.own.write(fileOf(record.id), record);
}

/** Notes that one repository was published. @returns the record as it is then */
export async function notePublished(
  session: Session,
  record: CeremonyRecord,
  gun: string,
): Promise<CeremonyRecord> {
  const publishedAt = session.now.toISOString();
  const repositories = record.repositories.map(entry =>
    entry.gun === gun ? { ...entry, state: 'published' as const, publishedAt } : entry,
  );
  const noted = { ...record, repositories };
  await writeCeremonyRecord(session, noted);
  return noted;
}

function fileOf(id: string): string {
  return `${FOLDER}/${id}.json`;
}

function isRecord(value: unknown): value is CeremonyRecord {
  const { schemaVersion, fingerprint, created, repositories, createdKeys } = (value ??
    {}) as Partial<CeremonyRecord>;
  return (
    schemaVersion === 1 &&
    typeof fingerprint === 'string' &&
    typeof created === 'string' &&
    Array.isArray(createdKeys) &&
    createdKeys.every(key => typeof key?.id === 'string' && typeof key.role === 'string') &&
    Array.isArray(repositories) &&
    repositories.every(
      entry =>
        typeof entry?.gun === 'string' && ['waiting', 'published'].includes(String(entry.state)),
    )
  );
}
