/** From the parts of a publish to files with a role and a version (tuf.md 8.5, step 1). */

import { METADATA_LIMIT } from '../tuf/constants.ts';
import { isBaseRole, isDelegationName } from '../tuf/role-name.ts';
import { parseTime } from '../tuf/time.ts';
import { ApiError } from './api-error.ts';
import type { Part } from './multipart.ts';
import type { NewFile } from './storage.ts';

/**
 * The files by role. Only as much of each is read as it takes to tell its version.
 * @throws ApiError `NO_FILENAME`, `INVALID_ROLE`, `MALFORMED_JSON`, `MALFORMED_UPLOAD` (too large for any
 *   client, or a role twice)
 */
export function uploadedFiles(parts: readonly Part[]): Map<string, NewFile> {
  const files = new Map<string, NewFile>();
  for (const { fileName = '', bytes } of parts) {
    const role = fileName.replace(/\.json$/, '');
    if (role === '') throw new ApiError('NO_FILENAME');
    if (!isBaseRole(role) && !isDelegationName(role)) throw new ApiError('INVALID_ROLE', role);
    if (bytes.length > METADATA_LIMIT || files.has(role)) throw new ApiError('MALFORMED_UPLOAD');
    files.set(role, { role, version: versionOf(bytes, role), bytes });
  }
  return files;
}

/** As much of the form as the real server looks at before it looks at anything else. */
function versionOf(bytes: Buffer, role: string): number {
  const { signed, signatures } = objectOf(parse(bytes));
  const { version = 0, expires, _type } = objectOf(signed);
  if (signatures !== undefined && signatures !== null && !Array.isArray(signatures))
    throw malformed();
  for (const signature of signatures ?? []) objectOf(signature);
  if (typeof version !== 'number' || !Number.isSafeInteger(version)) throw malformed();
  if (_type !== undefined && typeof _type !== 'string') throw malformed();
  if (expires !== undefined) checkTime(expires, role);
  return version;
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw malformed(cause);
  }
}

/** `"signed":null` crashes the real server, and many a client after it. */
function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw malformed();
}

function checkTime(value: unknown, role: string): void {
  if (typeof value !== 'string') throw malformed();
  try {
    parseTime(value, role);
  } catch (cause) {
    throw malformed(cause);
  }
}

function malformed(cause?: unknown): ApiError {
  return new ApiError('MALFORMED_JSON', undefined, { cause });
}
