/** Which request is for what (tuf.md 8.1). */
import type { ManagedRole } from './storage.ts';

export type Route =
  | { readonly name: 'ping' }
  | { readonly name: 'health' }
  | { readonly name: 'publish'; readonly gun: string }
  | { readonly name: 'delete'; readonly gun: string }
  | { readonly name: 'current'; readonly gun: string; readonly role: string }
  | { readonly name: 'by-hash'; readonly gun: string; readonly role: string; readonly hash: string }
  | {
      readonly name: 'by-version';
      readonly gun: string;
      readonly role: string;
      readonly version: string;
    }
  | { readonly name: 'key'; readonly gun: string; readonly role: ManagedRole }
  | { readonly name: 'new-key'; readonly gun: string; readonly role: ManagedRole }
  | { readonly name: 'changefeed'; readonly gun?: string };

const REPOSITORY = /^\/v2\/([^*]+)\/_trust\/(tuf\/(.*)|changefeed)$/;
const ROLE = '(root|targets(?:/[^/\\s]+)*|snapshot|timestamp)';
const BY_HASH = new RegExp(`^${ROLE}\\.([a-fA-F0-9]{64}|[a-fA-F0-9]{96}|[a-fA-F0-9]{128})\\.json$`);
const BY_VERSION = new RegExp(`^([0-9]+)\\.${ROLE}\\.json$`);
const CURRENT = new RegExp(`^${ROLE}\\.json$`);
const KEY = /^(snapshot|timestamp)\.key$/;

/** @param path decoded, without query; undefined when there is nothing */
export function routeOf(method: string, path: string): Route | undefined {
  if (method === 'GET') {
    if (path === '/v2/') return { name: 'ping' };
    if (path === '/_notary_server/health') return { name: 'health' };
    if (path === '/v2/_trust/changefeed') return { name: 'changefeed' };
  }
  const [, gun, what, file] = REPOSITORY.exec(path) ?? [];
  if (gun === undefined || what === undefined) return undefined;
  if (file === undefined) return method === 'GET' ? { name: 'changefeed', gun } : undefined;
  if (method === 'GET') return fileRoute(gun, file);
  if (method === 'DELETE') return file === '' ? { name: 'delete', gun } : undefined;
  if (method !== 'POST') return undefined;
  if (file === '') return { name: 'publish', gun };
  const role = managedRole(KEY.exec(file)?.[1]);
  return role === undefined ? undefined : { name: 'new-key', gun, role };
}

function fileRoute(gun: string, file: string): Route | undefined {
  const [, hashedRole, hash] = BY_HASH.exec(file) ?? [];
  if (hashedRole !== undefined && hash !== undefined)
    return { name: 'by-hash', gun, role: hashedRole, hash };
  const [, version, versionedRole] = BY_VERSION.exec(file) ?? [];
  if (version !== undefined && versionedRole !== undefined) {
    return { name: 'by-version', gun, role: versionedRole, version };
  }
  const role = CURRENT.exec(file)?.[1];
  if (role !== undefined) return { name: 'current', gun, role };
  const key = managedRole(KEY.exec(file)?.[1]);
  return key === undefined ? undefined : { name: 'key', gun, role: key };
}

function managedRole(text: string | undefined): ManagedRole | undefined {
  return text === 'timestamp' || text === 'snapshot' ? text : undefined;
}
