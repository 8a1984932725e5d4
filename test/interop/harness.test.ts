import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { beforeAll, expect, test } from 'vitest';
import { type CertificateAuthority, makeCa } from './support/ca.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { DockerTrust } from './support/docker-trust.ts';
import { type FaultProxy, startFaultProxy } from './support/fault-proxy.ts';
import { httpGet } from './support/http-get.ts';
import { NotaryCli } from './support/notary-cli.ts';
import { type NotaryService, startNotary } from './support/notary-service.ts';
import { type OciLayout, writeOciLayout } from './support/oci-layout.ts';
import { REGISTRY_ACCOUNT, startRegistry } from './support/registry-service.ts';
import { allRunning } from './support/running.ts';
import { startService } from './support/service.ts';
import { pushImage } from './support/skopeo.ts';
import { startTokenServer } from './support/token-server.ts';
import { makeWorkspace, type Workspace } from './support/workspace.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** The version of a metadata file as served. */
async function version(notary: NotaryService, gun: string, role: string): Promise<number> {
  return JSON.parse((await notary.metadata(gun, `${role}.json`)).toString('utf8')).signed.version;
}

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'notary and docker trust against a real trust server',
  () => {
    let workspace: Workspace;
    let ca: CertificateAuthority;
    let server: NotaryService;
    let notary: NotaryCli;
    let docker: DockerTrust;

    beforeAll(async () => {
      workspace = await makeWorkspace();
      ca = await makeCa(path.join(workspace.path, 'ca'));
      server = await startNotary({ ca });
      docker = new DockerTrust({
        dockerConfigDir: path.join(workspace.path, 'docker'),
        server: server.url,
        caFile: server.caFile,
      });
      notary = new NotaryCli({
        server: server.url,
        caFile: server.caFile,
        trustDir: docker.trustDir,
      });
      await writeFile(path.join(workspace.path, 'one.txt'), 'one\n');
    });

    test('init, add, publish and list agree with the bytes that were added', async () => {
      const gun = 'localhost:5000/harness/plain';
      await notary.succeed(['init', gun]);
      await notary.succeed(['add', gun, 'v1', path.join(workspace.path, 'one.txt')]);
      expect(await notary.succeed(['status', gun])).toMatch(/create +targets +target +v1/);
      await notary.succeed(['publish', gun]);

      expect(await notary.succeed(['lookup', gun, 'v1'])).toBe(`v1 sha256:${sha256('one\n')} 4\n`);
      const listed = await notary.succeed(['list', gun]);
      expect(listed.split('\n')[2]?.split(/ {2,}/)).toEqual([
        'v1',
        sha256('one\n'),
        '4',
        'targets',
      ]);
      expect(await version(server, gun, 'targets')).toBe(2);

      const verified = await notary.run(['verify', gun, 'v1'], { stdin: 'one\n' });
      expect(verified).toMatchObject({ code: 0, stdout: 'one\n' });
      const refused = await notary.run(['verify', gun, 'v1'], { stdin: 'two\n' });
      expect(refused.code).toBe(1);
      expect(refused.stdout).toContain('did not match');
    });

    test('docker trust makes a server-managed snapshot and shares the trust folder with notary', async () => {
      const gun = 'localhost:5000/harness/shared';
      const keys = path.join(workspace.path, 'keys');
      await mkdir(keys);
      await docker.succeed(['trust', 'key', 'generate', 'alice', '--dir', keys]);
      const alice = path.join(keys, 'alice.pub');
      await docker.succeed(['trust', 'signer', 'add', '--key', alice, 'alice', gun]);

      const keyFiles = await readdir(path.join(docker.trustDir, 'private'));
      const listedKeys = await notary.succeed(['key', 'list']);
      for (const file of keyFiles) expect(listedKeys).toContain(file.slice(0, 64));
      expect(await notary.succeed(['delegation', 'list', gun])).toMatch(
        /targets\/alice +"" <all paths>/,
      );
      const root = JSON.parse((await server.metadata(gun, 'root.json')).toString('utf8')).signed;
      const snapshotKey = root.roles.snapshot.keyids[0];
      expect(keyFiles).not.toContain(`${snapshotKey}.key`);

      await notary.succeed(
        ['addhash', gun, '1.0', '7', '--sha256', sha256('image'), '-p'].concat([
          '-r',
          'targets/releases',
          '-r',
          'targets/alice',
        ]),
      );
      const [inspection] = await docker.inspect(gun);
      expect(inspection?.SignedTags).toEqual([
        { SignedTag: '1.0', Digest: sha256('image'), Signers: ['alice'] },
      ]);
      expect(inspection?.Signers.map(signer => signer.Name)).toEqual(['alice']);
      expect(inspection?.AdministrativeKeys.map(keyed => keyed.Name)).toEqual([
        'Root',
        'Repository',
      ]);
      expect(inspection?.AdministrativeKeys[0]?.Keys).toEqual([{ ID: root.roles.root.keyids[0] }]);
    });

    test('a rotated key is followed by a consumer with the older root', async () => {
      const gun = 'localhost:5000/harness/rotated';
      const consumer = notary.with({ trustDir: path.join(workspace.path, 'consumer') });
      await notary.succeed(['init', gun, '-p']);
      await notary.succeed(['addhash', gun, 'v1', '1', '--sha256', sha256('a'), '-p']);
      await consumer.succeed(['list', gun]);

      await notary.succeed(['key', 'rotate', gun, 'targets']);
      await notary.succeed(['key', 'rotate', gun, 'snapshot', '-r']);
      await notary.succeed(['key', 'rotate', gun, 'root'], { stdin: 'y\n' });
      expect(await version(server, gun, 'root')).toBe(4);
      expect(await consumer.succeed(['lookup', gun, 'v1'])).toBe(`v1 sha256:${sha256('a')} 1\n`);
      const cached = path.join(consumer.options.trustDir, 'tuf', gun, 'metadata', 'root.json');
      expect(JSON.parse(await readFile(cached, 'utf8')).signed.version).toBe(4);
    });

    test('a passphrase that is wrong or not given fails', async () => {
      const gun = 'localhost:5000/harness/passphrases';
      await notary.succeed(['init', gun, '-p']);
      const add = ['addhash', gun, 'v1', '1', '--sha256', sha256('a'), '-p'];
      for (const passphrases of [{ targets: 'wrong-passphrase' }, null]) {
        const result = await notary.with({ passphrases }).run(add);
        expect(result.code).toBe(1);
        expect(result.stdout).toContain('could not find necessary signing keys');
      }
    });

    test('a server without a signer signs with Ed25519, and refuses names outside its prefixes', async () => {
      const local = await startNotary({ ca, signer: false, gunPrefixes: ['localhost:5000/ours/'] });
      const client = notary.with({
        server: local.url,
        trustDir: path.join(workspace.path, 'local'),
      });
      const gun = 'localhost:5000/ours/app';
      await client.succeed(['init', gun, '-p']);
      const timestamp = JSON.parse((await local.metadata(gun, 'timestamp.json')).toString('utf8'));
      expect(timestamp.signatures[0].method).toBe('eddsa');
      const refused = await client.run(['init', 'localhost:5000/theirs/app', '-p']);
      expect(refused.code).toBe(1);
      await local.stop();
      await expect(local.get('/v2/')).rejects.toThrow('ECONNREFUSED');
    });

    test('a server with token authentication lets in whom the token server knows', async () => {
      const tokens = await startTokenServer({
        ca,
        accounts: new Map([
          ['alice', { password: 'alice:pass', actions: ['pull', 'push', '*'] }],
          ['reader', { password: 'reader-pass', actions: ['pull'] }],
        ]),
      });
      const guarded = await startNotary({ ca, auth: tokens.authentication });
      const gun = 'localhost:5000/guarded/app';
      const client = (name: string) =>
        notary.with({
          server: guarded.url,
          trustDir: path.join(workspace.path, 'guarded', name, 'trust'),
        });
      const alice = client('alice').with({
        credentials: { username: 'alice', password: 'alice:pass' },
      });
      await alice.succeed(['init', gun, '-p']);
      await alice.succeed(['addhash', gun, 'v1', '1', '--sha256', sha256('a'), '-p']);
      expect(tokens.requests.map(request => request.parameters.get('scope'))).toContain(
        `repository:${gun}:push,pull`,
      );

      const reader = { username: 'reader', password: 'reader-pass' };
      const list = await client('reader').with({ credentials: reader }).succeed(['list', gun]);
      expect(list).toContain(sha256('a'));
      const add = ['addhash', gun, 'v2', '1', '--sha256', sha256('a'), '-p'];
      const refused = await alice.with({ credentials: reader }).run(add);
      expect(refused).toMatchObject({ code: 1 });
      const anonymous = await client('nobody').run(['list', gun]);
      expect(anonymous).toMatchObject({ code: 1 });
      expect(anonymous.stdout).toContain('you are not authorized');
    });

    test('a server ends when the process that started it is killed', async ({ skip }) => {
      if (process.platform !== 'linux') skip('only Linux tells children of the death of a parent');
      const pid = await serverOfKilledProcess(workspace.path);
      await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false);
    });
  },
);

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'openssl'],
  'fault-injecting proxy before a real trust server',
  () => {
    const gun = 'localhost:5000/harness/faults';
    let workspace: Workspace;
    let server: NotaryService;
    let proxy: FaultProxy;
    let owner: NotaryCli;

    /** A `notary` with an empty trust folder behind the proxy. */
    const fresh = (name: string) =>
      owner.with({ trustDir: path.join(workspace.path, name, 'trust') });

    beforeAll(async () => {
      workspace = await makeWorkspace();
      const ca = await makeCa(path.join(workspace.path, 'ca'));
      server = await startNotary({ ca });
      proxy = await startFaultProxy({ ca, upstream: server.url });
      owner = new NotaryCli({
        server: proxy.url,
        caFile: proxy.caFile,
        trustDir: path.join(workspace.path, 'owner', 'trust'),
      });
      await owner.succeed(['init', gun, '-p']);
      await owner.succeed(['addhash', gun, 'v1', '1', '--sha256', sha256('a'), '-p']);
    });

    test('passes requests on unchanged and keeps a log of them', async () => {
      proxy.clear();
      await fresh('log').succeed(['list', gun]);
      const base = `/v2/${gun}/_trust/tuf`;
      const hash = '[0-9a-f]{64}';
      expect(proxy.log()).toEqual([
        'GET /v2/',
        `GET ${base}/root.json`,
        `GET ${base}/timestamp.json`,
        expect.stringMatching(new RegExp(`^GET ${base}/snapshot\\.${hash}\\.json$`)),
        expect.stringMatching(new RegExp(`^GET ${base}/targets\\.${hash}\\.json$`)),
      ]);
      expect(proxy.requests.map(request => request.status)).toEqual([200, 200, 200, 200, 200]);
    });

    test('statuses, redirects and pages instead of metadata reach the client', async () => {
      const client = fresh('statuses');
      const cases = [
        [{ status: 403 }, 'unable to reach trust server at this time: 403.'],
        [{ status: 500 }, 'unable to reach trust server at this time: 500.'],
        [
          { redirect: `${server.url}/elsewhere` },
          'unable to reach trust server at this time: 307.',
        ],
        [{ status: 200, body: '<html></html>' }, "invalid character '<'"],
      ] as const;
      for (const [fault, text] of cases) {
        const remove = proxy.fault(/root\.json$/, fault);
        const result = await client.run(['list', gun]);
        remove();
        expect(result.code).toBe(1);
        expect(result.stdout).toContain(text);
      }
      await client.succeed(['list', gun]);
    });

    test('a cut body, a reset and a delay', async () => {
      const client = fresh('cuts');
      for (const fault of [{ cutAfter: 20 }, { reset: true }] as const) {
        const remove = proxy.fault(/targets\.[0-9a-f]+\.json$/, fault);
        expect((await client.run(['list', gun])).code).toBe(1);
        remove();
      }
      proxy.fault(/timestamp\.json$/, { delayMs: 50 }, { times: 1 });
      await client.succeed(['list', gun]);
    });

    test('a request that hangs is seen while its client waits, and the client can be killed there', async () => {
      const before = await version(server, gun, 'targets');
      const remove = proxy.fault(/^POST /, { hang: true });
      const killer = new AbortController();
      const seen = proxy.seen(/^POST /);
      const adding = owner.run(['addhash', gun, 'v2', '1', '--sha256', sha256('b'), '-p'], {
        signal: killer.signal,
      });
      expect((await seen).body.toString('latin1')).toContain('filename="targets"');
      killer.abort();
      expect(await adding).toMatchObject({ code: null, signal: 'SIGKILL' });
      remove();
      expect(await version(server, gun, 'targets')).toBe(before);
      await owner.succeed(['publish', gun]);
      expect(await version(server, gun, 'targets')).toBe(before + 1);
    });

    test('an answer can be lost after the server acted', async () => {
      const before = await version(server, gun, 'targets');
      proxy.fault(
        /^POST /,
        async (_request, forward) => {
          expect((await forward()).status).toBe(200);
          return { reset: true };
        },
        { times: 1 },
      );
      const args = ['addhash', gun, 'v3', '1', '--sha256', sha256('c'), '-p'];
      expect((await owner.run(args)).code).toBe(1);
      expect(await version(server, gun, 'targets')).toBe(before + 1);
    });
  },
);

describeWithPeers(
  ['docker-registry', 'skopeo', 'openssl'],
  'skopeo against a real registry',
  () => {
    let workspace: Workspace;
    let layout: OciLayout;

    beforeAll(async () => {
      workspace = await makeWorkspace();
      layout = await writeOciLayout(path.join(workspace.path, 'layout'), { reference: '1.0' });
    });

    test('a pushed two-platform image keeps the digest of its index', async () => {
      const registry = await startRegistry();
      const source = `oci:${layout.folder}:1.0`;
      const pushed = await pushImage({ registry, source, path: 'team/app', tag: '1.0' });
      expect(pushed).toMatchObject(layout.index);
      expect(pushed.image).toBe(`localhost:${registry.port}/team/app:1.0`);

      const single = await pushImage({
        registry,
        source,
        path: 'team/app',
        tag: 'amd64',
        platforms: 'amd64',
      });
      expect(single.digest).toBe(layout.manifests[0]?.digest);
      await registry.stop();
    });

    test('a registry with a password and TLS', async () => {
      const ca = await makeCa(path.join(workspace.path, 'ca'));
      const registry = await startRegistry({ auth: 'htpasswd', tls: ca });
      const source = `oci:${layout.folder}:1.0`;
      const pushed = await pushImage({ registry, source, path: 'app', tag: 'x' });
      expect(pushed.digest).toBe(layout.index.digest);

      const url = `${registry.url}/v2/app/manifests/x`;
      const anonymous = await httpGet(url, { ca: ca.certificate });
      expect(anonymous.status).toBe(401);
      expect(anonymous.headers['www-authenticate']).toMatch(/^Basic /);
      const { username, password } = REGISTRY_ACCOUNT;
      const basic = Buffer.from(`${username}:${password}`).toString('base64');
      const known = await httpGet(url, {
        ca: ca.certificate,
        headers: { authorization: `Basic ${basic}`, accept: layout.index.mediaType },
      });
      expect(known.status).toBe(200);
      expect(`sha256:${createHash('sha256').update(known.body).digest('hex')}`).toBe(pushed.digest);
      await registry.stop();
    });

    test('nothing is left running but the temporary folder', () => {
      expect(allRunning().map(resource => resource.name)).toEqual([workspace.name]);
    });
  },
);

/** Lets another Node.js process start a server with this harness, kills it, and returns the server's process id. */
async function serverOfKilledProcess(folder: string): Promise<number> {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('support/service.ts', import.meta.url)),
    platform: 'node',
  });
  await bundle.write({ file: path.join(folder, 'service.mjs') });
  await bundle.close();
  const script = path.join(folder, 'parent.mjs');
  await writeFile(
    script,
    `import { startService } from './service.mjs';
     const service = startService({
       command: 'sleep', args: ['600'], cwd: '.', env: { PATH: process.env.PATH },
     });
     console.log('started ' + service.pid);
     setInterval(() => {}, 1000);`,
  );
  const parent = startService({
    command: process.execPath,
    args: [script],
    env: { PATH: process.env.PATH ?? '' },
    cwd: folder,
  });
  const pid = Number(await parent.ready(() => /^started (\d+)$/m.exec(parent.logs())?.[1]));
  expect(await isRunning(pid)).toBe(true);
  await parent.stop();
  return pid;
}

/** Linux: true while the process exists and is more than an entry nobody has collected yet. */
async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State: X');
  return !/^State:\s+[XZ]/m.test(status);
}
