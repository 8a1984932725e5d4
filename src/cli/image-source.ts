import { UsageError } from '../errors.ts';
import type { ImageSource } from '../operations/sign.ts';

/** The options of `sign` that say where the digest comes from, as commander hands them over. */
export interface SourceOptions {
  readonly from?: string;
  readonly digest?: string;
  readonly size?: number;
}

/**
 * The source that the options name; undefined means the registry. Throws `UsageError` for a
 * combination or a form that makes no sense.
 */
export function imageSource(options: SourceOptions): ImageSource | undefined {
  const { from, digest, size } = options;
  if (from !== undefined) {
    if (digest !== undefined || size !== undefined) {
      throw new UsageError(
        'OPTIONS_CONFLICT',
        '--from and --digest both say what to sign; give one of them',
      );
    }
    return parseFrom(from);
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
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) {
    throw new UsageError(
      'DIGEST_INVALID',
      `--digest must be sha256: and 64 lower-case hexadecimal digits, found “${digest}”`,
    );
  }
  return { type: 'digest', digest, size };
}

/** `oci:DIR[:REF]` or `oci-archive:FILE[:REF]`; a reference may hold colons, a Windows drive one. */
function parseFrom(text: string): ImageSource {
  const match = /^(oci|oci-archive):((?:[A-Za-z]:[\\/])?[^:]+)(?::(.+))?$/s.exec(text);
  if (match === null) {
    throw new UsageError('SOURCE_INVALID', `--from cannot read “${text}”`, {
      hint: 'Write oci:DIR, oci:DIR:REF, oci-archive:FILE or oci-archive:FILE:REF.',
    });
  }
  const [, type, path = '', reference] = match;
  return {
    type: type === 'oci' ? 'oci' : 'oci-archive',
    path,
    ...(reference === undefined ? {} : { reference }),
  };
}
