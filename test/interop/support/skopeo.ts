import { createHash } from 'node:crypto';
import { REGISTRY_ACCOUNT, type RegistryService } from './registry-service.ts';
import { runToSuccess } from './run-program.ts';
import { makeWorkspace } from './workspace.ts';

export interface PushRequest {
  registry: RegistryService;
  /** What to push, e.g. `oci:<folder>:<reference>` or `oci-archive:<file>`. */
  source: string;
  /** Repository path below the registry, e.g. `team/app`. */
  path: string;
  tag: string;
  /** `all` (default) pushes an index with all its platforms; `amd64` only that platform's manifest. */
  platforms?: 'all' | 'amd64';
  /** `user:password`; for a registry with a password its account is the default. */
  credentials?: string;
  /** Convert manifests: `v2s2` is Docker's schema 2. */
  format?: 'oci' | 'v2s2';
}

export interface PushedImage {
  /** `localhost:<port>/<path>:<tag>`. */
  readonly image: string;
  /** `localhost:<port>/<path>`: the GUN. */
  readonly repository: string;
  readonly tag: string;
  /** `sha256:<hex>` of the manifest bytes that the registry serves for the tag. */
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
  readonly manifest: Buffer;
}

/** Pushes an image with skopeo and reads back what the registry then serves for its tag. */
export async function pushImage(request: PushRequest): Promise<PushedImage> {
  const repository = `${request.registry.domain}/${request.path}`;
  const args = ['copy', '--quiet', '--dest-tls-verify=false'];
  if ((request.platforms ?? 'all') === 'all') args.push('--all');
  else args.push('--override-os', 'linux', '--override-arch', 'amd64');
  if (request.format !== undefined) args.push('--format', request.format);
  const login = request.credentials ?? accountOf(request.registry);
  if (login !== undefined) args.push('--dest-creds', login);
  await skopeo([...args, request.source, `docker://${repository}:${request.tag}`]);
  return await inspectImage(request.registry, request.path, request.tag, login);
}

/** What the registry serves for a tag, according to skopeo. */
export async function inspectImage(
  registry: RegistryService,
  path: string,
  tag: string,
  credentials = accountOf(registry),
): Promise<PushedImage> {
  const repository = `${registry.domain}/${path}`;
  const image = `${repository}:${tag}`;
  const args = ['inspect', '--raw', '--tls-verify=false'];
  if (credentials !== undefined) args.push('--creds', credentials);
  const { stdoutBytes: manifest } = await skopeo([...args, `docker://${image}`]);
  const hex = createHash('sha256').update(manifest).digest('hex');
  const { mediaType } = JSON.parse(manifest.toString('utf8'));
  return {
    image,
    repository,
    tag,
    digest: `sha256:${hex}`,
    size: manifest.length,
    mediaType,
    manifest,
  };
}

/** Copies an image: `skopeo copy` with these arguments, without checking certificates. */
export async function skopeoCopy(...args: string[]): Promise<void> {
  const tls = ['--src-tls-verify=false', '--dest-tls-verify=false'];
  await skopeo(['copy', '--quiet', ...tls, ...args]);
}

function accountOf({ auth }: RegistryService): string | undefined {
  if (auth !== 'htpasswd') return undefined;
  return `${REGISTRY_ACCOUNT.username}:${REGISTRY_ACCOUNT.password}`;
}

/** Runs skopeo in a home of its own, so that it neither reads nor writes the user's files. */
async function skopeo(args: string[]) {
  const workspace = await makeWorkspace();
  try {
    return await runToSuccess('skopeo', ['--insecure-policy', ...args], {
      cwd: workspace.path,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: workspace.path,
        XDG_RUNTIME_DIR: workspace.path,
        TMPDIR: workspace.path,
      },
    });
  } finally {
    await workspace.stop();
  }
}
