import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Running, track, untrack } from './running.ts';

/** A relay of bytes that cuts one connection in the middle of a request. */
export interface CuttingRelay extends Running {
  readonly port: number;
  /** How many connections it has cut. */
  readonly cuts: number;
}

/**
 * Starts a relay on a port of 127.0.0.1 to a plain HTTP server on another. The first request with the given method is
 * cut, on both sides, once so many of its bytes have been passed on.
 */
export async function startCuttingRelay(
  to: number,
  { within, afterBytes }: { within: string; afterBytes: number },
): Promise<CuttingRelay> {
  const sockets = new Set<Socket>();
  let cuts = 0;
  const server = createServer(client => {
    const upstream = connect(to, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    let passed: number | undefined;
    client.on('data', chunk => {
      if (cuts === 0 && chunk.subarray(0, within.length + 1).toString('latin1') === `${within} `) {
        passed = 0;
      }
      if (passed === undefined || cuts > 0) {
        upstream.write(chunk);
        return;
      }
      const part = chunk.subarray(0, afterBytes - passed);
      passed += part.length;
      if (passed < afterBytes) {
        upstream.write(part);
        return;
      }
      cuts += 1;
      upstream.end(part, () => upstream.destroy());
    });
    upstream.pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const relay: CuttingRelay = {
    name: 'cutting relay',
    port: (server.address() as AddressInfo).port,
    get cuts() {
      return cuts;
    },
    async stop() {
      untrack(relay);
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return track(relay);
}
