/** The API of a trust server, from request to response, without sockets (tuf.md 8). */

import { printable } from '../crypto/printable.ts';
import type { PublicKey } from '../crypto/public-key.ts';
import { UsageError } from '../errors.ts';
import { checkGun } from '../tuf/gun.ts';
import { SNAPSHOT, TIMESTAMP } from '../tuf/role-name.ts';
import { ApiError } from './api-error.ts';
import { VersionConflict } from './change-log.ts';
import { changefeedBody, changesQuery } from './changefeed.ts';
import { freshMetadata, renewMetadata } from './current-metadata.ts';
import { parseMultipart } from './multipart.ts';
import { judgePublish } from './publish.ts';
import { type Route, routeOf } from './routes.ts';
import { SerialQueue } from './serial-queue.ts';
import { currentKey, pendingKey } from './server-keys.ts';
import type { Storage, StoredFile } from './storage.ts';
import { uploadedFiles } from './uploaded-files.ts';

export interface ApiRequest {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly target: string;
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

export interface TrustApiOptions {
  readonly storage: Storage;
  readonly now: () => Date;
  /** Told of what went wrong inside: one line each. */
  readonly log: (line: string) => void;
}

const TEXT = ['Content-Type', 'text/plain; charset=utf-8'] as const;
const JSON_TEXT = ['Content-Type', 'application/json; charset=utf-8'] as const;
/** A reader behind a cache may see a publish five minutes late: so says the real server, and clients live with it. */
const CURRENT = ['Cache-Control', 'public, max-age=300, s-maxage=300, must-revalidate'] as const;
const UNCHANGING = ['Cache-Control', 'public, max-age=2592000, s-maxage=2592000'] as const;
const METHODS = new Set(['GET', 'POST', 'PUT', 'HEAD', 'DELETE']);
const INT64_LIMIT = 2n ** 63n;

export class TrustApi {
  readonly #storage: Storage;
  readonly #now: () => Date;
  readonly #log: (line: string) => void;
  /** Publishes, renewals and key requests of one repository must not overlap. */
  readonly #repositories = new SerialQueue();

  constructor(options: TrustApiOptions) {
    this.#storage = options.storage;
    this.#now = options.now;
    this.#log = options.log;
  }

  /** Answers a request; never throws. */
  async handle(request: ApiRequest): Promise<ApiResponse> {
    if (!METHODS.has(request.method)) return empty(405);
    try {
      return await this.#answer(request);
    } catch (error) {
      const refusal =
        error instanceof ApiError ? error : new ApiError('UNKNOWN', {}, { cause: error });
      this.#explain(refusal);
      const body = request.method === 'HEAD' ? '' : refusal.body;
      return { status: refusal.status, headers: [JSON_TEXT], body: Buffer.from(body) };
    }
  }

  async #answer(request: ApiRequest): Promise<ApiResponse> {
    const { path, query } = splitTarget(request.target);
    const route = path === undefined ? undefined : routeOf(request.method, path);
    if (route === undefined) throw new ApiError('METADATA_NOT_FOUND');
    checkName(route);
    switch (route.name) {
      case 'ping':
        return text('{}');
      case 'health':
        return { status: 200, headers: [JSON_TEXT], body: Buffer.from('{}') };
      case 'publish':
        return await this.#publish(route.gun, request);
      case 'delete':
        await this.#change(route.gun, () => this.#storage.delete(route.gun, this.#now()));
        return empty(200);
      case 'current':
        return metadata(await this.#current(route.gun, route.role), CURRENT);
      case 'by-hash':
        return metadata(await this.#storage.byHash(route.gun, route.role, route.hash), UNCHANGING);
      case 'by-version': {
        const version = versionOf(route.version);
        return metadata(await this.#storage.byVersion(route.gun, route.role, version), UNCHANGING);
      }
      case 'key':
        return key(
          await this.#change(route.gun, () => currentKey(this.#storage, route.gun, route.role)),
        );
      case 'new-key':
        return key(
          await this.#change(route.gun, () => pendingKey(this.#storage, route.gun, route.role)),
        );
      case 'changefeed':
        return text(changefeedBody(this.#storage.changes(changesQuery(query, route.gun))));
    }
  }

  async #publish(gun: string, { contentType, body }: ApiRequest): Promise<ApiResponse> {
    const parts = parseMultipart(contentType, body);
    if (parts === undefined) throw new ApiError('MALFORMED_UPLOAD');
    const files = uploadedFiles(parts);
    await this.#change(gun, async () => {
      const batch = await judgePublish(this.#storage, gun, files, this.#now());
      try {
        await this.#storage.append(batch);
      } catch (cause) {
        if (!(cause instanceof VersionConflict)) throw cause;
        throw new ApiError('VERSION', {}, { cause });
      }
    });
    return empty(200);
  }

  async #current(gun: string, role: string): Promise<StoredFile | undefined> {
    if (role !== TIMESTAMP && role !== SNAPSHOT) return await this.#storage.newest(gun, role);
    const current =
      (await freshMetadata(this.#storage, gun, this.#now())) ??
      (await this.#change(gun, () => renewMetadata(this.#storage, gun, this.#now())));
    return current?.[role];
  }

  #change<T>(gun: string, work: () => Promise<T>): Promise<T> {
    return this.#repositories.run(gun, work);
  }

  /** Clients show little of a refusal, so the log has all of it. */
  #explain(refusal: ApiError): void {
    if (refusal.status === 404) return;
    const { cause } = refusal;
    const because = cause instanceof Error ? ` (${cause.message})` : '';
    this.#log(printable(`refused: ${refusal.message}${because}`));
  }
}

function splitTarget(target: string): { path: string | undefined; query: URLSearchParams } {
  const [raw = '', ...rest] = target.split('?');
  return { path: decodePath(raw), query: new URLSearchParams(rest.join('?')) };
}

function decodePath(raw: string): string | undefined {
  try {
    return decodeURIComponent(raw);
  } catch {
    return undefined;
  }
}

/** A name that clients could not keep on disk is refused where it would begin to exist, and unknown elsewhere. */
function checkName(route: Route): void {
  if (!('gun' in route) || route.gun === undefined) return;
  try {
    checkGun(route.gun);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw route.name === 'publish' || route.name === 'new-key'
      ? new ApiError('INVALID_GUN', error.message)
      : new ApiError('METADATA_NOT_FOUND', {});
  }
}

/** The detail for a number that no version can have is the real server's own. */
function versionOf(digits: string): number {
  if (BigInt(digits.slice(0, 30)) < INT64_LIMIT) return Number(digits);
  throw new ApiError('METADATA_NOT_FOUND', { Func: 'Atoi', Num: digits, Err: {} });
}

function metadata(file: StoredFile | undefined, caching: readonly [string, string]): ApiResponse {
  if (file === undefined) throw new ApiError('METADATA_NOT_FOUND', {});
  return {
    status: 200,
    headers: [caching, ['Last-Modified', file.storedAt.toUTCString()], TEXT],
    body: file.bytes,
  };
}

/** Plain JSON with `public` first, as Go prints a key outside of metadata. */
function key({ keytype, publicBytes }: PublicKey): ApiResponse {
  const keyval = { public: Buffer.from(publicBytes).toString('base64'), private: null };
  return text(JSON.stringify({ keytype, keyval }));
}

function text(body: string): ApiResponse {
  return { status: 200, headers: [TEXT], body: Buffer.from(body) };
}

function empty(status: number): ApiResponse {
  return { status, headers: [], body: Buffer.alloc(0) };
}
