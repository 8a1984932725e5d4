import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OperationError, UsageError } from '../../src/errors.ts';
import { type LoginOptions, Logins } from '../../src/operations/login.ts';
import type { DockerConfig, StoredLogin } from '../../src/registry/docker-config.ts';
import { writeCredentialHelper } from '../support/credential-helper.ts';
import { expectFailure } from '../support/expect-failure.ts';

const HUB = 'https://index.docker.io/v1/';
const PATH = '/home/alice/.docker/config.json';
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-login-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const base64 = (text: string) => Buffer.from(text).toString('base64');

function logins(
  config: Partial<Omit<DockerConfig, 'auths'>> & { auths?: Record<string, StoredLogin> },
  options: Partial<LoginOptions> = {},
): Logins {
  const { auths = {}, ...rest } = config;
  const docker = {
    path: PATH,
    credHelpers: new Map<string, string>(),
    ...rest,
    auths: new Map(Object.entries(auths)),
  };
  return new Logins(
    { platform: 'linux', log: () => {}, ...options, env: { PATH: folder, ...options.env } },
    async () => docker,
  );
}
const atServer = async (found: Logins, domain: string) => (await found.atTrustServer(domain))();
const atRegistry = async (found: Logins, domain: string) => (await found.atRegistry(domain))();

const alice: StoredLogin = { username: 'alice', password: 'secret' };
const ofAlice = { kind: 'basic', username: 'alice', password: 'secret', source: PATH };

describe('the login at a registry and its trust server', () => {
  it('is the one in Docker’s file', async () => {
    const found = logins({ auths: { 'r.example:5000': alice, [HUB]: alice } });
    for (const at of [atServer, atRegistry]) {
      expect(await at(found, 'r.example:5000')).toEqual(ofAlice);
      expect(await at(found, 'docker.io')).toEqual(ofAlice);
      expect(await at(found, 'r.example')).toEqual({ kind: 'none' });
    }
    expect(await found.userName('docker.io')).toBe('alice');
  });

  it('is an identity token; a token for the registry alone is no login at the trust server', async () => {
    const found = logins({
      auths: {
        'a.example': { username: 'alice', identityToken: 'refresh' },
        'b.example': { ...alice, registryToken: 'bearer' },
      },
    });
    const identity = { kind: 'identity-token', username: 'alice', token: 'refresh', source: PATH };
    expect(await atServer(found, 'a.example')).toEqual(identity);
    expect(await atRegistry(found, 'b.example')).toMatchObject({ kind: 'registry-token' });
    expect(await atServer(found, 'b.example')).toMatchObject({ kind: 'none', note: /./ });
  });

  it('in DOCKER_AUTH_CONFIG comes before the file, for the servers in it', async () => {
    const auths = { 'r.example': { auth: base64('bob:pass:word') } };
    const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) };
    const found = logins({ auths: { 'r.example': alice, 'other.example': alice } }, { env });
    expect(await atServer(found, 'r.example')).toEqual({
      kind: 'basic',
      username: 'bob',
      password: 'pass:word',
      source: 'DOCKER_AUTH_CONFIG',
    });
    expect(await atServer(found, 'other.example')).toEqual(ofAlice);
  });

  it.each([
    '{"auths":{"h":{"auth":"aHVudGVyMjo',
    '{"auths":{"h":{"auth":"hunter2"}}}',
    '{"auths":{"h":{}}}',
    `{"auths":{"h":{"auth":"${base64('hunter2:')}"}}}`,
    '{"auths":{},"credsStore":"hunter2"}',
    '[]',
  ])('is not left out because DOCKER_AUTH_CONFIG is %s', async text => {
    const found = logins({ auths: { h: alice } }, { env: { DOCKER_AUTH_CONFIG: text } });
    const error = await expectFailure(
      found.atRegistry('h'),
      OperationError,
      'DOCKER_CONFIG_INVALID',
    );
    expect(error.message).toContain('The variable DOCKER_AUTH_CONFIG');
    expect(JSON.stringify([error.message, error.hint])).not.toContain('hunter2');
  });

  it('in NOTARY_AUTH is for the trust server alone', async () => {
    const env = { NOTARY_AUTH: 'iamapikey:key' };
    const found = logins({ auths: { 'de.icr.io': alice } }, { env });
    expect(await atServer(found, 'de.icr.io')).toMatchObject({
      username: 'iamapikey',
      password: 'key',
      source: 'NOTARY_AUTH',
    });
    expect(await atRegistry(found, 'de.icr.io')).toEqual(ofAlice);
    expect(await found.userName('de.icr.io')).toBe('alice');
  });

  it('that was given comes before all others, and its password is asked for once', async () => {
    let asked = 0;
    const login = {
      username: 'carol',
      source: '--username',
      password: async () => {
        asked += 1;
        return 'typed';
      },
    };
    const env = { NOTARY_AUTH: 'bob:x', DOCKER_AUTH_CONFIG: 'broken' };
    const found = logins({ auths: { 'r.example': alice } }, { env, login });
    const sources = [await found.atRegistry('r.example'), await found.atTrustServer('r.example')];
    expect(asked).toBe(0);
    for (const source of sources) {
      expect(await source()).toMatchObject({ username: 'carol', password: 'typed' });
    }
    expect(asked).toBe(1);
    expect(await found.userName('r.example')).toBe('carol');
    const error = await expectFailure(
      found.atRegistry('other.example'),
      UsageError,
      'LOGIN_AMBIGUOUS',
    );
    expect(error.message).toContain('r.example and other.example');
  });
});

describe.skipIf(process.platform === 'win32')('the login that a helper keeps', () => {
  it('is asked for once, when it is needed', async () => {
    await writeCredentialHelper(folder, 'desktop', {
      'r.example': { username: 'alice', secret: 'secret' },
      [HUB]: { username: '<token>', secret: 'refresh' },
    });
    const found = logins({ credsStore: 'desktop', auths: { 'none.example': alice } });
    const source = await found.atTrustServer('r.example');
    await expect(readFile(join(folder, 'asked'))).rejects.toThrow('ENOENT');
    const place = 'docker-credential-desktop';
    expect(await source()).toEqual({ ...ofAlice, source: place });
    expect(await atRegistry(found, 'r.example')).toEqual({ ...ofAlice, source: place });
    expect(await found.userName('r.example')).toBe('alice');
    expect((await readFile(join(folder, 'asked'), 'utf8')).trim().split('\n')).toHaveLength(1);
    expect(await atServer(found, 'docker.io')).toEqual({
      kind: 'identity-token',
      token: 'refresh',
      source: place,
    });
    expect(await found.userName('docker.io')).toBeUndefined();
    // Not even though the file has one.
    expect(await atServer(found, 'none.example')).toEqual({
      kind: 'none',
      note: 'docker-credential-desktop has no login for none.example.',
    });
  });

  it('is with the server’s own helper before the common one', async () => {
    await writeCredentialHelper(folder, 'own', { h: { username: 'own', secret: 's' } });
    const credHelpers = new Map([['h', 'own']]);
    const found = logins({ credsStore: 'missing', credHelpers });
    expect(await atRegistry(found, 'h')).toMatchObject({ username: 'own' });
    const other = await found.atRegistry('other');
    await expectFailure(other(), OperationError, 'CREDENTIAL_HELPER_MISSING');
  });

  it('is waited for only so long', async () => {
    await writeCredentialHelper(folder, 'slow', { h: 'waits' });
    const found = logins({ credsStore: 'slow' }, { credentialHelperTimeoutMs: 50 });
    await expectFailure(atRegistry(found, 'h'), OperationError, 'CREDENTIAL_HELPER_SLOW');
    await expectFailure(found.userName('h'), OperationError, 'CREDENTIAL_HELPER_SLOW');
  });

  it('is looked for in the platform’s own where nothing is configured, and may fail there', async () => {
    await writeCredentialHelper(folder, 'secretservice', {
      a: { username: 'alice', secret: 's' },
      b: { exitCode: 1, stdout: 'Cannot autolaunch D-Bus' },
    });
    const found = logins({});
    expect(await atRegistry(found, 'a')).toMatchObject({ username: 'alice' });
    expect(await atRegistry(found, 'b')).toMatchObject({
      kind: 'none',
      note: expect.stringContaining('Cannot autolaunch D-Bus'),
    });
    const configured = logins({ auths: { other: alice } });
    expect(await atRegistry(configured, 'a')).toEqual({ kind: 'none' });
  });
});

it('none of Docker’s counts where its configuration does not', async () => {
  const env = { DOCKER_AUTH_CONFIG: 'broken', NOTARY_AUTH: '' };
  const found = new Logins({ env, log: () => {} }, undefined);
  expect(await atServer(found, 'r.example')).toEqual({ kind: 'none' });
  const asking = new Logins(
    { env, log: () => {}, askCredentials: async () => ({ username: 'u', password: 'p' }) },
    undefined,
  );
  expect(await atServer(asking, 'r.example')).toMatchObject({ kind: 'basic', username: 'u' });
});
