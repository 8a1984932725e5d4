/** Where container tools keep a registry's certificates, beside Docker's own configuration (cli.md 3.4). */
import { posix, win32 } from 'node:path';

export interface CertificateFolderOptions {
  /** The registry as in an image reference: `reg.example:5000`. */
  readonly domain: string;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
}

/**
 * The folders that may hold `*.crt`, `X.cert` and `X.key` for a registry: of Docker's daemon, for one user and for the
 * machine, then of skopeo and its kin. None of them has to exist.
 */
export function certificateFolders(options: CertificateFolderOptions): string[] {
  const { domain, home, env, platform } = options;
  // It comes from an image reference, which cannot hold these; a path must not depend on that.
  if (/[/\\]/.test(domain) || /^\.*$/.test(domain)) return [];
  if (platform === 'win32') {
    const data = env.ProgramData ?? 'C:\\ProgramData';
    // A colon cannot be part of a file name there: Docker drops it.
    return [win32.join(data, 'docker', 'certs.d', domain.replace(':', ''))];
  }
  const config = env.XDG_CONFIG_HOME || posix.join(home, '.config');
  return [
    posix.join(config, 'docker'),
    '/etc/docker',
    posix.join(config, 'containers'),
    '/etc/containers',
  ].map(folder => posix.join(folder, 'certs.d', domain));
}
