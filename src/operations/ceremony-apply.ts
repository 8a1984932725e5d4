/** Bringing signatures home: everything is checked again, then each repository is published in one publish. */
import {
  type CeremonyFile,
  type CeremonyRepository,
  ceremonyId,
  requestFingerprint,
} from '../ceremony/ceremony-file.ts';
import { missingSignatures, type ReviewedRepository, reviewCeremony } from '../ceremony/review.ts';
import { printable } from '../crypto/printable.ts';
import { OperationError, TabellionError, TrustError } from '../errors.ts';
import { openEnvelope } from '../tuf/envelope.ts';
import type { RootMetadata } from '../tuf/metadata.ts';
import { emptyTargets, Repository } from '../tuf/repository.ts';
import { requireKeys } from '../tuf/role-keys.ts';
import { ROOT, TARGETS } from '../tuf/role-name.ts';
import { assembleRoot } from '../tuf/root-proposal.ts';
import { verifyFirstRoot, verifyNextRoot } from '../tuf/root-trust.ts';
import { checkAge, readCeremonies } from './ceremony-input.ts';
import { type CeremonyRecord, notePublished, readCeremonyRecord } from './ceremony-records.ts';
import { ceremonyState } from './ceremony-state.ts';
import { type CeremonyRepositoryView, ceremonyView, repositoryView } from './ceremony-view.ts';
import { type Failure, failureOf } from './failure.ts';
import { keyRing, type Published, publishChanges } from './publish.ts';
import type { RepositoryAccess, Session } from './session.ts';
import { stagedChangesWarning } from './staged-changes.ts';

export interface ApplyCeremonyRequest {
  /** Answers to one request; their signatures are put together. */
  readonly files: readonly string[];
  /** Check all that can be checked, and publish nothing. */
  readonly dryRun?: boolean;
}

export interface AppliedRepository extends CeremonyRepositoryView {
  readonly status: 'published' | 'would-publish' | 'already-published' | 'failed';
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
  const { id, fingerprint } = ceremonyView(file, reviewed);
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
      const { status, versions, warnings } = await applyOne(session, one, dryRun);
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

interface Outcome extends Pick<Published, 'versions' | 'warnings'> {
  readonly status: AppliedRepository['status'];
}

async function applyOne(
  session: Session,
  reviewed: ReviewedRepository,
  dryRun: boolean,
): Promise<Outcome> {
  const access = await session.repositoryByGun(reviewed.asked.gun);
  checkServer(reviewed.asked, access);
  const work = () =>
    reviewed.current === undefined
      ? publishFirst(session, access, reviewed, dryRun)
      : publishNext(session, access, reviewed, dryRun);
  return dryRun ? await work() : await access.dir.withLock(work);
}

function checkServer({ gun, server }: CeremonyRepository, access: RepositoryAccess): void {
  if (server === access.server) return;
  throw new OperationError(
    'CEREMONY_OTHER_SERVER',
    `The request is about ${printable(gun)} on ${printable(server)}, but this machine would publish to ${access.server}`,
    {
      hint: `Give the server that the request was made with: --server ${printable(server)}`,
      details: { expected: server, found: access.server },
    },
  );
}

async function publishNext(
  session: Session,
  access: RepositoryAccess,
  reviewed: ReviewedRepository,
  dryRun: boolean,
): Promise<Outcome> {
  const { asked, proposed } = reviewed;
  const trusted = await ceremonyState(session, access, asked.role);
  const { root } = trusted;
  if (isProposed(root.bytes, asked))
    return { status: 'already-published', versions: {}, warnings: [] };
  checkFresh(root.bytes, reviewed);
  const bytes = completed(reviewed);
  verifyNextRoot(bytes, root, {
    gun: asked.gun,
    now: session.now,
    // A pin of one's own moves with the root that is published; those of the configuration do not.
    pinning: await session.pinning(),
  });
  const repository = Repository.fromTrusted(trusted);
  const signedRoot = { metadata: proposed, bytes };
  if (dryRun) return await tried(session, repository, signedRoot);
  const published = await publishChanges(
    session,
    access,
    async present => {
      // After a lost race the state is another one.
      checkFresh(present.rootBytes, reviewed);
      return { changes: [], signedRoot };
    },
    repository,
  );
  return await outcome(access, published);
}

async function publishFirst(
  session: Session,
  access: RepositoryAccess,
  reviewed: ReviewedRepository,
  dryRun: boolean,
): Promise<Outcome> {
  const { asked, proposed } = reviewed;
  const present = await access.remote.root().catch((error: unknown) => {
    if (error instanceof TrustError && error.code === 'METADATA_NOT_FOUND') return undefined;
    throw error;
  });
  if (present !== undefined) {
    if (isProposed(present, asked))
      return { status: 'already-published', versions: {}, warnings: [] };
    throw stale(asked.gun, 'somebody else has made the repository since');
  }
  const bytes = completed(reviewed);
  verifyFirstRoot(bytes, {
    gun: asked.gun,
    now: session.now,
    pinning: { ...access.pinning, disableTofu: false },
  });
  const repository = new Repository({
    gun: asked.gun,
    root: proposed,
    targets: [[TARGETS, { metadata: emptyTargets(), bytes: undefined, dirty: true }]],
    unpublished: true,
  });
  const signedRoot = { metadata: proposed, bytes };
  if (dryRun) return await tried(session, repository, signedRoot);
  const published = await publishChanges(
    session,
    access,
    async state => {
      if (!state.unpublished) throw stale(asked.gun, 'somebody else has made the repository since');
      return { changes: [], signedRoot };
    },
    repository,
  );
  return await outcome(access, published);
}

/** Whether what has to be signed here can be. */
async function tried(
  session: Session,
  repository: Repository,
  { metadata, bytes }: { metadata: RootMetadata; bytes: Uint8Array },
): Promise<Outcome> {
  repository.adoptSignedRoot(metadata, bytes);
  if (repository.roles.get(TARGETS)?.dirty === true)
    await requireKeys(TARGETS, repository.keysFor(TARGETS), await keyRing(session));
  return { status: 'would-publish', versions: { root: metadata.version }, warnings: [] };
}

async function outcome(
  { dir }: RepositoryAccess,
  { versions, warnings }: Published,
): Promise<Outcome> {
  const staged = await stagedChangesWarning(dir);
  return { status: 'published', versions, warnings: [...staged, ...warnings] };
}

/** The file that all signatures make. @throws OperationError `CEREMONY_INCOMPLETE` */
function completed(reviewed: ReviewedRepository): Uint8Array {
  const { asked, signers, signatures } = reviewed;
  const view = repositoryView(reviewed);
  if (missingSignatures(reviewed).every(missing => missing === 0))
    return assembleRoot(asked.proposed, signers, signatures);
  const lacking = view.signers.filter(({ missing }) => missing > 0);
  const words = lacking.map(
    ({ by, missing }) => `${missing} of ${by === 'current' ? 'the present' : 'the new'} root keys`,
  );
  const keyIds = lacking.flatMap(({ keys }) => keys.filter(key => !key.signed).map(({ id }) => id));
  throw new OperationError(
    'CEREMONY_INCOMPLETE',
    `The root of ${printable(asked.gun)} still lacks signatures: ${words.join(', ')}`,
    {
      hint: `Have it signed where one of these keys is: ${[...new Set(keyIds)].map(id => id.slice(0, 12)).join(', ')}`,
      details: { repository: asked.gun, keyIds: [...new Set(keyIds)] },
    },
  );
}

function isProposed(root: Uint8Array, { proposed }: CeremonyRepository): boolean {
  return Buffer.from(openEnvelope(root, ROOT).message).equals(proposed);
}

function checkFresh(root: Uint8Array | undefined, { asked }: ReviewedRepository): void {
  if (root !== undefined && asked.base !== undefined && Buffer.from(root).equals(asked.base))
    return;
  throw stale(asked.gun, 'its root has changed since');
}

function stale(gun: string, why: string): OperationError {
  return new OperationError(
    'CEREMONY_STALE',
    `The request no longer fits ${printable(gun)}: ${why}`,
    {
      hint: 'Nothing was published. Find out who did it, make a new request, and have that signed.',
      details: { repository: gun },
    },
  );
}
