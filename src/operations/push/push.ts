/**
 * Pushing images and signing them in one go: parts first, then the signature, then the tag, so that nobody ever sees
 * a signed tag that cannot be pulled, or a pushed tag that is not signed.
 */
import { TabellionError, TrustError, UsageError } from '../../errors.ts';
import { chooseImage } from '../../registry/choose-image.ts';
import { uncompressedLayer } from '../../registry/digest-preserved.ts';
import { type ImageParts, imageParts, readTopManifest } from '../../registry/image-parts.ts';
import type { StoredSource } from '../../registry/image-source.ts';
import type { ImageStore } from '../../registry/image-store.ts';
import { openImageSource } from '../../registry/open-image-source.ts';
import type { RegistryClient } from '../../registry/registry-client.ts';
import { RepositoryPush } from '../../registry/repository-push.ts';
import { targetSha256 } from '../../tuf/target.ts';
import { failureOf } from '../failure.ts';
import { byRepository, type TaggedImage, taggedImages } from '../images.ts';
import { type CreatedKey, checkSignerName } from '../initialise-repository.ts';
import type { Session } from '../session.ts';
import { type GroupRequest, type SignedRepository, type SignedTag, signGroup } from '../sign.ts';
import { mountSources } from './mount-sources.ts';
import { type SignableImage, signable, wantedImage } from './signable-images.ts';
import { putManifest, type UploadSummary, uploadImage } from './upload-image.ts';
import { forgetOldUploads } from './upload-records.ts';

export interface PushRequest {
  /** Where the image is; one source for all tags. */
  readonly source: StoredSource;
  readonly images: readonly string[];
  /** As for `sign`. */
  readonly roles?: readonly string[];
  /** As for `sign`. */
  readonly signer?: string;
  /** Repositories of the same registry to take blobs over from, beside those that are found by themselves. */
  readonly mountFrom?: readonly string[];
  /** Largest piece of a blob in one request, in bytes; default {@link DEFAULT_CHUNK_SIZE}. */
  readonly chunkSize?: number;
  readonly dryRun: boolean;
}

export interface PushedTag extends SignedTag {
  /** What became of the tag in the registry; `missing` when it could not be set. */
  readonly registry: 'set' | 'unchanged' | 'would-set' | 'missing';
  /** What it named there before, when that was something else. */
  readonly previousRegistryDigest?: string;
}

export interface PushedRepository extends SignedRepository {
  readonly tags: readonly PushedTag[];
  /** Absent when the upload was not finished. */
  readonly upload?: UploadSummary;
}

export interface PushReport {
  readonly dryRun: boolean;
  readonly repositories: readonly PushedRepository[];
}

/** In bytes. Large enough to lose little time between pieces, small enough to lose little when one is lost. */
export const DEFAULT_CHUNK_SIZE = 16 * 1024 * 1024;

/** One repository, and what is to be in it. */
interface Group {
  readonly repository: string;
  readonly domain: string;
  readonly path: string;
  readonly registry: RegistryClient;
  readonly images: readonly PushableImage[];
  /** Paths of repositories that may have the blobs. */
  readonly mountFrom: readonly string[];
  readonly created: CreatedKey[];
  upload?: UploadSummary;
  signed?: SignedRepository;
  /** What the tags name before this. */
  readonly before: Map<string, string>;
  readonly placed: Map<string, PushedTag['registry']>;
}

interface PushableImage extends SignableImage {
  readonly parts: ImageParts;
}

/**
 * Pushes images and signs their tags. The image is read, and every key that is needed is opened, before the first
 * byte is sent.
 *
 * @throws UsageError, OperationError, TrustError, KeyError, ConnectionError
 */
export async function push(session: Session, request: PushRequest): Promise<PushReport> {
  if (request.signer !== undefined) checkSignerName(request.signer);
  const tagged = byRepository(taggedImages(request.images));
  session.progress({ message: `reading ${request.source.path}` });
  const store = await openImageSource(request.source);
  const groups: Group[] = [];
  for (const images of tagged) groups.push(await prepare(session, request, store, images, groups));
  const warnings = await compressionWarnings(store, groups);

  const signing: GroupRequest = {
    ...(request.roles === undefined ? {} : { roles: request.roles }),
    ...(request.signer === undefined ? {} : { signer: request.signer }),
    dryRun: request.dryRun,
  };
  const repositories: PushedRepository[] = [];
  const attempt = async (group: Group, work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof TabellionError)) throw error;
      // Alone, and with nothing done that matters, the error is all there is to say.
      if (groups.length === 1 && group.created.length === 0 && group.signed === undefined) {
        throw error;
      }
      repositories.push(failed(session, group, error));
      return false;
    }
  };
  if (!request.dryRun) await forgetOldUploads(session);
  const ready: Group[] = [];
  for (const group of groups) {
    const rehearse = async (): Promise<void> => {
      // A registry that cannot be reached is no reason to make keys.
      session.progress({ message: `asking ${group.domain} for ${group.path}` });
      await lookAtTags(group);
      if (request.dryRun) return;
      session.progress({ message: `checking the keys for ${group.repository}` });
      await signGroup(session, { ...signing, rehearsal: true }, group.images, group.created);
    };
    if (await attempt(group, rehearse)) ready.push(group);
  }
  for (const group of ready) {
    await attempt(group, async () => {
      await pushGroup(session, request, signing, store, group);
      repositories.push(report(group, warnings, request.dryRun));
    });
  }
  return { dryRun: request.dryRun, repositories };
}

async function prepare(
  session: Session,
  request: PushRequest,
  store: ImageStore,
  tagged: readonly TaggedImage[],
  earlier: readonly Group[],
): Promise<Group> {
  const [first] = tagged;
  if (first === undefined) throw new UsageError('NOTHING_TO_PUSH', 'No image was given');
  const { repository, domain, path } = first;
  const images: PushableImage[] = [];
  for (const image of tagged) {
    const top = await readTopManifest(
      store,
      await chooseImage(store, wantedImage(request.source, image)),
    );
    const { digest } = top;
    session.log(`${repository}:${image.tag} is ${digest}, ${top.size} bytes`);
    images.push({ ...signable(image, top), parts: await imageParts(store, top) });
  }
  return {
    repository,
    domain,
    path,
    registry: await session.registry(domain),
    images,
    mountFrom: await mountSources(store, first, request.mountFrom ?? [], earlier),
    created: [],
    before: new Map(),
    placed: new Map(),
  };
}

async function pushGroup(
  session: Session,
  request: PushRequest,
  signing: GroupRequest,
  store: ImageStore,
  group: Group,
): Promise<void> {
  const { registry, path, repository, images, mountFrom } = group;
  const { chunkSize = DEFAULT_CHUNK_SIZE, dryRun } = request;
  group.upload = await uploadImage(session, {
    ...{ repository, path, registry, store, mountFrom, chunkSize, dryRun },
    images: images.map(({ parts }) => parts),
  });
  if (!dryRun) {
    session.progress({ message: `checking ${repository}` });
    // Only what can be pulled is signed.
    for (const digest of new Set(images.map(digestOf))) await registry.resolve(path, digest);
  }
  group.signed = await signGroup(session, signing, images, group.created);
  for (const image of images) {
    if (dryRun) {
      const isThere = group.before.get(image.tag) === digestOf(image);
      group.placed.set(image.tag, isThere ? 'unchanged' : 'would-set');
    } else {
      group.placed.set(image.tag, await placeTag(session, group, image));
    }
  }
}

/** Sets a tag, as the last step of all, and checks that it names what was signed. */
async function placeTag(
  session: Session,
  { registry, path, repository, before }: Group,
  { tag, parts, target, ...image }: PushableImage,
): Promise<'set' | 'unchanged'> {
  const digest = digestOf({ target });
  const own = parts.manifests.at(-1);
  if (own === undefined) throw new TypeError(`${image.text} has no manifest`);
  const isThere = before.get(tag) === digest;
  try {
    session.progress({ message: `tagging ${repository}:${tag}` });
    const writer = new RepositoryPush(registry.connection, path);
    if (!isThere) await registry.connection.explaining(() => putManifest(writer, tag, own));
    const served = await registry.resolve(path, tag);
    if (served.digest === digest) return isThere ? 'unchanged' : 'set';
    throw new TrustError(
      'TAG_MOVED',
      `${repository}:${tag} is signed as ${digest}, but the registry says that it is ${served.digest}`,
      {
        hint: 'Somebody else pushed that tag at the same time. Find out whose image is wanted, and push or sign it again.',
        details: { signed: digest, served: served.digest },
      },
    );
  } catch (error) {
    if (!(error instanceof TabellionError) || error.code === 'TAG_MOVED') throw error;
    const old = before.get(tag);
    error.noting({ signed: digest, ...(old === undefined ? {} : { tagged: old }) });
    throw error.advising(
      `The image is in the registry and signed as ${tag}, but the tag ${old === undefined ? 'is not set' : `still names ${old}`}: run the command again${old === undefined ? '' : `, or go back with tabellion sign ${repository}:${tag}`}.`,
    );
  }
}

/** Notes what the tags name before anything is changed. */
async function lookAtTags({ registry, path, images, before }: Group): Promise<void> {
  const reader = new RepositoryPush(registry.connection, path);
  await registry.connection.explaining(async () => {
    for (const { tag } of images) {
      const digest = await reader.tagDigest(tag);
      if (digest !== undefined) before.set(tag, digest);
    }
  });
}

/** Other tools would have pushed another digest: who compares should know. */
async function compressionWarnings(store: ImageStore, groups: readonly Group[]): Promise<string[]> {
  for (const { parts } of groups.flatMap(({ images }) => images)) {
    if ((await uncompressedLayer(store, parts)) === undefined) continue;
    return [
      `${store.where} has layers that are not compressed, and they are pushed as they are, which keeps the digest; docker push would compress them and give another one`,
    ];
  }
  return [];
}

function digestOf({ target }: Pick<SignableImage, 'target'>): string {
  return `sha256:${targetSha256(target)}`;
}

function report(group: Group, warnings: readonly string[], dryRun: boolean): PushedRepository {
  const { signed, upload, before, placed } = group;
  if (signed === undefined) throw new TypeError('nothing was signed');
  return {
    ...signed,
    tags: signed.tags.map((tag): PushedTag => {
      const old = before.get(tag.tag);
      return {
        ...tag,
        registry: placed.get(tag.tag) ?? (dryRun ? 'would-set' : 'missing'),
        ...(old === undefined || old === tag.digest ? {} : { previousRegistryDigest: old }),
      };
    }),
    warnings: [...warnings, ...signed.warnings],
    ...(upload === undefined ? {} : { upload }),
  };
}

function failed(session: Session, group: Group, error: TabellionError): PushedRepository {
  const { repository, domain, created, signed, upload } = group;
  const outcome = { error: failureOf(error), exitCode: error.exitCode };
  if (signed !== undefined) return { ...report(group, [], false), ...outcome };
  return {
    repository,
    server: session.serverOf(domain),
    initialised: false,
    createdKeys: created,
    tags: [],
    versions: {},
    warnings: [],
    ...(upload === undefined ? {} : { upload }),
    ...outcome,
  };
}
