import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { type HttpAnswer, httpGet } from './http-get.ts';
import type { RegistryService } from './registry-service.ts';
import { skopeoCopy } from './skopeo.ts';
import type { SignReport } from './tags.ts';
import { makeWorkspace } from './workspace.ts';

/** One repository of `tabellion push --json`. */
export interface PushedReport extends SignReport {
  tags: (SignReport['tags'][number] & { registry: string; previousRegistryDigest?: string })[];
  upload: {
    blobs: { total: number; sent: number; mounted: number; present: number; resumed: number };
    manifests: { total: number; sent: number; present: number };
    bytesSent: number;
  };
  exitCode: number;
  error?: { code: string; message: string; hint?: string };
}

const TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

/** Asks a registry that is open for a manifest, by tag or digest. */
export async function headManifest(
  registry: RegistryService,
  name: string,
  reference: string,
): Promise<HttpAnswer> {
  const url = `${registry.url}/v2/${name}/manifests/${reference}`;
  return await httpGet(url, { method: 'HEAD', headers: { accept: TYPES.join(', ') } });
}

/**
 * Has skopeo pull an image with all its platforms, and returns what it got: digests of all files but skopeo's own.
 * The files' names tell what they are, so a wrong file is seen.
 */
export async function pullAll(image: string, ...flags: string[]): Promise<string[]> {
  const workspace = await makeWorkspace();
  try {
    const folder = path.join(workspace.path, 'pulled');
    await skopeoCopy('--all', ...flags, `docker://${image}`, `dir:${folder}`);
    return await digestsOf(folder);
  } finally {
    await workspace.stop();
  }
}

/** The digests of the blobs and manifests in a folder, and in those below it. */
export async function digestsOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const digests: string[] = [];
  for (const entry of entries) {
    if (!entry.isFile() || ['version', 'index.json', 'oci-layout'].includes(entry.name)) continue;
    const bytes = await readFile(path.join(entry.parentPath, entry.name));
    digests.push(createHash('sha256').update(bytes).digest('hex'));
  }
  return digests.sort();
}
