/**
 * The embedded trust server under the real clients, and beside the real server: the same steps against both
 * must print the same.
 */
import { createHash } from 'node:crypto';
import { copyFile, cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { startTrustServer, type TrustServer } from '../../src/embedded-server/start.ts';
import { type CertificateAuthority, makeCa } from './support/ca.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { DockerTrust } from './support/docker-trust.ts';
import { startFaultProxy } from './support/fault-proxy.ts';
import { type HttpAnswer, httpGet } from './support/http-get.ts';
import { NotaryCli } from './support/notary-cli.ts';
import { type NotaryService, startNotary } from './support/notary-service.ts';
import { track } from './support/running.ts';
import { makeWorkspace, type Workspace } from './support/workspace.ts';

const GUN = 'localhost:5000/team/app';

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'embedded trust server beside the real one',
  () => {
    let workspace: Workspace;
    let ca: CertificateAuthority;
    let real: NotaryService;
    let embedded: TrustServer;
    let directory: string;
    const requests: string[] = [];

    beforeAll(async () => {
      workspace = await makeWorkspace();
      ca = await makeCa(path.join(workspace.path, 'ca'));
      directory = path.join(workspace.path, 'server');
      real = await startNotary({ ca });
      embedded = await startEmbedded();
      for (const name of ['one', 'two', 'three']) {
        await writeFile(path.join(workspace.path, `${name}.txt`), `${name}\n`);
      }
      const docker = new DockerTrust({
        dockerConfigDir: path.join(workspace.path, 'signers', 'docker'),
        server: real.url,
        caFile: real.caFile,
      });
      await mkdir(docker.trustDir, { recursive: true });
      for (const name of ['alice', 'ci']) {
        await docker.succeed(['trust', 'key', 'generate', name, '--dir', workspace.path]);
      }
    });

    /** With the certificate of the tests' own authority, so that proxies can stand before it. */
    async function startEmbedded(): Promise<TrustServer> {
      const [cert, key] = await Promise.all([
        readFile(ca.server.certificateFile, 'utf8'),
        readFile(ca.server.keyFile, 'utf8'),
      ]);
      const log = (line: string) => requests.push(line);
      const server = await startTrustServer({
        directory,
        host: 'localhost',
        tls: { cert, key },
        log,
      });
      track({ name: 'embedded server', stop: server.close, logs: () => requests.join('\n') });
      return server;
    }

    /** A `notary` with a trust folder of its own that has the delegation keys. */
    async function client(server: string, name: string): Promise<NotaryCli> {
      const trustDir = path.join(workspace.path, name, 'trust');
      await mkdir(path.join(trustDir, 'private'), { recursive: true });
      const keys = path.join(workspace.path, 'signers', 'docker', 'trust', 'private');
      for (const file of await readdir(keys)) {
        await copyFile(path.join(keys, file), path.join(trustDir, 'private', file));
      }
      return new NotaryCli({ server, caFile: ca.certificateFile, trustDir });
    }

    const file = (name: string) => path.join(workspace.path, name);

    /** A repository's life. @returns what people saw on the way */
    async function life(server: string, name: string): Promise<Record<string, unknown>> {
      const seen: Record<string, unknown> = {};
      const owner = await client(server, `${name}-owner`);
      const early = await client(server, `${name}-early`);
      let readers = 0;
      const fresh = async (args: string[]) => {
        readers += 1;
        return await (await client(server, `${name}-reader-${readers}`)).succeed(args);
      };
      const versions = async () => {
        const found: Record<string, unknown> = {};
        for (const role of [
          'root',
          'targets',
          'snapshot',
          'timestamp',
          'targets/alice',
          'targets/alice/ci',
        ]) {
          found[role] = await versionAt(server, role, ca);
        }
        return found;
      };

      await owner.succeed(['init', GUN, '-p']);
      seen.empty = await fresh(['list', GUN]);
      await owner.succeed(['add', GUN, 'v1', file('one.txt')]);
      await owner.succeed(['addhash', GUN, 'v2', '4', '--sha256', sha256('two\n')]);
      await owner.succeed(['publish', GUN]);
      seen.list = await early.succeed(['list', GUN]);
      seen.lookup = await early.succeed(['lookup', GUN, 'v2']);
      seen.versions = await versions();

      await owner.succeed([
        'delegation',
        'add',
        GUN,
        'targets/alice',
        file('alice.pub'),
        '--all-paths',
        '-p',
      ]);
      await owner.succeed([
        'delegation',
        'add',
        GUN,
        'targets/alice/ci',
        file('ci.pub'),
        '--paths',
        'ci/',
        '-p',
      ]);
      await owner.succeed(['add', GUN, 'a1', file('two.txt'), '-r', 'targets/alice']);
      await owner.succeed(['add', GUN, 'ci/7', file('three.txt'), '-r', 'targets/alice/ci']);
      await owner.succeed(['publish', GUN]);
      seen.nested = await fresh(['list', GUN]);
      seen.delegations = await fresh(['delegation', 'list', GUN]);
      await owner.succeed(['witness', GUN, 'targets/alice', '-p']);
      seen.witnessed = await versions();

      await owner.succeed(['key', 'rotate', GUN, 'snapshot', '-r']);
      seen.serverSnapshot = await versions();
      await owner.succeed(['add', GUN, 'v3', file('three.txt'), '-p']);
      seen.afterSnapshot = await fresh(['list', GUN]);
      await owner.succeed(['key', 'rotate', GUN, 'targets']);
      await owner.succeed(['key', 'rotate', GUN, 'root'], { stdin: 'y\n' });
      await owner.succeed(['key', 'rotate', GUN, 'timestamp', '-r']);
      seen.rotated = await versions();
      seen.afterRotations = await fresh(['list', GUN]);
      seen.followed = await early.succeed(['list', GUN]);
      await owner.succeed(['key', 'rotate', GUN, 'snapshot']);
      await owner.succeed(['remove', GUN, 'v2', '-p']);
      seen.removed = await fresh(['list', GUN]);
      seen.end = await versions();

      // The children's files stay listed after a delegation has gone, and its versions are not forgotten.
      await owner.succeed(['delegation', 'remove', GUN, 'targets/alice', '-y', '-p']);
      seen.withoutAlice = await fresh(['list', GUN]);
      await owner.succeed(['addhash', GUN, 'v4', '1', '--sha256', sha256('4'), '-p']);
      await owner.succeed([
        ...['delegation', 'add', GUN, 'targets/alice', file('alice.pub'), '--all-paths', '-p'],
      ]);
      const again = await owner.run([
        ...['addhash', GUN, 'a2', '1', '--sha256', sha256('a2'), '-r', 'targets/alice', '-p'],
      ]);
      seen.again = [again.code, again.stdout];
      await owner.succeed(['reset', GUN, '--all']);
      seen.last = await fresh(['list', GUN]);
      seen.lastDelegations = await fresh(['delegation', 'list', GUN]);
      seen.changes = ((await changefeed(server)) as { Category: string; Version: number }[]).map(
        ({ Category, Version }) => [Category, Version],
      );
      return seen;
    }

    async function changefeed(server: string, query = 'records=100'): Promise<unknown> {
      const url = `${server}/v2/${GUN}/_trust/changefeed?${query}`;
      return JSON.parse((await httpGet(url, { ca: ca.certificate })).body.toString('utf8')).records;
    }

    test('a repository lives the same life on both', async () => {
      const [here, there] = [await life(embedded.url, 'embedded'), await life(real.url, 'real')];
      expect(here).toEqual(there);
      expect(here.removed).toMatch(/v3 +\S+ +6 +targets/);
    });

    test('of two publishers the slower is refused, and succeeds when it tries again', async () => {
      const outcomes: unknown[] = [];
      for (const server of [embedded.url, real.url]) {
        const name = server === real.url ? 'real' : 'embedded';
        const proxy = await startFaultProxy({ ca, upstream: server });
        const slow = (await client(server, `${name}-owner`)).with({ server: proxy.url });
        const quick = await client(server, `${name}-quick`);
        await cp(slow.options.trustDir, quick.options.trustDir, { recursive: true });
        proxy.fault(
          /^POST /,
          async (_request, forward) => {
            await quick.succeed(['addhash', GUN, 'q', '1', '--sha256', sha256('q'), '-p']);
            return await forward();
          },
          { times: 1 },
        );
        const refused = await slow.run(['addhash', GUN, 's', '1', '--sha256', sha256('s'), '-p']);
        await slow.succeed(['publish', GUN]);
        outcomes.push([refused.code, refused.stdout, await quick.succeed(['list', GUN])]);
        await proxy.stop();
      }
      expect(outcomes[0]).toEqual(outcomes[1]);
      expect(String(outcomes[0])).toContain('trust server rejected operation');
    });

    test('plain requests are answered alike', async () => {
      const base = `/v2/${GUN}/_trust/tuf`;
      const zeros = '0'.repeat(64);
      const cases: [method: string, target: string, body?: string][] = [
        ['GET', '/v2/'],
        ['HEAD', '/v2/'],
        ['PATCH', '/v2/'],
        ['GET', '/v2'],
        ['GET', '/_notary_server/health'],
        ['GET', `${base}/root.json`],
        ['HEAD', `${base}/root.json`],
        ['PUT', `${base}/root.json`],
        ['GET', `${base}/1.root.json`],
        ['GET', `${base}/01.root.json`],
        ['GET', `${base}/0.root.json`],
        ['GET', `${base}/999.root.json`],
        ['GET', `${base}/99999999999999999999.root.json`],
        ['GET', `${base}/2.targets/alice.json`],
        ['GET', `${base}/targets/none.json`],
        ['GET', `${base}/targets/A.json`],
        ['GET', `${base}/root.${zeros}.json`],
        ['GET', `${base}/root.${'0'.repeat(63)}.json`],
        ['GET', `${base}/timestamp.json`],
        ['GET', `${base}/snapshot.json`],
        ['GET', `${base}/root.key`],
        ['POST', `${base}/targets.key`],
        ['GET', `${base}/timestamp.key`],
        ['GET', `${base}/snapshot.key`],
        ['POST', `${base}/timestamp.key`],
        ['GET', '/v2/other/_trust/tuf/root.json'],
        ['GET', '/v2/other/_trust/tuf/timestamp.json'],
        ['GET', '/v2/a*b/_trust/tuf/root.json'],
        ['GET', '/v2/other/_trust/tuf/timestamp.key'],
        ['DELETE', '/v2/other/_trust/tuf/'],
        ['DELETE', '/v2/other/_trust/tuf'],
        ['POST', `${base}/`, 'text'],
        ['POST', base, 'text'],
        ['GET', `/v2/${GUN}/_trust/changefeed`],
        ['GET', `/v2/${GUN}/_trust/changefeed?records=x`],
        ['GET', `/v2/${GUN}/_trust/changefeed?records=1&change_id=x`],
        ['GET', `/v2/${GUN}/_trust/changefeed?records=99999999999`],
        ['GET', `/v2/${GUN}/_trust/changefeed?records=2`],
        ['GET', '/v2/_trust/changefeed?records=1&change_id=2'],
        ['GET', `/v2/${GUN}/_trust/changefeed?records=2&change_id=-1`],
        ['GET', `/v2/${GUN}/_trust/changefeed?records=-2&change_id=4`],
        ['POST', `/v2/${GUN}/_trust/changefeed?records=2`],
        ['DELETE', `${base}/root.json`],
        ['GET', `${base}/`],
        ['GET', '/nothing'],
      ];
      const answers: Record<'here' | 'there', Record<string, unknown>> = { here: {}, there: {} };
      for (const [method, target, body] of cases) {
        const options = { ca: ca.certificate, method, ...(body === undefined ? {} : { body }) };
        const name = `${method} ${target}`;
        answers.here[name] = comparable(await httpGet(embedded.url + target, options));
        answers.there[name] = comparable(await httpGet(real.url + target, options));
      }
      expect(answers.here).toEqual(answers.there);
    });

    test('docker trust signs and inspects', async () => {
      const results: unknown[] = [];
      for (const server of [embedded.url, real.url]) {
        const name = server === real.url ? 'real' : 'embedded';
        const docker = new DockerTrust({
          dockerConfigDir: path.join(workspace.path, `${name}-docker`, 'config'),
          server,
          caFile: ca.certificateFile,
        });
        const gun = 'localhost:5000/team/docker';
        await cp(
          path.join(workspace.path, 'signers', 'docker', 'trust', 'private'),
          path.join(docker.trustDir, 'private'),
          { recursive: true },
        );
        await docker.succeed(['trust', 'signer', 'add', '--key', file('alice.pub'), 'alice', gun]);
        const notary = new NotaryCli({
          server,
          caFile: ca.certificateFile,
          trustDir: docker.trustDir,
        });
        await notary.succeed(
          ['addhash', gun, '1.0', '7', '--sha256', sha256('image'), '-p'].concat([
            '-r',
            'targets/releases,targets/alice',
          ]),
        );
        const [inspection] = await docker.inspect(gun);
        results.push({ tags: inspection?.SignedTags, signers: inspection?.Signers });
      }
      expect(results[0]).toEqual(results[1]);
      expect(results[0]).toMatchObject({ tags: [{ SignedTag: '1.0', Signers: ['alice'] }] });
    });

    test('a server started again from its folder goes on where it was', async () => {
      const reader = await client(embedded.url, 'before-restart');
      const before = await reader.succeed(['list', GUN]);
      const key = await httpGet(`${embedded.url}/v2/new/_trust/tuf/timestamp.key`, {
        ca: ca.certificate,
      });
      const feed = await changefeed(embedded.url);
      await embedded.close();
      embedded = await startEmbedded();

      expect(await changefeed(embedded.url)).toEqual(feed);
      const again = await httpGet(`${embedded.url}/v2/new/_trust/tuf/timestamp.key`, {
        ca: ca.certificate,
      });
      expect(again.body.equals(key.body)).toBe(true);
      expect(await reader.with({ server: embedded.url }).succeed(['list', GUN])).toBe(before);
      const owner = await client(embedded.url, 'embedded-owner');
      await owner.succeed(['addhash', GUN, 'late', '1', '--sha256', sha256('late'), '-p']);
      await owner.succeed(['key', 'rotate', GUN, 'timestamp', '-r']);
      const fresh = await client(embedded.url, 'after-restart');
      expect(await fresh.succeed(['list', GUN])).toMatch(/late +\S+ +1 +targets/);
    });

    test('delete --remote removes one repository, and it can begin anew', async () => {
      const outcomes: unknown[] = [];
      for (const server of [embedded.url, real.url]) {
        const name = server === real.url ? 'real' : 'embedded';
        const owner = await client(server, `${name}-deleter`);
        const gun = 'localhost:5000/team/gone';
        const neighbour = 'localhost:5000/team/a-neighbour';
        for (const each of [gun, neighbour]) await owner.succeed(['init', each, '-p']);
        const deleted = await owner.succeed(['delete', gun, '--remote']);
        const reader = await client(server, `${name}-after-deletion`);
        const refused = await reader.run(['list', gun]);
        const kept = await reader.succeed(['list', neighbour]);
        await owner.succeed(['init', gun, '-p']);
        const anew = await versionAt(server, 'timestamp', ca, gun);
        outcomes.push([deleted, refused.code, withoutUrl(refused.stdout, server), kept, anew]);
      }
      expect(outcomes[0]).toEqual(outcomes[1]);
      expect(String(outcomes[0])).toContain('does not have trust data');
    });
  },
);

describeWithPeers(['notary'], 'embedded trust server on its own', () => {
  let workspace: Workspace;

  beforeAll(async () => {
    workspace = await makeWorkspace();
  });

  test('its own authority is trusted by notary, and stays the same after a restart', async () => {
    const directory = path.join(workspace.path, 'server');
    const trustDir = path.join(workspace.path, 'client', 'trust');
    const first = await startTrustServer({ directory });
    const caFile = first.caFile ?? '';
    const notary = new NotaryCli({ server: first.url, caFile, trustDir });
    await notary.succeed(['init', GUN, '-p']);
    await first.close();
    const authority = await readFile(caFile);

    const second = await startTrustServer({ directory });
    onTestFinished(() => second.close());
    await notary.with({ server: second.url }).succeed(['list', GUN]);
    await notary
      .with({ server: second.url.replace('127.0.0.1', 'localhost') })
      .succeed(['list', GUN]);
    expect(await readFile(second.caFile ?? '')).toEqual(authority);
    expect((await stat(path.join(directory, 'tls', 'ca.key'))).mode & 0o777).toBe(0o600);
  });

  test('without a directory it keeps everything in memory', async () => {
    const server = await startTrustServer();
    onTestFinished(() => server.close());
    expect(server.caFile).toBeUndefined();
    const caFile = path.join(workspace.path, 'memory-ca.crt');
    await writeFile(caFile, server.caPem ?? '');
    const trustDir = path.join(workspace.path, 'memory', 'trust');
    const notary = new NotaryCli({ server: server.url, caFile, trustDir });
    await notary.succeed(['init', GUN, '-p']);
    await notary.succeed(['addhash', GUN, 'v1', '1', '--sha256', sha256('a'), '-p']);
    expect(await notary.succeed(['lookup', GUN, 'v1'])).toBe(`v1 sha256:${sha256('a')} 1\n`);
  });
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function versionAt(
  server: string,
  role: string,
  ca: CertificateAuthority,
  gun = GUN,
): Promise<unknown> {
  const answer = await httpGet(`${server}/v2/${gun}/_trust/tuf/${role}.json`, {
    ca: ca.certificate,
  });
  return answer.status === 200
    ? JSON.parse(answer.body.toString('utf8')).signed.version
    : answer.status;
}

function withoutUrl(text: string, url: string): string {
  return text.replaceAll(url, 'URL').replaceAll(new URL(url).host, 'HOST');
}

/** What has to agree: keys, signatures and times cannot, and dates differ in their zone's name by intention. */
function comparable({ status, headers, body }: HttpAnswer): unknown {
  const text = body
    .toString('utf8')
    .replace(/"public":"[A-Za-z0-9+/=]+"/g, '"public":"…"')
    .replace(/"CreatedAt":"[^"]+"/g, '"CreatedAt":"…"')
    .replace(/"SHA256":"[0-9a-f]{64}"/g, '"SHA256":"…"');
  return {
    status,
    type: headers['content-type'],
    caching: headers['cache-control'],
    dated: headers['last-modified'] !== undefined,
    body: text.startsWith('{"signed"') ? JSON.parse(text).signed._type : text,
  };
}
