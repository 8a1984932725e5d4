/** Which image of a signed index a platform runs. Only what has the signed digest is looked at. */
import { printable } from '../crypto/printable.ts';
import { OperationError, TabellionError } from '../errors.ts';
import type { ImageReference } from '../registry/image-reference.ts';
import { isJsonObject, parseJsonObject, readManifest } from '../registry/manifest.ts';
import {
  choosePlatform,
  type Platform,
  platformManifests,
  platformText,
  readPlatform,
} from '../registry/platform.ts';
import type { RegistryClient } from '../registry/registry-client.ts';
import { type Failure, failureOf } from './failure.ts';
import type { Session } from './session.ts';

export interface PlatformTag {
  readonly tag: string;
  /** What is signed: the index, or the image where there is but one. */
  readonly signedDigest: string;
  /** What the platform runs; absent when it could not be told, or there is none. */
  readonly digest?: string;
  /** The platform it is for, which may be an older variant than was asked for. */
  readonly platform?: string;
  readonly error?: Failure;
  readonly exitCode: number;
}

export interface PlatformDigests {
  /** As it was asked for: `linux/arm64`. */
  readonly platform: string;
  readonly tags: readonly PlatformTag[];
}

/** Of an image's configuration, in bytes. */
const CONFIG_LIMIT = 4 * 1024 * 1024;

/**
 * Finds the platform's image behind each signed tag, in the registry. A tag that has none carries an error.
 * @param tags the signed tags, with their signed digests
 */
export async function platformDigests(
  session: Session,
  image: ImageReference,
  platform: Platform,
  tags: readonly { readonly tag: string; readonly digest: string }[],
): Promise<PlatformDigests> {
  const name = platformText(platform);
  if (tags.length === 0) return { platform: name, tags: [] };
  const registry = await session.registry(image.domain);
  // Many tags name one image.
  const answers = new Map<string, ReturnType<typeof imageFor>>();
  const found: PlatformTag[] = [];
  for (const [index, { tag, digest }] of tags.entries()) {
    session.progress({
      message: `looking for ${name} in ${image.familiar}`,
      done: index,
      total: tags.length,
    });
    const answer =
      answers.get(digest) ??
      imageFor(registry, image.path, digest, platform).catch((error: unknown) => {
        if (!(error instanceof TabellionError)) throw error;
        return { error: failureOf(error), exitCode: error.exitCode };
      });
    answers.set(digest, answer);
    found.push({ tag, signedDigest: digest, ...(await answer) });
  }
  return { platform: name, tags: found };
}

async function imageFor(
  registry: RegistryClient,
  path: string,
  signed: string,
  wanted: Platform,
): Promise<Omit<PlatformTag, 'tag' | 'signedDigest'>> {
  const where = `${printable(path)}@${signed}`;
  const { bytes, mediaType } = await registry.manifest(path, signed);
  const { manifests, layers } = readManifest(bytes, mediaType, where);
  const offered =
    manifests.length > 0 || layers.length === 0
      ? platformManifests(manifests)
      : await onlyPlatform(registry, path, signed, bytes);
  const chosen = choosePlatform(offered, wanted);
  if (chosen === undefined) {
    const names = [...new Set(offered.map(({ platform }) => platformText(platform)))];
    throw new OperationError(
      'PLATFORM_MISSING',
      `The signed image ${where} has nothing for ${platformText(wanted)}`,
      {
        hint: names.length === 0 ? 'It names no platform.' : `It is for ${names.join(', ')}.`,
        details: { platforms: names },
      },
    );
  }
  return { digest: chosen.digest, platform: platformText(chosen.platform), exitCode: 0 };
}

/** A single image says in its configuration what it is for. */
async function onlyPlatform(
  registry: RegistryClient,
  path: string,
  digest: string,
  manifest: Uint8Array,
): Promise<ReturnType<typeof platformManifests>> {
  const config = parseJsonObject(manifest)?.config;
  if (!isJsonObject(config) || typeof config.digest !== 'string') return [];
  const bytes = await registry.smallBlob(path, config.digest, CONFIG_LIMIT);
  const platform = readPlatform(parseJsonObject(bytes));
  return platform === undefined ? [] : [{ digest, platform }];
}
