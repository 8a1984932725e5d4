/**
 * A trust server in this process: the API of Notary's server, for one machine. It has no accounts: whoever
 * reaches it may read, publish what is signed, and delete.
 */

import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { keptTlsIdentity, makeTlsIdentity } from './certificates.ts';
import { FolderStorage } from './folder-storage.ts';
import { startHttpServer } from './http-server.ts';
import { MemoryStorage } from './memory-storage.ts';
import type { Storage } from './storage.ts';
import { TrustApi } from './trust-api.ts';

export interface TrustServerOptions {
  /** Where its data is kept, made if need be. Absent: in memory, until it is closed. */
  readonly directory?: string;
  /** Address or name to listen on; 127.0.0.1 unless told. */
  readonly host?: string;
  /** 0, the default: any that is free. */
  readonly port?: number;
  /** PEM texts. Absent: a certificate of an authority of its own. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** The clock by which metadata is dated and judged; the system's unless told. */
  readonly now?: () => Date;
  /** Told of each request and of what was refused, one line each. */
  readonly log?: (line: string) => void;
}

export interface TrustServer {
  /** `https://host:port`, without a final slash. */
  readonly url: string;
  /** The authority that clients must trust: its file, when data is kept in a directory. */
  readonly caFile?: string;
  /** The authority that clients must trust, as PEM; absent when the certificate was given. */
  readonly caPem?: string;
  /** Finishes the requests under way, then stops. */
  close(): Promise<void>;
}

/**
 * Starts a trust server and resolves when it listens.
 * @throws OperationError `DIRECTORY_LOCKED`, `DIRECTORY_NOT_EMPTY`, `SERVER_DATA_DAMAGED`, `TLS_FILES_UNUSABLE`,
 *   `FILE_NOT_READABLE`, `FILE_NOT_WRITABLE`; ConnectionError `ADDRESS_IN_USE`, `ADDRESS_UNAVAILABLE`
 */
export async function startTrustServer(options: TrustServerOptions = {}): Promise<TrustServer> {
  const {
    directory,
    host = '127.0.0.1',
    port = 0,
    now = () => new Date(),
    log = () => {},
  } = options;
  const storage: Storage =
    directory === undefined ? new MemoryStorage() : await FolderStorage.open(directory);
  try {
    const tlsFolder = directory === undefined ? undefined : join(directory, 'tls');
    const own = options.tls === undefined ? await ownIdentity(tlsFolder, host) : undefined;
    const api = new TrustApi({ storage, now, log });
    const server = await startHttpServer({
      host,
      port,
      tls: options.tls ?? { cert: own?.cert ?? '', key: own?.key ?? '' },
      handle: request => api.handle(request),
      log,
    });
    return {
      url: `https://${urlHost(host)}:${server.port}`,
      ...(own === undefined ? {} : { caPem: own.ca }),
      ...(own === undefined || tlsFolder === undefined
        ? {}
        : { caFile: join(tlsFolder, 'ca.crt') }),
      async close() {
        await server.close();
        await storage.close();
      },
    };
  } catch (error) {
    await storage.close();
    throw error;
  }
}

/** Clients judge certificates by the machine's clock, so they are dated by it, whatever clock the metadata has. */
async function ownIdentity(folder: string | undefined, host: string) {
  const now = new Date();
  return folder === undefined
    ? makeTlsIdentity(host, now)
    : await keptTlsIdentity(folder, host, now);
}

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return isIPv6(host) ? `[${host}]` : host;
}
