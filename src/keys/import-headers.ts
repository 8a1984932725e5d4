/**
 * What the headers of a PEM block say about the key in it, and what the person says where they are silent:
 * Notary's rules for importing (keys.md 7.1, steps 1 to 3).
 */
import { posix } from 'node:path';
import { printable } from '../crypto/printable.ts';
import { KeyError } from '../errors.ts';
import { checkGun } from '../tuf/gun.ts';
import { isKeyId } from './key-files.ts';
import { needsGun } from './key-roles.ts';

/** What counts for blocks that do not say it themselves. */
export interface ImportDefaults {
  readonly role?: string;
  readonly gun?: string;
}

export interface ImportHeaders {
  readonly role: string;
  /** Whether anybody said the role: the block, or the person. */
  readonly isRoleGiven: boolean;
  readonly gun?: string;
  /** The key ID that the file claims; whether it is true is another question. */
  readonly namedId?: string;
  /** Whether the block has a `path` at all: it names the file that the key came from. */
  readonly hasPath: boolean;
  /** All headers that are to be stored. */
  readonly headers: ReadonlyMap<string, string>;
}

/** The role of imported keys that nobody gave one (keys.md 5.5). */
export const DEFAULT_IMPORT_ROLE = 'delegation';

const TUF_KEYS = 'tuf_keys/';
const KEY_ID_AND_ROLE = /^([0-9a-f]{64})_([^/]+)$/;

/**
 * Reads the headers; those of the block go before the defaults, and the folders of `path: tuf_keys/<gun>/…`
 * before the header `gun`. The path itself never decides where anything is written.
 * @throws KeyError `KEY_GUN_MISSING` | `KEY_ROLE_INVALID`; UsageError `GUN_INVALID`
 */
export function readImportHeaders(
  block: ReadonlyMap<string, string>,
  defaults: ImportDefaults,
): ImportHeaders {
  const path = block.get('path') ?? '';
  const clean = posix.normalize(path.replace(/\/+$/, ''));
  const folders = clean.startsWith(TUF_KEYS)
    ? posix.dirname(clean.slice(TUF_KEYS.length)).replace(/^\.$/, '')
    : '';
  const name = posix.basename(clean).replace(/\.key$/, '');
  const [, idOfOldName, roleOfOldName = ''] = KEY_ID_AND_ROLE.exec(name) ?? [];
  const namedId = idOfOldName ?? (isKeyId(name) ? name : undefined);
  const given = [block.get('role'), roleOfOldName, defaults.role].find(Boolean);
  const role = given ?? DEFAULT_IMPORT_ROLE;
  checkRole(role);
  const gun = needsGun(role)
    ? requireGun(role, [folders, block.get('gun'), defaults.gun].find(Boolean), path)
    : undefined;
  const headers = new Map(block);
  headers.delete('path');
  headers.delete('gun');
  headers.set('role', role);
  if (gun !== undefined) headers.set('gun', gun);
  return {
    role,
    isRoleGiven: given !== undefined,
    ...(gun === undefined ? {} : { gun }),
    ...(namedId === undefined ? {} : { namedId }),
    hasPath: path !== '',
    headers,
  };
}

function requireGun(role: string, gun: string | undefined, path: string): string {
  if (gun === undefined) {
    throw new KeyError(
      'KEY_GUN_MISSING',
      `It is a ${role} key, which belongs to one repository, and nothing says to which`,
      { hint: 'Name the repository, if it is the same for all such keys.', details: { path } },
    );
  }
  checkGun(gun);
  return gun;
}

function checkRole(role: string): void {
  if (role === printable(role)) return;
  throw new KeyError('KEY_ROLE_INVALID', `Its role “${printable(role)}” has a control character`);
}
