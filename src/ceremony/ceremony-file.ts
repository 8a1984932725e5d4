/**
 * The file that travels between the machine that publishes and those that hold root keys: a request, and the
 * signatures that were put to it so far. Byte for byte in docs/ceremony-format.md.
 */
import { createHash } from 'node:crypto';
import { sha256Hex } from '../crypto/digest.ts';
import { checkStrictCbor } from '../crypto/strict-cbor.ts';
import { OperationError } from '../errors.ts';
import { CEREMONY_CBOR, malformedCeremony } from './malformed.ts';

export { malformedCeremony } from './malformed.ts';

/** What a request wants to be done; nothing else may change in the proposed root. */
export const CEREMONY_KINDS = [
  'init',
  'rotate',
  'rotate-root',
  'add-root-key',
  'renew-root',
] as const;
export type CeremonyKind = (typeof CEREMONY_KINDS)[number];

export interface CeremonyRepository {
  readonly gun: string;
  /** Address of the trust server. */
  readonly server: string;
  readonly kind: CeremonyKind;
  /** Whose keys change. */
  readonly role: string;
  /** The present root, as served; absent in the first one of a repository. */
  readonly base: Uint8Array | undefined;
  /** The message to be signed: the canonical form of the proposed root. */
  readonly proposed: Uint8Array;
}

export interface CeremonyRequest {
  /** 32 random bytes. */
  readonly nonce: Uint8Array;
  /** RFC 3339, UTC, whole seconds. */
  readonly created: string;
  /** After this it is signed and published no more. */
  readonly expires: string;
  readonly repositories: readonly CeremonyRepository[];
}

export interface CeremonySignature {
  /** Index of the repository. */
  readonly repository: number;
  readonly keyId: string;
  readonly method: string;
  readonly signature: Uint8Array;
}

export interface CeremonyFile {
  readonly request: CeremonyRequest;
  /** The request's own bytes, over which its fingerprint goes. */
  readonly requestBytes: Uint8Array;
  readonly signatures: readonly CeremonySignature[];
}

export const CEREMONY_FORMAT = 1;
/** Room for a thousand repositories with long roots, in bytes. */
export const CEREMONY_SIZE_LIMIT = 16 * 1024 * 1024;
const NAME = 'ceremony';
const REPOSITORIES_LIMIT = 1000;
const SIGNATURES_LIMIT = 16 * 1024;
const NONCE_BYTES = 32;
/** Room for any address and name, in characters. */
const TEXT_LIMIT = 4096;
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** Encodes a request; what it wants is fixed from then on. */
export async function encodeRequest(request: CeremonyRequest): Promise<Uint8Array> {
  const { nonce, created, expires, repositories } = request;
  return await encode({
    created,
    expires,
    nonce,
    repositories: repositories.map(({ base, gun, kind, proposed, role, server }) => ({
      base: base ?? null,
      gun,
      kind,
      proposed,
      role,
      server,
    })),
  });
}

/** The whole file. Signatures are put in one order, so that the same ones make the same bytes. */
export async function encodeCeremony(
  requestBytes: Uint8Array,
  signatures: readonly CeremonySignature[],
): Promise<Uint8Array> {
  const sorted = [...signatures].sort(
    (a, b) => a.repository - b.repository || (a.keyId < b.keyId ? -1 : 1),
  );
  const encoded = await encode(
    sorted.map(({ repository, keyId, method, signature }) => ({
      key: Buffer.from(keyId, 'hex'),
      method,
      repository,
      signature,
    })),
  );
  return await encode({
    format: CEREMONY_FORMAT,
    request: requestBytes,
    sha256: checksum(requestBytes, encoded),
    signatures: encoded,
    tabellion: NAME,
  });
}

/**
 * Reads a file. Nothing in it is trusted yet; but every byte of it counts, and one that was changed is noticed.
 * @throws OperationError `CEREMONY_MALFORMED`, `CEREMONY_FORMAT_UNKNOWN`, `CEREMONY_DAMAGED`
 */
export async function decodeCeremony(bytes: Uint8Array): Promise<CeremonyFile> {
  if (bytes.length > CEREMONY_SIZE_LIMIT) throw malformedCeremony('it is too large');
  const value = await decode(bytes);
  // Before anything else: a later format may have other members.
  const { tabellion, format } = (value ?? {}) as Record<string, unknown>;
  if (tabellion !== NAME) throw malformedCeremony('it is of another kind');
  if (format !== CEREMONY_FORMAT) throw unknownFormat(format);
  const outer = membersOf(
    value,
    ['format', 'request', 'sha256', 'signatures', 'tabellion'],
    'the file',
  );
  const requestBytes = bytesOf(outer.request, 'the request');
  const signatures = bytesOf(outer.signatures, 'the list of signatures');
  const sum = bytesOf(outer.sha256, 'the checksum');
  if (!Buffer.from(sum).equals(checksum(requestBytes, signatures))) throw damaged();
  const request = readRequest(await decode(requestBytes));
  return {
    request,
    requestBytes,
    signatures: readSignatures(await decode(signatures), request.repositories.length),
  };
}

/** By which a request is compared aloud: SHA-256 of it, without signatures. */
export function requestFingerprint({ requestBytes }: Pick<CeremonyFile, 'requestBytes'>): string {
  return sha256Hex(requestBytes);
}

/** The name by which the machine that made a request knows it: the beginning of its nonce. */
export function ceremonyId({ nonce }: Pick<CeremonyRequest, 'nonce'>): string {
  return Buffer.from(nonce.subarray(0, 8)).toString('hex');
}

function readRequest(value: unknown): CeremonyRequest {
  const { created, expires, nonce, repositories } = membersOf(
    value,
    ['created', 'expires', 'nonce', 'repositories'],
    'the request',
  );
  const random = bytesOf(nonce, 'the nonce');
  if (random.length !== NONCE_BYTES) throw malformedCeremony('its nonce has another length');
  const list = listOf(repositories, 'the repositories', REPOSITORIES_LIMIT);
  if (list.length === 0) throw malformedCeremony('it is about no repository');
  const read = list.map(readRepository);
  if (new Set(read.map(({ gun }) => gun)).size < read.length)
    throw malformedCeremony('a repository is in it twice');
  return { nonce: random, created: dateOf(created), expires: dateOf(expires), repositories: read };
}

function readRepository(value: unknown): CeremonyRepository {
  const members = membersOf(
    value,
    ['base', 'gun', 'kind', 'proposed', 'role', 'server'],
    'a repository',
  );
  const kind = CEREMONY_KINDS.find(known => known === members.kind);
  if (kind === undefined) throw malformedCeremony('it wants something that is not known');
  if ((kind === 'init') !== (members.base === null))
    throw malformedCeremony('a repository lacks its present root, or has one too many');
  return {
    gun: textOf(members.gun, 'a repository’s name'),
    server: textOf(members.server, 'a server'),
    kind,
    role: textOf(members.role, 'a role'),
    base: members.base === null ? undefined : bytesOf(members.base, 'a root'),
    proposed: bytesOf(members.proposed, 'a proposed root'),
  };
}

function readSignatures(value: unknown, repositories: number): CeremonySignature[] {
  const list = listOf(value, 'the signatures', SIGNATURES_LIMIT).map((item): CeremonySignature => {
    const members = membersOf(item, ['key', 'method', 'repository', 'signature'], 'a signature');
    const key = bytesOf(members.key, 'a key ID');
    if (key.length !== 32) throw malformedCeremony('a key ID has another length');
    if (typeof members.repository !== 'number' || members.repository >= repositories)
      throw malformedCeremony('a signature is for no repository');
    return {
      repository: members.repository,
      keyId: Buffer.from(key).toString('hex'),
      method: textOf(members.method, 'a method'),
      signature: bytesOf(members.signature, 'a signature'),
    };
  });
  const places = list.map(({ repository, keyId }) => `${repository} ${keyId}`);
  if (new Set(places).size < places.length) throw malformedCeremony('a key has signed twice in it');
  return list;
}

/** An object with exactly these members. */
function membersOf<N extends string>(
  value: unknown,
  names: readonly N[],
  what: string,
): Record<N, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isBytes(value))
    throw malformedCeremony(`${what} is no map`);
  const found = Object.keys(value);
  if (found.length !== names.length || !names.every(name => found.includes(name)))
    throw malformedCeremony(`${what} has other members than it should`);
  return value as Record<N, unknown>;
}

function listOf(value: unknown, what: string, limit: number): unknown[] {
  if (!Array.isArray(value) || value.length > limit)
    throw malformedCeremony(`${what} are no list of at most ${limit}`);
  return value;
}

function bytesOf(value: unknown, what: string): Uint8Array {
  if (!isBytes(value)) throw malformedCeremony(`${what} is not a string of bytes`);
  return value;
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string' || value.length > TEXT_LIMIT)
    throw malformedCeremony(`${what} is not a text`);
  return value;
}

function dateOf(value: unknown): string {
  const text = textOf(value, 'a date');
  if (!DATE.test(text) || Number.isNaN(Date.parse(text)))
    throw malformedCeremony('a date in it is none');
  return text;
}

function checksum(requestBytes: Uint8Array, signatures: Uint8Array): Buffer {
  return createHash('sha256').update(requestBytes).update(signatures).digest();
}

/** Names in the order of their encoded bytes: the shorter first, then by letter. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null || isBytes(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => a.length - b.length || (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, member]) => [name, ordered(member)]));
}

async function encode(value: object): Promise<Uint8Array> {
  const { Encoder } = await import('cbor-x');
  const encoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });
  const bytes = Uint8Array.from(encoder.encode(ordered(value)));
  checkStrictCbor(bytes, CEREMONY_CBOR);
  return bytes;
}

async function decode(bytes: Uint8Array): Promise<unknown> {
  checkStrictCbor(bytes, CEREMONY_CBOR);
  const { Decoder } = await import('cbor-x');
  try {
    return new Decoder({ useRecords: false, mapsAsObjects: true, copyBuffers: true }).decode(bytes);
  } catch (cause) {
    throw malformedCeremony('it cannot be decoded', cause);
  }
}

function unknownFormat(found: unknown): OperationError {
  return new OperationError(
    'CEREMONY_FORMAT_UNKNOWN',
    `The ceremony file has the format ${typeof found === 'number' ? found : 'of something else'}; this program knows ${CEREMONY_FORMAT}`,
    { hint: 'Use the same version of Tabellion on all machines.' },
  );
}

function damaged(): OperationError {
  return new OperationError(
    'CEREMONY_DAMAGED',
    'The ceremony file was altered or damaged on its way: its checksum does not fit',
    { hint: 'Copy it once more from the machine that wrote it.' },
  );
}
