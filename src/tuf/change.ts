/**
 * A staged change in Notary's own file format: compact JSON with the members `action, role, type, path,
 * data` in that order, `data` being base64 of a payload (tuf.md 5.1, 5.2).
 */

import type { JsonValue } from '../crypto/canonical-json.ts';
import { printable } from '../crypto/printable.ts';
import { type PublicKey, publicKeyFromJson, publicKeyToJson } from '../crypto/public-key.ts';
import { OperationError } from '../errors.ts';
import { ROOT } from './role-name.ts';
import { encodeTarget, readTarget, type Target } from './target.ts';

export type ChangeAction = 'create' | 'update' | 'delete';
export type ChangeType = 'target' | 'delegation' | 'witness' | 'role';

export interface Change {
  readonly action: ChangeAction;
  /** The role it applies to; `targets/*` for a purge. */
  readonly role: string;
  readonly type: ChangeType;
  /** Name of the target, or of the base role for type `role`; else empty. */
  readonly path: string;
  /** The payload's JSON, or null. */
  readonly data: Uint8Array | null;
}

/** Payload of a change of type `delegation` (tuf.md 5.2); a member that is absent changes nothing. */
export interface DelegationChange {
  readonly threshold?: number;
  readonly addKeys?: readonly PublicKey[];
  /** Canonical key IDs. */
  readonly removeKeys?: readonly string[];
  readonly addPaths?: readonly string[];
  readonly removePaths?: readonly string[];
  readonly clearPaths?: boolean;
}

/** Payload of a change of type `role`: all keys that a base role shall have. */
export interface RoleChange {
  readonly role: string;
  readonly keys: readonly PublicKey[];
}

const ACTIONS: readonly string[] = ['create', 'update', 'delete'];
const TYPES: readonly string[] = ['target', 'delegation', 'witness', 'role'];

/** The text of a change file. */
export function encodeChange(change: Change): string {
  return goJson({
    action: change.action,
    role: change.role,
    type: change.type,
    path: change.path,
    data: change.data === null ? null : Buffer.from(change.data).toString('base64'),
  });
}

/**
 * Reads a change file.
 * @throws OperationError `CHANGE_MALFORMED`
 */
export function decodeChange(bytes: Uint8Array): Change {
  const value = parse(bytes, 'change');
  const { action, role, type, path, data } = value;
  if (typeof action !== 'string' || !ACTIONS.includes(action))
    throw malformed('its action is not known');
  if (typeof type !== 'string' || !TYPES.includes(type)) throw malformed('its type is not known');
  if (typeof role !== 'string' || typeof path !== 'string')
    throw malformed('its role or path is not text');
  if (data !== null && data !== undefined && typeof data !== 'string')
    throw malformed('its data is not base64');
  return {
    action: action as ChangeAction,
    role,
    type: type as ChangeType,
    path,
    data: typeof data === 'string' ? Buffer.from(data, 'base64') : null,
  };
}

/** Stages the signing of a target. */
export function addTarget(role: string, name: string, target: Target): Change {
  return {
    action: 'create',
    role,
    type: 'target',
    path: name,
    data: encodePayload(encodeTarget(target)),
  };
}

/** Stages the removal of a target from a role. */
export function removeTarget(role: string, name: string): Change {
  return { action: 'delete', role, type: 'target', path: name, data: null };
}

/** Stages a new delegation, or more keys or paths for one. */
export function createDelegation(role: string, change: DelegationChange): Change {
  return {
    action: 'create',
    role,
    type: 'delegation',
    path: '',
    data: encodeDelegationChange(change),
  };
}

/** Stages a change of an existing delegation; with a role that ends in `/*`, the purge of a key from all below. */
export function updateDelegation(role: string, change: DelegationChange): Change {
  return {
    action: 'update',
    role,
    type: 'delegation',
    path: '',
    data: encodeDelegationChange(change),
  };
}

/** Stages the removal of a whole delegation. */
export function deleteDelegation(role: string): Change {
  return { action: 'delete', role, type: 'delegation', path: '', data: null };
}

/** Stages a new signature over a role's present content. */
export function witness(role: string): Change {
  return { action: 'update', role, type: 'witness', path: '', data: null };
}

/** Replaces all keys of a base role. */
export function replaceRoleKeys(role: string, keys: readonly PublicKey[]): Change {
  const data = encodePayload({ keys: keys.map(keyWithPublicFirst), role });
  return { action: 'create', role: ROOT, type: 'role', path: role, data };
}

/** The target that a change of type `target` sets. */
export function targetOf(change: Change): Target {
  return readTarget(parse(change.data ?? new Uint8Array(), 'target'), change.path);
}

/** The payload of a change of type `delegation`. */
export function delegationChangeOf(change: Change): DelegationChange {
  if (change.data === null) return {};
  const value = parse(change.data, 'delegation');
  const threshold = value.threshold;
  return {
    ...(typeof threshold === 'number' ? { threshold } : {}),
    addKeys: list(value.add_keys).map(publicKeyFromJson),
    removeKeys: strings(value.remove_keys),
    addPaths: strings(value.add_paths),
    removePaths: strings(value.remove_paths),
    clearPaths: value.clear_paths === true,
  };
}

/** The payload of a change of type `role`. */
export function roleChangeOf(change: Change): RoleChange {
  const value = parse(change.data ?? new Uint8Array(), 'role');
  if (typeof value.role !== 'string') throw malformed('its payload names no role');
  return { role: value.role, keys: list(value.keys).map(publicKeyFromJson) };
}

function encodeDelegationChange(change: DelegationChange): Uint8Array {
  const payload: Record<string, JsonValue> = {};
  if (change.threshold !== undefined) payload.threshold = change.threshold;
  if (change.addKeys?.length) payload.add_keys = change.addKeys.map(keyWithPublicFirst);
  if (change.removeKeys?.length) payload.remove_keys = [...change.removeKeys];
  if (change.addPaths?.length) payload.add_paths = [...change.addPaths];
  if (change.removePaths?.length) payload.remove_paths = [...change.removePaths];
  if (change.clearPaths === true) payload.clear_paths = true;
  return encodePayload(payload);
}

/** In change files Notary prints `public` before `private`. */
function keyWithPublicFirst(key: PublicKey): JsonValue {
  const { keytype, keyval } = publicKeyToJson(key);
  return { keytype, keyval: { public: keyval.public, private: null } };
}

function encodePayload(value: JsonValue): Uint8Array {
  return Buffer.from(goJson(value), 'utf8');
}

/** Go's plain JSON: members as they stand, five characters escaped. */
function goJson(value: JsonValue): string {
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function parse(bytes: Uint8Array, what: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    if (value !== null && typeof value === 'object' && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch (cause) {
    throw malformed(`its ${what} is not JSON (${printable((cause as Error).message)})`);
  }
  throw malformed(`its ${what} is not a JSON object`);
}

function list(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw malformed('a list in its payload is something else');
  return value;
}

function strings(value: unknown): string[] {
  return list(value).map(item => {
    if (typeof item !== 'string')
      throw malformed('a list of texts in its payload holds something else');
    return item;
  });
}

function malformed(why: string): OperationError {
  return new OperationError('CHANGE_MALFORMED', `A staged change cannot be read: ${why}`);
}
