import { printable } from '../crypto/printable.ts';
import { ConnectionError, TabellionError } from '../errors.ts';
import type { Authorizer, Scope } from '../http/authorization.ts';
import { isLoopback } from '../http/loopback.ts';
import type { HttpMethod, HttpResponse, HttpTransport } from '../http/transport.ts';
import { type ImageRequest, nameOf } from './registry-error.ts';
import { findOrigin } from './registry-origin.ts';

export interface RegistryOptions {
  readonly transport: HttpTransport;
  /**
   * For a host that the registry sends on to; default the same transport. A client certificate, and the leave not to check
   * the server's, are for the registry alone.
   */
  readonly elsewhere?: (url: URL) => Promise<HttpTransport>;
  /** Or a function that makes one for the registry's origin, once that is known: `http://localhost:5000`. */
  readonly authorizer: Authorizer | ((origin: string) => Authorizer);
  /** The registry as in an image reference: `docker.io`, `localhost:5000`. */
  readonly domain: string;
  /** Adds to each error what is known of this registry. */
  readonly explain?: (error: TabellionError) => TabellionError;
  /** Plain HTTP is welcome when HTTPS fails (the transport must allow it too); without this only on loopback. */
  readonly insecure?: boolean;
}

/** A request to a registry, about one repository. */
export interface RegistryRequest {
  readonly method: HttpMethod;
  /** Below `/v2/`, such as `team/app/manifests/1.0`; or an address that the registry gave for this. */
  readonly to: string | URL;
  readonly path: string;
  /** Tag or digest that it is about, for messages. */
  readonly reference: string;
  readonly scope: Scope;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly maxBytes: number;
  /** Longest silence, in milliseconds; default the transport's. */
  readonly timeoutMs?: number;
}

export interface RegistryAnswer {
  readonly response: HttpResponse;
  /** What was asked, for errors about the answer. */
  readonly request: ImageRequest;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Sends requests to one registry: finds its origin, logs in where it asks for that, follows redirects of reads. */
export class RegistryConnection {
  readonly domain: string;
  readonly #transport: HttpTransport;
  readonly #elsewhere: (url: URL) => Promise<HttpTransport>;
  readonly #makeAuthorizer: (origin: string) => Authorizer;
  readonly #insecure: boolean;
  readonly #explain: ((error: TabellionError) => TabellionError) | undefined;
  #connection: Promise<{ origin: URL; authorizer: Authorizer }> | undefined;

  constructor(options: RegistryOptions) {
    const { transport, authorizer, domain, insecure = false } = options;
    this.#explain = options.explain;
    this.domain = domain;
    this.#transport = transport;
    this.#elsewhere = options.elsewhere ?? (async () => transport);
    this.#makeAuthorizer = typeof authorizer === 'function' ? authorizer : () => authorizer;
    this.#insecure = insecure;
  }

  /**
   * Runs work that asks this registry; adds to its errors what is known of the registry.
   *
   * @throws what the work throws
   */
  async explaining<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const explain = this.#explain;
      throw error instanceof TabellionError && explain !== undefined ? explain(error) : error;
    }
  }

  /**
   * Sends one request, and once more when the registry asks for another login. A login is sent to the registry's own
   * origin and nowhere else.
   *
   * @returns whatever the registry answers, with any status but that of a redirect
   * @throws {ConnectionError} of the transport and the authorizer, and `REDIRECT_REFUSED`
   */
  async send(request: RegistryRequest): Promise<RegistryAnswer> {
    const { path, reference, scope } = request;
    const { origin, authorizer } = await this.#connect();
    const url = typeof request.to === 'string' ? new URL(`/v2/${request.to}`, origin) : request.to;
    const image: ImageRequest = {
      domain: this.domain,
      path,
      reference,
      authorizer,
      url,
      pushes: !isRead(request.method) || scope.actions.includes('push'),
    };
    const sent = await authorizer.headers(scope, url);
    const answer = await this.#follow(request, image, origin, sent);
    // Only the registry itself may ask for its credentials.
    const isRefused = answer.response.status === 401 && answer.request.url.origin === origin.origin;
    if (!isRefused || !(await authorizer.refused(answer.response, scope, url, sent))) return answer;
    const headers = await authorizer.headers(scope, url);
    // The same login would be refused again, and count against the account.
    if (JSON.stringify(headers) === JSON.stringify(sent)) return answer;
    return await this.#follow(request, image, origin, headers);
  }

  /**
   * The address that an answer sends on to.
   *
   * @throws {ConnectionError} `REDIRECT_REFUSED` for one that is not as safe as where it came from
   */
  location({ response, request }: RegistryAnswer): URL {
    const from = request.url;
    const location = response.headers.get('location')?.[0] ?? '';
    if (location === '' || !URL.canParse(location, from.href)) {
      throw redirectRefused(request, 'it sends on without saying where to');
    }
    const target = new URL(location, from);
    // Only the origin is named: what follows may hold a signature that opens the storage.
    const named = printable(target.origin);
    if (target.username !== '' || target.password !== '') {
      throw redirectRefused(request, `it sends on to ${named} with credentials in the address`);
    }
    const isPlain = target.protocol === 'http:' && from.protocol === 'http:';
    const plainAllowed =
      isPlain && (isLoopback(target.hostname) || (this.#insecure && target.host === from.host));
    if (target.protocol !== 'https:' && !plainAllowed) {
      throw redirectRefused(request, `it sends on to ${named}, which is not HTTPS`);
    }
    return target;
  }

  /** Follows redirects of reads; what authorises a request leaves the registry's own origin never. */
  async #follow(
    { method, headers, body, maxBytes, timeoutMs }: RegistryRequest,
    image: ImageRequest,
    origin: URL,
    authorization: Record<string, string>,
  ): Promise<RegistryAnswer> {
    let request = image;
    let isOwn = image.url.origin === origin.origin;
    for (let redirects = 0; ; redirects += 1) {
      const isHere = request.url.origin === origin.origin;
      const transport = isHere ? this.#transport : await this.#elsewhere(request.url);
      const response = await transport.request({
        method,
        url: request.url,
        headers: { ...headers, ...(isOwn ? authorization : {}) },
        ...(body === undefined ? {} : { body }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        maxBytes,
        retry: isRead(method),
      });
      const answer = { response, request };
      if (!REDIRECTS.has(response.status)) return answer;
      if (!isRead(method)) throw redirectRefused(request, 'it redirects what is sent to it');
      if (redirects === MAX_REDIRECTS) {
        throw redirectRefused(request, `it redirects more than ${MAX_REDIRECTS} times`);
      }
      const url = this.location(answer);
      isOwn = isOwn && url.origin === image.url.origin;
      request = { ...request, url };
    }
  }

  #connect(): Promise<{ origin: URL; authorizer: Authorizer }> {
    this.#connection ??= findOrigin(this.#transport, this.domain, this.#insecure).then(
      origin => ({ origin, authorizer: this.#makeAuthorizer(origin.origin) }),
      (error: unknown) => {
        this.#connection = undefined;
        throw error;
      },
    );
    return this.#connection;
  }
}

function isRead(method: HttpMethod): boolean {
  return method === 'GET' || method === 'HEAD';
}

function redirectRefused(request: ImageRequest, why: string): ConnectionError {
  return new ConnectionError(
    'REDIRECT_REFUSED',
    `The registry ${printable(request.domain)} cannot be followed for ${nameOf(request)}: ${why}`,
    { details: { domain: request.domain } },
  );
}
