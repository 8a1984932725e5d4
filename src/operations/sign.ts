/** Signing tags: many tags, also of several repositories, one publish for each repository. */
import { OperationError, TabellionError, TrustError } from '../errors.ts';
import type { ImageSource } from '../registry/image-source.ts';
import { applyChange } from '../tuf/apply-change.ts';
import type { Change } from '../tuf/change.ts';
import { Repository } from '../tuf/repository.ts';
import { TARGETS } from '../tuf/role-name.ts';
import { sameTarget, targetSha256 } from '../tuf/target.ts';
import { type Failure, failureOf } from './failure.ts';
import { byRepository, type TaggedImage, taggedImages } from './images.ts';
import {
  type CreatedKey,
  checkPins,
  checkSignerName,
  firstRepository,
  firstSigner,
  keysToCreate,
} from './initialise-repository.ts';
import { keyRing, type PublishPlan, publishChanges } from './publish.ts';
import { type SignableImage, signableImages, targetChanges } from './push/signable-images.ts';
import { type Reminder, reminders } from './reminders.ts';
import type { RepositoryAccess, Session } from './session.ts';
import { newRepositoryRoles, signableRoles } from './signing-roles.ts';
import { stagedChangesWarning } from './staged-changes.ts';
import { loadTrustData, type TrustDataOptions } from './trust-data.ts';

export type { ImageSource } from '../registry/image-source.ts';

export interface SignRequest {
  readonly images: readonly string[];
  /** Where the digest comes from, for all images; by default from the registry. */
  readonly source?: ImageSource;
  /** The roles to sign into, as `targets/alice` or `alice`; by default those for which keys are at hand. */
  readonly roles?: readonly string[];
  /** Name of the first signer of a new repository, or which signer to sign as. */
  readonly signer?: string;
  readonly dryRun: boolean;
}

export interface SignedTag {
  readonly tag: string;
  readonly digest: string;
  readonly size: number;
  readonly mediaType?: string;
  readonly roles: readonly string[];
  readonly status: 'signed' | 'already-signed' | 'would-sign';
  /** What the tag was signed as before, when that was another digest. */
  readonly previousDigest?: string;
}

export interface SignedRepository {
  readonly repository: string;
  readonly server: string;
  readonly initialised: boolean;
  readonly signer?: string;
  readonly createdKeys: readonly CreatedKey[];
  /** Of a dry run: roles of the keys that would be made. */
  readonly wouldCreateKeys?: readonly string[];
  readonly tags: readonly SignedTag[];
  readonly versions: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  /** Why nothing was published. */
  readonly error?: Failure;
  readonly exitCode: number;
}

export interface SignReport {
  readonly dryRun: boolean;
  readonly repositories: readonly SignedRepository[];
  /** What the keys and the trust data of these repositories will need some day. */
  readonly reminders: readonly Reminder[];
}

/**
 * Signs tags. All digests are found before anything is signed.
 * @throws UsageError, OperationError, TrustError, KeyError, ConnectionError
 */
export async function sign(session: Session, request: SignRequest): Promise<SignReport> {
  if (request.signer !== undefined) checkSignerName(request.signer);
  const groups = byRepository(taggedImages(request.images));
  const found = await signableImages(session, groups, request.source);
  const repositories: SignedRepository[] = [];
  for (const images of found) {
    const created: CreatedKey[] = [];
    try {
      const signed = await signGroup(session, request, images, created);
      repositories.push({
        ...signed,
        warnings: [...unproven(session, request, images), ...signed.warnings],
      });
    } catch (error) {
      if (!(error instanceof TabellionError)) throw error;
      // Alone, and with nothing done, the error is all there is to say.
      if (found.length === 1 && created.length === 0) throw error;
      repositories.push(failedGroup(session, images, created, error));
    }
  }
  const signed = repositories.filter(({ error }) => error === undefined);
  return {
    dryRun: request.dryRun,
    repositories,
    reminders: await reminders(
      session,
      signed.map(({ repository }) => repository),
    ),
  };
}

/** A registry that proves nothing may name any digest. */
function unproven(
  session: Session,
  { source }: SignRequest,
  [image]: readonly TaggedImage[],
): string[] {
  if (source !== undefined || image === undefined || !session.isInsecure(image.domain)) return [];
  return [
    `The digests came from ${image.domain}, which is declared insecure: nobody vouches that they are those that were pushed`,
  ];
}

function failedGroup(
  session: Session,
  [image]: readonly TaggedImage[],
  createdKeys: readonly CreatedKey[],
  error: TabellionError,
): SignedRepository {
  return {
    repository: image?.repository ?? '',
    server: image === undefined ? '' : session.serverOf(image.domain),
    initialised: false,
    createdKeys,
    tags: [],
    versions: {},
    warnings: [],
    error: failureOf(error),
    exitCode: error.exitCode,
  };
}

/** How the tags of one repository are to be signed. */
export type GroupRequest = Pick<SignRequest, 'roles' | 'signer' | 'dryRun'> & {
  /** Make and open every key that is needed, but publish nothing. */
  readonly rehearsal?: boolean;
};

/**
 * Signs tags of one repository, whose manifests are known.
 *
 * @param created told of each key as soon as it is stored
 * @throws as `sign`
 */
export async function signGroup(
  session: Session,
  request: GroupRequest,
  images: readonly SignableImage[],
  created: CreatedKey[],
): Promise<SignedRepository> {
  const [first] = images;
  if (first === undefined) throw new OperationError('NOTHING_TO_SIGN', 'No image was given');
  const access = await session.repository(first);
  if (request.dryRun) {
    const existing = await existingRepository(session, access, { store: false });
    return await dryRun(session, access, existing, request, images);
  }
  // Under the lock from the first look on: of two runs that find no repository, one would make it a second time.
  return await access.dir.withLock(async () => {
    const existing = await existingRepository(session, access);
    return existing === undefined
      ? await signNew(session, access, request, images, created)
      : await signExisting(session, access, existing, request, images);
  });
}

async function existingRepository(
  session: Session,
  access: RepositoryAccess,
  options: Pick<TrustDataOptions, 'store'> = {},
): Promise<Repository | undefined> {
  try {
    const { trusted } = await loadTrustData(session, access, {
      ...options,
      requireFresh: true,
      forWrite: true,
    });
    return Repository.fromTrusted(trusted);
  } catch (error) {
    if (error instanceof TrustError && error.code === 'NO_TRUST_DATA') return undefined;
    throw error;
  }
}

async function signNew(
  session: Session,
  access: RepositoryAccess,
  request: GroupRequest,
  images: readonly SignableImage[],
  created: CreatedKey[],
): Promise<SignedRepository> {
  const signer = await newSignerName(session, access, request);
  const roles = newRepositoryRoles(access.gun, signer, request);
  const repository = await firstRepository(session, access, created);
  const first = signer === undefined ? [] : await firstSigner(session, signer, created);
  const published = await publishChanges(
    session,
    access,
    async () => ({
      changes: [...first, ...images.flatMap(image => targetChanges(image, roles))],
      ...rehearsal(request),
    }),
    repository,
  );
  return {
    repository: access.gun,
    server: access.server,
    initialised: true,
    ...(signer === undefined ? {} : { signer }),
    createdKeys: created,
    tags: images.map(image => report(image, roles, 'signed')),
    versions: published.versions,
    warnings: [...(await stagedChangesWarning(access.dir)), ...published.warnings],
    exitCode: 0,
  };
}

function rehearsal({ rehearsal = false }: GroupRequest): Pick<PublishPlan, 'rehearsal'> {
  return { rehearsal };
}

/** The first signer: as asked for, else the person's name at the registry, else none. */
async function newSignerName(
  session: Session,
  access: RepositoryAccess,
  request: GroupRequest,
): Promise<string | undefined> {
  const name = request.signer ?? (await session.userName(access.domain));
  return name === undefined ? undefined : checkSignerName(name);
}

async function signExisting(
  session: Session,
  access: RepositoryAccess,
  existing: Repository,
  request: GroupRequest,
  images: readonly SignableImage[],
): Promise<SignedRepository> {
  let tags: SignedTag[] = [];
  let conflicts: string[] = [];
  const published = await publishChanges(
    session,
    access,
    async repository => {
      const ring = await keyRing(session);
      tags = [];
      const changes: Change[] = [];
      for (const image of images) {
        const roles = await signableRoles(repository, image.tag, ring, request);
        tags.push(outcome(repository, image, roles));
        changes.push(...targetChanges(image, roles));
      }
      conflicts = images.flatMap(image => conflictWarnings(repository, image, tags));
      return { changes, ...rehearsal(request) };
    },
    existing,
  );
  return {
    repository: access.gun,
    server: access.server,
    initialised: false,
    ...(request.signer === undefined ? {} : { signer: request.signer }),
    createdKeys: [],
    tags,
    versions: published.versions,
    warnings: [...(await stagedChangesWarning(access.dir)), ...conflicts, ...published.warnings],
    exitCode: 0,
  };
}

async function dryRun(
  session: Session,
  access: RepositoryAccess,
  existing: Repository | undefined,
  request: GroupRequest,
  images: readonly SignableImage[],
): Promise<SignedRepository> {
  if (existing === undefined) checkPins(access);
  const signer =
    existing === undefined ? await newSignerName(session, access, request) : request.signer;
  const ring = await keyRing(session);
  const tags: SignedTag[] = [];
  for (const image of images) {
    const roles =
      existing === undefined
        ? newRepositoryRoles(access.gun, signer, request)
        : await signableRoles(existing, image.tag, ring, request);
    const tag =
      existing === undefined ? report(image, roles, 'signed') : outcome(existing, image, roles);
    tags.push(tag.status === 'signed' ? { ...tag, status: 'would-sign' } : tag);
  }
  const warnings = await stagedChangesWarning(access.dir);
  if (existing !== undefined) {
    warnings.push(...images.flatMap(image => conflictWarnings(existing, image, tags)));
    // What could not be signed must not be promised.
    for (const [index, image] of images.entries()) {
      for (const change of targetChanges(image, tags[index]?.roles ?? []))
        await applyChange(existing, change, ring);
    }
  }
  return {
    repository: access.gun,
    server: access.server,
    initialised: existing === undefined,
    ...(signer === undefined ? {} : { signer }),
    createdKeys: [],
    ...(existing === undefined ? { wouldCreateKeys: await keysToCreate(session, signer) } : {}),
    tags,
    versions: {},
    warnings,
    exitCode: 0,
  };
}

function outcome(
  repository: Repository,
  image: SignableImage,
  roles: readonly string[],
): SignedTag {
  const before = roles.map(role => repository.view(role)?.targets.get(image.tag));
  const unchanged = before.every(
    target => target !== undefined && sameTarget(target, image.target),
  );
  const other = before.find(
    target => target !== undefined && targetSha256(target) !== targetSha256(image.target),
  );
  const tag = report(image, roles, unchanged ? 'already-signed' : 'signed');
  return other === undefined ? tag : { ...tag, previousDigest: `sha256:${targetSha256(other)}` };
}

function report(
  image: SignableImage,
  roles: readonly string[],
  status: SignedTag['status'],
): SignedTag {
  return {
    tag: image.tag,
    digest: `sha256:${targetSha256(image.target)}`,
    size: image.target.length,
    ...(image.mediaType === undefined ? {} : { mediaType: image.mediaType }),
    roles,
    status,
  };
}

/** Consumers that ask `targets` and those that ask `targets/releases` would now see two digests. */
function conflictWarnings(
  repository: Repository,
  image: SignableImage,
  tags: readonly SignedTag[],
): string[] {
  const signed = tags.find(({ tag }) => tag === image.tag);
  const atTop = repository.view(TARGETS)?.targets.get(image.tag);
  if (atTop === undefined || signed?.roles.includes(TARGETS) === true) return [];
  if (targetSha256(atTop) === targetSha256(image.target)) return [];
  return [
    `The repository key still signs ${image.tag} as sha256:${targetSha256(atTop)}; docker takes the new digest, but notary shows the old one until that entry is revoked or signed again`,
  ];
}
