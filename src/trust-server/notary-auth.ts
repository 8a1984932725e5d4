import { UsageError } from '../errors.ts';
import type { Credentials } from '../http/authorization.ts';

/**
 * Reads the variable `NOTARY_AUTH`: `user:password` in Base64, as Notary takes it, or in clear, as some vendors'
 * instructions print it. The two cannot be confused: Base64 has no colon.
 *
 * @returns undefined for an empty value.
 * @throws UsageError `NOTARY_AUTH_INVALID`; never with anything of the value in it.
 * @see cli.md 1.2, and trap 8
 */
export function parseNotaryAuth(value: string | undefined): Credentials | undefined {
  const text = value?.trim() ?? '';
  if (text === '') return undefined;
  const pair = text.includes(':') ? text : decode(text);
  const colon = pair.indexOf(':');
  if (colon === -1) throw invalid('holds Base64 of something that has no colon in it');
  const username = pair.slice(0, colon).trim();
  if (username === '') throw invalid('has an empty user name');
  return { username, password: pair.slice(colon + 1).trim() };
}

function decode(text: string): string {
  const compact = text.replaceAll(/\s+/g, '');
  const bare = compact.replace(/={1,2}$/, '');
  if (!/^[A-Za-z0-9+/]+$/.test(bare) || bare.length % 4 === 1) {
    throw invalid('is neither user:password nor Base64 of it');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(bare, 'base64'));
  } catch {
    throw invalid('holds Base64 of something that is not text');
  }
}

function invalid(problem: string): UsageError {
  return new UsageError('NOTARY_AUTH_INVALID', `The variable NOTARY_AUTH ${problem}`, {
    hint: 'Set it to user:password, in clear or in Base64, or unset it.',
  });
}
