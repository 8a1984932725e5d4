import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { CertificateFiles } from '../support/ca.ts';
import { track, untrack } from '../support/running.ts';

/**
 * Starts an HTTPS server that misbehaves as the first segment of the path says, the same for everybody:
 * `/status-503` answers 503 to everything; `/metadata-503` only to what comes after the ping, and so on with
 * other numbers; `/html` answers every request with a page; `/redirect` sends metadata requests elsewhere;
 * `/basic` wants a user's name and password; `/cut` closes the connection. Returns its URL without a path.
 */
export async function startOddServer(files: CertificateFiles): Promise<string> {
  const [cert, key] = await Promise.all([readFile(files.certificateFile), readFile(files.keyFile)]);
  const server = createServer({ cert, key }, (request, response) => {
    const [, kind = '', ...rest] = (request.url ?? '').split('/');
    request.resume();
    answer(kind, rest.join('/') === 'v2/', request.headers.authorization, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const resource = track({
    name: 'odd server',
    async stop() {
      untrack(resource);
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  });
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}

function answer(
  kind: string,
  isPing: boolean,
  authorization: string | undefined,
  response: ServerResponse,
): void {
  const page = '<html><body>Welcome to this network</body></html>\n';
  const status = /^(status|metadata)-(\d{3})$/.exec(kind);
  if (kind === 'cut' && !isPing) {
    response.socket?.destroy();
  } else if (kind === 'html') {
    response.writeHead(200, { 'content-type': 'text/html' }).end(page);
  } else if (kind === 'redirect' && !isPing) {
    response.writeHead(307, { location: 'https://elsewhere.invalid/' }).end();
  } else if (kind === 'basic' && authorization === undefined) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="odd"' }).end('{}');
  } else if (status && (status[1] === 'status' || !isPing)) {
    response.writeHead(Number(status[2]), { 'content-type': 'application/json' }).end('{}');
  } else if (isPing) {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  } else {
    response.writeHead(404, { 'content-type': 'application/json' }).end('{}');
  }
}
