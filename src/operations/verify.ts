/** Verifying tags and digests: what is trusted, who signed it, and whether the registry still serves it. */

import { printable } from '../crypto/printable.ts';
import { canonicalKeyId } from '../crypto/public-key.ts';
import {
  ConnectionError,
  OperationError,
  TabellionError,
  TrustError,
  UsageError,
} from '../errors.ts';
import { type ImageReference, parseImageReference } from '../registry/image-reference.ts';
import { allSignedTargets } from '../tuf/delegation-walk.ts';
import { RELEASES, signerName, TARGETS } from '../tuf/role-name.ts';
import type { TrustedSet } from '../tuf/trusted-set.ts';
import { type Failure, failureOf } from './failure.ts';
import { type ExpiredTrustData, loadExpired } from './renewal/expired-trust-data.ts';
import type { Session } from './session.ts';
import { type ReleasedTag, releasedTags, viewOf } from './signed-tags.ts';
import { loadTrustData, type TrustData, type TrustDataOrigin, validUntil } from './trust-data.ts';

export type { TrustDataOrigin } from './trust-data.ts';

export interface VerifyRequest {
  readonly images: readonly string[];
  /** `ask` says so when the registry cannot be reached; `require` fails then. */
  readonly registry: 'ask' | 'require' | 'skip';
  /** Use no network at all. */
  readonly offline: boolean;
  readonly requireFresh: boolean;
}

export interface SignedBy {
  /** `alice`, or `Repo Admin` for the repository key. */
  readonly name: string;
  readonly role: string;
  /** Canonical IDs of the keys whose signatures hold. */
  readonly keyIds: readonly string[];
}

export interface RegistryState {
  readonly status: 'matches' | 'moved' | 'unreachable' | 'skipped' | 'absent';
  readonly digest?: string;
  readonly message?: string;
}

export interface Verified {
  readonly image: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest: string;
  readonly size: number;
  readonly trusted: boolean;
  readonly error?: Failure;
  readonly exitCode: number;
  readonly signedBy: readonly SignedBy[];
  readonly validUntil: string;
  readonly trustData?: TrustDataOrigin;
  readonly registry: RegistryState;
  readonly warnings: readonly string[];
  /** Whether it failed because trust data has expired. */
  readonly expired?: true;
  /** Where it has expired: what was signed. It is not trusted. */
  readonly lastSigned?: {
    readonly digest: string;
    readonly size: number;
    readonly signedBy: readonly SignedBy[];
  };
}

export type VerifyResult = Verified;

/**
 * Verifies images, one result each: the failure of one does not hide the others.
 * @throws UsageError for a reference that is none
 */
export async function verify(
  session: Session,
  request: VerifyRequest,
): Promise<{ images: VerifyResult[] }> {
  const images = request.images.map(parsedImage);
  const trustData = new Map<string, Promise<TrustData | ExpiredTrustData>>();
  const results: VerifyResult[] = [];
  for (const image of images) {
    const known = trustData.get(image.repository) ?? trustDataOf(session, image, request);
    trustData.set(image.repository, known);
    results.push(await verifyImage(session, image, request, known));
  }
  return { images: results };
}

function parsedImage(text: string): ImageReference {
  const image = parseImageReference(text);
  if (image.tag !== undefined || image.digest !== undefined) return image;
  throw new UsageError('TAG_MISSING', `“${printable(text)}” names neither a tag nor a digest`, {
    hint: `Name one, as in ${image.familiar}:latest; “tabellion inspect” shows all that are signed.`,
  });
}

function trustDataOf(
  session: Session,
  image: ImageReference,
  request: VerifyRequest,
): Promise<TrustData | ExpiredTrustData> {
  const { offline, requireFresh } = request;
  const loaded = session.repository(image).then(async access => {
    try {
      return await loadTrustData(session, access, { offline, requireFresh });
    } catch (error) {
      const expired = await loadExpired(session, access, error, { offline, requireFresh });
      if (expired === undefined) throw error;
      return expired;
    }
  });
  // Awaited by the first image of the repository; the others must not find it unhandled.
  loaded.catch(() => undefined);
  return loaded;
}

async function verifyImage(
  session: Session,
  image: ImageReference,
  request: VerifyRequest,
  loading: Promise<TrustData | ExpiredTrustData>,
): Promise<VerifyResult> {
  let data: TrustData | undefined;
  try {
    const loaded = await loading;
    if ('error' in loaded) return notTrusted(image, undefined, loaded.error, loaded.data);
    data = loaded;
    const released = trustedEntry(data.trusted, image);
    const digest = `sha256:${released.sha256}`;
    const registry = await registryState(session, image, digest, request);
    const failure = registryFailure(image, digest, registry, request);
    return {
      ...base(image, data),
      digest,
      size: released.target.length,
      trusted: failure === undefined || failure instanceof ConnectionError,
      ...(failure === undefined ? {} : { error: failureOf(failure) }),
      exitCode: failure === undefined ? 0 : failure.exitCode,
      signedBy: released.roles.map(role => signedBy(data?.trusted as TrustedSet, role)),
      validUntil: earliest(released.roles.map(role => validUntil(data as TrustData, role))),
      registry,
    };
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    return notTrusted(image, data, error);
  }
}

/** @param expired trust data in which the image may be, were it not for its expiry */
function notTrusted(
  image: ImageReference,
  data: TrustData | undefined,
  error: TabellionError,
  expired?: TrustData,
): VerifyResult {
  return {
    ...base(image, data),
    digest: image.digest ?? '',
    size: 0,
    trusted: false,
    error: failureOf(error),
    exitCode: error.exitCode,
    signedBy: [],
    validUntil: '',
    registry: { status: 'skipped' },
    ...(expired === undefined ? {} : { expired: true, ...lastSigned(expired.trusted, image) }),
  };
}

function lastSigned(trusted: TrustedSet, image: ImageReference): Pick<Verified, 'lastSigned'> {
  try {
    const { sha256, target, roles } = trustedEntry(trusted, image);
    const by = roles.map(role => signedBy(trusted, role));
    return { lastSigned: { digest: `sha256:${sha256}`, size: target.length, signedBy: by } };
  } catch (error) {
    if (error instanceof TrustError) return {};
    throw error;
  }
}

function base(
  image: ImageReference,
  data: TrustData | undefined,
): Pick<Verified, 'image' | 'repository' | 'tag' | 'trustData' | 'warnings'> {
  return {
    image: image.text,
    repository: image.repository,
    ...(image.tag === undefined ? {} : { tag: image.tag }),
    ...(data === undefined ? {} : { trustData: data.origin }),
    warnings: data?.warnings ?? [],
  };
}

/** The entry that Docker would take: from releases before targets, and none when the two disagree. */
function trustedEntry(trusted: TrustedSet, image: ImageReference): ReleasedTag {
  const view = viewOf(trusted);
  const wanted = image.digest?.replace('sha256:', '');
  const found = releasedTags(view, image.tag).filter(
    ({ sha256 }) => image.tag !== undefined || wanted === undefined || sha256 === wanted,
  );
  const [first] = found;
  if (first === undefined) throw notSigned(trusted, image);
  if (image.tag !== undefined && found.length > 1) {
    throw new TrustError(
      'TAG_CONFLICT',
      `${printable(image.text)} is signed with two digests: ${found.map(describeEntry).join(' and ')}`,
      {
        hint: 'Its owner must revoke one, or sign the tag again into every role that holds it.',
      },
    );
  }
  if (first.sha256 === '') {
    throw new TrustError(
      'TARGET_WITHOUT_SHA256',
      `${printable(image.text)} is signed without a SHA-256 digest, and cannot be compared with an image`,
    );
  }
  if (wanted !== undefined && first.sha256 !== wanted) {
    throw new TrustError(
      'DIGEST_MISMATCH',
      `${printable(image.familiar)}:${printable(image.tag ?? '')} is signed as sha256:${first.sha256}, not with the digest that was asked for`,
      {
        details: { signed: `sha256:${first.sha256}`, asked: `sha256:${wanted}` },
      },
    );
  }
  return first;
}

function notSigned(trusted: TrustedSet, image: ImageReference): TrustError {
  const name = image.tag;
  if (name === undefined) {
    return new TrustError(
      'NOT_SIGNED',
      `Nothing signed in ${image.repository} has the digest ${image.digest}`,
    );
  }
  const elsewhere = allSignedTargets(viewOf(trusted), name).map(({ role }) => role);
  if (elsewhere.length > 0) {
    const signers = elsewhere.map(signerName).join(', ');
    return new TrustError(
      'NOT_RELEASED',
      `The tag ${name} of ${image.repository} is signed by ${signers}, but not released`,
      {
        hint: `Clients trust what ${TARGETS} or ${RELEASES} holds; sign it there with a key that may.`,
      },
    );
  }
  return new TrustError('NOT_SIGNED', `The tag ${name} of ${image.repository} is not signed`, {
    hint: `“tabellion inspect ${image.familiar}” shows the tags that are.`,
  });
}

function describeEntry({ sha256, roles }: ReleasedTag): string {
  return `sha256:${sha256} by ${roles.join(', ')}`;
}

async function registryState(
  session: Session,
  image: ImageReference,
  digest: string,
  request: VerifyRequest,
): Promise<RegistryState> {
  if (request.registry === 'skip' || request.offline || image.tag === undefined)
    return { status: 'skipped' };
  try {
    session.progress({ message: `asking the registry for ${image.familiar}:${image.tag}` });
    const found = await (await session.registry(image.domain)).resolve(image.path, image.tag);
    return { status: found.digest === digest ? 'matches' : 'moved', digest: found.digest };
  } catch (error) {
    if (error instanceof OperationError && error.code === 'IMAGE_NOT_FOUND')
      return { status: 'absent', message: error.message };
    if (error instanceof ConnectionError) return { status: 'unreachable', message: error.message };
    throw error;
  }
}

function registryFailure(
  image: ImageReference,
  digest: string,
  state: RegistryState,
  request: VerifyRequest,
): TabellionError | undefined {
  switch (state.status) {
    case 'moved':
      return new TrustError(
        'TAG_MOVED',
        `The registry serves ${state.digest} as ${printable(image.text)}, but ${digest} is signed`,
        {
          hint: 'The tag was pushed again and not signed, or it was tampered with. Pull by the signed digest, or have the new image signed.',
          details: { signed: digest, registry: state.digest },
        },
      );
    case 'absent':
      return new TrustError(
        'TAG_ABSENT',
        `${printable(image.text)} is signed as ${digest}, but the registry does not have that tag`,
        {
          hint: 'It was deleted, or never pushed. --no-registry verifies the signature alone.',
        },
      );
    case 'unreachable':
      if (request.registry !== 'require') return undefined;
      return new ConnectionError(
        'REGISTRY_UNREACHABLE',
        `The registry could not be asked for ${printable(image.text)}: ${state.message}`,
      );
    default:
      return undefined;
  }
}

function signedBy(trusted: TrustedSet, role: string): SignedBy {
  const { keys } = trusted.keysFor(role);
  const keyIds = (trusted.targets.get(role)?.keyIds ?? []).flatMap(id => {
    const key = keys.get(id);
    return key === undefined ? [] : [canonicalKeyId(key)];
  });
  return { name: signerName(role), role, keyIds };
}

function earliest(dates: readonly string[]): string {
  return [...dates].sort()[0] ?? '';
}
