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

    /** Where a run is killed: at its nth request, or at its first that matches. */
    interface Point {
      readonly name: string;
      readonly moment: Moment;
      readonly at: number | RegExp;
    }

    /**
     * Runs a command and kills it at a request about the repository, to whichever server.
     *
     * @returns false when it ended before there was such a request
     */
    async function killedAt(
      person: Person,
      args: string[],
      repository: string,
      { at, moment }: Point,
    ): Promise<boolean> {
      const killer = new AbortController();
      let seen = 0;
      const handler: FaultHandler = async ({ method, path: to }, forward) => {
        seen += 1;
        const isPoint = typeof at === 'number' ? seen === at : at.test(`${method} ${to}`);
        if (killer.signal.aborted) return { hang: true };
        if (!isPoint) return await forward();
        if (moment === 'after') await forward();
        killer.abort();
        return { hang: true };
      };
      const concerns = ({ path: to }: SeenRequest) => to.includes(`/${repository}/`);
      const removals = [proxy.fault(concerns, handler), scene.proxy.fault(concerns, handler)];
      const result = await person.tabellion.run(args, { signal: killer.signal });
      for (const remove of removals) remove();
      await ageLocks(person);
      if (result.signal === 'SIGKILL') return true;
      expect(result).toMatchObject({ code: 0, stderr: '' });
      return false;
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

    /** Every request that changes something. */
    const WRITES: [name: string, match: RegExp][] = [
      ['upload-begun', /^POST .*uploads/],
      ['piece', /^PATCH /],
      ['upload-ended', /^PUT .*uploads/],
      ['manifest', /^PUT .*manifests\/sha256/],
      ['signature', /^POST .*_trust/],
      ['tag', /^PUT .*manifests\/[a-z0-9-]+$/],
    ];

    test('at each request, before or after the server acts: run again, all is whole and signed once', async () => {
      let kills = 0;
      /** A person with a repository, who is killed at one point after the other. */
      const lane = async (name: string, points: Iterable<Point>): Promise<void> => {
        const owner = await pusher();
        const known = digestFlags(content('0'));
        await owner.tabellion.succeed(['sign', `${proxy.host}/${name}:0`, ...known]);
        let version = 2;
        for (const point of points) {
          const layout = await image(`${name.replaceAll('/', '-')}-${point.name}`);
          const args = pushOf(layout, `${name}:${point.name}`);
          const killed = await killedAt(owner, args, name, point);
          version += 1;
          if (!killed) {
            // All requests have had their turn.
            expect(point.at).toBeTypeOf('number');
            return;
          }
          kills += 1;
          await consumersSee(name, point.name);
          await owner.tabellion.succeed(args);
          await isWhole(layout, name, point.name, version);
        }
      };
      function* numbers(first: number): Generator<Point> {
        for (let at = first; ; at += 2) yield { name: `at-${at}`, moment: 'before', at };
      }
      function* writes(moment: Moment): Generator<Point> {
        for (const [name, at] of WRITES) yield { name: `${moment}-${name}`, moment, at };
      }
      // Two at a time: much of it is waiting for programs to start.
      await Promise.all([lane('killed/odd', numbers(1)), lane('killed/even', numbers(2))]);
      await Promise.all([
        lane('killed/early', writes('before')),
        lane('killed/late', writes('after')),
      ]);
      expect(kills).toBeGreaterThanOrEqual(30);
    }, 300_000);

    test('while it begins a repository: the keys that were made are used, and no others', async () => {
      const owner = await pusher();
      const keyFiles = async () => await readdir(path.join(owner.trustDir, 'private'));
      for (const [name, at] of WRITES.filter(([write]) => /begun|signature|tag/.test(write))) {
        const layout = await image(`first-${name}`);
        const args = pushOf(layout, `first/${name}:1`);
        const moment = name === 'signature' ? 'after' : 'before';
        expect(await killedAt(owner, args, `first/${name}`, { name, moment, at })).toBe(true);
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
