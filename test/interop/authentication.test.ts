import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { OperationError } from '../../src/errors.ts';
import { sign } from '../../src/operations/sign.ts';
import { type HelperAnswer, writeCredentialHelper } from '../support/credential-helper.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { makeCa } from './support/ca.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { writeOciLayout } from './support/oci-layout.ts';
import { inSession } from './support/open-session.ts';
import { type RegistryService, startRegistry } from './support/registry-service.ts';
import type { RunResult } from './support/run-program.ts';
import { openScene, type Person, type Scene } from './support/scene.ts';
import { type PushedImage, pushImage } from './support/skopeo.ts';
import { startTokenServer, type TokenServer } from './support/token-server.ts';
import { makeWorkspace } from './support/workspace.ts';

const ALICE = 'alice:pass:of alice';
const READER = 'reader:pass-of-reader';

describeWithPeers(
  ['notary-server', 'notary-signer', 'docker', 'docker-registry', 'skopeo', 'openssl'],
  'a registry and a trust server behind one token server',
  () => {
    let scene: Scene;
    let tokens: TokenServer;
    let registry: RegistryService;
    let pushed: PushedImage;
    let gun: string;
    let helpers: string;

    beforeAll(async () => {
      const workspace = await makeWorkspace();
      tokens = await startTokenServer({
        ca: await makeCa(path.join(workspace.path, 'ca')),
        accounts: new Map([
          ['alice', { password: ALICE.slice('alice:'.length), actions: ['pull', 'push', '*'] }],
          ['reader', { password: READER.slice('reader:'.length), actions: ['pull'] }],
        ]),
      });
      const auth = tokens.authentication;
      scene = await openScene({ auth });
      registry = await startRegistry({ auth });
      const layout = await writeOciLayout(path.join(workspace.path, 'layout'), {
        reference: '1.0',
      });
      pushed = await pushImage({
        registry,
        source: `oci:${layout.folder}:1.0`,
        path: 'team/app',
        tag: '1.0',
        credentials: ALICE,
      });
      gun = pushed.repository;
      helpers = path.join(workspace.path, 'helpers');
      await (await loggedIn(ALICE)).tabellion.succeed(['sign', pushed.image]);
    });

    afterEach(() => tokens.tokensEndAfter(undefined));

    async function configured(config: object): Promise<Person> {
      const person = await scene.person();
      const file = path.join(person.tabellion.options.dockerConfigDir, 'config.json');
      await writeFile(file, JSON.stringify(config));
      return person;
    }

    /** Somebody whose login is in the file, as `docker login` leaves it. */
    const loggedIn = async (login: string): Promise<Person> =>
      await configured({
        auths: { [registry.domain]: { auth: Buffer.from(login).toString('base64') } },
      });

    /** Somebody whose login a helper has. */
    const helped = async (name: string, answer?: HelperAnswer): Promise<Person> => {
      const answers = answer === undefined ? {} : { [registry.domain]: answer };
      await writeCredentialHelper(path.join(helpers, name), name, answers);
      const person = await configured({ credsStore: name, auths: { [registry.domain]: {} } });
      const env = { PATH: `${path.join(helpers, name)}${path.delimiter}${process.env.PATH}` };
      return {
        ...person,
        docker: person.docker.with({ env }),
        tabellion: person.tabellion.with({ env }),
      };
    };

    /** The failure of a command, which shows no secret. */
    const failureOf = async (work: Promise<RunResult>) => {
      const { code, stdout, stderr } = await work;
      expect(stdout + stderr).not.toMatch(/pass.of|of alice|wrong-password|Bearer e/);
      const document = JSON.parse(stdout);
      const [first] = Array.isArray(document)
        ? document.map(({ tabellion }) => tabellion)
        : (document.images ?? document.repositories ?? []);
      const error = document.error ?? first?.error;
      return { code, error };
    };

    const scopes = (): string[] =>
      tokens.requests.flatMap(({ parameters }) => parameters.getAll('scope'));

    test('the login of the registry serves for both, with the rights that each step needs', async () => {
      const alice = await loggedIn(ALICE);
      const before = tokens.requests.length;
      const report = await alice.tabellion.json(['verify', pushed.image]);
      expect(report).toMatchObject({
        images: [{ trusted: true, digest: pushed.digest, registry: { status: 'matches' } }],
      });
      const asked = tokens.requests.slice(before);
      expect(asked.map(({ parameters }) => parameters.get('scope')).sort()).toEqual([
        `repository:${gun}:pull`,
        'repository:team/app:pull',
      ]);
      expect(new Set(asked.map(({ account }) => account))).toEqual(new Set(['alice']));
      expect(scopes()).toContain(`repository:${gun}:push,pull`);
    });

    test('what was signed so is read by docker trust, with the same login', async () => {
      const reader = await loggedIn(READER);
      const [seen] = await reader.docker.inspect(gun);
      expect(seen?.SignedTags).toMatchObject([
        { SignedTag: '1.0', Digest: pushed.digest.slice('sha256:'.length) },
      ]);
      const ours = await reader.tabellion.json(['inspect', gun]);
      expect(ours).toMatchObject([
        { tabellion: { signedTags: [{ tag: '1.0', digest: pushed.digest }] } },
      ]);
    });

    test('an identity token is exchanged by POST', async () => {
      const identitytoken = tokens.refreshToken('alice');
      const auth = Buffer.from('alice:').toString('base64');
      const alice = await configured({ auths: { [registry.domain]: { auth, identitytoken } } });
      const before = tokens.requests.length;
      await alice.tabellion.succeed(['verify', pushed.image]);
      const methods = tokens.requests.slice(before).map(({ method }) => method);
      expect(new Set(methods)).toEqual(new Set(['POST']));
      const stale = await configured({
        auths: { [registry.domain]: { auth, identitytoken: 'wrong-password' } },
      });
      const refused = await failureOf(stale.tabellion.run(['verify', pushed.image, '--json']));
      expect(refused.error).toMatchObject({
        code: 'UNAUTHORIZED',
        details: { reason: 'login-refused' },
      });
      expect(refused.error.hint).toContain('expired');
    });

    test('a wrong password and a missing login are told apart', async () => {
      const cases = [
        [await loggedIn('alice:wrong-password'), 'login-refused'],
        [await scene.person(), 'login-missing'],
      ] as const;
      for (const [{ tabellion }, reason] of cases) {
        const { code, error } = await failureOf(tabellion.run(['verify', pushed.image, '--json']));
        expect(code).toBe(5);
        expect(error).toMatchObject({ code: 'UNAUTHORIZED', details: { reason } });
        expect(error.hint).toContain(`docker login ${registry.domain}`);
      }
    });

    test('a right to push that is missing is named, with the user and where the login is from', async () => {
      const reader = await loggedIn(READER);
      const other = `${registry.domain}/team/other:1`;
      const digest = ['--digest', pushed.digest, '--size', String(pushed.size)];
      const args = ['sign', other, ...digest, '--signer', 'bob', '--json'];
      const { code, error } = await failureOf(reader.tabellion.run(args));
      expect(code).toBe(5);
      expect(error).toMatchObject({
        code: 'UNAUTHORIZED',
        details: { reason: 'scope-insufficient', username: 'reader' },
      });
      expect(error.message).toContain('“reader” from ');
      expect(error.message).toContain('config.json');
    });

    test('tokens that have run out already are no wrong password', async () => {
      // The servers allow for clocks that are a minute off.
      tokens.tokensEndAfter(-300);
      const alice = await loggedIn(ALICE);
      const { code, error } = await failureOf(alice.tabellion.run(['inspect', gun, '--json']));
      expect(code).toBe(5);
      expect(error).toMatchObject({ code: 'UNAUTHORIZED', details: { reason: 'token-invalid' } });
      expect(error.hint).toContain('clock');
    });

    test('--username takes the password from standard input', async () => {
      const { tabellion } = await scene.person();
      const args = ['verify', pushed.image, '--username', 'reader', '--password-stdin', '--json'];
      const right = await tabellion.run(args, { stdin: `${READER.slice('reader:'.length)}\n` });
      expect(right).toMatchObject({ code: 0 });
      const { code, error } = await failureOf(tabellion.run(args, { stdin: 'wrong-password' }));
      expect(code).toBe(5);
      expect(error.details).toMatchObject({ username: 'reader', source: '--username' });
    });

    test('variables hold logins too', async () => {
      const { tabellion } = await scene.person();
      const auths = { [registry.domain]: { auth: Buffer.from(READER).toString('base64') } };
      const both = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) };
      await tabellion.succeed(['verify', pushed.image], { env: both });
      // Good for the trust server alone.
      await tabellion.succeed(['inspect', gun], { env: { NOTARY_AUTH: READER } });
    });

    test('a helper is asked as docker asks it', async () => {
      const [username = '', ...rest] = ALICE.split(':');
      const alice = await helped('right', { username, secret: rest.join(':') });
      await alice.tabellion.succeed(['verify', pushed.image]);
      expect(await alice.docker.inspect(gun)).toHaveLength(1);
      const token = await helped('token', {
        username: '<token>',
        secret: tokens.refreshToken('reader'),
      });
      await token.tabellion.succeed(['verify', pushed.image]);
      expect(await token.docker.inspect(gun)).toHaveLength(1);
    });

    test('a helper without the login, one that fails and one that is missing are named', async () => {
      const nothing = await failureOf(
        (await helped('nothing')).tabellion.run(['inspect', gun, '--json']),
      );
      expect(nothing.error).toMatchObject({ details: { reason: 'login-missing' } });
      expect(nothing.error.hint).toContain('docker-credential-nothing has no login');

      const failing = await helped('failing', { exitCode: 7, stdout: 'the store is locked\n' });
      const failed = await failureOf(failing.tabellion.run(['inspect', gun, '--json']));
      expect(failed.error.code).toBe('CREDENTIAL_HELPER_FAILED');
      expect(failed.error.message).toMatch(
        /docker-credential-failing failed with exit code 7: the store is locked/,
      );

      const missing = await configured({ credHelpers: { [registry.domain]: 'nowhere' } });
      const gone = await failureOf(missing.tabellion.run(['inspect', gun, '--json']));
      expect(gone.error.code).toBe('CREDENTIAL_HELPER_MISSING');
      expect(gone.error.message).toContain('docker-credential-nowhere');
    });

    test('a helper that never answers ends the wait, not the program', async () => {
      const slow = await helped('slow', 'waits');
      const work = inSession(
        slow,
        session => sign(session, { images: [pushed.image], dryRun: true }),
        { credentialHelperTimeoutMs: 200 },
      );
      await expectFailure(work, OperationError, 'CREDENTIAL_HELPER_SLOW');
    });

    test('a redirect to another host carries no login', async () => {
      const authorizations: (string | undefined)[] = [];
      const storage = await listen((request, response) => {
        authorizations.push(request.headers.authorization);
        response.writeHead(request.headers.authorization === undefined ? 200 : 400, {
          'content-type': pushed.mediaType,
        });
        response.end(pushed.manifest);
      });
      const passed: (string | undefined)[] = [];
      const { realm, service } = tokens.authentication;
      const front = await listen((request, response) => {
        passed.push(request.headers.authorization);
        if (request.headers.authorization === undefined) {
          const challenge = `Bearer realm="${realm}",service="${service}"`;
          response.writeHead(401, { 'www-authenticate': challenge }).end();
        } else response.writeHead(307, { location: `${storage.url}/blob?signature=x` }).end();
      });
      const auth = Buffer.from(ALICE).toString('base64');
      const alice = await configured({ auths: { [front.domain]: { auth } } });
      const image = `${front.domain}/team/app:1.0`;
      const report = await alice.tabellion.json(['sign', image, '--signer', 'alice']);
      expect(JSON.stringify(report)).toContain(pushed.digest);
      expect(passed.some(value => value?.startsWith('Bearer '))).toBe(true);
      expect(authorizations.length).toBeGreaterThan(0);
      expect(new Set(authorizations)).toEqual(new Set([undefined]));
      await Promise.all([front.stop(), storage.stop()]);
    });

    test('a token server that is down ends the command, though trust data is cached', async () => {
      const alice = await loggedIn(ALICE);
      await alice.tabellion.succeed(['verify', pushed.image]);
      await tokens.stop();
      const { code, error } = await failureOf(
        alice.tabellion.run(['verify', pushed.image, '--json']),
      );
      expect(code).toBe(5);
      expect(error.code).toBe('TOKEN_SERVER_UNREACHABLE');
      expect(error.message).toContain(new URL(tokens.authentication.realm).host);
    });
  },
);

describeWithPeers(
  ['docker-registry', 'skopeo', 'openssl', 'notary-server', 'notary-signer'],
  'a token server of other kinds',
  () => {
    test.each([{ tls: true, algorithm: 'ES256' as const }, { identityTokens: false }])(
      'with %o',
      async options => {
        const workspace = await makeWorkspace();
        const ca = await makeCa(path.join(workspace.path, 'ca'));
        const tokens = await startTokenServer({
          ca,
          accounts: new Map([
            ['alice', { password: 'secret-of-alice', actions: ['pull', 'push'] }],
          ]),
          ...options,
        });
        const scene = await openScene({ auth: tokens.authentication });
        const { tabellion } = await scene.person();
        const directory = tabellion.options.dockerConfigDir;
        const auth = Buffer.from('alice:secret-of-alice').toString('base64');
        const entry = options.identityTokens === false ? { auth, identitytoken: 'x' } : { auth };
        const login = { auths: { 'localhost:5000': entry } };
        await writeFile(path.join(directory, 'config.json'), JSON.stringify(login));
        const args = ['sign', 'localhost:5000/team/app:1', '--signer', 'alice'];
        args.push('--digest', `sha256:${'ab'.repeat(32)}`, '--size', '7', '--json');
        if (options.tls) {
          // Its authority is another one than the trust server's.
          const refused = await tabellion.run(args);
          expect(refused.code).toBe(5);
          expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code: 'TLS_UNTRUSTED' } });
          const folder = path.join(directory, 'tls', new URL(tokens.authentication.realm).host);
          await mkdir(folder, { recursive: true });
          await writeFile(path.join(folder, 'ca.crt'), ca.certificate);
        }
        await tabellion.succeed(args);
        const methods = tokens.requests.map(({ method }) => method);
        expect(methods.includes('POST')).toBe(options.identityTokens === false);
        expect(methods).toContain('GET');
      },
    );
  },
);

async function listen(listener: RequestListener) {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    domain: `localhost:${port}`,
    url: `http://localhost:${port}`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
