import { setTimeout as wait } from 'node:timers/promises';
import { printable } from '../crypto/printable.ts';
import { ConnectionError, UsageError } from '../errors.ts';
import { ConnectionAgents } from './agents.ts';
import { issuerIsUnknown, isTransient, wasStale } from './connection-failure.ts';
import { exchange } from './exchange.ts';
import { isLoopback } from './loopback.ts';
import { backOff, RETRY_ATTEMPTS, RETRY_STATUSES, retryAfter, WAIT_LIMIT } from './retry.ts';
import { TlsTrust } from './tls-trust.ts';

/** Certificates and keys for TLS, all as PEM text. */
export interface TlsMaterial {
  /** Certificate authorities of one's own. */
  readonly ca?: readonly string[];
  /** True: only `ca` counts. False: `ca` counts beside the system's authorities. */
  readonly caReplacesSystem?: boolean;
  /** Client certificate, with the intermediates that go with it. */
  readonly cert?: string;
  /** Private key of the client certificate. */
  readonly key?: string;
  /** True: believe any certificate. Only ever by an explicit wish for this one server. */
  readonly skipVerification?: boolean;
}

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface HttpRequest {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Most bytes of a 2xx body, after decompression. Other bodies are cut at 1 MiB. */
  readonly maxBytes: number;
  /** Longest silence, in milliseconds, before the request is given up. */
  readonly timeoutMs?: number;
  /** Longest time for the whole request with its repetitions, in milliseconds. */
  readonly deadlineMs?: number;
  /** False: never repeat it. Only GET and HEAD are ever repeated. */
  readonly retry?: boolean;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; a value for each header line. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Uint8Array;
}

export interface HttpTransport {
  /**
   * Sends one request and reads the whole answer, whatever its status. Redirects are answers as well.
   *
   * @throws ConnectionError `SERVER_UNREACHABLE` (nothing was answered: refused, no route, no such name, silence, reset),
   *   `TLS_UNTRUSTED`, `TLS_FAILED`, `RESPONSE_TOO_LARGE`, `RESPONSE_CUT`, `RESPONSE_INVALID`,
   *   `PROXY_REFUSED`, `PLAIN_HTTP_REFUSED`
   * @throws UsageError `URL_INVALID`, `PROXY_INVALID`
   */
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Closes all connections. */
  close(): void;
}

/** All in milliseconds. */
export interface TransportTimeouts {
  /** Name look-up and connection, with a proxy's tunnel. */
  readonly connectMs: number;
  readonly tlsMs: number;
  /** Silence in either direction. */
  readonly idleMs: number;
  /** The whole request with its repetitions: ends answers that only drip. */
  readonly totalMs: number;
}

export interface TransportOptions {
  readonly tls?: TlsMaterial;
  /** For `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY` (either case), `SSL_CERT_FILE`, `SSL_CERT_DIR`, `NODE_EXTRA_CA_CERTS`. */
  readonly env: NodeJS.ProcessEnv;
  /** Receives a line for each exchange: method, address, status, bytes; never a header's value. */
  readonly log?: (line: string) => void;
  readonly timeouts?: Partial<TransportTimeouts>;
  /** Allows plain http to other hosts than loopback. */
  readonly allowInsecure?: boolean;
  readonly sleep?: (ms: number) => Promise<unknown>;
  /** Current time, in milliseconds since 1970: for dates in `Retry-After`. */
  readonly now?: () => number;
}

/** Dial and handshake limits are Notary's (tuf.md 1.4); it has none for the rest. */
export const DEFAULT_TIMEOUTS: TransportTimeouts = {
  connectMs: 30_000,
  tlsMs: 10_000,
  idleMs: 60_000,
  totalMs: 600_000,
};

/** So many requests run at a time; others wait for their turn. */
const CONCURRENT_REQUESTS = 6;

/**
 * The transport that the trust server's and the registry's clients share: node's own HTTP, connections kept
 * open, proxies as Go programs choose them, limits on time and size, and reads repeated when a try was in vain.
 *
 * @throws UsageError `TLS_MATERIAL_INVALID` when the certificates or the key cannot be used.
 */
export function createTransport(options: TransportOptions): HttpTransport {
  return new NodeTransport(options);
}

class NodeTransport implements HttpTransport {
  readonly #options: TransportOptions;
  readonly #timeouts: TransportTimeouts;
  readonly #trust: TlsTrust;
  readonly #agents: ConnectionAgents;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    this.#trust = new TlsTrust(options.tls ?? {}, options.env);
    this.#agents = new ConnectionAgents(options.env);
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    this.#checkUrl(request.url);
    const start = performance.now();
    const total = request.deadlineMs ?? this.#timeouts.totalMs;
    const remaining = () => total - (performance.now() - start);
    const repeatable =
      (request.method === 'GET' || request.method === 'HEAD') && request.retry !== false;

    for (let attempt = 1; ; attempt += 1) {
      let delay: number;
      let result: HttpResponse | ConnectionError;
      try {
        result = await this.#exchangeFresh(request, remaining);
        if (!repeatable || !RETRY_STATUSES.has(result.status)) return result;
        delay = retryAfter(result, this.#now()) ?? backOff(attempt);
      } catch (error) {
        if (!(error instanceof ConnectionError) || !repeatable || !isTransient(error)) throw error;
        result = error;
        delay = backOff(attempt);
      }
      if (attempt === RETRY_ATTEMPTS || delay > WAIT_LIMIT || delay >= remaining()) {
        if (result instanceof ConnectionError) throw result;
        return result;
      }
      this.#options.log?.(
        `${describe(request)}: ${result instanceof ConnectionError ? result.message : result.status}; again in ${delay} ms`,
      );
      await (this.#options.sleep ?? wait)(delay);
    }
  }

  close(): void {
    this.#agents.destroy();
  }

  /** One try, except that what only met an old connection's end, or lacks an authority, is tried again at once. */
  async #exchangeFresh(request: HttpRequest, remaining: () => number): Promise<HttpResponse> {
    for (let wasTired = false; ; ) {
      try {
        return await this.#exchange(request, remaining());
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        const isTired: boolean = !wasTired && wasStale(error);
        if (!isTired && !(issuerIsUnknown(error) && this.#trust.addMoreRoots())) throw error;
        wasTired ||= isTired;
      }
    }
  }

  async #exchange(request: HttpRequest, deadlineMs: number): Promise<HttpResponse> {
    const release = await this.#turn();
    const start = performance.now();
    try {
      // A connection that was open for a while may die under a request: harmless only for reads.
      const keepAlive = request.method === 'GET' || request.method === 'HEAD';
      const route = await this.#agents.route(request.url, keepAlive);
      const response = await exchange(request, {
        ...route,
        secureContext: request.url.protocol === 'https:' ? this.#trust.secureContext() : undefined,
        verify: this.#trust.verify,
        timeouts: { ...this.#timeouts, idleMs: request.timeoutMs ?? this.#timeouts.idleMs },
        deadlineMs,
      });
      const took = Math.round(performance.now() - start);
      this.#options.log?.(
        `${describe(request)}: ${response.status}, ${response.body.length} bytes, ${took} ms`,
      );
      return response;
    } catch (error) {
      if (error instanceof ConnectionError) {
        this.#options.log?.(`${describe(request)}: ${error.code}`);
      }
      throw error;
    } finally {
      release();
    }
  }

  async #turn(): Promise<() => void> {
    if (this.#running < CONCURRENT_REQUESTS) this.#running += 1;
    else await new Promise<void>(resolve => this.#waiting.push(resolve));
    return () => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    };
  }

  #checkUrl(url: URL): void {
    if (url.protocol !== 'https:' && url.protocol !== 'http:') {
      throw new UsageError('URL_INVALID', `“${printable(url.protocol)}” is not http or https`);
    }
    if (url.username !== '' || url.password !== '') {
      throw new UsageError(
        'URL_INVALID',
        `The address of ${url.host} has a user name or password in it`,
        {
          hint: 'Log in with docker login, or set NOTARY_AUTH, and leave the address without them.',
        },
      );
    }
    if (url.protocol === 'http:' && !this.#options.allowInsecure && !isLoopback(url.hostname)) {
      throw new ConnectionError(
        'PLAIN_HTTP_REFUSED',
        `Plain http to ${url.host} is refused: anybody on the way could read and change it`,
        {
          hint: 'Use https; plain http is for this machine itself (loopback), or by an explicit wish.',
        },
      );
    }
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}

/** Method and address for the log, without query: queries may name an account. */
function describe(request: HttpRequest): string {
  return printable(`${request.method} ${request.url.origin}${request.url.pathname}`);
}
