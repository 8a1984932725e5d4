/** Running the embedded trust server. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startTrustServer } from '../embedded-server/start.ts';
import { readError } from '../trust-dir/file-error.ts';
import type { SessionOptions } from './session.ts';

export interface ServeRequest {
  /** Where data is kept; by default a temporary folder that goes when the server stops. */
  readonly dir?: string;
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** PEM files. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

export interface RunningServer {
  readonly url: string;
  readonly dir: string;
  /** The certificate authority to trust, when the server made its own. */
  readonly caFile?: string;
  close(): Promise<void>;
}

/**
 * Starts the server.
 * @throws OperationError when it cannot listen, or its files cannot be read
 */
export async function serve(
  options: Pick<SessionOptions, 'log' | 'now'>,
  request: ServeRequest,
): Promise<RunningServer> {
  const temporary = request.dir === undefined;
  const dir =
    request.dir === undefined
      ? await mkdtemp(join(tmpdir(), 'tabellion-serve-'))
      : resolve(request.dir);
  const forget = async (): Promise<void> => {
    if (temporary) await rm(dir, { recursive: true, force: true });
  };
  try {
    const server = await startTrustServer({
      directory: dir,
      host: request.host,
      port: request.port,
      ...(await tlsOf(request)),
      now: options.now,
      log: options.log,
    });
    return {
      url: server.url,
      dir,
      ...(server.caFile === undefined ? {} : { caFile: server.caFile }),
      close: async () => {
        await server.close();
        await forget();
      },
    };
  } catch (error) {
    await forget();
    throw error;
  }
}

async function tlsOf({
  tlsCert,
  tlsKey,
}: ServeRequest): Promise<{ tls?: { cert: string; key: string } }> {
  if (tlsCert === undefined || tlsKey === undefined) return {};
  return { tls: { cert: await readPem(tlsCert), key: await readPem(tlsKey) } };
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw readError(cause, file);
  }
}
