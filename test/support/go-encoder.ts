/**
 * A model of what Go's programs write: the form that a metadata file must have so that Go, which reads it into
 * structures and prints those again, gets the same bytes.
 */

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** A metadata file as Go prints it: members of the payload in the order of their UTF-8 bytes. */
export function goFile(file: {
  signed: Json;
  signatures: { keyid: string; method: string; sig: string }[];
}): string {
  const signatures = file.signatures.map(
    ({ keyid, method, sig }) => `{"keyid":"${keyid}","method":"${method}","sig":"${sig}"}`,
  );
  return `{"signed":${goValue(file.signed)},"signatures":[${signatures.join(',')}]}`;
}

function goValue(value: Json): string {
  if (typeof value === 'string') return goString(value);
  if (typeof value === 'number') return BigInt(value).toString();
  if (Array.isArray(value)) return `[${value.map(goValue).join(',')}]`;
  if (value === null || typeof value === 'boolean') return `${value}`;
  const members = Object.entries(value).map(([name, member]) => ({
    name,
    member,
    bytes: new TextEncoder().encode(name),
  }));
  members.sort((a, b) => compareBytes(a.bytes, b.bytes));
  return `{${members.map(({ name, member }) => `${goString(name)}:${goValue(member)}`).join(',')}}`;
}

const FIVE: Record<string, string> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

function goString(text: string): string {
  let result = '"';
  for (const character of text) {
    result +=
      character === '"' || character === '\\' ? `\\${character}` : (FIVE[character] ?? character);
  }
  return `${result}"`;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    if (a[at] !== b[at]) return (a[at] as number) - (b[at] as number);
  }
  return a.length - b.length;
}

/** A date that Go prints as it stands: UTC as `Z`, a fraction without trailing zeros or none. */
export const GO_DATE =
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?(Z|[+-](?!00:00)\d\d:\d\d)$/;
/** A date as Tabellion itself writes it. */
export const OWN_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** What a payload's structure must look like so that Go neither drops nor adds a member. */
export function goShapeProblems(payload: { [name: string]: Json }): string[] {
  const problems: string[] = [];
  const has = (what: string, value: Json | undefined, ...members: string[]) => {
    const found = Object.keys(value as object)
      .sort()
      .join();
    if (found !== [...members].sort().join()) problems.push(`${what} has ${found}`);
  };
  const key = (value: Json) => {
    has('a key', value, 'keytype', 'keyval');
    const keyval = (value as { keyval: { private: Json; public: Json } }).keyval;
    has('a keyval', keyval, 'private', 'public');
    if (keyval.private !== null) problems.push('a private key');
  };
  const each = (value: Json | undefined, check: (member: Json) => void) =>
    Object.values(value as object).forEach(check);
  const hashes = (value: Json) =>
    each((value as { hashes: Json }).hashes, digest => {
      if (Buffer.from(String(digest), 'base64').toString('base64') !== digest)
        problems.push(`the digest ${digest}`);
    });
  switch (payload._type) {
    case 'Root':
      has('root', payload, '_type', 'consistent_snapshot', 'expires', 'keys', 'roles', 'version');
      each(payload.keys, key);
      each(payload.roles, role => has('a role', role, 'keyids', 'threshold'));
      break;
    case 'Targets': {
      has('targets', payload, '_type', 'delegations', 'expires', 'targets', 'version');
      has('delegations', payload.delegations, 'keys', 'roles');
      const { keys, roles } = payload.delegations as {
        keys: Json;
        roles: { paths?: Json[] }[] | null;
      };
      each(keys, key);
      for (const role of roles ?? []) {
        has(
          'a delegated role',
          role as Json,
          'keyids',
          'name',
          'threshold',
          ...('paths' in role ? ['paths'] : []),
        );
        if (role.paths?.length === 0) problems.push('an empty list of paths');
      }
      each(payload.targets, target => {
        const custom = (target as { custom?: Json }).custom;
        has('a target', target, 'hashes', 'length', ...(custom === undefined ? [] : ['custom']));
        if (custom === null) problems.push('custom null');
        hashes(target);
      });
      break;
    }
    case 'Snapshot':
      has('snapshot', payload, '_type', 'expires', 'meta', 'version');
      each(payload.meta, entry => {
        has('an entry', entry, 'hashes', 'length');
        hashes(entry);
      });
      break;
    default:
      problems.push(`the type ${JSON.stringify(payload._type)}`);
  }
  return problems;
}
