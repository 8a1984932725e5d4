/** Typed access to the members of decoded JSON. */
import type { JsonValue } from '../crypto/canonical-json.ts';
import { malformed } from './malformed.ts';

export type Members = { readonly [name: string]: JsonValue };

/** @throws TrustError `METADATA_MALFORMED` when the value is not a JSON object */
export function membersOf(value: JsonValue | undefined, role: string, what: string): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw malformed(role, `${what} is not an object`);
}

/**
 * Refuses members that equal a known name except for case: Go would read them as that name (tuf.md 1.2).
 * @throws TrustError `METADATA_MALFORMED`
 */
export function checkMembers(
  members: Members,
  known: readonly string[],
  role: string,
  what: string,
): void {
  for (const name in members) {
    if (known.includes(name)) continue;
    // Twice, because some letters (the Kelvin sign, the long s) fold to ASCII only by way of upper case.
    if (known.includes(name.toUpperCase().toLowerCase())) {
      throw malformed(
        role,
        `${what} has a member “${name}” that differs from a known name only in case`,
      );
    }
  }
}

/** A member that must be an integer from `least` up. @throws TrustError `METADATA_MALFORMED` */
export function integerOf(members: Members, name: string, least: number, role: string): number {
  const value = members[name];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value;
  throw malformed(role, `“${name}” is not an integer from ${least} up`);
}

/** A member that must be a text. @throws TrustError `METADATA_MALFORMED` */
export function stringOf(members: Members, name: string, role: string): string {
  const value = members[name];
  if (typeof value === 'string') return value;
  throw malformed(role, `“${name}” is not a text`);
}

/** A member that must be a list of texts, or null (which Go writes for an emptied list). @throws TrustError `METADATA_MALFORMED` */
export function stringsOf(members: Members, name: string, role: string): string[] | null {
  const value = members[name];
  if (value === undefined || value === null) return null;
  if (Array.isArray(value) && value.every(item => typeof item === 'string'))
    return value as string[];
  throw malformed(role, `“${name}” is not a list of texts`);
}
