import type { HttpResponse } from './transport.ts';

/** Tries of a read in all. */
export const RETRY_ATTEMPTS = 3;

/** Longest wait between two tries, in milliseconds: a server that asks for more gets its answer passed on. */
export const WAIT_LIMIT = 30_000;

/** Answers that say “not now” (cli.md 6.1). */
export const RETRY_STATUSES: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Milliseconds to wait after the given try, counted from 1. */
export function backOff(attempt: number): number {
  return 300 * 3 ** (attempt - 1);
}

/**
 * The wait that `Retry-After` asks for, in milliseconds, if it can be read.
 *
 * @param now milliseconds since 1970
 * @see RFC 9110, 10.2.3
 */
export function retryAfter(response: HttpResponse, now: number): number | undefined {
  const value = response.headers.get('retry-after')?.[0]?.trim();
  if (value === undefined) return undefined;
  if (/^[0-9]{1,9}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
