import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type CertificateAuthority, makeCa } from './ca.ts';
import { DockerTrust } from './docker-trust.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { NotaryCli } from './notary-cli.ts';
import { type NotaryOptions, type NotaryService, startNotary } from './notary-service.ts';
import { Tabellion } from './tabellion-cli.ts';
import { makeWorkspace, type Workspace } from './workspace.ts';

/** Somebody with one trust folder, which all three programs share. */
export interface Person {
  /** Home; the Docker configuration and in it the trust folder are below it. */
  readonly folder: string;
  readonly trustDir: string;
  readonly notary: NotaryCli;
  readonly docker: DockerTrust;
  readonly tabellion: Tabellion;
}

/** A real trust server for one file of tests, and the people who use it. */
export interface Scene {
  readonly workspace: Workspace;
  readonly ca: CertificateAuthority;
  readonly server: NotaryService;
  /** Misbehaves on demand. Nobody uses it but who is told to. */
  readonly proxy: FaultProxy;
  /** A person with an empty trust folder; `server` is the real one unless given. */
  person(name?: string, options?: { server?: string }): Promise<Person>;
}

/** Starts the trust server with a signer, a CA of its own and a fault proxy before it. */
export async function openScene(options: Omit<NotaryOptions, 'ca'> = {}): Promise<Scene> {
  const workspace = await makeWorkspace();
  const ca = await makeCa(path.join(workspace.path, 'ca'));
  const server = await startNotary({ ca, ...options });
  const proxy = await startFaultProxy({ ca, upstream: server.url });
  let people = 0;
  return {
    workspace,
    ca,
    server,
    proxy,
    async person(name = 'somebody', { server: url = server.url } = {}) {
      people += 1;
      const folder = path.join(workspace.path, `${people}-${name}`);
      const common = { server: url, caFile: ca.certificateFile };
      const dockerConfigDir = path.join(folder, 'docker');
      await mkdir(dockerConfigDir, { recursive: true, mode: 0o700 });
      const docker = new DockerTrust({ ...common, dockerConfigDir });
      const { trustDir } = docker;
      return {
        folder,
        trustDir,
        docker,
        notary: new NotaryCli({ ...common, trustDir }),
        tabellion: new Tabellion({ ...common, dockerConfigDir }),
      };
    },
  };
}

/** What a tag is signed as: a digest made of a text, and a size. */
export interface Content {
  /** Lower-case hex. */
  readonly hex: string;
  readonly digest: string;
  readonly size: number;
}

/** Content that is different for each text. */
export function content(text: string): Content {
  const hex = createHash('sha256').update(text).digest('hex');
  return { hex, digest: `sha256:${hex}`, size: text.length };
}

/** The flags by which `tabellion sign` is told a digest that no registry has. */
export function digestFlags({ digest, size }: Content): string[] {
  return ['--digest', digest, '--size', String(size)];
}

/** The arguments by which `notary` stages content under a name; `flags` such as `-p` and `-r ROLE` follow. */
export function addHash(gun: string, name: string, what: Content, ...flags: string[]): string[] {
  return ['addhash', gun, name, String(what.size), '--sha256', what.hex, ...flags];
}

/** The payload of a metadata file as served, parsed for looking at it. */
export async function served(
  server: NotaryService,
  gun: string,
  role: string,
): Promise<{ version: number; expires: string; [member: string]: unknown }> {
  const bytes = await server.metadata(gun, `${role}.json`);
  return JSON.parse(bytes.toString('utf8')).signed;
}
