import { ConnectionError } from '../errors.ts';

/** One change that a trust server has recorded (tuf.md 8.4). */
export interface ChangefeedEntry {
  readonly id: string;
  /** RFC 3339, as the server wrote it. */
  readonly createdAt: string;
  readonly gun: string;
  /** Version of the timestamp; 0 for a deletion. */
  readonly version: number;
  /** SHA-256 of the timestamp file in hexadecimal; empty for a deletion. */
  readonly sha256: string;
  readonly category: string;
}

/**
 * Decodes a changefeed, oldest entry first. Its texts are the server's: they are not verified, and not yet printable.
 *
 * @throws ConnectionError `RESPONSE_INVALID`
 */
export function decodeChangefeed(body: Uint8Array, host: string): ChangefeedEntry[] {
  const invalid = (cause?: unknown) =>
    new ConnectionError('RESPONSE_INVALID', `The changefeed of ${host} cannot be read`, {
      ...(cause === undefined ? {} : { cause }),
      details: { host },
    });
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw invalid(cause);
  }
  if (typeof parsed !== 'object' || parsed === null || !('records' in parsed)) throw invalid();
  // The memory store writes null where others write an empty list.
  const records = parsed.records ?? [];
  if (!Array.isArray(records)) throw invalid();
  return records.map((record: unknown) => {
    const entry = decodeEntry(record);
    if (entry === undefined) throw invalid();
    return entry;
  });
}

function decodeEntry(record: unknown): ChangefeedEntry | undefined {
  if (typeof record !== 'object' || record === null) return undefined;
  const value = new Map<string, unknown>(Object.entries(record));
  const text = (name: string): string => {
    const found = value.get(name);
    return typeof found === 'string' ? found : '';
  };
  const version = value.get('Version');
  const gun = text('GUN');
  if (gun === '' || typeof version !== 'number') return undefined;
  return {
    id: text('ID'),
    createdAt: text('CreatedAt'),
    gun,
    version,
    sha256: text('SHA256'),
    category: text('Category'),
  };
}
