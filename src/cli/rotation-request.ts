/** What the words and options of `key rotate` ask for. */
import { existsSync } from 'node:fs';
import { printable } from '../crypto/printable.ts';
import { UsageError } from '../errors.ts';
import type { CompromiseRequest } from '../operations/rotation/compromise.ts';
import type { ReviewRules } from '../operations/rotation/review-decision.ts';
import {
  BASE_ROLES,
  isDelegationName,
  isWithin,
  SNAPSHOT,
  TARGETS,
  TIMESTAMP,
} from '../tuf/role-name.ts';
import type { ConfirmationOptions } from './confirmation.ts';

export const OLD_KEYS = ['keep', 'archive', 'remove'] as const;

export interface RotationOptions extends ConfirmationOptions {
  readonly serverManaged?: boolean;
  readonly key?: string[];
  readonly allUsing?: string;
  readonly oldKey?: (typeof OLD_KEYS)[number];
  readonly archive?: string;
  readonly offlineRoot?: string;
  readonly updatePins?: boolean;
  readonly compromised?: boolean;
  readonly trustedSince?: Date;
  readonly keepKnown?: boolean;
  readonly keepAll?: boolean;
  readonly dropRest?: boolean;
  readonly keep?: string[];
  readonly drop?: string[];
  readonly keepSigner?: string[];
  readonly dropSigner?: string[];
  readonly rekeySigner?: string[];
  /** False with `--no-registry`. */
  readonly registry?: boolean;
}

/**
 * The images and the role: the last word is a role when it is one of the four. A delegation is taken for one too, to be
 * refused as such and not looked for as an image of Docker Hub. Nor may a role that is mistyped become one, and the
 * targets key be what is replaced instead.
 * @throws UsageError `ROLE_UNKNOWN`
 */
export function readWords(words: readonly string[]): { images: string[]; role: string } {
  const last = words.at(-1);
  const isRole =
    last !== undefined && (BASE_ROLES.some(role => role === last) || isDelegationName(last));
  if (!isRole && words.length > 1 && last !== undefined && !/[/.:]/.test(last)) {
    throw new UsageError('ROLE_UNKNOWN', `The last word “${printable(last)}” is not a role`, {
      hint: `The roles are ${BASE_ROLES.join(', ')}. A repository of Docker Hub is written docker.io/library/NAME here.`,
    });
  }
  return isRole
    ? { images: words.slice(0, -1), role: last }
    : { images: [...words], role: TARGETS };
}

/** @throws UsageError for what contradicts itself, before anything is read or asked */
export function checkOptions(
  { images, role }: { readonly images: readonly string[]; readonly role: string },
  options: RotationOptions,
  now: Date,
): void {
  if (options.allUsing === undefined && images.length === 0) {
    throw new UsageError('IMAGE_MISSING', 'There is no repository to rotate a key of', {
      hint: 'Name one or more, or give --all-using. A repository that is called like a role is named with its registry: docker.io/library/root',
    });
  }
  if (options.allUsing !== undefined && images.length > 0) {
    throw new UsageError(
      'OPTIONS_CONFLICT',
      '--all-using looks for the repositories itself: none can be named beside it',
      { hint: 'The last word may be a role.' },
    );
  }
  if (options.allUsing !== undefined && (role === TIMESTAMP || options.serverManaged === true)) {
    throw new UsageError('OPTIONS_CONFLICT', '--all-using is for keys that are not the server’s');
  }
  checkOffline(options);
  if (options.archive !== undefined && options.oldKey !== 'archive')
    throw new UsageError('OPTIONS_CONFLICT', '--archive is for --old-key archive');
  if (options.compromised !== true) {
    const stray = strayOption(options);
    if (stray !== undefined)
      throw new UsageError('OPTIONS_CONFLICT', `${stray} is for a review, with --compromised`);
  }
  checkTrustedSince(options.trustedSince, now);
  if (options.keepKnown === true && options.trustedSince === undefined) {
    throw new UsageError(
      'OPTIONS_CONFLICT',
      '--keep-known needs --trusted-since: nobody knows what was there before an unnamed day',
    );
  }
}

/** A request is answered on another day: what is published then is not reviewed now. */
function checkOffline(options: RotationOptions): void {
  if (options.offlineRoot === undefined) return;
  const others: [string, unknown][] = [
    ['--compromised', options.compromised],
    ['--old-key', options.oldKey],
    ['--all-using', options.allUsing],
    ['--update-pins', options.updatePins],
  ];
  const stray = others.find(([, value]) => value !== undefined)?.[0];
  if (stray === undefined) return;
  throw new UsageError(
    'OPTIONS_CONFLICT',
    `${stray} is for a rotation that is published at once, not for --offline-root`,
  );
}

/** @throws UsageError `OPTION_VALUE_INVALID` */
export function checkTrustedSince(moment: Date | undefined, now: Date): void {
  if (moment === undefined || moment <= now) return;
  throw new UsageError(
    'OPTION_VALUE_INVALID',
    'Option --trusted-since must be in the past: what is there now is what is in question',
    { details: { option: '--trusted-since' } },
  );
}

function strayOption(options: RotationOptions): string | undefined {
  const given: [string, unknown][] = [
    ['--trusted-since', options.trustedSince],
    ['--keep-known', options.keepKnown],
    ['--keep-all', options.keepAll],
    ['--drop-rest', options.dropRest],
    ['--keep', options.keep],
    ['--drop', options.drop],
    ['--keep-signer', options.keepSigner],
    ['--drop-signer', options.dropSigner],
    ['--rekey-signer', options.rekeySigner],
  ];
  return given.find(([, value]) => value !== undefined)?.[0];
}

/** The request of a review without anybody being asked. */
export function compromiseRequest(options: RotationOptions, lenient: boolean): CompromiseRequest {
  const rekey = (options.rekeySigner ?? []).map(readRekey);
  const { keepKnown = false, keepAll = false, dropRest = false } = options;
  const rules: ReviewRules = {
    keep: options.keep ?? [],
    drop: options.drop ?? [],
    keepSigners: (options.keepSigner ?? []).map(signerRole),
    dropSigners: (options.dropSigner ?? []).map(signerRole),
    rekeySigners: rekey.map(({ role }) => role),
    keepKnown,
    keepAll,
    dropRest,
  };
  const rekeyFiles = new Map<string, string[]>();
  for (const { role, file } of rekey)
    if (file !== undefined) rekeyFiles.set(role, [...(rekeyFiles.get(role) ?? []), file]);
  return {
    rules,
    rekeyFiles,
    lenient,
    ...(options.trustedSince === undefined ? {} : { trustedSince: options.trustedSince }),
  };
}

/** `alice` stands for `targets/alice`. */
function signerRole(name: string): string {
  return isWithin(name, TARGETS) ? name : `${TARGETS}/${name}`;
}

/** `NAME`, or `NAME=FILE`. */
function readRekey(text: string): { role: string; file?: string } {
  const at = text.indexOf('=');
  if (at === -1) return { role: signerRole(text) };
  const file = text.slice(at + 1);
  if (at > 0 && file !== '') return { role: signerRole(text.slice(0, at)), file };
  throw new UsageError(
    'OPTION_VALUE_INVALID',
    `Option --rekey-signer must be NAME or NAME=FILE, not “${printable(text)}”`,
    { details: { option: '--rekey-signer' } },
  );
}

/** What `--key` names: files, and IDs of stored keys. A file comes first. */
export function readKeys(given: readonly string[]): { keyFiles: string[]; keyIds: string[] } {
  const isId = (text: string): boolean => /^[0-9a-f]{7,64}$/i.test(text) && !existsSync(text);
  return { keyFiles: given.filter(text => !isId(text)), keyIds: given.filter(isId) };
}

/** Whether a theft of this role's key puts tags into question. */
export function isReviewable(role: string): boolean {
  return role !== SNAPSHOT && role !== TIMESTAMP;
}
