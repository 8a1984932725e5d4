import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { printable } from '../crypto/printable.ts';
import { OperationError } from '../errors.ts';
import { HUB_DOMAIN } from './image-reference.ts';
import { isJsonObject } from './manifest.ts';

/** What a login left behind for one server, in Docker's own configuration file. */
export interface StoredLogin {
  readonly username?: string;
  readonly password?: string;
  /** OAuth 2 refresh token. */
  readonly identityToken?: string;
  /** Bearer token that is ready to use, for the registry alone. */
  readonly registryToken?: string;
}

/** The parts of Docker's `config.json` that Tabellion reads. It never writes the file. */
export interface DockerConfig {
  /** The file, whether it exists or not. */
  readonly path: string;
  /** Logins by server, in the order of the file. Servers with an empty entry are there too. */
  readonly auths: ReadonlyMap<string, StoredLogin>;
  /** Credential helper for all servers: `desktop` for `docker-credential-desktop`. */
  readonly credsStore?: string;
  /** Credential helpers of single servers. */
  readonly credHelpers: ReadonlyMap<string, string>;
}

/** How to log in to a registry, and to the trust server that stands for it. */
export type RegistryCredentials =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'basic';
      readonly server: string;
      readonly username: string;
      readonly password: string;
    }
  | {
      readonly kind: 'identity-token';
      readonly server: string;
      readonly username?: string;
      /** For token servers that know no identity tokens. */
      readonly password?: string;
      readonly token: string;
    }
  /** Good for the registry only: to a trust server this is `none`. */
  | {
      readonly kind: 'registry-token';
      readonly server: string;
      readonly username?: string;
      readonly token: string;
    }
  /** The credentials are with `docker-credential-<helper>`, under the name `server`. */
  | { readonly kind: 'helper'; readonly server: string; readonly helper: string };

const HUB_SERVER = 'https://index.docker.io/v1/';
/** In the place of a file's path. */
const AUTH_VARIABLE = 'DOCKER_AUTH_CONFIG';
const MAX_CONFIG_BYTES = 16 * 1024 * 1024;

/** Docker's configuration folder: `$DOCKER_CONFIG`, else `.docker` in the home folder. */
export function defaultDockerConfigDir(env: NodeJS.ProcessEnv, home: string): string {
  const { DOCKER_CONFIG } = env;
  return DOCKER_CONFIG === undefined || DOCKER_CONFIG === ''
    ? join(home, '.docker')
    : DOCKER_CONFIG;
}

/**
 * Reads `config.json` in Docker's configuration folder; no such file means no logins.
 *
 * @throws {OperationError} `DOCKER_CONFIG_INVALID` when it is there and cannot be understood: going on
 *   without credentials would look like a repository without signatures. No content of the file, which
 *   holds passwords, gets into the error.
 */
export async function loadDockerConfig(directory: string): Promise<DockerConfig> {
  const path = join(directory, 'config.json');
  const text = await readConfig(path);
  return text === undefined
    ? { path, auths: new Map(), credHelpers: new Map() }
    : parse(text, path);
}

/**
 * The login for a registry, by its domain as in an image reference (`docker.io` for Docker Hub). The
 * trust server of a registry uses the same one, whatever its own host is. The key that is exactly the
 * domain counts, else the first with the same host and port; a helper beats the file.
 */
export function credentialsFor(config: DockerConfig, domain: string): RegistryCredentials {
  const server = serverFor(domain);
  const helper = config.credHelpers.get(server) ?? config.credsStore;
  if (helper !== undefined) return { kind: 'helper', server, helper };

  const found = findLogin(config, server);
  if (found === undefined) return { kind: 'none' };
  const { username, password, identityToken, registryToken } = found.login;
  if (registryToken !== undefined) {
    return {
      kind: 'registry-token',
      server: found.server,
      token: registryToken,
      ...(username === undefined ? {} : { username }),
    };
  }
  if (identityToken !== undefined) {
    return {
      kind: 'identity-token',
      server: found.server,
      token: identityToken,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    };
  }
  return username !== undefined && password !== undefined
    ? { kind: 'basic', server: found.server, username, password }
    : { kind: 'none' };
}

/** Whether a configuration names any login or helper: only without them Docker looks for a helper by itself. */
export function namesLogins({ auths, credHelpers, credsStore }: DockerConfig): boolean {
  return auths.size > 0 || credHelpers.size > 0 || credsStore !== undefined;
}

/**
 * Reads the variable `DOCKER_AUTH_CONFIG`: logins as in `config.json`, and nothing else. They come before all others.
 *
 * @returns undefined when it is not set
 * @throws {OperationError} `DOCKER_CONFIG_INVALID`, with no content of the variable
 * @see cli.md 4.1
 */
export function parseDockerAuthConfig(text: string | undefined): DockerConfig | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  const value = parseObject(text, AUTH_VARIABLE);
  for (const name of Object.keys(value)) {
    if (name.toLowerCase() !== 'auths') {
      throw invalid(AUTH_VARIABLE, `it may hold “auths” alone, but has “${name.slice(0, 50)}”`);
    }
  }
  const config = readConfiguration(value, AUTH_VARIABLE);
  for (const [server, login] of config.auths) {
    if (login.username === undefined || login.password === undefined) {
      throw invalid(AUTH_VARIABLE, `the entry of auths for ${server} has no auth with a password`);
    }
  }
  return config;
}

/** The name of a registry in Docker's configuration and towards credential helpers. */
export function serverFor(domain: string): string {
  return domain === HUB_DOMAIN || domain === 'index.docker.io' ? HUB_SERVER : domain;
}

function findLogin(
  { auths }: DockerConfig,
  server: string,
): { server: string; login: StoredLogin } | undefined {
  const exact = auths.get(server);
  if (exact !== undefined) return { server, login: exact };
  for (const [key, login] of auths) {
    if (hostOf(key) === server) return { server: key, login };
  }
  return undefined;
}

/** `https://h:5000/v1/` and `h:5000/foo` are both about `h:5000`. */
function hostOf(key: string): string {
  const bare = key.replace(/^https?:\/\//, '');
  const slash = bare.indexOf('/');
  return slash === -1 ? bare : bare.slice(0, slash);
}

async function readConfig(path: string): Promise<string | undefined> {
  try {
    const status = await stat(path);
    if (!status.isFile()) throw new Error('it is not a file');
    if (status.size > MAX_CONFIG_BYTES)
      throw new Error(`it has more than ${MAX_CONFIG_BYTES} bytes`);
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw invalid(path, code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : message);
  }
}

function parse(text: string, path: string): DockerConfig {
  return readConfiguration(parseObject(text, path), path);
}

function parseObject(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The engine's message quotes the text around the mistake, which may be a password.
    throw invalid(path, `it is not JSON${positionOf(error, text)}`);
  }
  if (!isJsonObject(value)) throw invalid(path, 'it is not a JSON object');
  return value;
}

function readConfiguration(value: Record<string, unknown>, path: string): DockerConfig {
  const auths = new Map<string, StoredLogin>();
  for (const [server, entry] of Object.entries(objectMember(value, 'auths', path))) {
    auths.set(server, readLogin(entry, server, path));
  }
  const credHelpers = new Map<string, string>();
  for (const [server, helper] of Object.entries(objectMember(value, 'credHelpers', path))) {
    const name = helperName(helper, `credHelpers for ${printable(server)}`, path);
    if (name !== undefined) credHelpers.set(server, name);
  }
  const credsStore = helperName(member(value, 'credsStore'), 'credsStore', path);
  return { path, auths, credHelpers, ...(credsStore === undefined ? {} : { credsStore }) };
}

function readLogin(entry: unknown, server: string, path: string): StoredLogin {
  const name = printable(server);
  if (entry === null) return {};
  if (!isJsonObject(entry)) throw invalid(path, `the entry of auths for ${name} is not an object`);
  const text = (key: string): string | undefined => {
    const value = member(entry, key) ?? '';
    if (typeof value !== 'string') {
      throw invalid(path, `${key} in the entry of auths for ${name} is not a string`);
    }
    return value === '' ? undefined : value;
  };
  const auth = text('auth');
  const identityToken = text('identitytoken');
  const registryToken = text('registrytoken');
  const clear = { username: text('username'), password: text('password') };
  const login = auth === undefined ? clear : decodeAuth(auth, name, path);
  return {
    ...(login.username === undefined ? {} : { username: login.username }),
    ...(login.password === undefined ? {} : { password: login.password }),
    ...(identityToken === undefined ? {} : { identityToken }),
    ...(registryToken === undefined ? {} : { registryToken }),
  };
}

/** Base64 of `user:password`; the password may hold colons, and NULs around it do not count. */
function decodeAuth(
  auth: string,
  server: string,
  path: string,
): { username: string; password: string | undefined } {
  const compact = auth.replace(/[\r\n]/g, '');
  if (compact.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) {
    throw invalid(path, `auth in the entry of auths for ${server} is not padded Base64`);
  }
  const decoded = Buffer.from(compact, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 1) {
    throw invalid(path, `auth in the entry of auths for ${server} is not user:password in Base64`);
  }
  const password = trimNuls(decoded.slice(colon + 1));
  return { username: decoded.slice(0, colon), password: password === '' ? undefined : password };
}

function trimNuls(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text.charCodeAt(start) === 0) start += 1;
  while (end > start && text.charCodeAt(end - 1) === 0) end -= 1;
  return text.slice(start, end);
}

/** A helper is a program found by its name: anything that could lead elsewhere is refused. */
function helperName(value: unknown, what: string, path: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string' || !/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(value)) {
    throw invalid(path, `${what} does not name a credential helper`);
  }
  return value;
}

function objectMember(
  value: Record<string, unknown>,
  name: string,
  path: string,
): Record<string, unknown> {
  const found = member(value, name) ?? {};
  if (!isJsonObject(found)) throw invalid(path, `${name} is not an object`);
  return found;
}

/** A member by its name in any case, as Docker's decoder finds it; the last one counts. */
function member(value: Record<string, unknown>, name: string): unknown {
  const wanted = name.toLowerCase();
  return Object.entries(value).findLast(([key]) => key.toLowerCase() === wanted)?.[1];
}

function positionOf(error: unknown, text: string): string {
  const offset = /position (\d+)/.exec((error as Error).message)?.[1];
  if (offset === undefined) return '';
  const lines = text.slice(0, Number(offset)).split('\n');
  return ` (line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1})`;
}

function invalid(path: string, reason: string): OperationError {
  const isVariable = path === AUTH_VARIABLE;
  const what = isVariable ? `The variable ${path}` : `Docker's configuration file ${path}`;
  return new OperationError(
    'DOCKER_CONFIG_INVALID',
    `${printable(what)} cannot be used: ${printable(reason)}`,
    {
      hint: isVariable
        ? 'Set it to {"auths":{"SERVER":{"auth":"BASE64 OF USER:PASSWORD"}}}, or unset it.'
        : 'Correct the file, or log in again after moving it away.',
      details: { path },
    },
  );
}
