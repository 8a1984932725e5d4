/** The platforms of an image index: which of its images a machine runs (OCI image index, `platform`). */
import { printable } from '../crypto/printable.ts';
import { UsageError } from '../errors.ts';
import { isDigest } from './image-reference.ts';
import { isJsonObject } from './manifest.ts';

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** As `v7`; absent where there is but one, or the usual one is meant. */
  readonly variant?: string;
}

/** What an index says of one of its images. */
export interface PlatformManifest {
  readonly digest: string;
  readonly platform: Platform;
}

/** Other names of architectures, as machines and people call them (containerd's rules). */
const ARCHITECTURES = new Map([
  ['x86_64', 'amd64'],
  ['x86-64', 'amd64'],
  ['i386', '386'],
  ['i686', '386'],
  ['aarch64', 'arm64'],
  ['armhf', 'arm'],
  ['armel', 'arm'],
]);
/** What no variant means, by architecture. */
const USUAL_VARIANT = new Map([
  ['arm', 'v7'],
  ['arm64', 'v8'],
]);
const ARM_VARIANTS = ['v8', 'v7', 'v6', 'v5'];

/**
 * Reads `OS/ARCHITECTURE[/VARIANT]`, as in `docker --platform`.
 * @throws UsageError `PLATFORM_INVALID`
 */
export function parsePlatform(text: string): Platform {
  const [os = '', architecture = '', variant, ...more] = text.toLowerCase().split('/');
  const parts = [os, architecture, ...(variant === undefined ? [] : [variant])];
  if (more.length > 0 || parts.some(part => !/^[a-z0-9][a-z0-9._-]*$/.test(part))) {
    throw new UsageError('PLATFORM_INVALID', `“${printable(text)}” is not a platform`, {
      hint: 'Write it as linux/amd64, or linux/arm/v6.',
    });
  }
  return normalised({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}

/** `linux/arm/v6`. */
export function platformText({ os, architecture, variant }: Platform): string {
  const usual = USUAL_VARIANT.get(architecture);
  const end = variant === undefined || variant === usual ? '' : `/${variant}`;
  return printable(`${os}/${architecture}${end}`);
}

/** The images of an index that are for a platform at all; attestations and the like are left out. */
export function platformManifests(manifests: readonly unknown[]): PlatformManifest[] {
  return manifests.flatMap(entry => {
    if (!isJsonObject(entry) || typeof entry.digest !== 'string' || !isDigest(entry.digest)) {
      return [];
    }
    const platform = readPlatform(entry.platform);
    return platform === undefined ? [] : [{ digest: entry.digest, platform }];
  });
}

/** The platform in a descriptor or an image's configuration, if it says one. */
export function readPlatform(value: unknown): Platform | undefined {
  if (!isJsonObject(value)) return undefined;
  const { os, architecture, variant } = value;
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  if (os === 'unknown' || os === '' || architecture === '') return undefined;
  const named = typeof variant === 'string' && variant !== '' ? { variant } : {};
  return normalised({ os, architecture, ...named });
}

/** What a machine of this platform runs: the same variant, else on ARM the next lower one; the first that fits. */
export function choosePlatform(
  manifests: readonly PlatformManifest[],
  wanted: Platform,
): PlatformManifest | undefined {
  for (const variant of runnableVariants(wanted)) {
    const found = manifests.find(
      ({ platform }) =>
        platform.os === wanted.os &&
        platform.architecture === wanted.architecture &&
        platform.variant === variant,
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

function runnableVariants({ architecture, variant }: Platform): (string | undefined)[] {
  if (architecture !== 'arm' || variant === undefined) return [variant];
  const start = ARM_VARIANTS.indexOf(variant);
  return start === -1 ? [variant] : ARM_VARIANTS.slice(start);
}

function normalised({ os, architecture, variant }: Platform): Platform {
  const arch = ARCHITECTURES.get(architecture) ?? architecture;
  const named = variant ?? (architecture === 'armel' ? 'v6' : undefined) ?? USUAL_VARIANT.get(arch);
  return { os, architecture: arch, ...(named === undefined ? {} : { variant: named }) };
}
