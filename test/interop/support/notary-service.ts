import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { connect } from 'node:tls';
import type { CertificateAuthority } from './ca.ts';
import { type HttpAnswer, httpGet } from './http-get.ts';
import type { Running } from './running.ts';
import { freePort, retryOnTakenPort, type Service, startService } from './service.ts';
import { makeWorkspace } from './workspace.ts';

export interface TokenAuthentication {
  /** URL of the token server. */
  realm: string;
  service: string;
  issuer: string;
  /** PEM certificate whose key signs the tokens. */
  certificateFile: string;
}

export interface NotaryOptions {
  ca: CertificateAuthority;
  /** Metadata and server keys are kept in memory: nothing survives `stop`. */
  storage?: 'memory';
  /** True: a notary-signer of its own, reached with mutual TLS, as in a real deployment. False: the server signs, always with Ed25519. Default true. */
  signer?: boolean;
  /** What the signer makes for timestamp and snapshot. Default `ecdsa`; without a signer it has no effect. */
  keyAlgorithm?: 'ecdsa' | 'ed25519' | 'rsa';
  /** Prefixes, each ending in `/`, that the server accepts names under. Default: all names. */
  gunPrefixes?: readonly string[];
  auth?: TokenAuthentication;
  /** `max-age` in seconds of `<role>.json` and of versioned files; the server's own default is 300 and 30 days. */
  caching?: { current: number; consistent: number };
  logLevel?: 'debug' | 'info' | 'warn' | 'error';
}

export interface NotaryService extends Running {
  /** `https://localhost:<port>`, without a final slash. */
  readonly url: string;
  /** `localhost:<port>`. */
  readonly host: string;
  readonly port: number;
  readonly caFile: string;
  readonly pids: readonly number[];
  logs(): string;
  /** `GET` of a path such as `/v2/<gun>/_trust/tuf/2.root.json`. */
  get(path: string): Promise<HttpAnswer>;
  /** The bytes of a metadata file of `gun`, e.g. `targets.json`. @throws Error when the status is not 200. */
  metadata(gun: string, file: string): Promise<Buffer>;
}

/** Starts notary-server, by default with a notary-signer, on ports of 127.0.0.1 and waits until both answer. */
export async function startNotary(options: NotaryOptions): Promise<NotaryService> {
  return await retryOnTakenPort(async () => {
    const workspace = await makeWorkspace();
    const services: Service[] = [];
    const stop = async () => {
      await Promise.all(services.map(service => service.stop()));
      await workspace.stop();
    };
    try {
      // One after the other: a server that does not reach its signer at once waits a second before it tries
      // again and answers 500 until then, while its health check says that all is well.
      const signer = options.signer === false ? undefined : await startSigner();
      const { port, service: server } = await startServer(signer);
      const get = (target: string) =>
        httpGet(`https://localhost:${port}${target}`, { ca: options.ca.certificate });
      await server.ready(async () => {
        const health = await get('/_notary_server/health').catch(() => undefined);
        return health?.status === 200 ? true : undefined;
      });
      const host = `localhost:${port}`;
      return {
        name: 'notary',
        url: `https://${host}`,
        host,
        port,
        caFile: options.ca.certificateFile,
        pids: services.map(service => service.pid),
        logs: () => services.map(service => `--- ${service.name}\n${service.logs()}`).join('\n'),
        stop,
        get,
        async metadata(gun, file) {
          const answer = await get(`/v2/${gun}/_trust/tuf/${file}`);
          if (answer.status !== 200) {
            throw new Error(`${file} of ${gun}: ${answer.status} ${answer.body.toString('utf8')}`);
          }
          return answer.body;
        },
      };
    } catch (error) {
      await stop();
      throw error;
    }

    async function startSigner(): Promise<number> {
      const port = await freePort();
      const service = await start('notary-signer', {
        server: {
          grpc_addr: `127.0.0.1:${port}`,
          tls_cert_file: options.ca.server.certificateFile,
          tls_key_file: options.ca.server.keyFile,
          client_ca_file: options.ca.certificateFile,
        },
        logging: { level: options.logLevel ?? 'info' },
        storage: { backend: 'memory' },
      });
      await service.ready(() => handshake(port));
      return port;
    }

    async function startServer(signerPort: number | undefined) {
      const port = await freePort();
      const { certificateFile, keyFile } = options.ca.server;
      const service = await start('notary-server', {
        server: {
          http_addr: `127.0.0.1:${port}`,
          tls_cert_file: certificateFile,
          tls_key_file: keyFile,
        },
        trust_service:
          signerPort === undefined
            ? { type: 'local' }
            : {
                type: 'remote',
                hostname: '127.0.0.1',
                port: String(signerPort),
                tls_ca_file: options.ca.certificateFile,
                tls_client_cert: options.ca.server.certificateFile,
                tls_client_key: options.ca.server.keyFile,
                key_algorithm: options.keyAlgorithm ?? 'ecdsa',
              },
        logging: { level: options.logLevel ?? 'info' },
        storage: { backend: options.storage ?? 'memory' },
        ...(options.gunPrefixes && { repositories: { gun_prefixes: options.gunPrefixes } }),
        ...(options.caching && {
          caching: {
            max_age: {
              current_metadata: options.caching.current,
              consistent_metadata: options.caching.consistent,
            },
          },
        }),
        ...(options.auth && {
          auth: {
            type: 'token',
            options: {
              realm: options.auth.realm,
              service: options.auth.service,
              issuer: options.auth.issuer,
              rootcertbundle: options.auth.certificateFile,
            },
          },
        }),
      });
      return { port, service };
    }

    async function start(command: string, configuration: object): Promise<Service> {
      const file = path.join(workspace.path, `${command}.json`);
      await writeFile(file, JSON.stringify(configuration, null, 2));
      const service = startService({
        command,
        args: ['-config', file],
        env: { PATH: process.env.PATH ?? '', HOME: workspace.path },
        cwd: workspace.path,
      });
      services.push(service);
      return service;
    }

    async function handshake(port: number): Promise<true | undefined> {
      const { certificateFile, keyFile } = options.ca.server;
      return await tlsHandshake(port, options.ca.certificate, certificateFile, keyFile);
    }
  });
}

async function tlsHandshake(
  port: number,
  ca: string,
  certificateFile: string,
  keyFile: string,
): Promise<true | undefined> {
  const [cert, key] = await Promise.all([readFile(certificateFile), readFile(keyFile)]);
  return await new Promise(resolve => {
    const socket = connect(
      { host: '127.0.0.1', port, servername: 'localhost', ca, cert, key, ALPNProtocols: ['h2'] },
      () => {
        socket.destroy();
        resolve(true);
      },
    );
    socket.on('error', () => resolve(undefined));
  });
}
