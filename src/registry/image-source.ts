import { printable } from '../crypto/printable.ts';
import { UsageError } from '../errors.ts';

/** Where the digest of an image comes from when no registry is asked. */
export type ImageSource = StoredSource | DigestSource;

const FORMS_BY_PREFIX = {
  oci: 'oci:FOLDER[:REFERENCE]',
  'oci-archive': 'oci-archive:FILE[:REFERENCE]',
  'docker-archive': 'docker-archive:FILE[:REFERENCE]',
  dir: 'dir:FOLDER',
} as const;

/** An image on disk. */
export interface StoredSource {
  /**
   * An OCI layout in a folder; the same in a tar, for which there are two names (`docker save` writes such a tar);
   * or the folder that `skopeo copy … dir:` makes.
   */
  readonly type: keyof typeof FORMS_BY_PREFIX;
  readonly path: string;
  /** Picks one of several images. */
  readonly reference?: string;
  /**
   * The caller vouches that the push will keep the bytes of the manifests, so that uncompressed layers and absent
   * platforms do not matter.
   */
  readonly preserveDigests?: boolean;
}

/** A digest and size that the caller vouches for. */
export interface DigestSource {
  readonly type: 'digest';
  readonly digest: string;
  readonly size: number;
}

const FORMS = `A source is ${Object.values(FORMS_BY_PREFIX)
  .join(', ')
  .replace(/, ([^,]*)$/, ' or $1')}.`;

/**
 * Parses `oci:DIR[:REF]` and the like. The path ends at the first colon that is not a Windows drive's; the reference
 * may hold colons of its own. After `dir:` all is path.
 *
 * @throws {UsageError} `IMAGE_SOURCE_INVALID`
 */
export function parseImageSource(text: string): StoredSource {
  const type = Object.keys(FORMS_BY_PREFIX).find(prefix => text.startsWith(`${prefix}:`));
  if (type === undefined) {
    throw invalid(`“${printable(text.slice(0, 300))}” is not an image source that is known`);
  }
  const prefix = type as keyof typeof FORMS_BY_PREFIX;
  const rest = text.slice(prefix.length + 1);
  const drive = /^[A-Za-z]:[\\/]/.test(rest) ? 2 : 0;
  const colon = prefix === 'dir' ? -1 : rest.indexOf(':', drive);
  const path = colon === -1 ? rest : rest.slice(0, colon);
  const reference = colon === -1 ? undefined : rest.slice(colon + 1);
  if (path === '' || path.includes('\0')) {
    throw invalid(`The image source ${prefix}: names no path`);
  }
  if (reference === '') {
    throw invalid(
      `The image source “${printable(text.slice(0, 300))}” ends in a colon without a reference`,
    );
  }
  return { type: prefix, path, ...(reference === undefined ? {} : { reference }) };
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

function invalid(message: string): UsageError {
  return new UsageError('IMAGE_SOURCE_INVALID', message, { hint: FORMS });
}
