import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, type SecureContext } from 'node:tls';
import { ConnectionError } from '../errors.ts';
import type { Route } from './agents.ts';
import {
  connectionFailure,
  type FailureContext,
  proxyRefused,
  responseCut,
  type Stage,
  unreachable,
} from './connection-failure.ts';
import { bareHost } from './loopback.ts';
import { readBody } from './response-body.ts';
import type { HttpRequest, HttpResponse, TransportTimeouts } from './transport.ts';
import type { TunnelOptions } from './tunnel.ts';

export interface ExchangeOptions extends Route {
  /** For https. */
  readonly secureContext: SecureContext | undefined;
  readonly verify: boolean;
  readonly timeouts: TransportTimeouts;
  /** Milliseconds that are left for this exchange. */
  readonly deadlineMs: number;
}

/** Most bytes that are read of an answer that is not 2xx; what comes after them is of no use. */
export const ERROR_BODY_LIMIT = 1024 * 1024;

/** Sends one request once, and reads the answer within its limits. */
export async function exchange(
  request: HttpRequest,
  options: ExchangeOptions,
): Promise<HttpResponse> {
  return await new Promise((resolve, reject) => {
    const { url } = request;
    const { timeouts } = options;
    let stage: Stage = 'connect';
    let settled = false;
    let stageTimer: NodeJS.Timeout | undefined;
    let stopBody: (() => void) | undefined;

    const context = (): FailureContext => ({
      url,
      stage,
      proxy: options.proxy,
      reused: sent.reusedSocket,
    });
    const settle = () => {
      settled = true;
      clearTimeout(stageTimer);
      clearTimeout(totalTimer);
      stopBody?.();
    };
    const fail = (error: ConnectionError) => {
      if (settled) return;
      settle();
      giveUp.abort();
      sent.destroy();
      reject(error);
    };
    const timedOut = (reason: string) => () => {
      fail((stage === 'body' ? responseCut : unreachable)(reason, context()));
    };
    const enter = (next: Stage, limit?: number, reason?: string) => {
      stage = next;
      clearTimeout(stageTimer);
      if (limit !== undefined) stageTimer = setTimeout(timedOut(reason ?? ''), limit);
    };

    const giveUp = new AbortController();
    const sent = open(request, options, giveUp.signal);
    const totalTimer = setTimeout(timedOut('TOTAL_TIMEOUT'), Math.max(0, options.deadlineMs));
    enter('connect', timeouts.connectMs, 'CONNECT_TIMEOUT');
    sent.setTimeout(timeouts.idleMs, timedOut('IDLE_TIMEOUT'));
    // Without this, a proxy's own answer would be read as if it came from the server, past TLS.
    sent.on('proxyConnect', (answer: { statusCode: number }) => {
      if (answer.statusCode !== 200) fail(proxyRefused(answer.statusCode, context()));
    });
    sent.on('socket', (socket: Socket) => {
      if (sent.reusedSocket) enter('answer');
      else if (socket.connecting) socket.once('connect', connected);
      else connected();
      function connected() {
        if (settled) return;
        if (url.protocol === 'http:') {
          enter('answer');
          return;
        }
        enter('tls', timeouts.tlsMs, 'TLS_TIMEOUT');
        socket.once('secureConnect', () => {
          if (!settled) enter('answer');
        });
      }
    });
    sent.on('error', error => fail(connectionFailure(error, context())));
    sent.on('response', (response: IncomingMessage) => {
      if (settled) return;
      enter('body');
      const status = response.statusCode ?? 0;
      const succeeded = status >= 200 && status < 300;
      stopBody = readBody(response, {
        limit: succeeded ? request.maxBytes : ERROR_BODY_LIMIT,
        hasBody: request.method !== 'HEAD' && status !== 204 && status !== 304,
        cutAtLimit: !succeeded,
        host: url.host,
        done: (body, whole) => {
          if (settled) return;
          settle();
          if (!whole) sent.destroy();
          resolve({ status, headers: headersOf(response), body });
        },
        failed: error => {
          fail(error instanceof ConnectionError ? error : connectionFailure(error, context()));
        },
      });
    });
    sent.end(request.body);
  });
}

function open(request: HttpRequest, options: ExchangeOptions, signal: AbortSignal): ClientRequest {
  const { url, body } = request;
  const host = bareHost(url.hostname);
  const secure = url.protocol === 'https:';
  const common: RequestOptions & TunnelOptions = {
    method: request.method,
    // Without it a tunnel's connections are not found again.
    protocol: url.protocol,
    host,
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    path: url.pathname + url.search,
    headers: {
      'User-Agent': 'tabellion',
      'Accept-Encoding': 'gzip',
      ...request.headers,
      ...(body === undefined ? {} : { 'Content-Length': String(body.length) }),
    },
    agent: options.agent,
    tunnelSignal: signal,
  };
  if (!secure) return httpRequest(common);
  const withTls: RequestOptions & TunnelOptions & Pick<ConnectionOptions, 'secureContext'> = {
    ...common,
    secureContext: options.secureContext,
    rejectUnauthorized: options.verify,
    // Through a tunnel the name to check could else be taken from the proxy's socket.
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
  };
  return httpsRequest(withTls);
}

function headersOf(response: IncomingMessage): Map<string, readonly string[]> {
  const headers = new Map<string, readonly string[]>();
  for (const [name, values] of Object.entries(response.headersDistinct)) {
    if (values !== undefined) headers.set(name, values);
  }
  return headers;
}
