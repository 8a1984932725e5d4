import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { CertificateAuthority } from './ca.ts';
import type { TokenAuthentication } from './notary-service.ts';
import type { Running } from './running.ts';
import { startService } from './service.ts';
import { makeWorkspace } from './workspace.ts';

/** The one account of a registry with password authentication. */
export const REGISTRY_ACCOUNT = { username: 'alice', password: 'registry-pass' } as const;

// The registry reads bcrypt only, which neither Node.js nor OpenSSL makes.
const REGISTRY_ACCOUNT_HTPASSWD =
  'alice:$2y$05$tabellionTestSaltAbcdeH0IlW/zlUF8dsLGltRvztBOrGXXqbLa\n';

export interface RegistryOptions {
  /** `htpasswd`: Basic authentication with {@link REGISTRY_ACCOUNT}. Default: none. */
  auth?: 'htpasswd' | 'none' | TokenAuthentication;
  /** Serve HTTPS with the certificate of this CA; without it plain HTTP. */
  tls?: CertificateAuthority;
  /** Send on to paths without a host, so that a proxy before it is not bypassed. */
  relativeUrls?: boolean;
}

export interface RegistryService extends Running {
  /** `http://localhost:<port>` or `https://localhost:<port>`. */
  readonly url: string;
  /** `localhost:<port>`: the domain of its image references. */
  readonly domain: string;
  readonly port: number;
  readonly tls: boolean;
  readonly auth: 'htpasswd' | 'none' | 'token';
  logs(): string;
}

/** Starts docker-registry with an empty store on a port of 127.0.0.1 and waits until it listens. */
export async function startRegistry(options: RegistryOptions = {}): Promise<RegistryService> {
  const workspace = await makeWorkspace();
  const auth = options.auth ?? 'none';
  await writeFile(path.join(workspace.path, 'htpasswd'), REGISTRY_ACCOUNT_HTPASSWD);
  const configuration = {
    version: 0.1,
    log: { level: 'info', formatter: 'text' },
    storage: {
      filesystem: { rootdirectory: path.join(workspace.path, 'data') },
      delete: { enabled: true },
    },
    http: {
      addr: '127.0.0.1:0',
      secret: 'not-secret',
      relativeurls: options.relativeUrls ?? false,
      ...(options.tls && {
        tls: {
          certificate: options.tls.server.certificateFile,
          key: options.tls.server.keyFile,
        },
      }),
    },
    ...(auth === 'htpasswd' && {
      auth: { htpasswd: { realm: 'interop', path: path.join(workspace.path, 'htpasswd') } },
    }),
    ...(typeof auth === 'object' && {
      auth: {
        token: {
          realm: auth.realm,
          service: auth.service,
          issuer: auth.issuer,
          rootcertbundle: auth.certificateFile,
        },
      },
    }),
  };
  // JSON is YAML.
  const file = path.join(workspace.path, 'config.yml');
  await writeFile(file, JSON.stringify(configuration, null, 2));
  const service = startService({
    command: 'docker-registry',
    args: ['serve', file],
    env: { PATH: process.env.PATH ?? '', HOME: workspace.path, OTEL_TRACES_EXPORTER: 'none' },
    cwd: workspace.path,
  });
  const stop = async () => {
    await service.stop();
    await workspace.stop();
  };
  try {
    // It says which port the system gave it once it listens, so no port has to be guessed.
    const port = await service.ready(() => {
      const match = /listening on 127\.0\.0\.1:(\d+)/.exec(service.logs());
      return match ? Number(match[1]) : undefined;
    });
    const domain = `localhost:${port}`;
    return {
      name: 'docker-registry',
      url: `${options.tls ? 'https' : 'http'}://${domain}`,
      domain,
      port,
      tls: options.tls !== undefined,
      auth: typeof auth === 'object' ? 'token' : auth,
      logs: () => service.logs(),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
