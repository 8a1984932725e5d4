import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { installDockerCa } from './support/docker-trust.ts';
import { httpGet } from './support/http-get.ts';
import { type OciLayout, writeOciLayout } from './support/oci-layout.ts';
import { freshReading } from './support/readers.ts';
import {
  REGISTRY_ACCOUNT,
  type RegistryService,
  startRegistry,
} from './support/registry-service.ts';
import { runToSuccess } from './support/run-program.ts';
import { openScene, type Person, type Scene } from './support/scene.ts';
import { inspectImage, type PushedImage, pushImage, skopeoCopy } from './support/skopeo.ts';
import { type SignReport, verdictOf, verifyTag } from './support/tags.ts';

const TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

describeWithPeers(
  [
    ...(['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'] as const),
    ...(['docker-registry', 'skopeo'] as const),
  ],
  'images in a real registry',
  () => {
    let scene: Scene;
    let registry: RegistryService;
    let layout: OciLayout;
    let source: string;
    let other: string;
    /** OCI archives that skopeo made of all platforms, and of one. */
    let archives: { all: string; amd64: string };

    beforeAll(async () => {
      scene = await openScene();
      registry = await startRegistry();
      const folder = path.join(scene.workspace.path, 'layout');
      layout = await writeOciLayout(folder, { reference: '1.0' });
      await writeOciLayout(folder, { reference: 'other', content: 'something else\n' });
      source = `oci:${folder}:1.0`;
      other = `oci:${folder}:other`;
      archives = {
        all: path.join(scene.workspace.path, 'all.tar'),
        amd64: path.join(scene.workspace.path, 'amd64.tar'),
      };
      await skopeoCopy('--all', source, `oci-archive:${archives.all}:1.0`);
      await skopeoCopy('--override-arch', 'amd64', source, `oci-archive:${archives.amd64}`);
    });

    const sign = async ({ tabellion }: Person, ...args: string[]): Promise<SignReport> => {
      const report = await tabellion.json(['sign', ...args]);
      return (report as { repositories: [SignReport] }).repositories[0];
    };

    const manifest = async ({ digest, repository }: PushedImage, method: string) => {
      const name = repository.slice(registry.domain.length + 1);
      const url = `${registry.url}/v2/${name}/manifests/${digest}`;
      return await httpGet(url, { method, headers: { accept: TYPES.join(', ') } });
    };

    const kinds: [
      name: string,
      request: { platforms?: 'all' | 'amd64'; format?: 'oci' | 'v2s2' },
      from?: () => string[],
    ][] = [
      [
        'an OCI index of two platforms',
        {},
        () => [source, `oci-archive:${archives.all}`, `oci-archive:${archives.all}:1.0`],
      ],
      [
        'an OCI manifest of one platform',
        { platforms: 'amd64' },
        () => [`oci-archive:${archives.amd64}`],
      ],
      ['a Docker manifest list', { format: 'v2s2' }],
      ['a Docker manifest', { format: 'v2s2', platforms: 'amd64' }],
    ];

    test.each(kinds)(
      '%s: signed as skopeo and the registry have it',
      async (name, request, from) => {
        const owner = await scene.person('owner');
        const slug = name.toLowerCase().replaceAll(/[^a-z]+/g, '-');
        const pushed = await pushImage({ registry, source, path: slug, tag: '1.0', ...request });
        const { digest, size, mediaType } = pushed;
        const head = await manifest(pushed, 'HEAD');
        expect(head.headers).toMatchObject({
          'docker-content-digest': digest,
          'content-length': String(size),
          'content-type': mediaType,
        });
        const report = await sign(owner, pushed.image);
        expect(report.tags).toMatchObject([{ tag: '1.0', digest, size, mediaType }]);
        for (const where of from?.() ?? []) {
          const again = await sign(owner, '--from', where, pushed.image);
          expect(again.tags).toMatchObject([
            { digest, size, mediaType, status: 'already-signed', roles: ['targets'] },
          ]);
        }
        const { docker, listed } = await freshReading(scene, pushed.repository);
        expect(docker.SignedTags).toMatchObject([{ SignedTag: '1.0', Digest: digest.slice(7) }]);
        expect(listed).toMatchObject([{ name: '1.0', size }]);
        expect(await verifyTag(owner, pushed.image, '--registry')).toMatchObject({
          exitCode: 0,
          registry: { status: 'matches', digest },
        });
      },
    );

    test('the image of one platform is told by the signed digest, not by the tag', async () => {
      const owner = await scene.person('owner');
      const push = (what: string, tag: string, platforms: 'all' | 'amd64' = 'all') =>
        pushImage({ registry, source: what, path: 'platforms', tag, platforms });
      const [index, single] = [await push(source, '1.0'), await push(other, 'amd', 'amd64')];
      await sign(owner, index.image, single.image);
      // The tag moves on; what is signed does not.
      await push(other, '1.0');
      const arm64 = layout.manifests.find(({ architecture }) => architecture === 'arm64');
      const ask = (platform: string, image = index.repository) =>
        owner.tabellion.run(['inspect', '--json', '--platform', platform, image]);
      const arm = await ask('linux/aarch64');
      expect(arm.code).toBe(1);
      expect(JSON.parse(arm.stdout)[0].tabellion.platformDigests).toMatchObject({
        platform: 'linux/arm64',
        tags: [
          { tag: '1.0', signedDigest: index.digest, digest: arm64?.digest, exitCode: 0 },
          { tag: 'amd', error: { code: 'PLATFORM_MISSING', hint: 'It is for linux/amd64.' } },
        ],
      });
      const amd = await ask('linux/amd64', single.image);
      expect(amd.code).toBe(0);
      expect(JSON.parse(amd.stdout)[0].tabellion.platformDigests.tags).toMatchObject([
        { tag: 'amd', digest: single.digest, platform: 'linux/amd64' },
      ]);
    });

    test('an image is signed before it is pushed', async () => {
      const owner = await scene.person('owner');
      const image = `${registry.domain}/early/app:1.0`;
      await sign(owner, '--from', source, image);
      const run = ['verify', image, '--json'];
      expect(verdictOf(await owner.tabellion.run(run))).toMatchObject({
        exitCode: 3,
        error: { code: 'TAG_ABSENT' },
        registry: { status: 'absent' },
      });
      expect(await verifyTag(owner, image)).toMatchObject({ exitCode: 0 });
      await pushImage({ registry, source, path: 'early/app', tag: '1.0' });
      expect(verdictOf(await owner.tabellion.run(run))).toMatchObject({
        exitCode: 0,
        digest: layout.index.digest,
        size: layout.index.size,
      });
    });

    test('several tags of several repositories are signed by one command', async () => {
      const owner = await scene.person('owner');
      const images: string[] = [];
      for (const [repository, tag] of [
        ['many/a', '1'],
        ['many/a', '2'],
        ['many/b', '1'],
      ] as const) {
        const pushed = await pushImage({ registry, source, path: repository, tag });
        images.push(pushed.image);
      }
      const report = (await owner.tabellion.json(['sign', ...images])) as {
        repositories: SignReport[];
      };
      expect(report.repositories.map(({ tags }) => tags.length)).toEqual([2, 1]);
      // One root key serves both repositories.
      const roots = report.repositories.flatMap(({ createdKeys }) =>
        createdKeys.filter(({ role }) => role === 'root'),
      );
      expect(roots).toHaveLength(1);
      for (const name of ['many/a', 'many/b']) {
        await freshReading(scene, `${registry.domain}/${name}`);
      }
      const verified = await owner.tabellion.run(['verify', '--quiet', ...images]);
      expect(verified).toMatchObject({ code: 0, stderr: '' });
      const pinned = verified.stdout.trim().split('\n');
      expect(pinned).toEqual(
        ['a', 'a', 'b'].map(name => `${registry.domain}/many/${name}@${layout.index.digest}`),
      );
      // What it prints is what can be pulled.
      await runToSuccess(
        'skopeo',
        ['inspect', '--raw', '--tls-verify=false', `docker://${pinned[0]}`],
        { env: { PATH: process.env.PATH ?? '', HOME: owner.folder } },
      );
    });

    describe('after it was signed', () => {
      const prepare = async (name: string) => {
        const owner = await scene.person('owner');
        const own = await startRegistry();
        const push = (what: string) =>
          pushImage({ registry: own, source: what, path: `after/${name}`, tag: '1.0' });
        const pushed = await push(source);
        await sign(owner, pushed.image);
        const verify = (...flags: string[]) =>
          owner.tabellion.run(['verify', pushed.image, ...flags]);
        expect(verdictOf(await verify('--json'))).toMatchObject({ exitCode: 0 });
        return { owner, registry: own, push, pushed, verify };
      };

      test('another image is pushed under the tag', async () => {
        const { owner, push, pushed, verify } = await prepare('moved');
        const replaced = await push(other);
        expect(verdictOf(await verify('--json'))).toMatchObject({
          exitCode: 3,
          trusted: false,
          digest: pushed.digest,
          error: { code: 'TAG_MOVED' },
          registry: { status: 'moved', digest: replaced.digest },
        });
        const text = await verify();
        expect(text).toMatchObject({ code: 3, stderr: '' });
        expect(text.stdout).toMatch(/^✗ not trusted/);
        for (const { digest } of [pushed, replaced]) expect(text.stdout).toContain(digest);
        const quiet = await verify('--quiet');
        expect(quiet).toMatchObject({ code: 3, stdout: '' });
        expect(quiet.stderr).toContain(replaced.digest);
        // The signature itself still holds, and for the digest that was signed the image too.
        expect(await verify('--no-registry')).toMatchObject({ code: 0 });
        const image = `${pushed.repository}@${pushed.digest}`;
        expect(await owner.tabellion.run(['verify', image])).toMatchObject({ code: 0 });
        const wrong = `${pushed.repository}@${replaced.digest}`;
        expect(verdictOf(await owner.tabellion.run(['verify', wrong, '--json']))).toMatchObject({
          exitCode: 3,
          error: { code: 'NOT_SIGNED' },
        });
        const again = await sign(owner, pushed.image);
        expect(again.tags).toMatchObject([
          { status: 'signed', digest: replaced.digest, previousDigest: pushed.digest },
        ]);
        expect(verdictOf(await verify('--json'))).toMatchObject({ exitCode: 0 });
      });

      test('the tag is deleted', async () => {
        const { registry: own, pushed, verify } = await prepare('deleted');
        const url = `${own.url}/v2/after/deleted/manifests/${pushed.digest}`;
        expect((await httpGet(url, { method: 'DELETE' })).status).toBe(202);
        expect(verdictOf(await verify('--json'))).toMatchObject({
          exitCode: 3,
          trusted: false,
          error: { code: 'TAG_ABSENT' },
        });
        expect(await verify('--registry')).toMatchObject({ code: 3 });
        expect(await verify('--no-registry')).toMatchObject({ code: 0 });
      });

      test('the registry is down', async () => {
        const { owner, registry: own, pushed, verify } = await prepare('down');
        await own.stop();
        const said = `could not be asked: Cannot reach ${own.domain}: the connection was refused`;
        const text = await verify();
        expect(text).toMatchObject({ code: 0, stderr: '' });
        expect(text.stdout).toContain(said);
        expect(verdictOf(await verify('--json'))).toMatchObject({
          exitCode: 0,
          trusted: true,
          registry: { status: 'unreachable', message: expect.stringContaining('Cannot reach') },
        });
        expect(verdictOf(await verify('--registry', '--json'))).toMatchObject({
          exitCode: 5,
          error: { code: 'REGISTRY_UNREACHABLE' },
        });
        expect((await verify('--registry')).stdout).toMatch(/^✗ not verified/);
        const refused = await owner.tabellion.run(['sign', pushed.image]);
        expect(refused).toMatchObject({ code: 5, stdout: '' });
        expect(refused.stderr).toMatch(/^tabellion: Cannot reach .*\n( {2}hint: .*\n)?$/);
      });
    });

    test('an image that the registry or the layout does not have is not signed', async () => {
      const owner = await scene.person('owner');
      const image = `${registry.domain}/absent/app:3.0`;
      const from = (where: string) => ['--from', where];
      const attempts: [string[], code: number][] = [
        [[], 1],
        [from(`oci:${layout.folder}:2.0`), 1],
        // Two images in it, neither of them called so: nobody guesses which one is meant.
        [from(`oci:${layout.folder}`), 1],
        [from('oci:/no/such/folder'), 1],
        [from(`oci-archive:${layout.folder}/index.json`), 1],
      ];
      for (const [flags, code] of attempts) {
        const result = await owner.tabellion.run(['sign', image, ...flags]);
        expect(result).toMatchObject({ code, stdout: '' });
        expect(result.stderr).toMatch(/^tabellion: .*\n( {2}hint: .*\n)?$/);
      }
      expect(
        await scene.server.get(`/v2/${registry.domain}/absent/app/_trust/tuf/root.json`),
      ).toMatchObject({
        status: 404,
      });
    });

    describe('with a password and TLS', () => {
      let guarded: RegistryService;
      let pushed: PushedImage;
      let owner: Person;
      let report: SignReport;
      const { username, password } = REGISTRY_ACCOUNT;

      beforeAll(async () => {
        guarded = await startRegistry({ auth: 'htpasswd', tls: scene.ca });
        pushed = await pushImage({ registry: guarded, source, path: 'guarded/app', tag: '1.0' });
        owner = await loggedIn(`${username}:${password}`);
        report = await sign(owner, pushed.image);
      });

      /** Somebody whose Docker configuration has these credentials for the registry. */
      const loggedIn = async (credentials?: string, key = guarded.domain) => {
        const person = await scene.person('user');
        const { dockerConfigDir } = person.docker.options;
        const tls = { dockerConfigDir, server: guarded.url, caFile: scene.ca.certificateFile };
        await installDockerCa(tls);
        if (credentials !== undefined) {
          const auth = Buffer.from(credentials).toString('base64');
          const config = JSON.stringify({ auths: { [key]: { auth } } });
          await writeFile(path.join(dockerConfigDir, 'config.json'), config, { mode: 0o600 });
        }
        return person;
      };

      test('Docker’s stored credentials are used, and name the first signer', async () => {
        expect(report).toMatchObject({
          signer: username,
          tags: [{ digest: pushed.digest, roles: [`targets/${username}`, 'targets/releases'] }],
        });
        const { docker } = await freshReading(scene, pushed.repository);
        expect(docker.SignedTags).toMatchObject([{ Signers: [username] }]);
        expect(await verifyTag(owner, pushed.image, '--registry')).toMatchObject({ exitCode: 0 });
        expect((await inspectImage(guarded, 'guarded/app', '1.0')).digest).toBe(pushed.digest);
      });

      test.each([
        ['none', undefined],
        ['a wrong password', `${username}:wrong-pass`],
      ])(
        '%s: the registry’s refusal is said, and nothing is signed',
        async (_name, credentials) => {
          const person = await loggedIn(credentials);
          const image = `${guarded.domain}/guarded/app:1.0`;
          const refused = await person.tabellion.run(['sign', '--signer', 'bob', image]);
          expect(refused).toMatchObject({ code: 5, stdout: '' });
          expect(refused.stderr).toMatch(/^tabellion: .*\n( {2}hint: .*\n)?$/);
          expect(refused.stderr).not.toContain('wrong-pass');
          const verify = ['verify', '--json', image];
          expect(verdictOf(await person.tabellion.run(verify))).toMatchObject({
            exitCode: 0,
            registry: { status: 'unreachable', message: expect.stringContaining(guarded.domain) },
          });
          expect(verdictOf(await person.tabellion.run([...verify, '--registry']))).toMatchObject({
            exitCode: 5,
          });
        },
      );

      test('a certificate that is not trusted is no reason to go on in clear', async () => {
        const person = await scene.person('stranger');
        const result = await person.tabellion.run(['sign', pushed.image]);
        expect(result).toMatchObject({ code: 5, stdout: '' });
        expect(result.stderr).toMatch(/^tabellion: .*certificate/);
      });
    });
  },
);
