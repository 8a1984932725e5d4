/**
 * GUN: globally unique name of a trust collection, such as `localhost:5000/app`. It becomes a path on
 * disk and in URLs with nothing escaped, so a hostile one must never get that far (tuf.md 2.3).
 */

import { printable } from '../crypto/printable.ts';
import { UsageError } from '../errors.ts';

const GUN_LIMIT = 1024;
const CONTROL = /[\u0000-\u001f\u007f]/;

/**
 * Checks that a GUN can be a relative path of clean segments.
 * @throws UsageError `GUN_INVALID`
 */
export function checkGun(gun: string): void {
  const bad = problem(gun);
  if (bad === undefined) return;
  throw new UsageError(
    'GUN_INVALID',
    `“${printable(gun.slice(0, 200))}” cannot name a repository: ${bad}`,
  );
}

function problem(gun: string): string | undefined {
  if (gun === '') return 'it is empty';
  if (gun.length > GUN_LIMIT) return `it is longer than ${GUN_LIMIT} characters`;
  if (CONTROL.test(gun)) return 'it has a control character';
  if (gun.includes('\\')) return 'it has a back-slash';
  if (!gun.isWellFormed()) return 'it is not valid Unicode';
  for (const segment of gun.split('/')) {
    if (segment === '') return 'it has an empty part between slashes';
    if (segment === '.' || segment === '..') return `it has the part “${segment}”`;
  }
  return undefined;
}
