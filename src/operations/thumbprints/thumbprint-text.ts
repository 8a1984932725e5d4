/** Thumbprints as people have them: on paper, from openssl, from a registry's portal (cli.md 7.2). */
import { printable } from '../../crypto/printable.ts';
import type { KeyThumbprints } from '../../crypto/thumbprint.ts';
import { UsageError } from '../../errors.ts';
import { ROOT } from '../../tuf/role-name.ts';

/** The numbers of one key. */
export const THUMBPRINT_KINDS = [
  'certificate-sha256',
  'certificate-sha1',
  'public-key-sha256',
  'key-id',
  'private-key-id',
] as const;
export type ThumbprintKind = (typeof THUMBPRINT_KINDS)[number];

/** What a person expects of a role. */
export interface ExpectedThumbprint {
  /** As it was given, without the role. */
  readonly given: string;
  /** `root` unless another was named. */
  readonly role: string;
  /** Lower-case hex; perhaps the beginning only. */
  readonly digits: string;
  readonly hash?: 'sha1' | 'sha256';
}

/** Fewer digits of a thumbprint can be found again by trying: 80 bits. */
export const SHORTEST_THUMBPRINT = 20;

const LABEL = /^sha-?(1|256)(?:\s*(?:fingerprint|thumbprint))?\s*[:=]\s*/i;
const ROLE = /^([a-z0-9][-a-z0-9_/]*)=(.+)$/s;

/**
 * Reads `[ROLE=]THUMBPRINT`: hex in either case, with colons, spaces or dashes, with a label as openssl prints it, or
 * base64 after `SHA256:`. A person who names no role means the root.
 * @throws UsageError `THUMBPRINT_INVALID`
 */
export function parseExpected(text: string): ExpectedThumbprint {
  const trimmed = text.trim();
  const [, named, rest] = LABEL.test(trimmed) ? [] : (ROLE.exec(trimmed) ?? []);
  const isBase64End = rest !== undefined && /^=*$/.test(rest);
  const given = (isBase64End ? trimmed : (rest ?? trimmed)).trim();
  const role = named === undefined || isBase64End ? ROOT : named;
  const label = LABEL.exec(given);
  const body = label === null ? given : given.slice(label[0].length).trim();
  const hash = label === null ? undefined : label[1] === '1' ? 'sha1' : 'sha256';
  const digits = hexDigits(body, text) ?? (label === null ? undefined : base64Digits(body, hash));
  if (digits === undefined)
    throw invalid(text, 'it is neither hexadecimal nor base64 after SHA256:');
  checkLength(digits, hash, text);
  const common = { given, role, digits };
  return hash === undefined ? common : { ...common, hash };
}

/** Which of a key's numbers an expectation is, if any. */
export function matchedKind(
  { digits, hash }: ExpectedThumbprint,
  key: KeyThumbprints,
): ThumbprintKind | undefined {
  return THUMBPRINT_KINDS.find(kind => {
    const number = thumbprintOf(key, kind);
    if (number === undefined || !number.startsWith(digits)) return false;
    return hash === undefined || (hash === 'sha1') === (kind === 'certificate-sha1');
  });
}

/** One of a key's numbers, lower-case hex; undefined for that of a certificate where there is none. */
export function thumbprintOf(key: KeyThumbprints, kind: ThumbprintKind): string | undefined {
  switch (kind) {
    case 'certificate-sha256':
      return key.certificate?.sha256;
    case 'certificate-sha1':
      return key.certificate?.sha1;
    case 'public-key-sha256':
      return key.publicKeySha256;
    case 'key-id':
      return key.keyId;
    case 'private-key-id':
      return key.privateKeyId;
  }
}

function hexDigits(body: string, text: string): string | undefined {
  const digits = body.replaceAll(/[\s:-]/g, '').toLowerCase();
  if (!/^[0-9a-f]+$/.test(digits)) return undefined;
  const maybeBase64 = /^[0-9A-Fa-f]{43}$/.test(body) || /^[0-9A-Fa-f]{27}$/.test(body);
  if (maybeBase64) throw invalid(text, 'it may be hexadecimal or base64: give all digits');
  return digits;
}

function base64Digits(body: string, hash: 'sha1' | 'sha256' | undefined): string | undefined {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(body)) return undefined;
  const bytes = Buffer.from(body, 'base64');
  return bytes.length === (hash === 'sha1' ? 20 : 32) ? bytes.toString('hex') : undefined;
}

function checkLength(digits: string, hash: 'sha1' | 'sha256' | undefined, text: string): void {
  const longest = hash === 'sha1' ? 40 : 64;
  if (digits.length > longest) throw invalid(text, `it has more than ${longest} digits`);
  if (digits.length >= SHORTEST_THUMBPRINT) return;
  throw invalid(
    text,
    `it has ${digits.length} digits: whoever wants can make a key that begins with so few; give all, or at least ${SHORTEST_THUMBPRINT}`,
  );
}

function invalid(text: string, problem: string): UsageError {
  return new UsageError(
    'THUMBPRINT_INVALID',
    `“${printable(text)}” cannot be compared as a thumbprint: ${problem}`,
    { hint: 'Give it as it is written, alone or after a role, as in root=AB:CD…' },
  );
}
