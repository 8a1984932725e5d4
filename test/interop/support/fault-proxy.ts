import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { CertificateAuthority } from './ca.ts';
import { type HttpAnswer, httpGet } from './http-get.ts';
import { type Running, track, untrack } from './running.ts';

/** A request as it reached the proxy. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query as sent, not normalised. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Status that was answered; absent while it hangs or after a cut before the head. */
  status?: number;
}

/** What the proxy does with a request instead of passing it on as it is. */
export type Fault =
  /** Answer this; the server is not asked. */
  | { status: number; headers?: Record<string, string | string[]>; body?: string | Uint8Array }
  /** 307, or another status, to this URL. */
  | { redirect: string; status?: number }
  /** Never answer; the connection stays open until the client or the test ends. */
  | { hang: true }
  /** Reset the connection without an answer. */
  | { reset: true }
  /** Pass on, then cut the connection after this many bytes of the body. */
  | { cutAfter: number }
  /** Pass on, but only after this many milliseconds. */
  | { delayMs: number };

/**
 * Decides when the request is there. `forward` asks the real server, and may be called once, several times or
 * never: so a response can be lost after the server acted, or another client can act in between.
 */
export type FaultHandler = (
  request: SeenRequest,
  forward: () => Promise<HttpAnswer>,
) => Fault | HttpAnswer | Promise<Fault | HttpAnswer>;

/** Which requests: a method and path by regular expression, e.g. `/^GET .*timestamp\.json$/`, or a function. */
export type RequestMatch = RegExp | ((request: SeenRequest) => boolean);

export interface FaultProxy extends Running {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly caFile: string;
  /** Every request so far. */
  readonly requests: readonly SeenRequest[];
  /** `METHOD path` of every request so far. */
  log(): string[];
  /** Applies a fault to the requests that match; `times` limits how often. The rule added last wins. Returns its removal. */
  fault(match: RequestMatch, fault: Fault | FaultHandler, options?: { times?: number }): () => void;
  /** Resolves with the first request, from now on, that matches: seen, not yet answered. */
  seen(match: RequestMatch): Promise<SeenRequest>;
  /** Removes all faults and forgets all requests. */
  clear(): void;
  logs(): string;
}

export interface FaultProxyOptions {
  ca: Pick<CertificateAuthority, 'certificate' | 'certificateFile' | 'server'>;
  /** The real server, `https://host:port` or `http://…`. */
  upstream: string;
  /** Serve with another certificate than that of `ca.server`, e.g. an expired one. */
  certificate?: { certificateFile: string; keyFile: string };
}

interface Rule {
  match: RequestMatch;
  fault: Fault | FaultHandler;
  left: number;
}

/** Starts an HTTPS server on a port of 127.0.0.1 that passes requests on to a real server and misbehaves on demand. */
export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const files = options.certificate ?? options.ca.server;
  const [cert, key] = await Promise.all([readFile(files.certificateFile), readFile(files.keyFile)]);
  let rules: Rule[] = [];
  let requests: SeenRequest[] = [];
  let waiting: { match: RequestMatch; resolve: (request: SeenRequest) => void }[] = [];
  const failures: string[] = [];

  const server = createServer({ cert, key }, (incoming, outgoing) => {
    handle(incoming, outgoing).catch((error: unknown) => {
      failures.push(`${incoming.method} ${incoming.url}: ${String(error)}`);
      incoming.socket.destroy();
    });
  });
  const sockets = new Set<Duplex>();
  // Clients that refuse the certificate end in an error here; it is they who report it.
  server.on('tlsClientError', () => {});
  server.on('clientError', (_error, socket) => socket.destroy());
  server.on('connection', socket => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const proxy: FaultProxy = {
    name: 'fault proxy',
    url: `https://localhost:${port}`,
    host: `localhost:${port}`,
    port,
    caFile: options.ca.certificateFile,
    get requests() {
      return requests;
    },
    log: () => requests.map(line),
    fault(match, fault, { times = Number.POSITIVE_INFINITY } = {}) {
      const rule: Rule = { match, fault, left: times };
      rules.unshift(rule);
      return () => {
        rules = rules.filter(other => other !== rule);
      };
    },
    seen: match => new Promise(resolve => waiting.push({ match, resolve })),
    clear() {
      rules = [];
      requests = [];
      failures.length = 0;
    },
    logs: () =>
      [...requests.map(request => `${line(request)} ${request.status ?? '-'}`), ...failures].join(
        '\n',
      ),
    async stop() {
      untrack(proxy);
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return track(proxy);

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const request: SeenRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: Buffer.concat(chunks),
    };
    requests.push(request);
    const reached = waiting.filter(({ match }) => matches(match, request));
    waiting = waiting.filter(entry => !reached.includes(entry));
    for (const { resolve } of reached) resolve(request);

    const forward = async () => {
      const { host: _host, ...headers } = request.headers;
      return await httpGet(options.upstream.replace(/\/$/, '') + request.path, {
        ca: options.ca.certificate,
        method: request.method,
        headers: Object.fromEntries(
          Object.entries(endToEnd(headers)).map(([name, value]) => [name, String(value)]),
        ),
        body: request.body,
      });
    };
    const rule = rules.find(candidate => candidate.left > 0 && matches(candidate.match, request));
    if (rule === undefined) return answer(request, outgoing, await forward());
    rule.left -= 1;
    const fault =
      typeof rule.fault === 'function' ? await rule.fault(request, forward) : rule.fault;
    if ('hang' in fault) return;
    if ('reset' in fault) {
      incoming.socket.destroy();
    } else if ('delayMs' in fault) {
      await delay(fault.delayMs);
      answer(request, outgoing, await forward());
    } else if ('cutAfter' in fault) {
      const whole = await forward();
      request.status = whole.status;
      // The whole length is announced, so that the client can notice what is missing.
      outgoing.writeHead(whole.status, {
        ...endToEnd(whole.headers),
        'content-length': whole.body.length,
      });
      outgoing.write(whole.body.subarray(0, fault.cutAfter), () => incoming.socket.destroy());
    } else if ('redirect' in fault) {
      const headers = { location: fault.redirect };
      answer(request, outgoing, { status: fault.status ?? 307, headers, body: Buffer.alloc(0) });
    } else {
      answer(request, outgoing, {
        status: fault.status,
        headers: fault.headers ?? {},
        body: Buffer.from(fault.body ?? ''),
      });
    }
  }
}

function line(request: SeenRequest): string {
  return `${request.method} ${request.path}`;
}

function matches(match: RequestMatch, request: SeenRequest): boolean {
  return typeof match === 'function' ? match(request) : match.test(line(request));
}

function answer(request: SeenRequest, outgoing: ServerResponse, answered: HttpAnswer): void {
  request.status = answered.status;
  outgoing.writeHead(answered.status, {
    ...endToEnd(answered.headers),
    'content-length': answered.body.length,
  });
  outgoing.end(answered.body);
}

/** Headers without those that belong to one connection only (RFC 9110 section 7.6.1). */
function endToEnd(headers: HttpAnswer['headers']): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    const hop = ['connection', 'keep-alive', 'transfer-encoding', 'content-length'];
    if (value !== undefined && !hop.includes(name.toLowerCase())) kept[name] = value;
  }
  return kept;
}
