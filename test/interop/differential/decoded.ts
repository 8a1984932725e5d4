import { createHash } from 'node:crypto';
import { certificateOf, type KnownKeys } from './known-keys.ts';

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
type JsonObject = { [name: string]: Json };

const DAY = 86_400_000;

/**
 * A metadata file in words that do not depend on random keys and on the clock: the members in the order of the
 * file, keys by name, expiry in whole days, hashes of other files by what they are the hash of.
 * `sibling` gives the bytes of another role's file.
 */
export function describeMetadata(
  text: string,
  keys: KnownKeys,
  now: Date,
  sibling: (role: string) => Buffer | undefined,
): string {
  let file: JsonObject;
  try {
    file = JSON.parse(text);
  } catch {
    return `not JSON:\n${text}`;
  }
  const signed = file.signed as JsonObject;
  const members = {
    file: `${Object.keys(file).join(', ')}; ${isCompact(text, file) ? 'compact' : 'not compact'}`,
    signatures: describeSignatures((file.signatures ?? []) as JsonObject[], keys),
    signed: describeSigned(signed, keys, now, sibling),
  };
  return JSON.stringify(members, null, 1);
}

function describeSignatures(signatures: JsonObject[], keys: KnownKeys): string[] {
  const names = signatures.map(
    signature =>
      `${Object.keys(signature).join(', ')}: ${signature.method} by ${named(signature.keyid, keys)}`,
  );
  // Two of a root stand in an order that matters to old clients, further ones and those of other roles in
  // the order of a Go map.
  const isRotation = names.length === 2 && names.every(name => name.includes('root certificate'));
  return isRotation ? names : names.toSorted();
}

function describeSigned(
  signed: JsonObject,
  keys: KnownKeys,
  now: Date,
  sibling: (role: string) => Buffer | undefined,
): JsonObject {
  const result: JsonObject = {};
  for (const [name, value] of Object.entries(signed)) {
    if (name === 'expires' && typeof value === 'string') {
      result[name] = describeExpiry(value, now);
    } else if (name === 'meta') {
      result[name] = describeMeta(value as JsonObject, sibling);
    } else if (name === 'keys') {
      result[name] = describeKeys(value as JsonObject, keys);
    } else if (name === 'roles') {
      result[name] = Object.fromEntries(
        Object.entries(value as JsonObject).map(([role, what]) => [
          role,
          describeRole(what as JsonObject, keys),
        ]),
      );
    } else if (name === 'delegations') {
      const { keys: own, roles, ...more } = value as JsonObject;
      result[name] = {
        keys:
          own && typeof own === 'object' ? describeKeys(own as JsonObject, keys) : (own ?? null),
        roles: Array.isArray(roles)
          ? roles.map(role => describeRole(role as JsonObject, keys))
          : (roles ?? null),
        ...more,
      };
    } else {
      result[name] = value;
    }
  }
  return result;
}

/** Whole days from now, and whether the text has the form that Go writes. */
function describeExpiry(value: string, now: Date): string {
  const days = Math.round((Date.parse(value) - now.getTime()) / DAY);
  const zone = /Z$/.test(value) ? 'UTC' : 'another zone';
  // Go leaves out zeros at the end of the fraction: their number is chance.
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?/.test(value) ? '' : ' in another form';
  return `in ${days} days, ${zone}${form}`;
}

function describeMeta(meta: JsonObject, sibling: (role: string) => Buffer | undefined): JsonObject {
  return Object.fromEntries(
    Object.entries(meta).map(([role, value]) => {
      const { hashes, length, ...more } = value as {
        hashes: Record<string, string>;
        length: number;
      };
      const bytes = sibling(role);
      const algorithms = Object.entries(hashes).map(([algorithm, hash]) => {
        const matches = bytes && createHash(algorithm).update(bytes).digest('base64') === hash;
        return `${algorithm}${matches ? ' of the file' : ''}`;
      });
      const size = bytes && bytes.length === length ? 'the length of the file' : 'a length';
      return [role, { is: [...algorithms, size].join(', '), ...more }];
    }),
  );
}

function describeKeys(members: JsonObject, keys: KnownKeys): JsonObject {
  const described = Object.entries(members).map(([id, value]): [string, Json] => {
    return [named(id, keys), describeKey(value as JsonObject, keys)];
  });
  // The file has them by ID, which is random.
  described.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(described);
}

function describeKey(key: JsonObject, keys: KnownKeys): Json {
  const { keytype, keyval } = key;
  const { public: text, private: secret, ...more } = (keyval ?? {}) as JsonObject;
  const order = `${Object.keys(key).join(', ')}: ${Object.keys((keyval ?? {}) as object).join(', ')}`;
  return {
    keytype: keytype ?? null,
    order,
    public: typeof text === 'string' ? describePublic(text, keys) : (text ?? null),
    private: secret ?? null,
    ...more,
  };
}

function describePublic(base64: string, keys: KnownKeys): string {
  const pem = Buffer.from(base64, 'base64').toString('latin1');
  const certificate = pem.startsWith('-----BEGIN CERTIFICATE') ? certificateOf(base64) : undefined;
  if (certificate) {
    const days = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / DAY;
    const usage = certificate.keyUsage?.join(' ') ?? 'none';
    return `certificate ${certificate.subject} by ${certificate.issuer}, ${days.toFixed(1)} days, CA ${certificate.ca}, usage ${usage}`;
  }
  return keys.publicLabel(base64) ?? base64;
}

function describeRole(role: JsonObject, keys: KnownKeys): JsonObject {
  const { keyids, ...more } = role;
  const names = Array.isArray(keyids) ? keyids.map(id => named(id, keys)) : keyids;
  // Several are in the order of their random IDs.
  return { keyids: Array.isArray(names) ? names.toSorted() : (names ?? null), ...more };
}

function named(id: Json | undefined, keys: KnownKeys): string {
  return typeof id === 'string' ? (keys.label(id) ?? id) : String(id);
}

function isCompact(text: string, value: Json): boolean {
  // Go escapes five characters that JavaScript does not.
  return (
    text.replaceAll(/\\u(?:003c|003e|0026|2028|2029)/g, '?') ===
    JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, '?')
  );
}

/** A change file: its members in their order, its payload decoded. */
export function describeChange(text: string, keys: KnownKeys): string {
  let change: JsonObject;
  try {
    change = JSON.parse(text);
  } catch {
    return `not JSON: ${text}`;
  }
  const form = `${Object.keys(change).join(', ')}; ${isCompact(text, change) ? 'compact' : 'not compact'}`;
  const { data, ...more } = change;
  if (typeof data !== 'string')
    return JSON.stringify({ form, ...more, data: data ?? 'absent' }, null, 1);
  const payload = Buffer.from(data, 'base64').toString('utf8');
  // As text: the order and the spaces of the payload count.
  const shown = payload
    .replaceAll(/(?<=")[0-9a-f]{64}(?=")/g, id => keys.label(id) ?? id)
    .replaceAll(/(?<="public":")[A-Za-z0-9+/=]+(?=")/g, text => describePublic(text, keys));
  return JSON.stringify({ form, ...more, data: shown }, null, 1);
}
