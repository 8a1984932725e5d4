import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { afterEach } from 'vitest';

const running: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map(stop => stop()));
});

export interface TestServer {
  readonly port: number;
  /** `https://localhost:<port>` or `http://localhost:<port>`. */
  readonly url: string;
  /** `METHOD /path` of each request. */
  readonly requests: string[];
  /** How many connections were made. */
  readonly connections: () => number;
}

/** An HTTP server for one test, on a port of the system's choice; with `tls`, an HTTPS server. */
export async function serve(handler: RequestListener, tls?: ServerOptions): Promise<TestServer> {
  const requests: string[] = [];
  const listener: RequestListener = (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    handler(request, response);
  };
  const server = tls === undefined ? createHttpServer(listener) : createHttpsServer(tls, listener);
  let connections = 0;
  server.on('connection', () => {
    connections += 1;
  });
  server.on('tlsClientError', () => {});
  const port = await listen(server);
  running.push(async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  });
  return {
    port,
    url: `${tls === undefined ? 'http' : 'https'}://localhost:${port}`,
    requests,
    connections: () => connections,
  };
}

/** A bare TCP server for one test. */
export async function serveTcp(handler: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTcpServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    handler(socket);
  });
  const port = await listen(server);
  running.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise(resolve => server.close(resolve));
  });
  return port;
}

export interface TestProxy {
  readonly url: string;
  readonly host: string;
  /** Target and `Proxy-Authorization` of each CONNECT. */
  readonly tunnels: { target: string; authorization: string | undefined }[];
}

/** A proxy that leads each CONNECT, to whatever name, to `port` of this machine. */
export async function serveProxy(port: number): Promise<TestProxy> {
  const tunnels: TestProxy['tunnels'] = [];
  const server = createHttpServer();
  const sockets = new Set<Socket>();
  server.on('connection', socket => sockets.add(socket));
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    tunnels.push({
      target: request.url ?? '',
      authorization: request.headers['proxy-authorization'],
    });
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(client);
      client.pipe(upstream);
    });
    sockets.add(upstream);
    upstream.on('error', () => client.destroy());
    client.on('error', () => upstream.destroy());
  });
  const proxyPort = await listen(server);
  running.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise(resolve => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${proxyPort}`, host: `127.0.0.1:${proxyPort}`, tunnels };
}

/** A port that nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = createTcpServer();
  const port = await listen(server);
  await new Promise(resolve => server.close(resolve));
  return port;
}

/** Answers a request as given. */
export function answer(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array = '',
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, headers).end(body);
}

async function listen(server: {
  listen(port: number, host: string, done: () => void): unknown;
  address(): AddressInfo | string | null;
}): Promise<number> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
