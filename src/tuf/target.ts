/** A target: what a tag stands for (tuf.md 1.2, 1.7). */
import { canonicalJson, escapeForGo, type JsonValue } from '../crypto/canonical-json.ts';
import { printable } from '../crypto/printable.ts';
import { OperationError, TrustError, UsageError } from '../errors.ts';

/** Digests by algorithm (`sha256`, `sha512`), each in standard base64. */
export type Hashes = Readonly<Record<string, string>>;

export interface Target {
  /** Size in bytes. */
  readonly length: number;
  readonly hashes: Hashes;
  readonly custom?: JsonValue;
}

const SHA256_BASE64 = /^[A-Za-z0-9+/]{43}=$/;
const SHA512_BASE64 = /^[A-Za-z0-9+/]{86}==$/;
const CONTROL = /[\u0000-\u001f]/;

/**
 * Checks that decoded JSON is a target.
 * @throws OperationError `TARGET_MALFORMED`
 */
export function readTarget(value: unknown, name: string): Target {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformedTarget(name, 'it is no object');
  const { length, hashes, custom } = value as Record<string, unknown>;
  if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 0) {
    throw malformedTarget(name, 'its length is not a size');
  }
  if (typeof hashes !== 'object' || hashes === null || Array.isArray(hashes)) {
    throw malformedTarget(name, 'it has no hashes');
  }
  const problem = hashesProblem(hashes as Record<string, unknown>);
  if (problem !== undefined) throw malformedTarget(name, problem);
  const known = { length, hashes: hashes as Hashes };
  return custom === undefined || custom === null
    ? known
    : { ...known, custom: custom as JsonValue };
}

/** What is wrong with an object of hashes, if anything: known digests must have their length. */
export function hashesProblem(hashes: Record<string, unknown>): string | undefined {
  for (const algorithm in hashes) {
    const digest = hashes[algorithm];
    if (typeof digest !== 'string') return `its ${algorithm} is not a text`;
    if (algorithm === 'sha256' && !SHA256_BASE64.test(digest))
      return 'its sha256 is not 32 bytes in base64';
    if (algorithm === 'sha512' && !SHA512_BASE64.test(digest))
      return 'its sha512 is not 64 bytes in base64';
  }
  return undefined;
}

/** A target as JSON, in the order of Notary's change files. */
export function encodeTarget(target: Target): { [name: string]: JsonValue } {
  const known = { length: target.length, hashes: { ...target.hashes } };
  return target.custom === undefined ? known : { ...known, custom: target.custom };
}

/** A target for an image: its manifest's digest (`sha256:<64 hex>`) and size in bytes. */
export function imageTarget(digest: string, size: number): Target {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
  if (hex === undefined)
    throw new UsageError('DIGEST_INVALID', `“${printable(digest)}” is not a SHA-256 digest`);
  return { length: size, hashes: { sha256: Buffer.from(hex, 'hex').toString('base64') } };
}

/** The target's SHA-256 in lower-case hex; empty when it carries none. */
export function targetSha256(target: Target): string {
  const digest = target.hashes.sha256;
  return digest === undefined ? '' : Buffer.from(digest, 'base64').toString('hex');
}

/** Whether two targets have the same length, hashes and custom data. */
export function sameTarget(a: Target, b: Target): boolean {
  return canonicalJson(encodeTarget(a)) === canonicalJson(encodeTarget(b));
}

/**
 * Checks that a target can be signed by this program and signed again by Notary (tuf.md 1.5.9, 1.7).
 * @throws OperationError `TARGET_NAME_INVALID`, `TARGET_MALFORMED`, `TARGET_CUSTOM_INVALID`
 */
export function checkNewTarget(name: string, target: Target): void {
  if (name === '' || CONTROL.test(name) || !name.isWellFormed()) {
    throw new OperationError(
      'TARGET_NAME_INVALID',
      `“${printable(name)}” cannot be signed: Notary cannot write such a name`,
    );
  }
  for (const digest of Object.values(target.hashes)) {
    if (Buffer.from(digest, 'base64').toString('base64') !== digest) {
      throw malformedTarget(name, 'a digest is not base64 as Notary writes it');
    }
  }
  if (target.custom !== undefined) checkCustom(name, target.custom);
}

function checkCustom(name: string, custom: JsonValue): void {
  const text = canonicalOrNone(custom);
  if (text === undefined || escapeForGo(text) !== text || CONTROL.test(text)) {
    throw new OperationError(
      'TARGET_CUSTOM_INVALID',
      `The custom data of “${printable(name)}” holds a number that is no integer up to 2^53, one of < > &, or a control character, and Notary could not sign it again`,
    );
  }
}

function canonicalOrNone(value: JsonValue): string | undefined {
  try {
    return canonicalJson(value);
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

function malformedTarget(name: string, why: string): OperationError {
  return new OperationError(
    'TARGET_MALFORMED',
    `The target “${printable(name)}” cannot be read: ${why}`,
  );
}
