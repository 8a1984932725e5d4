import { printable } from '../crypto/printable.ts';
import { UsageError } from '../errors.ts';
import type { ImageManifest } from './manifest.ts';
import { type OciReadOptions, readOciLayout } from './oci-layout.ts';

/** Where the digest of an image comes from when no registry is asked. */
export type ImageSource = OciSource | DigestSource;

/** An OCI layout on disk: a folder, or the same inside a tar. */
export interface OciSource {
  readonly type: 'oci' | 'oci-archive';
  readonly path: string;
  /** Picks one of several images. */
  readonly reference?: string;
}

/** A digest and size that the caller vouches for. */
export interface DigestSource {
  readonly type: 'digest';
  readonly digest: string;
  readonly size: number;
}

const FORMS = 'A source is oci:FOLDER[:REFERENCE] or oci-archive:FILE[:REFERENCE].';

/**
 * Parses `oci:DIR[:REF]` and `oci-archive:FILE[:REF]`. The path ends at the first colon that is not
 * a Windows drive's; the reference may hold colons of its own.
 *
 * @throws {UsageError} `IMAGE_SOURCE_INVALID`
 */
export function parseImageSource(text: string): OciSource {
  const match = /^(oci|oci-archive):/.exec(text);
  if (match === null) {
    throw new UsageError(
      'IMAGE_SOURCE_INVALID',
      `“${printable(text.slice(0, 300))}” is not an image source that is known`,
      { hint: FORMS },
    );
  }
  const type = match[1] === 'oci' ? 'oci' : 'oci-archive';
  const rest = text.slice(match[0].length);
  const drive = /^[A-Za-z]:[\\/]/.test(rest) ? 2 : 0;
  const colon = rest.indexOf(':', drive);
  const path = colon === -1 ? rest : rest.slice(0, colon);
  const reference = colon === -1 ? undefined : rest.slice(colon + 1);
  if (path === '' || path.includes('\0')) {
    throw new UsageError('IMAGE_SOURCE_INVALID', `The image source ${type}: names no path`, {
      hint: FORMS,
    });
  }
  if (reference === '') {
    throw new UsageError(
      'IMAGE_SOURCE_INVALID',
      `The image source “${printable(text.slice(0, 300))}” ends in a colon without a reference`,
      { hint: FORMS },
    );
  }
  return { type, path, ...(reference === undefined ? {} : { reference }) };
}

/**
 * Checks a digest and a size given by hand.
 *
 * @param digest `sha256:` and 64 lower-case hex digits
 * @param size bytes of the manifest, 1 to 2^53-1, as a number or in decimal digits
 * @throws {UsageError} `DIGEST_INVALID` or `SIZE_INVALID`
 */
export function digestSource(digest: string, size: number | string): DigestSource {
  if (!/^sha256:[a-f0-9]{64}$/.test(digest)) {
    throw new UsageError(
      'DIGEST_INVALID',
      `“${printable(digest.slice(0, 300))}” is not a SHA-256 digest`,
      { hint: 'A digest is written sha256: and 64 lower-case hexadecimal digits.' },
    );
  }
  const bytes = typeof size === 'number' ? size : /^[0-9]{1,16}$/.test(size) ? Number(size) : NaN;
  if (!Number.isSafeInteger(bytes) || bytes < 1) {
    throw new UsageError(
      'SIZE_INVALID',
      `“${printable(String(size).slice(0, 300))}” is not the size of a manifest`,
      {
        hint: 'The size is the number of bytes of the manifest itself, not of the image: a positive whole number.',
      },
    );
  }
  return { type: 'digest', digest, size: bytes };
}

/**
 * Reads the manifest that a folder or archive would have after a push.
 *
 * @throws what `readOciLayout` and `readOciArchive` throw
 */
export async function readOciSource(
  source: OciSource,
  options: OciReadOptions = {},
): Promise<ImageManifest> {
  if (source.type === 'oci') return readOciLayout(source.path, source.reference, options);
  const { readOciArchive } = await import('./oci-archive.ts');
  return readOciArchive(source.path, source.reference, options);
}
