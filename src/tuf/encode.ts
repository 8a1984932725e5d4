/**
 * From metadata to the bytes of a file. What is written is a fixed point of Go's “decode and encode”: any
 * other form would make the next snapshot of a Go client list a hash that nobody has (tuf.md 1.6).
 */
import { canonicalJson, escapeForGo, type JsonValue } from '../crypto/canonical-json.ts';
import { type PublicKey, publicKeyToJson } from '../crypto/public-key.ts';
import type { Signature } from '../crypto/signature.ts';
import type { FileMeta, RootMetadata, SnapshotMetadata, TargetsMetadata } from './metadata.ts';
import { encodeTarget } from './target.ts';

type JsonObject = { [name: string]: JsonValue };

export function encodeRoot(root: RootMetadata): JsonObject {
  return {
    _type: 'Root',
    consistent_snapshot: root.consistentSnapshot,
    expires: root.expires,
    keys: encodeKeys(root.keys),
    roles: objectFrom(root.roles, role => ({
      keyids: listOrNull(role.keyIds),
      threshold: role.threshold,
    })),
    version: root.version,
  };
}

export function encodeTargets(targets: TargetsMetadata): JsonObject {
  const { keys, roles } = targets.delegations;
  const encodedRoles =
    roles?.map(role => ({
      keyids: listOrNull(role.keyIds),
      name: role.name,
      ...(role.paths.length === 0 ? {} : { paths: [...role.paths] }),
      threshold: role.threshold,
    })) ?? null;
  return {
    _type: 'Targets',
    delegations: { keys: encodeKeys(keys), roles: encodedRoles },
    expires: targets.expires,
    targets: objectFrom(targets.targets, encodeTarget),
    version: targets.version,
  };
}

/** Of a snapshot, or of a timestamp. */
export function encodeMeta(type: 'Snapshot' | 'Timestamp', file: SnapshotMetadata): JsonObject {
  return {
    _type: type,
    expires: file.expires,
    meta: objectFrom(file.meta, encodeFileMeta),
    version: file.version,
  };
}

/** The message that is signed: the canonical form of a payload. */
export function signedMessage(payload: JsonValue): string {
  return canonicalJson(payload);
}

/** The file: a signed message and its signatures, in Notary's envelope (tuf.md 1.1, 1.5). */
export function encodeFile(message: string, signatures: readonly Signature[]): Uint8Array {
  const list = signatures.map(({ keyId, method, signature }) => ({
    keyid: keyId,
    method,
    sig: Buffer.from(signature).toString('base64'),
  }));
  return Buffer.from(
    `{"signed":${escapeForGo(message)},"signatures":${JSON.stringify(list)}}`,
    'utf8',
  );
}

function encodeKeys(keys: ReadonlyMap<string, PublicKey>): JsonObject {
  return objectFrom(keys, key => ({
    ...publicKeyToJson(key),
    keyval: { ...publicKeyToJson(key).keyval },
  }));
}

function encodeFileMeta(meta: FileMeta): JsonValue {
  return { hashes: { ...meta.hashes }, length: meta.length };
}

function listOrNull(list: readonly string[] | null): string[] | null {
  return list === null ? null : [...list];
}

/** `Object.fromEntries` defines members, so that a target named `__proto__` is one like any other. */
function objectFrom<T>(map: ReadonlyMap<string, T>, encode: (value: T) => JsonValue): JsonObject {
  return Object.fromEntries(Array.from(map, ([name, value]) => [name, encode(value)]));
}
