/** Bringing signatures home: everything is checked again, then each repository is published in one publish. */
import { type CeremonyFile, ceremonyId, requestFingerprint } from '../../ceremony/ceremony-file.ts';
import { type ReviewedRepository, reviewCeremony } from '../../ceremony/review.ts';
import { printable } from '../../crypto/printable.ts';
import { OperationError, TabellionError, TrustError } from '../../errors.ts';
import { type Failure, failureOf } from '../failure.ts';
import type { Session } from '../session.ts';
import { checkAge, readCeremonies } from './input.ts';
import { type CeremonyPublished, publishSignedRoot } from './publish.ts';
import { type CeremonyRecord, notePublished, readCeremonyRecord } from './records.ts';
import { type CeremonyRepositoryView, repositoryView } from './view.ts';

export interface ApplyCeremonyRequest {
  /** Answers to one request; their signatures are put together. */
  readonly files: readonly string[];
  /** Check all that can be checked, and publish nothing. */
  readonly dryRun?: boolean;
}

export interface AppliedRepository extends CeremonyRepositoryView {
  readonly status: CeremonyPublished['status'] | 'failed';
  readonly versions: Readonly<Record<string, number>>;
  readonly error?: Failure;
  readonly exitCode: number;
}

export interface AppliedCeremony {
  readonly id: string;
  readonly fingerprint: string;
  readonly dryRun: boolean;
  readonly repositories: readonly AppliedRepository[];
  readonly summary: { readonly succeeded: number; readonly failed: number };
}

/**
 * Publishes what was signed. One repository's failure does not keep the others from being published; run again, it
 * carries on with those that are left.
 * @throws OperationError `CEREMONY_UNKNOWN`, `CEREMONY_ALTERED`, `CEREMONY_REPLAYED`, `CEREMONY_EXPIRED` and those of
 *   reading files; for a single repository also `CEREMONY_OTHER_SERVER`, `CEREMONY_STALE`, `CEREMONY_INCOMPLETE`, and
 *   those of an update and a publish
 */
export async function applyCeremony(
  session: Session,
  { files, dryRun = false }: ApplyCeremonyRequest,
): Promise<AppliedCeremony> {
  const file = await readCeremonies(files);
  const record = await recordOf(session, file);
  checkNotDone(record);
  checkAge(file, session.now);
  const reviewed = reviewCeremony(file, {
    now: session.now,
    pinning: await session.pinning(),
  });
  const repositories = await applyEach(session, reviewed, record, dryRun);
  const failed = repositories.filter(({ exitCode }) => exitCode !== 0).length;
  const { id, fingerprint } = record;
  const summary = { succeeded: repositories.length - failed, failed };
  return { id, fingerprint, dryRun, repositories, summary };
}

/** The record of a request: this machine made it, and exactly it. */
async function recordOf(session: Session, file: CeremonyFile): Promise<CeremonyRecord> {
  const id = ceremonyId(file.request);
  const record = await readCeremonyRecord(session, id);
  if (record === undefined) {
    throw new OperationError(
      'CEREMONY_UNKNOWN',
      `This machine has made no request ${id}: the answer belongs to another one`,
      {
        hint: 'Apply it where the request was made, with the same trust directory.',
        details: { id, trustDir: session.trustDir.own.folder },
      },
    );
  }
  if (record.fingerprint === requestFingerprint(file)) return record;
  throw new TrustError(
    'CEREMONY_ALTERED',
    `The request ${id} in the answer is not the one that this machine made: somebody changed it`,
    {
      hint: 'Do not publish it. Find out what was signed, and where; then make a new request.',
      details: { id, expected: record.fingerprint, found: requestFingerprint(file) },
    },
  );
}

function checkNotDone({ id, repositories }: CeremonyRecord): void {
  if (repositories.some(({ state }) => state === 'waiting')) return;
  const last =
    repositories
      .map(({ publishedAt = '' }) => publishedAt)
      .sort()
      .at(-1) ?? '';
  throw new OperationError(
    'CEREMONY_REPLAYED',
    `The answer to the request ${id} was published already, on ${printable(last.slice(0, 10))}`,
    { hint: 'There is nothing left to do with it.', details: { id, publishedAt: last } },
  );
}

async function applyEach(
  session: Session,
  reviewed: readonly ReviewedRepository[],
  record: CeremonyRecord,
  dryRun: boolean,
): Promise<AppliedRepository[]> {
  const done: AppliedRepository[] = [];
  let noted = record;
  for (const [index, one] of reviewed.entries()) {
    const { gun } = one.asked;
    session.progress({ message: `publishing ${gun}`, done: index, total: reviewed.length });
    const view = repositoryView(one);
    const before = noted.repositories.find(entry => entry.gun === gun);
    if (before?.state === 'published') {
      done.push({ ...view, status: 'already-published', versions: {}, exitCode: 0 });
      continue;
    }
    try {
      const { status, versions, warnings } = await publishSignedRoot(session, one, dryRun);
      if (!dryRun) noted = await notePublished(session, noted, gun);
      const all = [...view.warnings, ...warnings];
      done.push({ ...view, warnings: all, status, versions, exitCode: 0 });
    } catch (error) {
      if (!(error instanceof TabellionError) || reviewed.length === 1) throw error;
      const { exitCode } = error;
      done.push({ ...view, status: 'failed', versions: {}, error: failureOf(error), exitCode });
    }
  }
  return done;
}
