/**
 * A real trust server in this process and machines that use it over HTTPS, each with a trust directory of its
 * own: the stage for the tests of the operations.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'vitest';
import { makeTlsIdentity, type TlsIdentity } from '../../src/embedded-server/certificates.ts';
import { startTrustServer, type TrustServer } from '../../src/embedded-server/start.ts';
import { type Inspected, inspect } from '../../src/operations/inspect.ts';
import { type Published, publishChanges } from '../../src/operations/publish.ts';
import { type RevokeReport, revoke } from '../../src/operations/revoke.ts';
import {
  openSession,
  type RepositoryAccess,
  type Session,
  type SessionOptions,
} from '../../src/operations/session.ts';
import {
  type ImageSource,
  type SignedRepository,
  type SignReport,
  sign,
} from '../../src/operations/sign.ts';
import { loadTrustData } from '../../src/operations/trust-data.ts';
import { type Verified, verify } from '../../src/operations/verify.ts';
import { parseImageReference } from '../../src/registry/image-reference.ts';
import { OCI_INDEX } from '../../src/registry/manifest.ts';
import type { Change } from '../../src/tuf/change.ts';
import type { TrustedSet } from '../../src/tuf/trusted-set.ts';
import { type FaultProxy, startFaultProxy } from '../interop/support/fault-proxy.ts';
import { QUICK_KEYS } from './quick-keys.ts';

export const NOW = new Date('2026-11-22T00:00:00Z');
export const DAY = 24 * 60 * 60 * 1000;

export const PASSPHRASES = {
  DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: 'the root passphrase',
  DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'the other passphrase',
} as const;

/** A test with a scene of its own, which is taken down after it: such tests can run side by side. */
export const it = test.extend<{ scene: Scene }>({
  scene: async ({ task }, use) => {
    const scene = await Scene.open(task.name);
    try {
      await use(scene);
    } finally {
      await scene.close();
    }
  },
});

/** The address of a server that cannot be reached: no test gets this port. */
export const NOBODY = 'https://localhost:1';

/** An image of which only digest and size count: another text, another image. */
export interface Content {
  readonly hex: string;
  readonly digest: string;
  readonly size: number;
}

export function content(text: string): Content {
  const hex = createHash('sha256').update(text).digest('hex');
  return { hex, digest: `sha256:${hex}`, size: text.length };
}

export interface TestRegistry {
  readonly domain: string;
  /** `METHOD /path` of each request. */
  readonly requests: string[];
}

/** A manifest as a registry serves it. */
export const MANIFEST = `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[]}`;

let tls: TlsIdentity | undefined;

export class Scene {
  readonly folder: string;
  readonly server: TrustServer;
  readonly caFile: string;
  /** What every clock shows, the server's too; tests move it. */
  clock = NOW;
  private readonly served: string[];
  private readonly running: (() => Promise<void>)[] = [];
  private machines = 0;

  private constructor(folder: string, caFile: string, server: TrustServer, served: string[]) {
    this.folder = folder;
    this.caFile = caFile;
    this.server = server;
    this.served = served;
  }

  /** @param name for the folder, to be told apart when something is left over */
  static async open(name: string): Promise<Scene> {
    tls ??= makeTlsIdentity('127.0.0.1', new Date());
    const word = name.replaceAll(/[^A-Za-z0-9]+/g, '-').slice(0, 30);
    const folder = await mkdtemp(join(tmpdir(), `tabellion-${word}-`));
    const caFile = join(folder, 'ca.crt');
    await writeFile(caFile, tls.ca);
    const served: string[] = [];
    const server = await startTrustServer({
      tls,
      now: () => scene.clock,
      log: line => served.push(line),
    });
    const scene = new Scene(folder, caFile, server, served);
    return scene;
  }

  async close(): Promise<void> {
    for (const stop of this.running) await stop();
    await this.server.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** A machine with an empty trust directory and no login. */
  async machine(options: Partial<SessionOptions> = {}): Promise<Machine> {
    this.machines += 1;
    const home = join(this.folder, `home-${this.machines}`);
    await mkdir(home);
    return new Machine(this, home, { server: this.server.url, tlsCa: this.caFile, ...options });
  }

  /** Stands between the server and whoever is told to use its address. */
  async proxy(): Promise<FaultProxy> {
    if (tls === undefined) throw new Error('no scene was opened');
    const certificateFile = join(this.folder, 'server.crt');
    const keyFile = join(this.folder, 'server.key');
    await writeFile(certificateFile, tls.cert);
    await writeFile(keyFile, tls.key);
    const proxy = await startFaultProxy({
      ca: {
        certificate: tls.ca,
        certificateFile: this.caFile,
        server: { certificateFile, keyFile },
      },
      upstream: this.server.url,
    });
    this.running.push(() => proxy.stop());
    return proxy;
  }

  /** A registry whose manifests are what `answer` says of a tag: the text of one, or a status. */
  async registry(answer: (tag: string) => string | number): Promise<TestRegistry> {
    const requests: string[] = [];
    const server = createServer(({ method, url = '' }, response) => {
      requests.push(`${method} ${url}`);
      const found = url === '/v2/' ? '{}' : answer(url.replace(/^.*\/manifests\//, ''));
      const isFound = typeof found === 'string';
      response.writeHead(isFound ? 200 : found, { 'content-type': OCI_INDEX });
      response.end(isFound ? found : '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.running.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    return { domain: `localhost:${port}`, requests };
  }

  /** `METHOD /path` of every request that the server has answered. */
  requests(): string[] {
    return this.served.flatMap(line => /^[A-Z]+ \S+(?= \d{3} )/.exec(line)?.[0] ?? []);
  }

  /** GUNs of the publishes that the server was asked for, accepted or not. */
  posts(): string[] {
    return this.requests().flatMap(
      line => /^POST \/v2\/(.*)\/_trust\/tuf\/$/.exec(line)?.[1] ?? [],
    );
  }

  /** What a client without any history finds in a repository. */
  async trusted(image: string): Promise<TrustedSet> {
    const reader = await this.machine();
    return await reader.load(image);
  }

  /** The version of each file of a repository. */
  async versions(image: string): Promise<Record<string, number>> {
    const { root, snapshot, targets } = await this.trusted(image);
    return {
      root: root.metadata.version,
      snapshot: snapshot?.metadata.version ?? 0,
      ...Object.fromEntries([...targets].map(([role, { metadata }]) => [role, metadata.version])),
    };
  }

  /** The digest of each tag that a role holds, as hex. */
  async tags(image: string, role: string): Promise<Record<string, string>> {
    const targets = (await this.trusted(image)).targets.get(role)?.metadata.targets ?? new Map();
    return Object.fromEntries(
      [...targets].map(([tag, { hashes }]) => [
        tag,
        Buffer.from(hashes.sha256, 'base64').toString('hex'),
      ]),
    );
  }
}

export interface SignOptions {
  /** What the tags are signed as; without it, what the registry has. */
  readonly as?: Content;
  readonly source?: ImageSource;
  readonly roles?: string[];
  readonly signer?: string;
  readonly dryRun?: boolean;
}

export class Machine {
  readonly scene: Scene;
  readonly home: string;
  readonly dockerDir: string;
  readonly trustDir: string;
  /** Lines of `--verbose`, of all sessions. */
  readonly log: string[] = [];
  readonly options: Partial<SessionOptions>;

  constructor(scene: Scene, home: string, options: Partial<SessionOptions>) {
    this.scene = scene;
    this.home = home;
    this.dockerDir = join(home, '.docker');
    this.trustDir = options.trustDir ?? join(this.dockerDir, 'trust');
    this.options = options;
  }

  /** The same machine, used in another way. */
  with(options: Partial<SessionOptions>): Machine {
    return new Machine(this.scene, this.home, { ...this.options, ...options });
  }

  /** The same machine without some of its options. */
  without(...names: (keyof SessionOptions)[]): Machine {
    const options = { ...this.options };
    for (const name of names) delete options[name];
    return new Machine(this.scene, this.home, options);
  }

  /** The same machine with other environment variables; undefined unsets one. */
  withEnv(env: NodeJS.ProcessEnv): Machine {
    return this.with({ env: { ...PASSPHRASES, ...this.options.env, ...env } });
  }

  /** Runs one command's work in a session of its own. */
  async run<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = await openSession({
      home: this.home,
      now: () => this.scene.clock,
      log: line => this.log.push(line),
      progress: () => {},
      ...this.options,
      env: { ...QUICK_KEYS, ...(this.options.env ?? PASSPHRASES) },
    });
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  }

  async sign(images: readonly string[], options: SignOptions = {}): Promise<SignReport> {
    const { as, source, roles, signer, dryRun = false } = options;
    const given: ImageSource | undefined =
      as === undefined ? source : { type: 'digest', digest: as.digest, size: as.size };
    return await this.run(session =>
      sign(session, {
        images,
        dryRun,
        ...(given === undefined ? {} : { source: given }),
        ...(roles === undefined ? {} : { roles }),
        ...(signer === undefined ? {} : { signer }),
      }),
    );
  }

  /** Signs tags of one repository. */
  async signOne(image: string | string[], options: SignOptions = {}): Promise<SignedRepository> {
    const { repositories } = await this.sign([image].flat(), { as: content('one'), ...options });
    const [report] = repositories;
    if (report === undefined || repositories.length > 1) throw new Error('not one repository');
    return report;
  }

  /** Verifies one image, without a registry. */
  async verify(
    image: string,
    options: { offline?: boolean; requireFresh?: boolean } = {},
  ): Promise<Verified> {
    const [result] = await this.verifyAll([image], options);
    if (result === undefined) throw new Error('nothing was verified');
    return result;
  }

  async verifyAll(
    images: string[],
    options: { offline?: boolean; requireFresh?: boolean; registry?: 'ask' | 'require' } = {},
  ): Promise<Verified[]> {
    const request = { registry: 'skip' as const, offline: false, requireFresh: false, ...options };
    const { images: results } = await this.run(session => verify(session, { images, ...request }));
    return results;
  }

  async inspect(image: string, options: { offline?: boolean } = {}): Promise<Inspected> {
    const request = { offline: false, requireFresh: false, ...options };
    const { images } = await this.run(session => inspect(session, { images: [image], ...request }));
    const [result] = images;
    if (result === undefined) throw new Error('nothing was inspected');
    return result;
  }

  async revoke(images: string | string[], dryRun = false): Promise<RevokeReport> {
    return await this.run(session => revoke(session, { images: [images].flat(), dryRun }));
  }

  /** Publishes changes that no command makes yet. */
  async publish(image: string, ...changes: Change[]): Promise<Published> {
    return await this.run(async session => {
      const access = await accessTo(session, image);
      return await access.dir.withLock(() =>
        publishChanges(session, access, async () => ({ changes })),
      );
    });
  }

  /** Brings the cache up to date. */
  async load(image: string): Promise<TrustedSet> {
    return await this.run(async session => {
      const access = await accessTo(session, image);
      return (await loadTrustData(session, access, { requireFresh: true })).trusted;
    });
  }

  /** Roles of the key files, sorted. */
  async keyRoles(): Promise<string[]> {
    return (await this.keyFiles()).map(({ role }) => role).sort();
  }

  /** The key files, by name. */
  async keyFiles(): Promise<{ id: string; role: string; text: string }[]> {
    const folder = join(this.trustDir, 'private');
    const names = await readdir(folder).catch(() => []);
    return await Promise.all(
      names.sort().map(async name => {
        const text = await readFile(join(folder, name), 'utf8');
        const role = /^role: (.*)$/m.exec(text)?.[1] ?? '';
        return { id: name.replace(/\.key$/, ''), role, text };
      }),
    );
  }

  /** Gives this machine a private key of another one: the first of a role, or that with an ID. */
  async takeKey(from: Machine, role: string, id?: string): Promise<string> {
    const key = (await from.keyFiles()).find(
      file => file.role === role && (id === undefined || file.id === id),
    );
    if (key === undefined) throw new Error(`the other machine has no ${role} key`);
    await mkdir(join(this.trustDir, 'private'), { recursive: true, mode: 0o700 });
    const file = join(this.trustDir, 'private', `${key.id}.key`);
    await writeFile(file, key.text, { mode: 0o600 });
    return key.id;
  }

  /** Removes the private keys of a role, as if they had never been here. */
  async loseKey(role: string): Promise<void> {
    for (const key of await this.keyFiles()) {
      if (key.role === role) await rm(join(this.trustDir, 'private', `${key.id}.key`));
    }
  }

  /** `docker login`, with a password nobody needs. */
  async login(domain: string, username: string): Promise<void> {
    await this.dockerConfig({
      auths: { [domain]: { auth: Buffer.from(`${username}:secret`).toString('base64') } },
    });
  }

  async dockerConfig(config: object): Promise<void> {
    await mkdir(this.dockerDir, { recursive: true });
    await writeFile(join(this.dockerDir, 'config.json'), JSON.stringify(config));
  }

  /** Notary's configuration, where it is found without being named. */
  async notaryConfig(config: object): Promise<void> {
    await mkdir(join(this.home, '.notary'), { recursive: true });
    await writeFile(join(this.home, '.notary', 'config.json'), JSON.stringify(config));
  }

  /** The cached file of a role. */
  cacheFile(gun: string, role: string): string {
    return join(this.trustDir, 'tuf', ...gun.split('/'), 'metadata', ...`${role}.json`.split('/'));
  }

  /** Everything on this machine: the content and the time of each file, by path; folders too. */
  async everything(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const name of await readdir(this.home, { recursive: true })) {
      const path = join(this.home, name);
      const status = await lstat(path);
      const bytes = status.isDirectory() ? 'folder' : await readFile(path, 'latin1');
      const time = status.isDirectory() ? '' : ` ${status.mtimeMs}`;
      found.set(relative(this.home, path), bytes + time);
    }
    return found;
  }
}

async function accessTo(session: Session, image: string): Promise<RepositoryAccess> {
  return await session.repository(parseImageReference(image));
}
