import { printable } from '../crypto/printable.ts';
import { UsageError } from '../errors.ts';

/** A parsed image reference, `[domain/]path[:tag][@digest]`, in its normal form. */
export interface ImageReference {
  /** The reference as it was typed. */
  readonly text: string;
  /** Registry host with its port as typed, case kept; `docker.io` for Docker Hub. */
  readonly domain: string;
  /** Repository without its domain: `library/alpine`. */
  readonly path: string;
  /** `domain/path`: the GUN. */
  readonly repository: string;
  /** The repository in the short form that people and the daemon use: `alpine`. No tag, no digest. */
  readonly familiar: string;
  readonly tag?: string;
  /** `algorithm:hex`. */
  readonly digest?: string;
}

/** Docker Hub's domain in every normalised reference. */
export const HUB_DOMAIN = 'docker.io';

const FORMAT = 'invalid reference format';
const LEGACY_HUB_DOMAIN = 'index.docker.io';
const HUB_OFFICIAL_PREFIX = 'library/';
/** Looks like the ID of an image, which is no reference. */
const IDENTIFIER = /^[a-f0-9]{64}$/;
const MAX_PATH_LENGTH = 255;
const MAX_TAG_LENGTH = 128;
const MAX_QUOTED = 300;
const DIGEST_HEX_LENGTHS: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
]);

/**
 * Parses and normalises an image reference as Docker does: `alpine` is `docker.io/library/alpine`.
 * No tag is added. Every pattern used here is matched in one pass without backtracking.
 *
 * @throws {UsageError} `REFERENCE_INVALID`; `details.dockerMessage` is the exact text of Docker's
 *   own refusal, for the dialects that must repeat it.
 * @see the grammar of the `distribution/reference` package, version 0.6
 */
export function parseImageReference(text: string): ImageReference {
  if (IDENTIFIER.test(text)) {
    throw invalid(
      text,
      `invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`,
    );
  }
  const { domain, remainder } = splitDomain(text);
  const nameEnd = remainder.indexOf(':');
  const lowerCasePart = nameEnd === -1 ? remainder : remainder.slice(0, nameEnd);
  if (lowerCasePart.toLowerCase() !== lowerCasePart) {
    throw invalid(
      text,
      `${FORMAT}: repository name (${quotable(lowerCasePart)}) must be lowercase`,
    );
  }

  const at = remainder.indexOf('@');
  const digest = at === -1 ? undefined : remainder.slice(at + 1);
  const named = at === -1 ? remainder : remainder.slice(0, at);
  const colon = named.indexOf(':');
  const tag = colon === -1 ? undefined : named.slice(colon + 1);
  const path = colon === -1 ? named : named.slice(0, colon);

  if (!isDomain(domain)) throw invalid(text, FORMAT, `“${quotable(domain)}” is not a host name`);
  if (!isPath(path)) throw invalid(text, FORMAT, pathProblem(path));
  if (tag !== undefined && !isTag(tag)) throw invalid(text, FORMAT, tagProblem(tag));
  if (digest !== undefined && !hasDigestShape(digest)) {
    throw invalid(text, FORMAT, `“${quotable(digest)}” is not a digest`);
  }
  if (path.length > MAX_PATH_LENGTH) {
    throw invalid(text, `repository name must not be more than ${MAX_PATH_LENGTH} characters`);
  }
  const problem = digest === undefined ? undefined : digestProblem(digest);
  if (problem !== undefined) throw invalid(text, problem);

  return {
    text,
    domain,
    path,
    repository: `${domain}/${path}`,
    familiar: familiarName(domain, path),
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** Whether the text is a tag: `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`. */
export function isTag(text: string): boolean {
  return text.length <= MAX_TAG_LENGTH && /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(text);
}

/** Whether the text is a digest of a known algorithm: `sha256:` and 64 lower-case hex digits, … */
export function isDigest(text: string): boolean {
  return hasDigestShape(text) && digestProblem(text) === undefined;
}

/** Whether the text is the path of a repository: `library/alpine`. Its length is not judged. */
export function isPath(text: string): boolean {
  return text.split('/').every(isPathComponent);
}

function invalid(text: string, dockerMessage: string, reason?: string): UsageError {
  const quoted = quotable(text);
  // Docker's text alone does not say which of several references it is about.
  const message =
    reason === undefined && dockerMessage.includes('(')
      ? dockerMessage
      : `${dockerMessage}: “${quoted}”${reason === undefined ? '' : `: ${reason}`}`;
  return new UsageError('REFERENCE_INVALID', message, {
    hint: 'An image is written [registry/]repository[:tag][@digest], as in registry.example.com:5000/team/app:1.2.',
    details: { reference: quoted, dockerMessage },
  });
}

function quotable(text: string): string {
  return printable(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text);
}

function splitDomain(text: string): { domain: string; remainder: string } {
  const slash = text.indexOf('/');
  const first = slash === -1 ? '' : text.slice(0, slash);
  const isHost =
    slash !== -1 && (first === 'localhost' || /[.:]/.test(first) || first.toLowerCase() !== first);
  let domain = isHost ? first : HUB_DOMAIN;
  let remainder = isHost ? text.slice(slash + 1) : text;
  if (domain === LEGACY_HUB_DOMAIN) domain = HUB_DOMAIN;
  if (domain === HUB_DOMAIN && !remainder.includes('/')) {
    remainder = HUB_OFFICIAL_PREFIX + remainder;
  }
  return { domain, remainder };
}

function familiarName(domain: string, path: string): string {
  const full = `${domain}/${path}`;
  if (domain !== HUB_DOMAIN) return full;
  const official = path.startsWith(HUB_OFFICIAL_PREFIX)
    ? path.slice(HUB_OFFICIAL_PREFIX.length)
    : undefined;
  const short = official !== undefined && !official.includes('/') ? official : path;
  // Where the short form would name another registry (docker.io/evil.com/x), it misleads: not used.
  const again = splitDomain(short);
  const isSame = again.domain === domain && again.remainder === path && !IDENTIFIER.test(short);
  return isSame ? short : full;
}

/** `label(.label)*[:port]` or `[IPv6][:port]`. */
function isDomain(domain: string): boolean {
  if (domain.startsWith('[')) return /^\[[A-Fa-f0-9:]+\](?::[0-9]+)?$/.test(domain);
  const colon = domain.indexOf(':');
  const host = colon === -1 ? domain : domain.slice(0, colon);
  if (colon !== -1 && !/^[0-9]+$/.test(domain.slice(colon + 1))) return false;
  return host
    .split('.')
    .every(
      label => /^[A-Za-z0-9-]+$/.test(label) && !label.startsWith('-') && !label.endsWith('-'),
    );
}

/** `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, scanned by hand: one pass whatever the input. */
function isPathComponent(component: string): boolean {
  if (!/^[a-z0-9._-]+$/.test(component)) return false;
  const separators = component.split(/[a-z0-9]+/);
  // Alphanumerics at both ends leave an empty string there, and real separators between.
  if (separators.length < 2 || separators[0] !== '' || separators.at(-1) !== '') return false;
  return separators
    .slice(1, -1)
    .every(separator => ['.', '_', '__'].includes(separator) || /^-+$/.test(separator));
}

function pathProblem(path: string): string {
  const bad = path.split('/').find(component => !isPathComponent(component)) ?? path;
  return bad === ''
    ? 'a part of the repository name is empty'
    : `“${quotable(bad)}” cannot be part of a repository name`;
}

function tagProblem(tag: string): string {
  if (tag === '') return 'the tag is empty';
  return tag.length > MAX_TAG_LENGTH
    ? `the tag has more than ${MAX_TAG_LENGTH} characters`
    : `“${quotable(tag)}” is not a tag`;
}

/** The looser grammar of a digest inside a reference: names an algorithm, has 32 hex digits or more. */
function hasDigestShape(digest: string): boolean {
  const colon = digest.indexOf(':');
  if (colon === -1 || !/^[A-Fa-f0-9]{32,}$/.test(digest.slice(colon + 1))) return false;
  return digest
    .slice(0, colon)
    .split(/[-_+.]/)
    .every(part => /^[A-Za-z][A-Za-z0-9]*$/.test(part));
}

/** What Docker says about a digest that has the shape of one. */
function digestProblem(digest: string): string | undefined {
  const colon = digest.indexOf(':');
  const algorithm = digest.slice(0, colon);
  const hex = digest.slice(colon + 1);
  const length = DIGEST_HEX_LENGTHS.get(algorithm);
  if (length === undefined) {
    return /[A-Z]/.test(algorithm)
      ? 'invalid checksum digest format'
      : 'unsupported digest algorithm';
  }
  if (hex.length !== length) return 'invalid checksum digest length';
  return /[A-F]/.test(hex) ? 'invalid checksum digest format' : undefined;
}
