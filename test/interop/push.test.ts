import { execFile } from 'node:child_process';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { push as pushImages } from '../../src/operations/push/push.ts';
import { sign } from '../../src/operations/sign.ts';
import { parseImageSource } from '../../src/registry/image-source.ts';
import { startCuttingRelay } from './support/cutting-relay.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { type FaultProxy, startFaultProxy } from './support/fault-proxy.ts';
import { type OciLayout, writeOciLayout } from './support/oci-layout.ts';
import { inSession } from './support/open-session.ts';
import { digestsOf, headManifest, type PushedReport, pullAll } from './support/pushed-image.ts';
import { freshReading } from './support/readers.ts';
import { type RegistryService, startRegistry } from './support/registry-service.ts';
import { openScene, type Person, type Scene } from './support/scene.ts';
import { inspectImage, skopeoCopy } from './support/skopeo.ts';
import type { SignReport } from './support/tags.ts';

describeWithPeers(
  [
    ...(['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'] as const),
    ...(['docker-registry', 'skopeo'] as const),
  ],
  'tabellion push to a real registry',
  () => {
    let scene: Scene;
    let registry: RegistryService;
    /** Before a registry of its own. */
    let proxy: FaultProxy;
    let behind: RegistryService;
    let layout: OciLayout;
    let owner: Person;
    const at = (...names: string[]) => path.join(scene.workspace.path, ...names);

    beforeAll(async () => {
      scene = await openScene();
      registry = await startRegistry();
      behind = await startRegistry({ relativeUrls: true });
      proxy = await startFaultProxy({ ca: scene.ca, upstream: behind.url });
      layout = await writeOciLayout(at('layout'), {
        reference: '1.0',
        content: 'a'.repeat(50_000),
      });
      owner = await scene.person('owner');
      await trustProxy(owner);
    });

    /** The proxy's certificate is believed, as a registry's. */
    const trustProxy = async ({ docker }: Person) => {
      const folder = path.join(docker.options.dockerConfigDir, 'tls', proxy.host);
      await mkdir(folder, { recursive: true });
      await writeFile(path.join(folder, 'ca.crt'), await readFile(scene.ca.certificateFile));
    };

    const reports = async (person: Person, ...args: string[]): Promise<PushedReport[]> => {
      const document = await person.tabellion.json(['push', ...args]);
      return (document as { repositories: PushedReport[] }).repositories;
    };
    const push = async (person: Person, ...args: string[]): Promise<PushedReport> => {
      const [report] = await reports(person, ...args);
      if (report === undefined) throw new Error('nothing was pushed');
      return report;
    };
    const signed = async (person: Person, ...args: string[]): Promise<SignReport> => {
      const document = await person.tabellion.json(['sign', ...args]);
      return (document as { repositories: [SignReport] }).repositories[0];
    };
    const tar = async (file: string, folder: string) => {
      await promisify(execFile)('tar', ['-cf', file, '-C', folder, '.']);
      return file;
    };

    /** Every form of one image that real tools make, each with what its tag will name. */
    async function forms(): Promise<Record<string, string>> {
      const from = `oci:${layout.folder}:1.0`;
      const amd64 = ['--override-os', 'linux', '--override-arch', 'amd64'];
      await skopeoCopy('--all', from, `oci:${at('all')}:1.0`);
      await skopeoCopy('--all', from, `oci-archive:${at('all.tar')}:1.0`);
      await skopeoCopy('--all', from, `dir:${at('dir-all')}`);
      await skopeoCopy(...amd64, from, `oci:${at('one')}:1.0`);
      await skopeoCopy(...amd64, from, `oci-archive:${at('one.tar')}`);
      await skopeoCopy(...amd64, from, `dir:${at('dir-one')}`);
      await skopeoCopy(...amd64, '--format', 'v2s2', from, `dir:${at('dir-v2s2')}`);
      await skopeoCopy('--all', '--format', 'v2s2', from, `dir:${at('dir-list')}`);
      // docker save of the containerd store: the blobs as they are, and docker's own list beside the layout.
      await skopeoCopy('--all', from, `oci:${at('saved')}:1.0`);
      await writeFile(at('saved', 'manifest.json'), '[{"Config":"","RepoTags":[],"Layers":[]}]');
      await tar(at('saved.tar'), at('saved'));
      await promisify(execFile)('gzip', ['-k', at('saved.tar')]);
      return {
        'oci, all platforms': `oci:${at('all')}:1.0`,
        'oci-archive, all platforms': `oci-archive:${at('all.tar')}`,
        'dir, all platforms': `dir:${at('dir-all')}`,
        'oci, one platform': `oci:${at('one')}`,
        'oci-archive, one platform': `oci-archive:${at('one.tar')}`,
        'dir, one platform': `dir:${at('dir-one')}`,
        'dir, schema 2': `dir:${at('dir-v2s2')}`,
        'dir, manifest list': `dir:${at('dir-list')}`,
        'docker save, containerd': `docker-archive:${at('saved.tar')}`,
        'docker save, compressed': `docker-archive:${at('saved.tar.gz')}:1.0`,
      };
    }

    test('from every form: what is signed is what skopeo and the registry have', async () => {
      const digests = new Map<string, string>();
      const repository = `${registry.domain}/forms/app`;
      await inSession(owner, async session => {
        for (const [name, text] of Object.entries(await forms())) {
          const tag = name.replaceAll(/[^a-z0-9]+/g, '-');
          const images = [`${repository}:${tag}`];
          const source = parseImageSource(text);
          const pushed = await pushImages(session, { source, images, dryRun: false });
          const { digest, size, mediaType } = await inspectImage(registry, 'forms/app', tag);
          expect(pushed.repositories[0]?.tags, name).toMatchObject([
            { tag, digest, size, mediaType, status: 'signed', registry: 'set' },
          ]);
          const head = await headManifest(registry, 'forms/app', tag);
          expect(head.headers).toMatchObject({
            'docker-content-digest': digest,
            'content-type': mediaType,
          });
          digests.set(name, digest);
          // Signing alone, before or after a push, sees the same digest in that form.
          const again = await sign(session, { source, images, dryRun: false });
          expect(again.repositories[0]?.tags).toMatchObject([
            { digest, size, status: 'already-signed' },
          ]);
        }
      });
      const { listed } = await freshReading(scene, repository);
      expect(listed.map(({ hex }) => `sha256:${hex}`).sort()).toEqual([...digests.values()].sort());
      const of = (...names: string[]) => new Set(names.map(name => digests.get(name)));
      expect(
        of(
          ...['oci, all platforms', 'oci-archive, all platforms', 'dir, all platforms'],
          ...['docker save, containerd', 'docker save, compressed'],
        ),
      ).toEqual(new Set([layout.index.digest]));
      const single = of('oci, one platform', 'oci-archive, one platform', 'dir, one platform');
      expect(single).toEqual(new Set([layout.manifests[0]?.digest]));
      expect(of('dir, schema 2', 'dir, manifest list').size).toBe(2);
    });

    test('pulled back, the image is what it was, and every reader finds it signed', async () => {
      const folder = at('alone');
      await writeOciLayout(folder, { reference: '1.0', content: 'alone' });
      const repository = `${registry.domain}/pulled/app`;
      const report = await push(
        owner,
        ...['--from', `oci:${folder}`, '--signer', 'alice'],
        ...[`${repository}:1.0`, `${repository}:latest`],
      );
      expect(report).toMatchObject({
        initialised: true,
        signer: 'alice',
        tags: [
          { tag: '1.0', registry: 'set', roles: ['targets/alice', 'targets/releases'] },
          { tag: 'latest', registry: 'set' },
        ],
        upload: {
          blobs: { total: 3, sent: 3, present: 0 },
          manifests: { total: 3, sent: 3 },
        },
      });
      for (const tag of ['1.0', 'latest']) {
        expect(await pullAll(`${repository}:${tag}`)).toEqual(await digestsOf(folder));
      }
      const lookedUp = await owner.notary.succeed(['lookup', repository, '1.0']);
      expect(lookedUp).toContain(report.tags[0]?.digest);
      const { docker, listed } = await freshReading(scene, repository);
      const hex = report.tags[0]?.digest.slice('sha256:'.length);
      expect(docker.SignedTags).toMatchObject([
        { SignedTag: '1.0', Digest: hex, Signers: ['alice'] },
        { SignedTag: 'latest', Digest: hex, Signers: ['alice'] },
      ]);
      expect(listed.map(({ name }) => name)).toEqual(['1.0', 'latest']);

      // Once more: nothing is sent, nothing is signed.
      const again = await push(owner, '--from', `oci:${folder}`, `${repository}:1.0`);
      expect(again).toMatchObject({
        tags: [{ status: 'already-signed', registry: 'unchanged' }],
        versions: {},
        upload: { blobs: { sent: 0, present: 3 }, manifests: { sent: 0 }, bytesSent: 0 },
      });
    });

    test('blobs that another repository has are taken over from there', async () => {
      const [first, second] = [`${registry.domain}/mount/one`, `${registry.domain}/mount/two`];
      await writeOciLayout(at('mounted'), { content: 'mounted' });
      const source = ['--from', `oci:${at('mounted')}`];
      const both = await reports(owner, ...source, `${first}:1`, `${second}:1`);
      expect(both.map(({ upload }) => upload.blobs)).toMatchObject([
        { sent: 3, mounted: 0 },
        { sent: 0, mounted: 3 },
      ]);
      // Named by hand; a repository that is not there does no harm.
      const flags = ['--mount-from', `${registry.domain}/no/such`, '--mount-from', first];
      const third = await push(owner, ...source, ...flags, `${registry.domain}/mount/three:1`);
      expect(third.upload.blobs).toMatchObject({ sent: 0, mounted: 3 });
      // The name that the image has in its source.
      await skopeoCopy('--all', `oci:${at('mounted')}`, `oci:${at('base')}:${second}:1`);
      const fourth = await push(
        owner,
        '--from',
        `oci:${at('base')}`,
        `${registry.domain}/mount/four:1`,
      );
      expect(fourth.upload.blobs).toMatchObject({ sent: 0, mounted: 3 });
      expect(await pullAll(`${registry.domain}/mount/four:1`)).toHaveLength(6);
      const elsewhere = await owner.tabellion.run([
        ...['push', ...source, '--mount-from', 'reg.example/x', `${first}:2`],
      ]);
      expect(elsewhere).toMatchObject({ code: 2, stdout: '' });
      expect(elsewhere.stderr).toContain('another registry');
    });

    test('what docker save wrote from its old store: not signed before a push, but pushed as it is', async () => {
      // Uncompressed layers, as the classic store of Docker 25 and later writes them.
      const amd64 = ['--override-os', 'linux', '--override-arch', 'amd64'];
      await skopeoCopy(
        ...amd64,
        '--dest-decompress',
        `oci:${layout.folder}:1.0`,
        `dir:${at('raw')}`,
      );
      const folder = at('classic');
      await rawLayout(at('raw'), folder);
      const archive = await tar(at('classic.tar'), folder);
      const repository = `${registry.domain}/saved/classic`;
      const source = `docker-archive:${archive}`;

      const refused = await owner.tabellion.run([
        'sign',
        '--from',
        source,
        `${repository}:1`,
        '--json',
      ]);
      expect(refused).toMatchObject({ code: 1, stderr: '' });
      const { error } = JSON.parse(refused.stdout);
      expect(error).toMatchObject({ code: 'DIGEST_NOT_PRESERVED' });
      expect(error.hint).toContain('tabellion push');

      const report = await push(owner, '--from', source, `${repository}:1`);
      expect(report.warnings.join()).toContain('not compressed');
      const pushed = await inspectImage(registry, 'saved/classic', '1');
      expect(report.tags).toMatchObject([{ digest: pushed.digest, registry: 'set' }]);

      const other = `${registry.domain}/saved/other`;
      // skopeo compresses the layers, unless it is told to keep the digests: then the word given was true.
      const asserted = ['--from', source, '--preserve-digests'];
      await skopeoCopy(`oci-archive:${archive}`, `docker://${other}:compressed`);
      const compressed = await inspectImage(registry, 'saved/other', 'compressed');
      expect(compressed.digest).not.toBe(pushed.digest);
      await skopeoCopy('--preserve-digests', `oci-archive:${archive}`, `docker://${other}:kept`);
      const kept = await inspectImage(registry, 'saved/other', 'kept');
      const signedBefore = await signed(owner, ...asserted, `${other}:kept`);
      expect(signedBefore.tags).toMatchObject([{ digest: kept.digest, status: 'signed' }]);

      // The form before Docker 25 says nothing of manifests at all.
      await skopeoCopy(
        ...amd64,
        `oci:${layout.folder}:1.0`,
        `docker-archive:${at('old.tar')}:app:1`,
      );
      for (const command of ['sign', 'push']) {
        const args = [command, '--from', `docker-archive:${at('old.tar')}`, `${repository}:2`];
        const result = await owner.tabellion.run(args);
        expect(result).toMatchObject({ code: 1, stdout: '' });
        expect(result.stderr).toMatch(
          /does not say what digest.*\n {2}hint: .*sign it from the registry/,
        );
      }
    });

    /** Makes an OCI layout of a `dir:` folder whose layers skopeo has unpacked. */
    async function rawLayout(dir: string, folder: string): Promise<void> {
      const blobs = path.join(folder, 'blobs', 'sha256');
      await mkdir(blobs, { recursive: true });
      const manifest = await readFile(path.join(dir, 'manifest.json'));
      const { config, layers } = JSON.parse(manifest.toString('utf8'));
      for (const { digest } of [config, ...layers]) {
        const hex = digest.slice('sha256:'.length);
        await rename(path.join(dir, hex), path.join(blobs, hex));
      }
      const [digest] = await digestsOf(dir);
      await rename(path.join(dir, 'manifest.json'), path.join(blobs, `${digest}`));
      const descriptor = {
        mediaType: JSON.parse(manifest.toString('utf8')).mediaType,
        digest: `sha256:${digest}`,
        size: manifest.length,
        annotations: {
          'io.containerd.image.name': 'docker.io/library/app:1',
          'org.opencontainers.image.ref.name': '1',
        },
      };
      const files = {
        'index.json': { schemaVersion: 2, manifests: [descriptor] },
        'oci-layout': { imageLayoutVersion: '1.0.0' },
        'manifest.json': [{ RepoTags: ['app:1'] }],
      };
      for (const [name, content] of Object.entries(files)) {
        await writeFile(path.join(folder, name), JSON.stringify(content));
      }
    }

    describe('through a proxy that sees and breaks what it is told to', () => {
      /** What was written to the registry and to the trust server, in order. */
      async function writes(work: () => Promise<unknown>): Promise<string[]> {
        const seen: string[] = [];
        const note = async (
          request: { method: string; path: string },
          forward: () => Promise<{ status: number; headers: object; body: Buffer }>,
        ) => {
          const answer = await forward();
          if (!['GET', 'HEAD'].includes(request.method)) {
            seen.push(`${request.method} ${request.path.replace(/\?.*/, '')}`);
          }
          return answer as never;
        };
        const removals = [proxy.fault(/./, note), scene.proxy.fault(/./, note)];
        try {
          await work();
        } finally {
          for (const remove of removals) remove();
        }
        return seen;
      }

      const person = async () => {
        const somebody = await scene.person('proxied', { server: scene.proxy.url });
        await trustProxy(somebody);
        return somebody;
      };

      test('parts first, the signature next, the tag last, also when the tag moves', async () => {
        const somebody = await person();
        const repository = `${proxy.host}/order/app`;
        for (const content of ['first', 'second']) {
          const { folder, index } = await writeOciLayout(at(`order-${content}`), { content });
          const order = await writes(() =>
            push(somebody, '--from', `oci:${folder}`, `${repository}:1`),
          );
          const publish = order.findIndex(
            line => line.startsWith('POST') && line.includes('_trust'),
          );
          expect(order.at(-1)).toBe('PUT /v2/order/app/manifests/1');
          expect(publish).toBe(order.length - 2);
          expect(order.at(publish - 1)).toBe(`PUT /v2/order/app/manifests/${index.digest}`);
        }
        const moved = await push(
          somebody,
          ...['--from', `oci:${at('order-first')}`, `${repository}:1`],
        );
        expect(moved.tags).toMatchObject([
          { status: 'signed', registry: 'set', previousDigest: expect.any(String) },
        ]);
        expect(moved.tags[0]?.previousRegistryDigest).toBe(moved.tags[0]?.previousDigest);
      });

      test('a passphrase that is wrong or missing is found out before the first byte', async () => {
        const somebody = await person();
        const image = `${proxy.host}/keys/app:1`;
        const source = ['--from', `oci:${layout.folder}:1.0`];
        await somebody.tabellion.succeed(['sign', ...source, `${proxy.host}/keys/app:0`]);
        for (const [passphrases, code] of [
          [{ targets: 'wrong', snapshot: 'wrong', delegation: 'wrong' }, 4],
          [null, 4],
        ] as const) {
          const order = await writes(async () => {
            const tabellion = somebody.tabellion.with({ passphrases });
            const result = await tabellion.run(['push', ...source, image]);
            expect(result).toMatchObject({ code, stdout: '' });
          });
          expect(order).toEqual([]);
        }
        const dry = await writes(async () => {
          const report = await push(somebody, ...source, '--dry-run', image);
          expect(report).toMatchObject({
            tags: [{ status: 'would-sign', registry: 'would-set' }],
            upload: { blobs: { sent: 3 }, manifests: { sent: 3 } },
          });
        });
        expect(dry).toEqual([]);
      });

      test('when the tag cannot be set, it is said what holds now, and running again ends it', async () => {
        const somebody = await person();
        const image = `${proxy.host}/immutable/app:1`;
        const source = ['--from', `oci:${layout.folder}:1.0`];
        const body = '{"errors":[{"code":"DENIED","message":"tags are immutable"}]}';
        const remove = proxy.fault(/^PUT .*manifests\/1$/, { status: 403, body });
        const result = await somebody.tabellion.run(['push', ...source, image, '--json']);
        remove();
        expect(result.code).toBe(5);
        const [report] = JSON.parse(result.stdout).repositories;
        expect(report).toMatchObject({
          tags: [{ status: 'signed', registry: 'missing' }],
          error: { code: 'FORBIDDEN', hint: expect.stringContaining('run the command again') },
        });
        expect(await push(somebody, ...source, image)).toMatchObject({
          tags: [{ status: 'already-signed', registry: 'set' }],
        });
      });

      test('a layer that is damaged is not sent, and nothing is signed', async () => {
        const somebody = await person();
        const { folder, manifests } = await writeOciLayout(at('damaged'), { content: 'whole' });
        const blobs = path.join(folder, 'blobs', 'sha256');
        const text = await readFile(path.join(blobs, `${manifests[0]?.digest.slice(7)}`), 'utf8');
        const hex = JSON.parse(text).layers[0].digest.slice(7);
        const layer = await readFile(path.join(blobs, hex));
        layer[layer.length - 1] = (layer.at(-1) ?? 0) ^ 1;
        await writeFile(path.join(blobs, hex), layer);
        const order = await writes(async () => {
          const args = ['push', '--from', `oci:${folder}`, `${proxy.host}/damaged/app:1`, '--json'];
          const result = await somebody.tabellion.run(args);
          expect(JSON.parse(result.stdout).repositories[0].error.code).toBe('BLOB_MISMATCH');
        });
        expect(order.filter(line => /manifests|_trust/.test(line))).toEqual([]);
      });

      const uploads = (repository: string) =>
        proxy.requests
          .filter(({ method, path: to }) => method === 'PATCH' && to.includes(repository))
          .map(({ headers }) => headers['content-range']);

      test('a piece that is lost on the way is sent again, and only that', async () => {
        const somebody = await person();
        const random = await bigLayout('lost');
        const remove = proxy.fault(/^PATCH .*lost\/app/, { reset: true }, { times: 2 });
        const report = await push(
          somebody,
          ...['--from', `oci:${random}`, '--chunk-size', '65536', `${proxy.host}/lost/app:1`],
        );
        remove();
        expect(report.tags).toMatchObject([{ registry: 'set' }]);
        const pieces = uploads('lost/app');
        expect(pieces.length).toBe(new Set(pieces).size + 2);
        expect(pieces.length).toBeGreaterThan(5);
      });

      test('an upload of a run that was killed is gone on with', async () => {
        const somebody = await person();
        const random = await bigLayout('killed');
        const args = ['push', '--from', `oci:${random}`, '--chunk-size', '65536'];
        args.push(`${proxy.host}/resumed/app:1`);
        const killer = new AbortController();
        let pieces = 0;
        const remove = proxy.fault(/^PATCH .*resumed\/app/, async (_request, forward) => {
          pieces += 1;
          if (pieces < 4) return await forward();
          killer.abort();
          return { hang: true };
        });
        await somebody.tabellion.run(args, { signal: killer.signal });
        remove();
        const before = uploads('resumed/app').slice(0, 3);
        const document = await somebody.tabellion.json(args);
        const [report] = (document as { repositories: PushedReport[] }).repositories;
        expect(report).toMatchObject({
          tags: [{ registry: 'set' }],
          upload: { blobs: { resumed: 1 } },
        });
        const after = uploads('resumed/app').slice(4);
        expect(after.length).toBeGreaterThan(0);
        for (const piece of before) expect(after).not.toContain(piece);
      });

      test('a connection that is cut within a piece, when the registry has a part of it', async () => {
        const relay = await startCuttingRelay(behind.port, { within: 'PATCH', afterBytes: 20_000 });
        const random = await bigLayout('cut');
        const domain = `localhost:${relay.port}`;
        const report = await push(
          owner,
          ...['--from', `oci:${random}`, '--chunk-size', '65536', `${domain}/cut/app:1`],
        );
        expect(relay.cuts).toBe(1);
        expect(report.tags).toMatchObject([{ registry: 'set' }]);
        expect(await pullAll(`${behind.domain}/cut/app:1`)).toEqual(await digestsOf(random));
      });
    });

    /** An image whose layer takes several pieces of 64 KiB. */
    async function bigLayout(name: string): Promise<string> {
      let text = name;
      // Does not compress well.
      for (let value = 1; text.length < 700_000; value += 1) text += Math.sin(value).toString(36);
      const { folder } = await writeOciLayout(at(`big-${name}`), {
        content: text,
        architectures: ['amd64'],
      });
      return folder;
    }
  },
);
