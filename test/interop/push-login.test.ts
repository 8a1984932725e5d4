import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { makeCa } from './support/ca.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { installDockerCa } from './support/docker-trust.ts';
import { type FaultProxy, startFaultProxy } from './support/fault-proxy.ts';
import { type OciLayout, writeOciLayout } from './support/oci-layout.ts';
import { digestsOf, type PushedReport, pullAll } from './support/pushed-image.ts';
import {
  REGISTRY_ACCOUNT,
  type RegistryService,
  startRegistry,
} from './support/registry-service.ts';
import { openScene, type Person, type Scene } from './support/scene.ts';
import { startTokenServer, type TokenServer } from './support/token-server.ts';
import { makeWorkspace } from './support/workspace.ts';

const ALICE = `${REGISTRY_ACCOUNT.username}:${REGISTRY_ACCOUNT.password}`;
const READER = 'reader:pass-of-reader';

describeWithPeers(
  [
    ...(['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'] as const),
    ...(['docker-registry', 'skopeo'] as const),
  ],
  'tabellion push to registries that want a login',
  () => {
    let scene: Scene;
    let tokens: TokenServer;
    let proxy: FaultProxy;
    let guarded: RegistryService;
    let layout: OciLayout;
    let source: string[];

    beforeAll(async () => {
      const { username, password } = REGISTRY_ACCOUNT;
      const workspace = await makeWorkspace();
      tokens = await startTokenServer({
        ca: await makeCa(path.join(workspace.path, 'ca')),
        accounts: new Map([
          [username, { password, actions: ['pull', 'push', '*'] }],
          ['reader', { password: READER.slice('reader:'.length), actions: ['pull'] }],
        ]),
      });
      const auth = tokens.authentication;
      scene = await openScene({ auth });
      const registry = await startRegistry({ auth, relativeUrls: true });
      proxy = await startFaultProxy({ ca: scene.ca, upstream: registry.url });
      guarded = await startRegistry({ auth: 'htpasswd', tls: scene.ca });
      layout = await writeOciLayout(path.join(scene.workspace.path, 'layout'));
      source = ['--from', `oci:${layout.folder}`];
    });

    /** Somebody who is logged in to a registry, and believes its certificate. */
    async function loggedIn(login: string, domain: string): Promise<Person> {
      const person = await scene.person();
      const { dockerConfigDir, caFile } = person.docker.options;
      await installDockerCa({ dockerConfigDir, caFile, server: `https://${domain}` });
      const auths = { [domain]: { auth: Buffer.from(login).toString('base64') } };
      await writeFile(path.join(dockerConfigDir, 'config.json'), JSON.stringify({ auths }));
      return person;
    }

    const push = async ({ tabellion }: Person, ...args: string[]): Promise<PushedReport[]> => {
      const result = await tabellion.run(['push', ...source, ...args, '--json']);
      expect(result.stdout + result.stderr).not.toMatch(/registry-pass|pass-of-reader|Bearer e/);
      return JSON.parse(result.stdout).repositories;
    };
    const scopesSince = (start: number): string[] =>
      tokens.requests
        .slice(start)
        .map(({ parameters }) => parameters.getAll('scope').join(' '))
        .filter(scope => !scope.includes(proxy.host));

    test('tokens are asked for just what is done, and used for all of it', async () => {
      const alice = await loggedIn(ALICE, proxy.host);
      const start = tokens.requests.length;
      const [one, two] = [`${proxy.host}/team/one`, `${proxy.host}/team/two`];
      const reports = await push(alice, `${one}:1`, `${two}:1`);
      expect(reports).toMatchObject([
        { signer: 'alice', tags: [{ registry: 'set' }], upload: { blobs: { sent: 3 } } },
        { signer: 'alice', tags: [{ registry: 'set' }], upload: { blobs: { mounted: 3 } } },
      ]);
      expect(scopesSince(start).sort()).toEqual([
        'repository:team/one:pull,push',
        'repository:team/two:pull,push',
        'repository:team/two:pull,push repository:team/one:pull',
      ]);
      const pulled = await pullAll(`${two}:1`, '--src-creds', ALICE);
      expect(pulled).toEqual(await digestsOf(layout.folder));
      const [inspected] = await alice.docker.inspect(two);
      expect(inspected?.SignedTags).toMatchObject([
        { SignedTag: '1', Digest: layout.index.digest.slice('sha256:'.length), Signers: ['alice'] },
      ]);
    });

    test('a token that has run out on the way is renewed, once', async () => {
      const alice = await loggedIn(ALICE, proxy.host);
      const { realm, service } = tokens.authentication;
      const challenge = `Bearer realm="${realm}",service="${service}",error="invalid_token"`;
      const refusal = { status: 401, headers: { 'www-authenticate': challenge } };
      const start = tokens.requests.length;
      proxy.fault(/^PUT .*late\/app\/manifests/, refusal, { times: 1 });
      const [report] = await push(alice, `${proxy.host}/late/app:1`);
      expect(report).toMatchObject({ tags: [{ status: 'signed', registry: 'set' }] });
      const writing = scopesSince(start).filter(scope => scope.includes('push'));
      expect(writing).toEqual(Array(2).fill('repository:late/app:pull,push'));

      const remove = proxy.fault(/^PUT .*never\/app\/manifests/, refusal);
      const [failed] = await push(alice, `${proxy.host}/never/app:1`);
      remove();
      expect(failed).toMatchObject({ exitCode: 5, tags: [], error: { code: 'UNAUTHORIZED' } });
      const tries = proxy.log().filter(line => /^PUT .*never\/app\/manifests/.test(line));
      expect(tries).toHaveLength(2);
    });

    test('who may only pull is told so, and nothing is signed', async () => {
      const reader = await loggedIn(READER, proxy.host);
      const image = `${proxy.host}/denied/app:1`;
      const args = ['push', ...source, '--signer', 'bob', image, '--json'];
      const { code, stdout } = await reader.tabellion.run(args);
      expect(code).toBe(5);
      expect(JSON.parse(stdout).error).toMatchObject({
        code: 'UNAUTHORIZED',
        details: { reason: 'scope-insufficient', username: 'reader' },
      });
      // The trust server said so before anything was made or sent.
      const sent = proxy
        .log()
        .filter(line => line.includes('denied/app') && !/^(?:GET|HEAD) /.test(line));
      expect(sent).toEqual([]);
    });

    test('with a password, over TLS with an authority of its own', async () => {
      const alice = await loggedIn(ALICE, guarded.domain);
      const image = `${guarded.domain}/guarded/app:1`;
      const [report] = await push(alice, image);
      expect(report).toMatchObject({ tags: [{ registry: 'set', digest: layout.index.digest }] });
      expect(await pullAll(image, '--src-creds', ALICE)).toEqual(await digestsOf(layout.folder));
      const wrong = await loggedIn('alice:wrong', guarded.domain);
      const result = await wrong.tabellion.run(['push', ...source, image]);
      expect(result).toMatchObject({ code: 5, stdout: '' });
      expect(result.stderr).toMatch(/^tabellion: .*\n {2}hint: /);
    });
  },
);
