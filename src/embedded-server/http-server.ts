/** The socket side of the trust server: HTTPS, limits and an orderly end. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { printable } from '../crypto/printable.ts';
import { ConnectionError, OperationError } from '../errors.ts';
import { systemCode } from '../trust-dir/file-error.ts';
import { ApiError } from './api-error.ts';
import type { ApiRequest, ApiResponse } from './trust-api.ts';

/** A publish of more than one file of the largest size is not served. */
const BODY_LIMIT = 128 * 1024 * 1024;
const HEADERS_TIMEOUT_MS = 30_000;
/** For a whole request, body included. */
const REQUEST_TIMEOUT_MS = 300_000;
/** How long requests that are under way may go on after the order to stop. */
const CLOSING_MS = 3_000;

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly tls: { readonly cert: string; readonly key: string };
  readonly handle: (request: ApiRequest) => Promise<ApiResponse>;
  readonly log: (line: string) => void;
  /** Of a request, in bytes. */
  readonly bodyLimit?: number;
}

export interface HttpServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Listens until it is closed.
 * @throws ConnectionError `ADDRESS_IN_USE`, `ADDRESS_UNAVAILABLE`; OperationError `TLS_FILES_UNUSABLE`
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = createHttpsServer(options, (incoming, outgoing) => {
    serve(options, incoming, outgoing).catch((error: unknown) => {
      options.log(`${requestLine(incoming)} failed: ${printable(String(error))}`);
      incoming.socket.destroy();
    });
  });
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.on('tlsClientError', error => options.log(`TLS: ${printable(error.message)}`));
  server.listen(options.port, options.host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw listenError(options, cause);
  }
  // Once it listens, an error concerns one connection and not the server.
  server.on('error', error => options.log(`server: ${printable(error.message)}`));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const impatience = setTimeout(() => server.closeAllConnections(), CLOSING_MS);
      await closed;
      clearTimeout(impatience);
    },
  };
}

function createHttpsServer(
  options: HttpServerOptions,
  listener: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
) {
  try {
    return createServer({ ...options.tls, minVersion: 'TLSv1.2' }, listener);
  } catch (cause) {
    // OpenSSL's own message may quote from the key.
    throw new OperationError(
      'TLS_FILES_UNUSABLE',
      'The TLS certificate and key cannot be used together',
      {
        hint: 'Give a PEM certificate (with its intermediates after it) and the unencrypted PEM key that belongs to it.',
        details: { reason: systemCode(cause) },
      },
    );
  }
}

async function serve(
  { handle, log, bodyLimit = BODY_LIMIT }: HttpServerOptions,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const started = performance.now();
  const body = await readBody(incoming, bodyLimit);
  const response =
    body === undefined
      ? tooLarge(bodyLimit)
      : await handle({
          method: incoming.method ?? '',
          target: incoming.url ?? '',
          contentType: incoming.headers['content-type'],
          body,
        });
  if (body === undefined) outgoing.setHeader('Connection', 'close');
  for (const [name, value] of response.headers) outgoing.setHeader(name, value);
  outgoing.statusCode = response.status;
  if (incoming.method !== 'HEAD') outgoing.setHeader('Content-Length', response.body.length);
  outgoing.end(response.body);
  log(`${requestLine(incoming)} ${response.status} ${Math.round(performance.now() - started)} ms`);
}

/** @returns undefined when it is too large */
async function readBody(incoming: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  if (Number(incoming.headers['content-length'] ?? 0) > limit) return undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function tooLarge(limit: number): ApiResponse {
  const { status, body } = new ApiError('MALFORMED_UPLOAD', `larger than ${limit} bytes`, {
    status: 413,
  });
  return {
    status,
    headers: [['Content-Type', 'application/json; charset=utf-8']],
    body: Buffer.from(body),
  };
}

function requestLine({ method, url }: IncomingMessage): string {
  return printable(`${method} ${url}`);
}

function listenError({ host, port }: HttpServerOptions, cause: unknown): ConnectionError {
  const where = `${printable(host)} port ${port}`;
  if (systemCode(cause) === 'EADDRINUSE') {
    return new ConnectionError('ADDRESS_IN_USE', `Another program already listens on ${where}`, {
      hint: 'Stop it, or give another port; port 0 takes any that is free.',
      cause,
    });
  }
  const reason = cause instanceof Error ? printable(cause.message) : 'unknown reason';
  return new ConnectionError(
    'ADDRESS_UNAVAILABLE',
    `The server cannot listen on ${where}: ${reason}`,
    {
      hint: 'Give an address of this machine, such as 127.0.0.1, and a port above 1023.',
      cause,
    },
  );
}
