import { printable } from '../crypto/printable.ts';
import { type PublicKey, publicKeyFromJson } from '../crypto/public-key.ts';
import { ConnectionError, TabellionError } from '../errors.ts';
import {
  type Authorizer,
  challengesOf,
  type Scope,
  sendAuthorized,
} from '../http/authorization.ts';
import type { Challenge } from '../http/challenge.ts';
import { mayHaveArrived } from '../http/connection-failure.ts';
import type { HttpMethod, HttpResponse, HttpTransport } from '../http/transport.ts';
import { METADATA_LIMIT, TIMESTAMP_LIMIT } from '../tuf/constants.ts';
import { checkGun } from '../tuf/gun.ts';
import { isBaseRole, isDelegationName } from '../tuf/role-name.ts';
import { type ChangefeedEntry, decodeChangefeed } from './changefeed.ts';
import { multipartBody } from './multipart.ts';
import { notTrustServer, type RefusedRequest, serverError } from './server-error.ts';
import { checkServerUrl } from './server-url.ts';

export interface TrustServerClientOptions {
  /** URL of the server, as from `trustServerUrl`; a path in it is kept. */
  readonly url: string;
  readonly gun: string;
  readonly transport: HttpTransport;
  readonly authorizer: Authorizer;
  readonly log?: (line: string) => void;
  /** The rights to ask for, when the command as a whole needs others than each request by itself (tuf.md 8.1). */
  readonly actions?: readonly string[];
  /** Adds to each error what is known of this server. */
  readonly explain?: (error: TabellionError) => TabellionError;
  /** For the boundary of a publish. */
  readonly randomBytes?: (size: number) => Buffer;
}

/** Roles whose keys a trust server may hold. */
export type ServerKeyRole = 'timestamp' | 'snapshot';

export interface PingResult {
  readonly status: number;
  /** The logins that the server offers; none when it wants none. */
  readonly challenges: readonly Challenge[];
  /** The server's clock, as it says itself. */
  readonly date?: Date;
}

const KEY_LIMIT = 256 * 1024;
/** What is of no interest but must be read: answers to a publish and the like. */
const SMALL_LIMIT = 64 * 1024;
const CHANGEFEED_LIMIT = 16 * 1024 * 1024;
const CHANGEFEED_PAGE = 1000;
/** A server of years: what came later is found by other ways. */
const CHANGEFEED_MOST = 100_000;
const PING_TIMEOUT = 5000;

interface Call {
  readonly method: HttpMethod;
  readonly path: string;
  readonly subject: string;
  readonly actions: readonly string[];
  /** Instead of the rights to the repository. */
  readonly scope?: Scope;
  readonly maxBytes: number;
  readonly role?: string;
  readonly body?: Uint8Array;
  readonly contentType?: string;
  readonly query?: ReadonlyMap<string, string>;
}

/**
 * A trust server's API for one repository (tuf.md 8). Bytes come back as served: nothing is verified here.
 *
 * All methods throw the errors of the transport and those of `serverError`; only status 200 is a success.
 */
export class TrustServerClient {
  /** URL of the server, without a final slash. */
  readonly url: string;
  readonly gun: string;
  readonly #transport: HttpTransport;
  readonly #authorizer: Authorizer;
  readonly #options: TrustServerClientOptions;

  /** @throws UsageError `SERVER_URL_INVALID`, `GUN_INVALID` */
  constructor(options: TrustServerClientOptions) {
    checkGun(options.gun);
    this.url = checkServerUrl(options.url);
    this.gun = options.gun;
    this.#transport = options.transport;
    this.#authorizer = options.authorizer;
    this.#options = options;
  }

  /** Asks whether a trust server answers, with or without login. */
  async ping(): Promise<PingResult> {
    const url = this.#address('/v2/');
    const scope: Scope = { type: 'registry', name: 'catalog', actions: ['*'] };
    const response = await this.#transport.request({
      method: 'GET',
      url,
      maxBytes: SMALL_LIMIT,
      deadlineMs: PING_TIMEOUT,
    });
    const request = this.#refused(url, 'the ping');
    if (response.status === 401) {
      await this.#authorizer.refused(response, scope, url);
      return { status: 401, challenges: challengesOf(response), ...dateOf(response) };
    }
    if (response.status !== 200) throw serverError(response, request);
    if (isWebPage(response)) throw notTrustServer(response, request);
    return { status: 200, challenges: [], ...dateOf(response) };
  }

  /** The newest root. @throws TrustError `METADATA_NOT_FOUND` when the server does not know the repository. */
  async root(): Promise<Uint8Array> {
    return await this.#metadata('root', 'root.json', METADATA_LIMIT);
  }

  /** A root of the chain: `N.root.json`. */
  async rootVersion(version: number): Promise<Uint8Array> {
    return await this.version('root', version);
  }

  /** The newest timestamp. */
  async timestamp(): Promise<Uint8Array> {
    return await this.#metadata('timestamp', 'timestamp.json', TIMESTAMP_LIMIT);
  }

  /** A file by its content. @param maxLength its length as promised: an upper bound. */
  async byHash(role: string, sha256Hex: string, maxLength: number): Promise<Uint8Array> {
    if (!/^[0-9a-f]{64}$/.test(sha256Hex)) {
      throw new RangeError('not a SHA-256 in lower-case hexadecimal');
    }
    if (!Number.isSafeInteger(maxLength) || maxLength < 0) {
      throw new RangeError('not a length in bytes');
    }
    const limit = Math.min(maxLength, METADATA_LIMIT);
    return await this.#metadata(role, `${role}.${sha256Hex}.json`, limit);
  }

  /** Any version of a role that the server has kept. */
  async version(role: string, version: number): Promise<Uint8Array> {
    if (!Number.isSafeInteger(version) || version < 1) throw new RangeError('not a version');
    return await this.#metadata(role, `${version}.${role}.json`, METADATA_LIMIT);
  }

  /**
   * Publishes files as one update: all of them or none.
   *
   * @param files role → file. None at all is legal where the server signs the snapshot.
   * @throws OperationError `VERSION_CONFLICT`, `SERVER_REJECTED`
   * @throws ConnectionError `PUBLISH_UNCONFIRMED` when the connection was lost after the update had been sent: the
   *   server may have taken it. Doing the same again does no harm (tuf.md 6.5).
   */
  async publish(files: ReadonlyMap<string, Uint8Array>): Promise<void> {
    for (const role of files.keys()) checkRole(role);
    const { body, contentType } = multipartBody(files, this.#options.randomBytes);
    const roles = [...files.keys()].join(', ') || 'no file';
    this.#options.log?.(`publishing ${printable(this.gun)}: ${roles} (${body.length} bytes)`);
    try {
      await this.#call({
        method: 'POST',
        path: this.#path(''),
        subject: `the update of ${this.gun}`,
        actions: ['push', 'pull'],
        maxBytes: SMALL_LIMIT,
        body,
        contentType,
      });
    } catch (cause) {
      if (!(cause instanceof ConnectionError) || !isLost(cause)) throw cause;
      throw new ConnectionError(
        'PUBLISH_UNCONFIRMED',
        `The update of ${printable(this.gun)} was sent, but no answer came back: the server may have taken it (${cause.message})`,
        {
          hint: 'Run the command again: if the update was taken, it says so, and nothing changes twice.',
          cause,
          details: { host: new URL(this.url).host, gun: this.gun },
        },
      );
    }
  }

  /** The public key that the server holds for a role; the first call makes one. */
  async publicKey(role: ServerKeyRole): Promise<PublicKey> {
    return await this.#key('GET', role, ['push', 'pull']);
  }

  /** Has the server make a new key for a role. It counts only when a root that names it is published. */
  async rotateKey(role: ServerKeyRole): Promise<PublicKey> {
    return await this.#key('POST', role, ['*']);
  }

  /**
   * Deletes all trust data of the repository from the server. No error when there was none. Only a later
   * `METADATA_NOT_FOUND` proves that it is gone.
   */
  async deleteRepository(): Promise<void> {
    await this.#call({
      method: 'DELETE',
      path: this.#path(''),
      subject: `the deletion of ${this.gun}`,
      actions: ['*'],
      maxBytes: SMALL_LIMIT,
    });
  }

  /**
   * What was published when, as the server tells it: not verified.
   *
   * @param options `after`: the id to start after. `records`: how many; negative: backwards; default 100.
   */
  async changefeed(
    options: { readonly after?: string; readonly records?: number } = {},
  ): Promise<ChangefeedEntry[]> {
    const query = new Map([['records', String(options.records ?? 100)]]);
    if (options.after !== undefined) query.set('change_id', options.after);
    const { body } = await this.#call({
      method: 'GET',
      path: `/v2/${encodePath(this.gun)}/_trust/changefeed`,
      subject: `the changefeed of ${this.gun}`,
      actions: ['pull'],
      maxBytes: CHANGEFEED_LIMIT,
      query,
    });
    return decodeChangefeed(body, new URL(this.url).host);
  }

  /**
   * What was published when in all repositories: for those who may see the whole server, the newest last.
   * @throws ConnectionError where the login may not
   */
  async changefeedOfAll(): Promise<ChangefeedEntry[]> {
    const entries: ChangefeedEntry[] = [];
    for (;;) {
      const after = entries.at(-1)?.id;
      const { body } = await this.#call({
        method: 'GET',
        path: '/v2/_trust/changefeed',
        subject: 'the changefeed',
        actions: [],
        scope: { type: 'registry', name: 'catalog', actions: ['*'] },
        maxBytes: CHANGEFEED_LIMIT,
        query: new Map([
          ['records', String(CHANGEFEED_PAGE)],
          ...(after === undefined ? [] : [['change_id', after] as const]),
        ]),
      });
      const page = decodeChangefeed(body, new URL(this.url).host);
      entries.push(...page);
      if (page.length < CHANGEFEED_PAGE || entries.length > CHANGEFEED_MOST) return entries;
    }
  }

  /** Whether the server finds itself healthy: false for a 503, which needs no login. */
  async healthy(): Promise<boolean> {
    const url = this.#address('/_notary_server/health');
    const response = await this.#transport.request({
      method: 'GET',
      url,
      maxBytes: SMALL_LIMIT,
      retry: false,
    });
    if (response.status === 200) return !isWebPage(response);
    if (response.status === 503) return false;
    throw serverError(response, this.#refused(url, 'the health check'));
  }

  async #metadata(role: string, file: string, maxBytes: number): Promise<Uint8Array> {
    checkRole(role);
    const { body } = await this.#call({
      method: 'GET',
      path: this.#path(file),
      subject: `${file} of ${this.gun}`,
      actions: ['pull'],
      maxBytes,
      role,
    });
    return body;
  }

  async #key(
    method: 'GET' | 'POST',
    role: ServerKeyRole,
    actions: readonly string[],
  ): Promise<PublicKey> {
    if (role !== 'timestamp' && role !== 'snapshot') {
      throw new RangeError('servers hold keys for timestamp and snapshot only');
    }
    const subject = `${role}.key of ${this.gun}`;
    const { body } = await this.#call({
      method,
      path: this.#path(`${role}.key`),
      subject,
      actions,
      maxBytes: KEY_LIMIT,
    });
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
      const key = publicKeyFromJson(JSON.parse(text));
      if (key.publicBytes.length === 0) throw new RangeError('the key is empty');
      return key;
    } catch (cause) {
      throw new ConnectionError(
        'RESPONSE_INVALID',
        `The trust server ${new URL(this.url).host} gave no readable public key as ${printable(subject)}`,
        { cause, details: { host: new URL(this.url).host, role } },
      );
    }
  }

  async #call(call: Call): Promise<HttpResponse> {
    try {
      return await this.#exchange(call);
    } catch (error) {
      const { explain } = this.#options;
      throw error instanceof TabellionError && explain !== undefined ? explain(error) : error;
    }
  }

  async #exchange(call: Call): Promise<HttpResponse> {
    const url = this.#address(call.path);
    for (const [name, value] of call.query ?? []) url.searchParams.set(name, value);
    const response = await sendAuthorized(
      this.#transport,
      this.#authorizer,
      {
        method: call.method,
        url,
        maxBytes: call.maxBytes,
        ...(call.body === undefined ? {} : { body: call.body }),
        ...(call.contentType === undefined
          ? {}
          : { headers: { 'Content-Type': call.contentType } }),
      },
      call.scope ?? {
        type: 'repository',
        name: this.gun,
        actions: this.#options.actions ?? call.actions,
      },
    );
    const request = this.#refused(url, call.subject, call.role);
    if (response.status !== 200) throw serverError(response, request);
    // A captive portal says 200 to everything, even to a publish (cli.md, trap 23).
    if (isWebPage(response)) throw notTrustServer(response, request);
    return response;
  }

  #path(file: string): string {
    return `/v2/${encodePath(this.gun)}/_trust/tuf/${file}`;
  }

  #address(path: string): URL {
    return new URL(this.url + path);
  }

  #refused(url: URL, subject: string, role?: string): RefusedRequest {
    return {
      url,
      gun: this.gun,
      subject: printable(subject),
      authorizer: this.#authorizer,
      ...(role === undefined ? {} : { role }),
    };
  }
}

function checkRole(role: string): void {
  if (!isBaseRole(role) && !isDelegationName(role)) {
    throw new RangeError(`not a role: ${printable(role.slice(0, 300))}`);
  }
}

/** The GUN stands in the path as it is (tuf.md 8.1), but for characters that would end the path or change its meaning. */
function encodePath(gun: string): string {
  return gun.replaceAll('%', '%25').replaceAll('?', '%3F').replaceAll('#', '%23');
}

function dateOf({ headers }: HttpResponse): { date?: Date } {
  const date = new Date(headers.get('date')?.[0] ?? '');
  return Number.isNaN(date.getTime()) ? {} : { date };
}

function isWebPage(response: HttpResponse): boolean {
  const type = response.headers.get('content-type')?.[0] ?? '';
  if (/^\s*text\/html/i.test(type)) return true;
  const first = response.body.find(byte => byte !== 0x20 && (byte < 0x09 || byte > 0x0d));
  return first === 0x3c;
}

/** Whether the failure leaves open what became of an update. */
function isLost(error: TabellionError): boolean {
  if (!(error instanceof ConnectionError) || !mayHaveArrived(error)) return false;
  return error.code === 'SERVER_UNREACHABLE' || error.code === 'RESPONSE_CUT';
}
