/**
 * Why a file is refused, in the words of the real server: clients print them to people, and other tools look
 * for them (tuf.md 8.5).
 */
import type { JsonValue } from '../crypto/canonical-json.ts';
import { printable } from '../crypto/printable.ts';
import { TrustError } from '../errors.ts';
import { openEnvelope } from '../tuf/envelope.ts';
import type { Members } from '../tuf/members.ts';
import { BASE_ROLES, isTargetsRole, ROOT, SNAPSHOT, TARGETS } from '../tuf/role-name.ts';

/** The message for a file of `targets`, a delegation or `snapshot` that was not accepted. */
export function refusalWords(role: string, bytes: Uint8Array, error: TrustError): string {
  switch (error.code) {
    case 'NO_SIGNATURES':
      return 'tuf: data has no signatures';
    case 'SIGNATURE_THRESHOLD':
      return `valid signatures did not meet threshold for ${role}`;
    case 'ROLE_UNKNOWN':
      return `tuf: invalid role ${role}. delegation does not exist`;
    case 'KEY_ID_MISMATCH':
      return 'key ID is not valid for key content';
    case 'METADATA_MALFORMED':
      return `${role} type metadata invalid: ${structureProblem(role, bytes) ?? malformedWords(error)}`;
    default:
      return printable(error.message);
  }
}

/** The message for a root that was not accepted. */
export function rootRefusalWords(bytes: Uint8Array, error: TrustError): string {
  switch (error.code) {
    case 'ROOT_CERTIFICATE_INVALID':
      return 'could not validate the path to a trusted root: unable to retrieve valid leaf certificates';
    case 'ROOT_ROTATION':
      return 'could not rotate trust to a new trusted root: failed to validate data with current trusted certificates';
    case 'NO_SIGNATURES':
    case 'SIGNATURE_THRESHOLD':
      return 'could not validate the path to a trusted root: failed to validate integrity of roots';
    default:
      return refusalWords(ROOT, bytes, error);
  }
}

/** `targets expired at Wed Jan 1 00:00:00 UTC 2020` */
export function expiredWords(role: string, expires: number): string {
  const [weekday, day, month, year, time] = new Date(expires).toUTCString().split(/,? /);
  return `${role} expired at ${weekday} ${month} ${Number(day)} ${time} UTC ${year}`;
}

function malformedWords(error: TrustError): string {
  return error.message.replace(/^The \S+ metadata is malformed: /, '');
}

/** The first fault in the order in which the real server looks. */
function structureProblem(role: string, bytes: Uint8Array): string | undefined {
  const signed = payloadOf(role, bytes);
  if (signed === undefined) return undefined;
  const type = isTargetsRole(role)
    ? 'Targets'
    : `${role.slice(0, 1).toUpperCase()}${role.slice(1)}`;
  if (signed._type !== type)
    return `expected type ${type}, not ${printable(String(signed._type ?? ''))}`;
  if (Number(signed.version ?? 0) < 1) return 'version cannot be less than one';
  if (role === ROOT) return rootProblem(signed);
  return role === SNAPSHOT ? snapshotProblem(signed) : undefined;
}

function rootProblem(signed: Members): string | undefined {
  const roles = objectAt(signed, 'roles');
  const keys = objectAt(signed, 'keys');
  const missing = BASE_ROLES.find(role => objectAt(roles, role) === undefined);
  if (missing !== undefined) return `missing ${missing} role specification`;
  for (const [role, entry] of Object.entries(roles ?? {})) {
    const { threshold, keyids } = entry as Members;
    if (typeof threshold === 'number' && threshold < 1) {
      return `invalid threshold specified for ${printable(role)}: ${threshold} `;
    }
    const stranger = (Array.isArray(keyids) ? keyids : []).find(
      id => typeof id === 'string' && !Object.hasOwn(keys ?? {}, id),
    );
    if (stranger !== undefined) {
      return `key ID ${printable(String(stranger))} specified in ${printable(role)} without corresponding key`;
    }
  }
  return undefined;
}

function snapshotProblem(signed: Members): string | undefined {
  const meta = objectAt(signed, 'meta');
  const missing = [ROOT, TARGETS].find(
    role => objectAt(objectAt(meta, role), 'hashes')?.sha256 === undefined,
  );
  return missing === undefined ? undefined : `missing ${missing} sha256 checksum information`;
}

function payloadOf(role: string, bytes: Uint8Array): Members | undefined {
  try {
    return openEnvelope(bytes, role).signed;
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

function objectAt(members: Members | undefined, name: string): Members | undefined {
  const value: JsonValue | undefined =
    members !== undefined && Object.hasOwn(members, name) ? members[name] : undefined;
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}
