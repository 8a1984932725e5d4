/** The changefeed: what was published, renewed and deleted, for mirrors and monitors (tuf.md 8.4). */
import { escapeForGo } from '../crypto/canonical-json.ts';
import { ApiError } from './api-error.ts';
import type { ChangesQuery, FeedEntry } from './change-log.ts';

const DEFAULT_RECORDS = 100;
const INTEGER = /^[+-]?[0-9]+$/;
const INT32_LIMIT = 2 ** 31;

/** @throws ApiError `INVALID_PARAMETERS` */
export function changesQuery(parameters: URLSearchParams, gun: string | undefined): ChangesQuery {
  const records = recordsOf(parameters.get('records') ?? '');
  const id = parameters.get('change_id') ?? '';
  if (id !== '' && !INTEGER.test(id)) throw new ApiError('INVALID_PARAMETERS', {});
  return { gun, from: Number(id), records: records === 0 ? DEFAULT_RECORDS : records };
}

export function changefeedBody(entries: readonly FeedEntry[]): string {
  const records = entries.map(({ id, at, gun, version, sha256, category }) => ({
    ID: String(id),
    CreatedAt: at.toISOString(),
    GUN: gun,
    Version: version,
    SHA256: sha256,
    Category: category,
  }));
  return escapeForGo(JSON.stringify({ count: records.length, records }));
}

function recordsOf(text: string): number {
  const value = Number(text);
  const why = !INTEGER.test(text)
    ? 'invalid syntax'
    : value >= INT32_LIMIT || value < -INT32_LIMIT
      ? 'value out of range'
      : undefined;
  if (why === undefined) return value;
  const words = `invalid records parameter: strconv.ParseInt: parsing ${JSON.stringify(text)}: ${why}`;
  throw new ApiError('INVALID_PARAMETERS', words);
}
