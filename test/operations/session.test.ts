import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { KeyError, OperationError, UsageError } from '../../src/errors.ts';
import { openSession, type PassphraseQuestion } from '../../src/operations/session.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { it, type Machine, NOBODY, NOW, PASSPHRASES, type Scene } from '../support/trust-scene.ts';

const GUN = 'localhost:5000/team/app';
const IMAGE = `${GUN}:1`;
const BASIC = { status: 401, headers: { 'www-authenticate': 'Basic realm="trust"' } };

/** A server that wants a login, and what was sent to it as one. */
async function guarded(scene: Scene) {
  await (await scene.machine()).signOne(IMAGE);
  const proxy = await scene.proxy();
  const sent: string[] = [];
  proxy.fault(/^/, async ({ headers }, forward) => {
    const given = /^Basic (.*)$/.exec(headers.authorization ?? '')?.[1];
    if (given === undefined) return BASIC;
    sent.push(Buffer.from(given, 'base64').toString('utf8'));
    return await forward();
  });
  return { url: proxy.url, sent };
}

describe.concurrent('a session', () => {
  it('touches nothing before it is used', async ({ scene }) => {
    const session = await openSession({
      env: { DOCKER_CONFIG: join(scene.folder, 'nowhere') },
      home: join(scene.folder, 'nobody'),
      notaryConfig: join(scene.folder, 'absent.json'),
      tlsCa: join(scene.folder, 'absent.pem'),
      now: () => NOW,
      log: () => {},
      progress: () => {},
    });
    expect(session.trustDir.path).toBe(join(scene.folder, 'nowhere', 'trust'));
    await session.close();
    expect(scene.requests()).toEqual([]);
  });

  it('has one time, however long it lasts', async ({ scene }) => {
    let asked = 0;
    const machine = await scene.machine({
      now: () => {
        asked += 1;
        return new Date(NOW.getTime() + asked);
      },
    });
    await machine.run(async session => {
      const first = session.now;
      expect(session.now).toBe(first);
    });
  });

  it('keeps its trust data where docker does, unless told', async ({ scene }) => {
    const machine = await scene.machine();
    const pathOf = (other: Machine) => other.run(async session => session.trustDir.path);
    expect(await pathOf(machine)).toBe(join(machine.home, '.docker', 'trust'));
    const config = join(machine.home, 'config');
    expect(await pathOf(machine.withEnv({ DOCKER_CONFIG: config }))).toBe(join(config, 'trust'));
    expect(await pathOf(machine.with({ trustDir: join(machine.home, 't') }))).toBe(
      join(machine.home, 't'),
    );
  });

  it('tells each step, and no secret', async ({ scene }) => {
    const machine = await scene.machine();
    const progress: string[] = [];
    await machine.login('localhost:5000', 'alice');
    await machine.with({ progress: ({ message }) => progress.push(message) }).signOne(IMAGE);
    expect(progress).toContain(`publishing ${GUN}`);
    const all = `${machine.log.join('\n')}${progress.join('\n')}`;
    for (const secret of [...Object.values(PASSPHRASES), 'secret', 'c2VjcmV0']) {
      expect(all).not.toContain(secret);
    }
  });
});

describe.concurrent('the trust server', () => {
  const serverOf = async (machine: Machine, domain: string) =>
    await machine.run(async session => session.serverOf(domain));

  it('is the registry’s own, docker’s for Hub, or the one that was named', async ({ scene }) => {
    const machine = (await scene.machine()).without('server');
    expect(await serverOf(machine, 'localhost:5000')).toBe('https://localhost:5000');
    expect(await serverOf(machine, 'docker.io')).toBe('https://notary.docker.io');
    const named = machine.withEnv({ DOCKER_CONTENT_TRUST_SERVER: 'https://named:4443/' });
    expect(await serverOf(named, 'docker.io')).toBe('https://named:4443');
    expect(await serverOf(named.with({ server: 'https://flag' }), 'docker.io')).toBe(
      'https://flag',
    );
    const empty = machine.withEnv({ DOCKER_CONTENT_TRUST_SERVER: '' });
    expect(await serverOf(empty, 'localhost:5000')).toBe('https://localhost:5000');
  });

  it('is never spoken to without TLS', async ({ scene }) => {
    const machine = await scene.machine({ server: 'http://localhost:4443' });
    await expectFailure(machine.signOne(IMAGE), UsageError, 'SERVER_URL_INVALID');
    expect((await machine.verify(IMAGE)).error?.code).toBe('SERVER_URL_INVALID');
  });

  it('is trusted by docker’s folder for it, and by no other', async ({ scene }) => {
    await (await scene.machine()).signOne(IMAGE);
    const machine = (await scene.machine()).without('tlsCa');
    expect((await machine.verify(IMAGE)).error?.code).toBe('TLS_UNTRUSTED');
    for (const [host, code] of [
      ['localhost:5000', 'TLS_UNTRUSTED'],
      [new URL(scene.server.url).host, undefined],
    ] as const) {
      await mkdir(join(machine.dockerDir, 'tls', host), { recursive: true });
      await copyFile(scene.caFile, join(machine.dockerDir, 'tls', host, 'ca.crt'));
      expect((await machine.verify(IMAGE)).error?.code).toBe(code);
    }
  });

  it('is trusted by notary’s configuration, for the server that it names alone', async ({
    scene,
  }) => {
    await (await scene.machine()).signOne(IMAGE);
    const machine = (await scene.machine()).without('tlsCa');
    await machine.notaryConfig({
      remote_server: { url: NOBODY, root_ca: scene.caFile },
    });
    expect((await machine.verify(IMAGE)).error?.code).toBe('TLS_UNTRUSTED');
    await machine.notaryConfig({ remote_server: { url: scene.server.url, root_ca: scene.caFile } });
    expect((await machine.verify(IMAGE)).trusted).toBe(true);
  });
});

describe.concurrent('a login', () => {
  it('is that at the image’s registry, though the trust server is elsewhere', async ({ scene }) => {
    const { url, sent } = await guarded(scene);
    const machine = await scene.machine({ server: url });
    await machine.login('localhost:5000', 'alice');
    expect((await machine.verify(IMAGE)).trusted).toBe(true);
    expect(new Set(sent)).toEqual(new Set(['alice:secret']));
  });

  it('for the trust server’s own name is not sent', async ({ scene }) => {
    const { url, sent } = await guarded(scene);
    const machine = await scene.machine({ server: url });
    await machine.login(new URL(url).host, 'alice');
    expect((await machine.verify(IMAGE)).error?.code).toBe('UNAUTHORIZED');
    expect(sent).toEqual([]);
  });

  it('in NOTARY_AUTH comes first, in clear or in Base64', async ({ scene }) => {
    const { url, sent } = await guarded(scene);
    const machine = await scene.machine({ server: url });
    await machine.login('localhost:5000', 'alice');
    for (const text of ['bob:pass:word', Buffer.from('bob:pass:word').toString('base64')]) {
      expect((await machine.withEnv({ NOTARY_AUTH: text }).verify(IMAGE)).trusted).toBe(true);
    }
    expect(new Set(sent)).toEqual(new Set(['bob:pass:word']));
    const broken = await machine.withEnv({ NOTARY_AUTH: '!!' }).verify(IMAGE);
    expect(broken).toMatchObject({ trusted: false, exitCode: 2 });
    expect(JSON.stringify(broken)).not.toContain('!!');
  });

  it('with a helper that is not there is missed only where a login is wanted', async ({
    scene,
  }) => {
    const { url } = await guarded(scene);
    const machine = await scene.machine({ env: { ...PASSPHRASES, PATH: scene.folder } });
    await machine.dockerConfig({ credsStore: 'no-such-helper' });
    expect((await machine.verify(IMAGE)).trusted).toBe(true);
    const asked = machine.with({ server: url });
    const { error, trusted } = await asked.verify(IMAGE);
    expect(trusted).toBe(false);
    expect(error?.code).toBe('CREDENTIAL_HELPER_MISSING');
    expect(error?.message).toContain('docker-credential-no-such-helper');
    await expectFailure(asked.signOne(IMAGE), OperationError, 'CREDENTIAL_HELPER_MISSING');
  });

  it('that cannot be read is no reason to go without', async ({ scene }) => {
    await (await scene.machine()).signOne(IMAGE);
    const machine = await scene.machine();
    await machine.dockerConfig({});
    await writeFile(join(machine.dockerDir, 'config.json'), '{"auths":{"x":{"auth":"TOPSECRET"');
    const result = await machine.verify(IMAGE);
    expect(result).toMatchObject({ trusted: false, error: { code: 'DOCKER_CONFIG_INVALID' } });
    expect(JSON.stringify(result)).not.toContain('TOPSECRET');
    await expectFailure(machine.signOne(IMAGE), OperationError, 'DOCKER_CONFIG_INVALID');
  });
});

describe.concurrent('passphrases', () => {
  it('are asked for at a terminal when the environment has none, once for each key', async ({
    scene,
  }) => {
    const asked: PassphraseQuestion[] = [];
    const machine = await scene.machine({
      env: {},
      askPassphrase: async question => {
        asked.push(question);
        return 'typed at the terminal';
      },
    });
    const report = await machine.signOne(IMAGE);
    expect(report.exitCode).toBe(0);
    const made = asked.length;
    expect(made).toBeGreaterThanOrEqual(2);
    asked.length = 0;
    await machine.signOne([`${GUN}:2`, `${GUN}:3`]);
    expect(asked).toHaveLength(1);
    expect(JSON.stringify(asked[0])).toContain('targets');
  });

  it('are not asked for where there is nobody to ask', async ({ scene }) => {
    const machine = await scene.machine({ env: {} });
    const error = await expectFailure(machine.signOne(IMAGE), KeyError, 'KEY_PASSPHRASE_MISSING');
    expect(error.hint).toContain('DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE');
    expect(await machine.keyRoles()).toEqual([]);
  });
});
