/** What a repository's trust data says: signed tags, signers, keys, expiries. */
import { canonicalKeyId } from '../crypto/public-key.ts';
import { TabellionError } from '../errors.ts';
import { type ImageReference, parseImageReference } from '../registry/image-reference.ts';
import type { Platform } from '../registry/platform.ts';
import {
  BASE_ROLES,
  isDelegationName,
  RELEASES,
  ROOT,
  signerName,
  TARGETS,
} from '../tuf/role-name.ts';
import type { TrustedSet } from '../tuf/trusted-set.ts';
import { type Failure, failureOf } from './failure.ts';
import { naturalOrder } from './natural-order.ts';
import type { PlatformDigests } from './platform-digests.ts';
import type { Reminder } from './reminders.ts';
import { type ExpiredTrustData, loadExpired } from './renewal/expired-trust-data.ts';
import type { Session } from './session.ts';
import { REPOSITORY_ADMIN, type ReleasedTag, releasedTags, viewOf } from './signed-tags.ts';
import { loadTrustData, roleExpiries, type TrustData, type TrustDataOrigin } from './trust-data.ts';

export interface InspectRequest {
  readonly images: readonly string[];
  readonly offline: boolean;
  readonly requireFresh: boolean;
  /** Ask the registry which image of each signed index this platform runs. */
  readonly platform?: Platform;
}

export interface InspectedTag {
  readonly tag: string;
  readonly digest: string;
  readonly size: number;
  readonly signers: readonly string[];
  readonly roles: readonly string[];
}

export interface InspectedSigner {
  readonly name: string;
  readonly role: string;
  readonly paths: readonly string[];
  readonly keys: readonly { readonly id: string }[];
  readonly threshold: number;
  /** Absent for a role that has signed nothing yet. */
  readonly expires?: string;
}

export interface AdministrativeKeys {
  readonly name: 'Root' | 'Repository';
  readonly keys: readonly {
    /** Canonical ID: the name of the private key's file. */
    readonly id: string;
    /** Of a root key: ID of its certificate, which is what pins and `docker trust inspect` use. */
    readonly certificateId?: string;
    readonly notAfter?: string;
  }[];
}

export interface InspectedRole {
  readonly role: string;
  readonly version: number;
  readonly expires: string;
  readonly threshold: number;
  readonly keyIds: readonly string[];
}

/** The members of `docker trust inspect`, in its order (cli.md 2.4). */
export interface DockerTrustJson {
  readonly Name: string;
  readonly SignedTags: readonly {
    readonly SignedTag: string;
    readonly Digest: string;
    readonly Signers: readonly string[];
  }[];
  readonly Signers: readonly DockerSigner[];
  readonly AdministrativeKeys: readonly DockerSigner[];
}

interface DockerSigner {
  readonly Name: string;
  readonly Keys?: readonly { readonly ID: string }[];
}

export interface Inspected {
  readonly image: string;
  readonly repository: string;
  readonly error?: Failure;
  readonly exitCode: number;
  /** All that follows verified but for having expired: nothing of it is trusted. `error` says what has. */
  readonly expired?: true;
  readonly signedTags: readonly InspectedTag[];
  readonly signers: readonly InspectedSigner[];
  readonly administrativeKeys: readonly AdministrativeKeys[];
  readonly roles: readonly InspectedRole[];
  readonly trustData?: TrustDataOrigin;
  readonly dockerJson: DockerTrustJson;
  /** What one platform runs of it, where that was asked for. */
  readonly platformDigests?: PlatformDigests;
  readonly warnings: readonly string[];
  /** What the keys on this machine that the repository trusts will need some day. */
  readonly reminders: readonly Reminder[];
}

export type InspectResult = Inspected;

/**
 * Inspects images, one result each; a tag in the reference narrows the list of tags.
 * @throws UsageError for a reference that is none
 */
export async function inspect(
  session: Session,
  request: InspectRequest,
): Promise<{ images: InspectResult[] }> {
  const images = request.images.map(parseImageReference);
  const results: InspectResult[] = [];
  for (const image of images) results.push(await inspectImage(session, image, request));
  return { images: results };
}

async function inspectImage(
  session: Session,
  image: ImageReference,
  request: InspectRequest,
): Promise<InspectResult> {
  const { offline, requireFresh, platform } = request;
  try {
    const access = await session.repository(image);
    const data = await loadTrustData(session, access, { offline, requireFresh }).catch(
      async (error: unknown) => {
        const expired = await loadExpired(session, access, error, { offline, requireFresh });
        if (expired === undefined) throw error;
        return expired;
      },
    );
    if ('error' in data) return foundExpired(image, data);
    const inspected = {
      ...found(image, data),
      reminders: await keyReminders(session, image.repository),
    };
    return platform === undefined
      ? inspected
      : await withPlatform(session, image, platform, inspected);
  } catch (error) {
    if (!(error instanceof TabellionError)) throw error;
    return failed(image, error);
  }
}

async function withPlatform(
  session: Session,
  image: ImageReference,
  platform: Platform,
  inspected: Inspected,
): Promise<Inspected> {
  const { platformDigests } = await import('./platform-digests.ts');
  const digests = await platformDigests(
    session,
    image,
    platform,
    inspected.signedTags.filter(({ digest }) => digest !== ''),
  );
  return {
    ...inspected,
    platformDigests: digests,
    exitCode: Math.max(inspected.exitCode, ...digests.tags.map(({ exitCode }) => exitCode)),
  };
}

/** Of expiries the warnings tell already. */
async function keyReminders(session: Session, repository: string): Promise<Reminder[]> {
  const { reminders } = await import('./reminders.ts');
  return (await reminders(session, [repository])).filter(({ kind }) => kind !== 'near-expiry');
}

function found(image: ImageReference, { trusted, origin, warnings }: TrustData): InspectResult {
  const name = image.digest === undefined ? image.tag : undefined;
  const tags = releasedTags(viewOf(trusted), name).sort((a, b) => naturalOrder(a.tag, b.tag));
  const signers = signersOf(trusted);
  const administrativeKeys = administrativeKeysOf(trusted);
  return {
    image: image.text,
    repository: image.repository,
    exitCode: 0,
    signedTags: tags.map(inspectedTag),
    signers,
    administrativeKeys,
    roles: rolesOf(trusted),
    trustData: origin,
    dockerJson: dockerJson(image, tags, signers, administrativeKeys),
    warnings,
    reminders: [],
  };
}

/** What is there, without a list of tags that a program of Docker's could take for a present one. */
function foundExpired(image: ImageReference, { data, error }: ExpiredTrustData): InspectResult {
  return {
    ...found(image, data),
    error: failureOf(error),
    exitCode: error.exitCode,
    expired: true,
    dockerJson: dockerJson(image, [], [], []),
  };
}

function failed(image: ImageReference, error: TabellionError): InspectResult {
  return {
    image: image.text,
    repository: image.repository,
    error: failureOf(error),
    exitCode: error.exitCode,
    signedTags: [],
    signers: [],
    administrativeKeys: [],
    roles: [],
    dockerJson: dockerJson(image, [], [], []),
    warnings: [],
    reminders: [],
  };
}

function inspectedTag({ tag, sha256, target, signers, roles }: ReleasedTag): InspectedTag {
  return {
    tag,
    digest: sha256 === '' ? '' : `sha256:${sha256}`,
    size: target.length,
    signers: signers.length === 0 ? [REPOSITORY_ADMIN] : signers,
    roles,
  };
}

function signersOf(trusted: TrustedSet): InspectedSigner[] {
  const signers: InspectedSigner[] = [];
  for (const { metadata } of trusted.targets.values()) {
    for (const entry of metadata.delegations.roles ?? []) {
      if (entry.name === RELEASES) continue;
      const expires = trusted.targets.get(entry.name)?.metadata.expires;
      signers.push({
        name: signerName(entry.name),
        role: entry.name,
        paths: entry.paths,
        keys: keysOf(trusted, entry.name).map(({ id }) => ({ id })),
        threshold: entry.threshold,
        ...(expires === undefined ? {} : { expires }),
      });
    }
  }
  return signers;
}

function administrativeKeysOf(trusted: TrustedSet): AdministrativeKeys[] {
  const certificates = new Map(
    trusted.root.certificates.map(certificate => [certificate.id, certificate]),
  );
  const root = keysOf(trusted, ROOT).map(({ id, scopedId }) => {
    const notAfter = certificates.get(scopedId)?.leaf.notAfter.toISOString();
    return { id, certificateId: scopedId, ...(notAfter === undefined ? {} : { notAfter }) };
  });
  return [
    { name: 'Root', keys: root },
    { name: 'Repository', keys: keysOf(trusted, TARGETS).map(({ id }) => ({ id })) },
  ];
}

function rolesOf(trusted: TrustedSet): InspectedRole[] {
  return roleExpiries(trusted)
    .filter(({ role }) => BASE_ROLES.some(name => name === role) || isDelegationName(role))
    .map(file => ({
      ...file,
      threshold: trusted.keysFor(file.role).roleKeys.threshold,
      keyIds: keysOf(trusted, file.role).map(({ id }) => id),
    }));
}

function keysOf(trusted: TrustedSet, role: string): { id: string; scopedId: string }[] {
  const { roleKeys, keys } = trusted.keysFor(role);
  return (roleKeys.keyIds ?? []).flatMap(scopedId => {
    const key = keys.get(scopedId);
    return key === undefined ? [] : [{ id: canonicalKeyId(key), scopedId }];
  });
}

function dockerJson(
  image: ImageReference,
  tags: readonly ReleasedTag[],
  signers: readonly InspectedSigner[],
  administrative: readonly AdministrativeKeys[],
): DockerTrustJson {
  return {
    Name: image.text,
    SignedTags: tags.map(({ tag, sha256, signers: names }) => ({
      SignedTag: tag,
      Digest: sha256,
      Signers: names.length === 0 ? [REPOSITORY_ADMIN] : names,
    })),
    // By name, descending: Docker's order.
    Signers: [...signers]
      .sort((a, b) => (a.name < b.name ? 1 : -1))
      .map(({ name, keys }) =>
        dockerSigner(
          name,
          keys.map(({ id }) => id),
        ),
      ),
    AdministrativeKeys: administrative.map(({ name, keys }) =>
      dockerSigner(
        name,
        keys.map(({ id, certificateId }) => certificateId ?? id),
      ),
    ),
  };
}

/** An empty list of keys is left out, as Docker leaves it out. */
function dockerSigner(name: string, ids: readonly string[]): DockerSigner {
  return ids.length === 0 ? { Name: name } : { Name: name, Keys: ids.map(ID => ({ ID })) };
}
