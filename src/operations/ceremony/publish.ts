/** Publishing one repository's root that was signed in a ceremony: the state checked once more, then one publish. */
import type { CeremonyRepository } from '../../ceremony/ceremony-file.ts';
import { isComplete, type ReviewedRepository } from '../../ceremony/review.ts';
import { printable } from '../../crypto/printable.ts';
import { OperationError, TrustError } from '../../errors.ts';
import { openEnvelope } from '../../tuf/envelope.ts';
import { emptyTargets, Repository } from '../../tuf/repository.ts';
import { ROOT, TARGETS } from '../../tuf/role-name.ts';
import { assembleRoot } from '../../tuf/root-proposal.ts';
import { verifyFirstRoot, verifyNextRoot } from '../../tuf/root-trust.ts';
import { type Published, publishChanges } from '../publish.ts';
import type { RepositoryAccess, Session } from '../session.ts';
import { stagedChangesWarning } from '../staged-changes.ts';
import { ceremonyState } from './state.ts';
import { repositoryView } from './view.ts';

export interface CeremonyPublished extends Pick<Published, 'versions' | 'warnings'> {
  readonly status: 'published' | 'would-publish' | 'already-published';
}

/**
 * Publishes a signed root and what must be signed with it.
 * @param dryRun check all, sign for trial what is signed here, send nothing
 * @throws OperationError `CEREMONY_OTHER_SERVER`, `CEREMONY_STALE`, `CEREMONY_INCOMPLETE`; those of an update and a publish
 */
export async function publishSignedRoot(
  session: Session,
  reviewed: ReviewedRepository,
  dryRun: boolean,
): Promise<CeremonyPublished> {
  const access = await session.repositoryByGun(reviewed.asked.gun);
  checkServer(reviewed.asked, access);
  const work = () => publish(session, access, reviewed, dryRun);
  return dryRun ? await work() : await access.dir.withLock(work);
}

async function publish(
  session: Session,
  access: RepositoryAccess,
  reviewed: ReviewedRepository,
  dryRun: boolean,
): Promise<CeremonyPublished> {
  const { asked, proposed } = reviewed;
  const reload = (): Promise<Repository> =>
    asked.base === undefined
      ? firstState(access, reviewed)
      : ceremonyState(session, access, asked.role).then(trusted => Repository.fromTrusted(trusted));
  const repository = await reload();
  const { rootBytes } = repository;
  if (rootBytes !== undefined && isProposed(rootBytes, asked))
    return { status: 'already-published', versions: {}, warnings: [] };
  checkFresh(repository, asked);
  const bytes = await signedFile(session, reviewed);
  const { versions, warnings } = await publishChanges(
    session,
    access,
    async present => {
      // After a lost race the state is another one.
      checkFresh(present, asked);
      return { changes: [], signedRoot: { metadata: proposed, bytes }, rehearsal: dryRun };
    },
    repository,
    reload,
  );
  const staged = await stagedChangesWarning(access.dir);
  const all = [...staged, ...warnings];
  return { status: dryRun ? 'would-publish' : 'published', versions, warnings: all };
}

/** Of a repository that is to be made: nothing but empty targets; with the server's root if it has one after all. */
async function firstState(
  { remote }: RepositoryAccess,
  { asked, proposed }: ReviewedRepository,
): Promise<Repository> {
  const rootBytes = await remote.root().catch((error: unknown) => {
    if (error instanceof TrustError && error.code === 'METADATA_NOT_FOUND') return undefined;
    throw error;
  });
  return new Repository({
    gun: asked.gun,
    root: proposed,
    rootBytes,
    targets: [[TARGETS, { metadata: emptyTargets(), bytes: undefined, dirty: true }]],
    unpublished: true,
  });
}

/** The file that all signatures make, verified as every client will verify it. */
async function signedFile(session: Session, reviewed: ReviewedRepository): Promise<Uint8Array> {
  const { asked, current, signers, signatures } = reviewed;
  if (!isComplete(reviewed)) throw incomplete(reviewed);
  const bytes = assembleRoot(asked.proposed, signers, signatures);
  // A pin of one's own moves with the root that is published; those of the configuration do not.
  const pinning = { ...(await session.pinning()), disableTofu: false };
  const context = { gun: asked.gun, now: session.now, pinning };
  if (current === undefined) verifyFirstRoot(bytes, context);
  else verifyNextRoot(bytes, current, context);
  return bytes;
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

function isProposed(root: Uint8Array, { proposed }: CeremonyRepository): boolean {
  return Buffer.from(openEnvelope(root, ROOT).message).equals(proposed);
}

/** The root is still the one in the request; or there is still none. */
function checkFresh({ rootBytes }: Repository, { gun, base }: CeremonyRepository): void {
  if (base === undefined ? rootBytes === undefined : isSame(rootBytes, base)) return;
  const why =
    base === undefined
      ? 'somebody else has made the repository since'
      : 'its root has changed since';
  throw new OperationError(
    'CEREMONY_STALE',
    `The request no longer fits ${printable(gun)}: ${why}`,
    {
      hint: 'Nothing was published. Find out who did it, make a new request, and have that signed.',
      details: { repository: gun },
    },
  );
}

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.from(a).equals(b);
}

function incomplete(reviewed: ReviewedRepository): OperationError {
  const { asked } = reviewed;
  const lacking = repositoryView(reviewed).signers.filter(({ missing }) => missing > 0);
  const words = lacking.map(
    ({ by, missing }) => `${missing} of the ${by === 'current' ? 'present' : 'new'} root keys`,
  );
  const keyIds = [
    ...new Set(lacking.flatMap(({ keys }) => keys.filter(key => !key.signed).map(({ id }) => id))),
  ];
  return new OperationError(
    'CEREMONY_INCOMPLETE',
    `The root of ${printable(asked.gun)} still lacks signatures: ${words.join(', ')}`,
    {
      hint: `Have it signed where one of these keys is: ${keyIds.map(id => id.slice(0, 12)).join(', ')}`,
      details: { repository: asked.gun, keyIds },
    },
  );
}
