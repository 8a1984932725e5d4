import { UsageError } from '../errors.ts';
import {
  digestSource,
  type ImageSource,
  parseImageSource,
  type StoredSource,
} from '../registry/image-source.ts';

/** What `--from` takes, for help. */
export const SOURCE_FORMS = 'oci:DIR, oci-archive:TAR, docker-archive:TAR or dir:DIR';

/** The options of `sign` that say where the digest comes from, as commander hands them over. */
export interface SourceOptions {
  readonly from?: string;
  readonly preserveDigests?: boolean;
  readonly digest?: string;
  readonly size?: number;
}

/**
 * The source that the options name; undefined means the registry. Throws `UsageError` for a
 * combination or a form that makes no sense.
 */
export function imageSource(options: SourceOptions): ImageSource | undefined {
  const { from, digest, size, preserveDigests = false } = options;
  if (preserveDigests && from === undefined) {
    throw new UsageError(
      'OPTION_MISSING',
      '--preserve-digests is about the push of an image on disk; --from is missing',
    );
  }
  if (from !== undefined) {
    if (digest !== undefined || size !== undefined) {
      throw new UsageError(
        'OPTIONS_CONFLICT',
        '--from and --digest both say what to sign; give one of them',
      );
    }
    return storedSource(from, preserveDigests);
  }
  if (digest === undefined && size === undefined) return undefined;
  if (digest === undefined || size === undefined) {
    const missing = digest === undefined ? '--digest' : '--size';
    throw new UsageError(
      'OPTION_MISSING',
      `--digest and --size go together; ${missing} is missing`,
      {
        hint: 'A registry gives both for a manifest: its digest, and its length in bytes.',
      },
    );
  }
  return digestSource(digest, size);
}

/** The source that `--from` names. */
export function storedSource(from: string, preserveDigests = false): StoredSource {
  const source = parseImageSource(from);
  return preserveDigests ? { ...source, preserveDigests } : source;
}
