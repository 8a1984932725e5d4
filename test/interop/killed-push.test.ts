import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeWithPeers } from './support/describe-with-peers.ts';
import {
  type FaultHandler,
  type FaultProxy,
  type SeenRequest,
  startFaultProxy,
} from './support/fault-proxy.ts';
import { ageLocks } from './support/killing.ts';
import { type OciLayout, writeOciLayout } from './support/oci-layout.ts';
import { digestsOf, headManifest, pullAll } from './support/pushed-image.ts';
import { listTargets } from './support/readers.ts';
import { type RegistryService, startRegistry } from './support/registry-service.ts';
import {
  content,
  digestFlags,
  openScene,
  type Person,
  type Scene,
  served,
} from './support/scene.ts';

/** How a run is ended while one of its requests waits: before the server gets it, or when the server has answered. */
type Moment = 'before' | 'after';

/** Small enough for several pieces a layer. */
const PIECE = '1500';

describeWithPeers(
  [
    ...(['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'] as const),
    ...(['docker-registry', 'skopeo'] as const),
  ],
  'a process that pushes is killed',
  () => {
    let scene: Scene;
    let registry: RegistryService;
    let proxy: FaultProxy;

    beforeAll(async () => {
      scene = await openScene();
      registry = await startRegistry({ relativeUrls: true });
      proxy = await startFaultProxy({ ca: scene.ca, upstream: registry.url });
    });

    /** A small image that no other is like: its layer takes two pieces. */
    async function image(name: string): Promise<OciLayout> {
      let content = name;
      // Does not compress well.
      for (let value = 1; content.length < 4500; value += 1)
        content += Math.sin(value).toString(36);
      const folder = path.join(scene.workspace.path, name);
      return await writeOciLayout(folder, { content, architectures: ['amd64'] });
    }

    const pushOf = ({ folder }: OciLayout, image: string) => [
      ...['push', '--from', `oci:${folder}`, '--chunk-size', PIECE, `${proxy.host}/${image}`],
    ];

    const isWrite = ({ method }: SeenRequest) => method !== 'GET' && method !== 'HEAD';

    /**
     * Runs a command and kills it at its request with this number (from 1) about the repository, to whichever server.
     *
     * @returns the request at which it was killed; undefined when it ended first
     */
    async function killedAt(
      person: Person,
      args: string[],
      repository: string,
      point: { number: number; moment: Moment },
    ): Promise<SeenRequest | undefined> {
      const killer = new AbortController();
      let seen = 0;
      let last: SeenRequest | undefined;
      const handler: FaultHandler = async (request, forward) => {
        seen += 1;
        if (seen !== point.number) return seen > point.number ? { hang: true } : await forward();
        last = request;
        if (point.moment === 'after') await forward();
        killer.abort();
        return { hang: true };
      };
      const concerns = ({ path: to }: SeenRequest) => to.includes(`/${repository}/`);
      const removals = [proxy.fault(concerns, handler), scene.proxy.fault(concerns, handler)];
      const result = await person.tabellion.run(args, { signal: killer.signal });
      for (const remove of removals) remove();
      await ageLocks(person);
      if (result.signal === 'SIGKILL') return last;
      expect(result).toMatchObject({ code: 0, stderr: '' });
      return undefined;
    }

    /** Consumers never see a signed tag that cannot be pulled, or a pushed one that is not signed. */
    async function consumersSee(name: string, tag: string): Promise<void> {
      const gun = `${proxy.host}/${name}`;
      const answer = await headManifest(registry, name, tag);
      const tagged = answer.headers['docker-content-digest'];
      const { status } = await scene.server.get(`/v2/${gun}/_trust/tuf/root.json`);
      const signed = status === 200 ? await listTargets(await scene.person('reader'), gun) : [];
      for (const { hex } of signed.filter(target => target.name === tag)) {
        expect((await headManifest(registry, name, `sha256:${hex}`)).status).toBe(200);
      }
      if (tagged !== undefined) expect(signed.map(({ hex }) => `sha256:${hex}`)).toContain(tagged);
    }

    /** The image is whole and tagged, and signed just once: in the last of so many versions. */
    async function isWhole(
      layout: OciLayout,
      name: string,
      tag: string,
      version: number,
    ): Promise<void> {
      const gun = `${proxy.host}/${name}`;
      expect(await pullAll(`${registry.domain}/${name}:${tag}`)).toEqual(
        await digestsOf(layout.folder),
      );
      const listed = await listTargets(await scene.person('reader'), gun);
      const hex = layout.index.digest.slice('sha256:'.length);
      expect(listed.filter(target => target.name === tag)).toMatchObject([{ hex }]);
      expect((await served(scene.server, gun, 'targets')).version).toBe(version);
    }

    test('at each request, before or after the server acts: run again, all is whole and signed once', async () => {
      const kills: string[] = [];
      /** Every other request of a push, from `first` on, in a repository of its own. */
      const lane = async (first: number): Promise<void> => {
        const name = `killed/lane-${first}`;
        const owner = await pusher();
        await owner.tabellion.succeed([
          'sign',
          `${proxy.host}/${name}:0`,
          ...digestFlags(content('0')),
        ]);
        let version = 2;
        for (let number = first; ; number += 2) {
          for (const moment of ['before', 'after'] as const) {
            const tag = `${moment}-${number}`;
            const layout = await image(`${first}-${tag}`);
            const args = pushOf(layout, `${name}:${tag}`);
            const last = await killedAt(owner, args, name, { number, moment });
            version += 1;
            if (last === undefined) return;
            kills.push(`${moment} ${last.method}`);
            await consumersSee(name, tag);
            await owner.tabellion.succeed(args);
            await isWhole(layout, name, tag, version);
            // What only asks does the same before and after.
            if (!isWrite(last)) break;
          }
        }
      };
      // Two at a time: much of it is waiting for programs to start.
      await Promise.all([lane(1), lane(2)]);
      expect(kills.length).toBeGreaterThanOrEqual(30);
      for (const method of ['POST', 'PATCH', 'PUT']) {
        expect(kills).toEqual(expect.arrayContaining([`before ${method}`, `after ${method}`]));
      }
    }, 300_000);

    test('while it begins a repository: the keys that were made are used, and no others', async () => {
      const owner = await pusher();
      const keyFiles = async () => await readdir(path.join(owner.trustDir, 'private'));
      for (const [name, match] of [
        ['upload', /^POST .*uploads/],
        ['publish', /^POST .*_trust/],
        ['tag', /^PUT .*manifests\/1$/],
      ] as const) {
        const layout = await image(`first-${name}`);
        const args = pushOf(layout, `first/${name}:1`);
        const killer = new AbortController();
        const handler: FaultHandler = async (_request, forward) => {
          if (name === 'publish') await forward();
          killer.abort();
          return { hang: true };
        };
        const removals = [proxy.fault(match, handler), scene.proxy.fault(match, handler)];
        const { signal } = await owner.tabellion.run(args, { signal: killer.signal });
        for (const remove of removals) remove();
        await ageLocks(owner);
        expect(signal).toBe('SIGKILL');
        const before = await keyFiles();
        await consumersSee(`first/${name}`, '1');
        await owner.tabellion.succeed(args);
        expect(await keyFiles()).toEqual(before);
        await isWhole(layout, `first/${name}`, '1', 2);
      }
    });

    async function pusher(): Promise<Person> {
      const person = await scene.person('owner', { server: scene.proxy.url });
      const { dockerConfigDir } = person.docker.options;
      return {
        ...person,
        tabellion: person.tabellion.with({
          env: { SSL_CERT_FILE: scene.ca.certificateFile },
          dockerConfigDir,
        }),
      };
    }
  },
);
