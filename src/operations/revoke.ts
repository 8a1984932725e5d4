/** Revoking signed tags: out of every role that holds them, and proof that they are gone. */

import { OperationError, TabellionError } from '../errors.ts';
import { removeTarget } from '../tuf/change.ts';
import { allSignedTargets } from '../tuf/delegation-walk.ts';
import type { KeyRing } from '../tuf/key-ring.ts';
import { Repository } from '../tuf/repository.ts';
import { canSign } from '../tuf/role-keys.ts';
import { type Failure, failureOf } from './failure.ts';
import { byRepository, type TaggedImage, taggedImages } from './images.ts';
import { keyRing, publishChanges } from './publish.ts';
import type { Session } from './session.ts';
import { viewOf } from './signed-tags.ts';
import { stagedChangesWarning } from './staged-changes.ts';
import { loadTrustData } from './trust-data.ts';

export interface RevokeRequest {
  readonly images: readonly string[];
  readonly dryRun: boolean;
}

export interface RevokedTag {
  readonly tag: string;
  readonly removedFrom: readonly string[];
  /** Roles that still hold it, because no key of theirs is on this machine. */
  readonly remainsIn: readonly string[];
  readonly status: 'revoked' | 'not-signed' | 'would-revoke' | 'partly';
}

export interface RevokedRepository {
  readonly repository: string;
  readonly server: string;
  readonly tags: readonly RevokedTag[];
  readonly versions: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  /** Why nothing was published. */
  readonly error?: Failure;
  readonly exitCode: number;
}

export interface RevokeReport {
  readonly repositories: readonly RevokedRepository[];
}

/**
 * Revokes tags, one publish for each repository.
 * @throws UsageError, TrustError, KeyError, ConnectionError
 */
export async function revoke(session: Session, request: RevokeRequest): Promise<RevokeReport> {
  const groups = byRepository(taggedImages(request.images));
  const repositories: RevokedRepository[] = [];
  for (const images of groups) {
    try {
      repositories.push(await revokeGroup(session, images, request.dryRun));
    } catch (error) {
      if (!(error instanceof TabellionError) || groups.length === 1) throw error;
      repositories.push(failedGroup(session, images, error));
    }
  }
  return { repositories };
}

function failedGroup(
  session: Session,
  [image]: readonly TaggedImage[],
  error: TabellionError,
): RevokedRepository {
  return {
    repository: image?.repository ?? '',
    server: image === undefined ? '' : session.serverOf(image.domain),
    tags: [],
    versions: {},
    warnings: [],
    error: failureOf(error),
    exitCode: error.exitCode,
  };
}

async function revokeGroup(
  session: Session,
  images: readonly TaggedImage[],
  dryRun: boolean,
): Promise<RevokedRepository> {
  const [first] = images;
  if (first === undefined) throw new OperationError('NOTHING_TO_REVOKE', 'No image was given');
  const access = await session.repository(first);
  const { gun: repository, server } = access;
  const { trusted } = await loadTrustData(session, access, {
    requireFresh: true,
    forWrite: true,
    store: !dryRun,
  });
  const start = Repository.fromTrusted(trusted);
  const warnings = await stagedChangesWarning(access.dir);
  if (dryRun) {
    const plan = await planTags(start, images, await keyRing(session));
    const tags = plan.map(tag =>
      tag.status === 'revoked' || tag.status === 'partly'
        ? { ...tag, status: 'would-revoke' as const }
        : tag,
    );
    return { repository, server, tags, versions: {}, warnings, exitCode: 0 };
  }
  return await access.dir.withLock(async () => {
    let tags: RevokedTag[] = [];
    const published = await publishChanges(
      session,
      access,
      async present => {
        tags = await planTags(present, images, await keyRing(session));
        return {
          changes: tags.flatMap(({ tag, removedFrom }) =>
            removedFrom.map(role => removeTarget(role, tag)),
          ),
        };
      },
      start,
    );
    if (published.after !== undefined) checkGone(tags, viewOf(published.after.trusted));
    return {
      repository,
      server,
      tags,
      versions: published.versions,
      warnings: [...warnings, ...published.warnings],
      exitCode: 0,
    };
  });
}

/** Which roles hold each tag, in name alone: an entry outside a role's paths is one that should go too. */
async function planTags(
  repository: Repository,
  images: readonly TaggedImage[],
  ring: KeyRing,
): Promise<RevokedTag[]> {
  const plans: RevokedTag[] = [];
  for (const { tag } of images) {
    const holders = [...repository.roles]
      .filter(([, { metadata }]) => metadata.targets.has(tag))
      .map(([role]) => role);
    const removedFrom: string[] = [];
    const remainsIn: string[] = [];
    for (const role of holders) {
      ((await canSign(repository.keysFor(role), ring)) ? removedFrom : remainsIn).push(role);
    }
    plans.push({ tag, removedFrom, remainsIn, status: statusOf(removedFrom, remainsIn) });
  }
  return plans;
}

function statusOf(
  removedFrom: readonly string[],
  remainsIn: readonly string[],
): RevokedTag['status'] {
  if (remainsIn.length > 0) return 'partly';
  return removedFrom.length > 0 ? 'revoked' : 'not-signed';
}

/** A success that left the tag trusted would be the worst of answers (cli.md 2.8, defect 3). */
function checkGone(
  tags: readonly RevokedTag[],
  view: Parameters<typeof allSignedTargets>[0],
): void {
  for (const { tag, removedFrom } of tags) {
    const still = allSignedTargets(view, tag).filter(({ role }) => removedFrom.includes(role));
    if (still.length === 0) continue;
    throw new OperationError(
      'REVOKE_INCOMPLETE',
      `The tag ${tag} is still signed by ${still.map(({ role }) => role).join(', ')} after it was revoked`,
    );
  }
}
