import { randomBytes as systemRandomBytes } from 'node:crypto';

export interface MultipartBody {
  readonly contentType: string;
  readonly body: Buffer;
}

/**
 * The body of a publish: each file a part of the form field `files`, its role as file name (tuf.md 6.4).
 *
 * @param files role → bytes of the file. Roles have to be checked before: they are not escaped.
 */
export function multipartBody(
  files: ReadonlyMap<string, Uint8Array>,
  randomBytes: (size: number) => Buffer = systemRandomBytes,
): MultipartBody {
  const boundary = unusedBoundary(files, randomBytes);
  const parts: Uint8Array[] = [];
  for (const [role, bytes] of files) {
    const head = [
      `--${boundary}`,
      `Content-Disposition: form-data; name="files"; filename="${role}"`,
      'Content-Type: application/octet-stream',
    ];
    parts.push(Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes, Buffer.from('\r\n'));
  }
  if (files.size === 0) parts.push(Buffer.from('\r\n'));
  parts.push(Buffer.from(`--${boundary}--\r\n`));
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.concat(parts),
  };
}

function unusedBoundary(
  files: ReadonlyMap<string, Uint8Array>,
  randomBytes: (size: number) => Buffer,
): string {
  for (;;) {
    const boundary = randomBytes(30).toString('hex');
    if (![...files.values()].some(bytes => Buffer.from(bytes).includes(boundary))) return boundary;
  }
}
