/**
 * Whether a file stays the same when a Go client reads and writes it. A file that does not is listed by the
 * next snapshot under a hash that nobody has, and then the repository can be read by nobody (tuf.md 1.6). The
 * real server lets such files in.
 */
import { decodeRoot, decodeSnapshot, decodeTargets } from '../tuf/decode.ts';
import { encodeFile, encodeMeta, encodeRoot, encodeTargets, signedMessage } from '../tuf/encode.ts';
import { openEnvelope } from '../tuf/envelope.ts';
import type { Members } from '../tuf/members.ts';
import { ROOT, SNAPSHOT } from '../tuf/role-name.ts';

/** @returns what a Go client would write differently, as a clause; undefined when nothing */
export function fixedPointProblem(role: string, bytes: Uint8Array): string | undefined {
  const { signed, signatures } = openEnvelope(bytes, role);
  const { payload, expires, hashes } = reencode(role, signed);
  const message = signedMessage(payload);
  if (!Buffer.from(encodeFile(message, signatures)).equals(bytes)) {
    return 'it is not written as Notary writes it: its members, their order, white space or escapes differ';
  }
  if (!isGoTime(expires)) return `its “expires”, ${expires}, would be written in another form`;
  if (hashes.some(list => Object.values(list).some(digest => !isCanonicalBase64(digest)))) {
    return 'a digest is not in the one form of base64 that would be written again';
  }
  return undefined;
}

interface Reencoded {
  readonly payload: ReturnType<typeof encodeRoot>;
  readonly expires: string;
  readonly hashes: readonly Readonly<Record<string, string>>[];
}

function reencode(role: string, signed: Members): Reencoded {
  if (role === ROOT) {
    const root = decodeRoot(signed);
    return { payload: encodeRoot(root), expires: root.expires, hashes: [] };
  }
  if (role === SNAPSHOT) {
    const snapshot = decodeSnapshot(signed);
    const hashes = [...snapshot.meta.values()].map(entry => entry.hashes);
    return { payload: encodeMeta('Snapshot', snapshot), expires: snapshot.expires, hashes };
  }
  const targets = decodeTargets(signed, role);
  const hashes = [...targets.targets.values()].map(target => target.hashes);
  return { payload: encodeTargets(targets), expires: targets.expires, hashes };
}

const PLAIN_TIME = /^[^.]+(?:\.\d{0,8}[1-9])?(?:Z|[+-]\d\d:\d\d)$/;
const ZERO_OFFSET = /[+-]00:00$/;

/** Go drops zeros at the end of a fraction and writes a zero offset as `Z`. */
function isGoTime(text: string): boolean {
  return PLAIN_TIME.test(text) && !ZERO_OFFSET.test(text);
}

/** Of several texts for the same bytes (unused bits in the last digit) only one survives. */
function isCanonicalBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text;
}
