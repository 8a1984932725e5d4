/**
 * The envelope of a metadata file: `{"signed":…,"signatures":[…]}` (tuf.md 1.1).
 */
import { isUtf8 } from 'node:buffer';
import { canonicalJson, type JsonValue } from '../crypto/canonical-json.ts';
import type { Signature } from '../crypto/signature.ts';
import { canonicalEnd } from './canonical-scan.ts';
import { malformed } from './malformed.ts';
import { checkMembers, type Members, membersOf } from './members.ts';
import { JsonRefused, parseStrictJson } from './strict-json.ts';

export interface Envelope {
  /** The payload, decoded from the very bytes that the signatures cover. */
  readonly signed: Members;
  /** The message that is signed: the canonical form of the payload. */
  readonly message: Uint8Array;
  readonly signatures: readonly Signature[];
}

const PREFIX = Buffer.from('{"signed":');
const MIDDLE = Buffer.from(',"signatures":');
/** More than any threshold needs; each costs a verification. */
const SIGNATURES_LIMIT = 256;
/** Together with a length divisible by four. Without groups, which would exhaust the stack on megabytes. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Opens a metadata file as it was served.
 * @throws TrustError `METADATA_MALFORMED`
 */
export function openEnvelope(bytes: Uint8Array, role: string): Envelope {
  if (!isUtf8(bytes)) throw malformed(role, 'it is not valid UTF-8');
  return openCanonical(bytes, role) ?? openAnyForm(bytes, role);
}

/** What nearly every file is: compact, members in Notary's order, the payload canonical as it stands. */
function openCanonical(bytes: Uint8Array, role: string): Envelope | undefined {
  if (!startsWith(bytes, 0, PREFIX)) return undefined;
  const end = canonicalEnd(view(bytes).toString('latin1'), PREFIX.length);
  if (end === -1 || !startsWith(bytes, end, MIDDLE)) return undefined;
  const message = bytes.subarray(PREFIX.length, end);
  // The payload's place is kept, so that a second “signed” further on is noticed.
  const rest = `{"signed":0${view(bytes.subarray(end)).toString('utf8')}`;
  const outer = membersOf(
    decode(() => parseStrictJson(rest), role),
    role,
    'the envelope',
  );
  const signed: JsonValue = JSON.parse(view(message).toString('utf8'));
  return assemble(signed, message, outer, role);
}

function openAnyForm(bytes: Uint8Array, role: string): Envelope {
  const outer = membersOf(
    decode(() => parseStrictJson(view(bytes).toString('utf8')), role),
    role,
    'the file',
  );
  const signed = outer.signed;
  if (signed === undefined) throw malformed(role, 'it has no member “signed”');
  const message = Buffer.from(canonicalJson(signed), 'utf8');
  return assemble(signed, message, outer, role);
}

function assemble(signed: JsonValue, message: Uint8Array, outer: Members, role: string): Envelope {
  checkMembers(outer, ['signed', 'signatures'], role, 'the envelope');
  return {
    signed: membersOf(signed, role, '“signed”'),
    message,
    signatures: readSignatures(outer.signatures, role),
  };
}

function readSignatures(value: JsonValue | undefined, role: string): Signature[] {
  if (!Array.isArray(value)) throw malformed(role, '“signatures” is not a list');
  if (value.length > SIGNATURES_LIMIT)
    throw malformed(role, `it has more than ${SIGNATURES_LIMIT} signatures`);
  return value.map(item => {
    const members = membersOf(item, role, 'a signature');
    checkMembers(members, ['keyid', 'method', 'sig'], role, 'a signature');
    const { keyid, method, sig } = members;
    if (typeof keyid !== 'string' || typeof method !== 'string' || typeof sig !== 'string') {
      throw malformed(role, 'a signature lacks its “keyid”, “method” or “sig”');
    }
    if (sig.length % 4 !== 0 || !BASE64.test(sig))
      throw malformed(role, 'a signature is not base64');
    return { keyId: keyid, method: method.toLowerCase(), signature: Buffer.from(sig, 'base64') };
  });
}

function decode(parse: () => JsonValue, role: string): JsonValue {
  try {
    return parse();
  } catch (error) {
    if (error instanceof JsonRefused) throw malformed(role, error.message);
    throw error;
  }
}

function startsWith(bytes: Uint8Array, offset: number, prefix: Uint8Array): boolean {
  return prefix.every((byte, index) => bytes[offset + index] === byte);
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
