import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OperationError } from '../../src/errors.ts';
import {
  credentialsFor,
  type DockerConfig,
  defaultDockerConfigDir,
  loadDockerConfig,
} from '../../src/registry/docker-config.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-docker-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function load(content: unknown): Promise<DockerConfig> {
  const text = typeof content === 'string' ? content : JSON.stringify(content, null, '\t');
  await writeFile(join(folder, 'config.json'), text);
  return loadDockerConfig(folder);
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const basic = (username: string, password: string, server: string) => ({
  kind: 'basic',
  server,
  username,
  password,
});

describe('loadDockerConfig', () => {
  it('takes a file or folder that is not there for no logins', async () => {
    for (const directory of [folder, join(folder, 'no', 'such')]) {
      const config = await loadDockerConfig(directory);
      expect(config.path).toBe(join(directory, 'config.json'));
      expect(credentialsFor(config, 'docker.io')).toEqual({ kind: 'none' });
    }
  });

  it('never writes', async () => {
    const text = '{ "unknown" : {}, "auths":{} }';
    await load(text);
    expect(await readdir(folder)).toEqual(['config.json']);
    expect(await readFile(join(folder, 'config.json'), 'utf8')).toBe(text);
  });

  it.each([
    ['nothing', ''],
    ['no JSON', '{"auths": {"h": {"auth": "c2VjcmV0"},}}'],
    ['JSON cut short', '{"auths": {"h": {"password": "s3cret'],
    ['a byte order mark', '\ufeff{}'],
    ['an array', '[]'],
    ['null', 'null'],
    ['auths of another kind', '{"auths": []}'],
    ['an entry of another kind', '{"auths": {"h": "s3cret"}}'],
    ['a password of another kind', '{"auths": {"h": {"password": ["s3cret"]}}}'],
    ['Base64 without padding', '{"auths": {"h": {"auth": "YTpzM2NyZXQ"}}}'],
    ['no Base64', '{"auths": {"h": {"auth": "a:s3cret"}}}'],
    ['Base64 of another alphabet', '{"auths": {"h": {"auth": "YTo_-w=="}}}'],
    ['auth without a colon', `{"auths": {"h": {"auth": "${base64('s3cret')}"}}}`],
    ['auth without a user', `{"auths": {"h": {"auth": "${base64(':s3cret')}"}}}`],
    ['a helper of another kind', '{"credsStore": {}}'],
    ['a helper that is a path', '{"credsStore": "../../s3cret"}'],
    ['a helper that is an option', '{"credHelpers": {"h": "-x"}}'],
  ])('stops at %s, and keeps the content to itself', async (_what, text) => {
    const error: unknown = await load(text).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(OperationError);
    const { code, message, cause } = error as OperationError;
    expect(code).toBe('DOCKER_CONFIG_INVALID');
    expect(message).toContain(join(folder, 'config.json'));
    expect(message).not.toMatch(/s3cret|c2VjcmV0|YTpzM2NyZXQ/);
    expect(cause).toBeUndefined();
  });

  it('says where the JSON ends to be JSON', async () => {
    await expect(load('{\n  "auths": {},\n}')).rejects.toHaveProperty(
      'message',
      expect.stringMatching(/line 3, column 1/),
    );
  });

  it('stops at a file that cannot be read', async () => {
    await mkdir(join(folder, 'config.json'));
    await expect(loadDockerConfig(folder)).rejects.toMatchObject({ code: 'DOCKER_CONFIG_INVALID' });
    await rm(join(folder, 'config.json'), { recursive: true });
    await writeFile(join(folder, 'config.json'), Buffer.from([0x7b, 0xff, 0x7d]));
    await expect(loadDockerConfig(folder)).rejects.toMatchObject({ code: 'DOCKER_CONFIG_INVALID' });
  });

  it('does not trip over any JSON', async () => {
    const keys = fc.constantFrom(
      'auths',
      'auth',
      'credsStore',
      'credHelpers',
      'username',
      '__proto__',
      'h',
    );
    const json = fc.letrec(tie => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, true, 1, '', 'YTpi', 'a'),
        fc.array(tie('value'), { maxLength: 2 }),
        fc.dictionary(keys, tie('value'), { maxKeys: 4 }),
      ),
    })).value;
    await fc.assert(
      fc.asyncProperty(json, async content => {
        const config = await load(content).catch((error: unknown) => error);
        if (config instanceof OperationError) return;
        expect(['none', 'basic', 'helper']).toContain(
          credentialsFor(config as DockerConfig, 'h').kind,
        );
      }),
      { numRuns: 200 },
    );
  });
});

describe('credentialsFor', () => {
  it('reads user and password, from auth before those in clear', async () => {
    const config = await load({
      auths: {
        'h:1': { auth: base64('alice:pass:word') },
        'h:2': { username: 'bob', password: 'clear' },
        'h:3': { auth: base64('alice:coded'), username: 'bob', password: 'clear' },
        'h:4': { auth: base64('alice:nul\0\0') },
        'h:5': {},
        'h:6': null,
        'h:7': { auth: base64('alice:') },
        'h:8': {
          auth: `${base64('alice:wrapped').slice(0, 8)}\n${base64('alice:wrapped').slice(8)}`,
        },
        'h:9': { auth: base64('älice:pässwörd') },
      },
    });
    expect(credentialsFor(config, 'h:1')).toEqual(basic('alice', 'pass:word', 'h:1'));
    expect(credentialsFor(config, 'h:2')).toEqual(basic('bob', 'clear', 'h:2'));
    expect(credentialsFor(config, 'h:3')).toEqual(basic('alice', 'coded', 'h:3'));
    expect(credentialsFor(config, 'h:4')).toEqual(basic('alice', 'nul', 'h:4'));
    for (const domain of ['h:5', 'h:6', 'h:7', 'h']) {
      expect(credentialsFor(config, domain)).toEqual({ kind: 'none' });
    }
    expect(credentialsFor(config, 'h:8')).toEqual(basic('alice', 'wrapped', 'h:8'));
    expect(credentialsFor(config, 'h:9')).toEqual(basic('älice', 'pässwörd', 'h:9'));
  });

  it('keeps tokens apart', async () => {
    const config = await load({
      auths: {
        'h:1': { auth: base64('alice:'), identitytoken: 'refresh' },
        'h:2': { registrytoken: 'bearer', auth: base64('a:b') },
        'h:3': { identitytoken: 'refresh' },
      },
    });
    expect(credentialsFor(config, 'h:1')).toEqual({
      kind: 'identity-token',
      server: 'h:1',
      username: 'alice',
      token: 'refresh',
    });
    expect(credentialsFor(config, 'h:2')).toEqual({
      kind: 'registry-token',
      server: 'h:2',
      username: 'a',
      token: 'bearer',
    });
    expect(credentialsFor(config, 'h:3')).toEqual({
      kind: 'identity-token',
      server: 'h:3',
      token: 'refresh',
    });
  });

  it.each(['https://h:5000', 'https://h:5000/v1/', 'http://h:5000/v2/', 'h:5000/foo', 'h:5000'])(
    'finds h:5000 under %s, and nothing like it',
    async key => {
      const config = await load({ auths: { [key]: { auth: base64('u:p') } } });
      expect(credentialsFor(config, 'h:5000')).toEqual(basic('u', 'p', key));
      for (const domain of ['h', 'h:4443', 'a.h:5000', 'H:5000', 'docker.io']) {
        expect(credentialsFor(config, domain)).toEqual({ kind: 'none' });
      }
    },
  );

  it('takes the exact key first, then the first with the same host', async () => {
    const auths = {
      'https://h': { auth: base64('first:p') },
      'http://h/v1/': { auth: base64('second:p') },
    };
    expect(credentialsFor(await load({ auths }), 'h')).toMatchObject({ username: 'first' });
    const exact = await load({ auths: { ...auths, h: { auth: base64('exact:p') } } });
    expect(credentialsFor(exact, 'h')).toMatchObject({ username: 'exact' });
  });

  it('finds Docker Hub under its one name', async () => {
    const hub = 'https://index.docker.io/v1/';
    const config = await load({ auths: { [hub]: { auth: base64('u:p') } } });
    expect(credentialsFor(config, 'docker.io')).toEqual(basic('u', 'p', hub));
    const other = await load({ auths: { 'docker.io': { auth: base64('u:p') } } });
    expect(credentialsFor(other, 'docker.io')).toEqual({ kind: 'none' });
  });

  it('names the helper that has the credentials, the one of the server first', async () => {
    const config = await load({
      auths: { h: { auth: base64('u:p') }, 'other.io': {} },
      credsStore: 'desktop',
      credHelpers: {
        'other.io': 'ecr-login',
        'https://index.docker.io/v1/': 'pass',
        'none.io': '',
      },
    });
    expect(credentialsFor(config, 'h')).toEqual({ kind: 'helper', server: 'h', helper: 'desktop' });
    expect(credentialsFor(config, 'other.io')).toMatchObject({ helper: 'ecr-login' });
    expect(credentialsFor(config, 'none.io')).toMatchObject({ helper: 'desktop' });
    expect(credentialsFor(config, 'docker.io')).toEqual({
      kind: 'helper',
      server: 'https://index.docker.io/v1/',
      helper: 'pass',
    });
  });

  it('is not led astray by names that objects have anyway', async () => {
    const config = await load('{"auths": {"__proto__": {"auth": "dTpw"}}, "credHelpers": {}}');
    expect(credentialsFor(config, 'constructor')).toEqual({ kind: 'none' });
    expect(credentialsFor(config, '__proto__')).toMatchObject({ username: 'u' });
  });

  it('finds members in any case, as Docker does', async () => {
    const config = await load({ Auths: { h: { AUTH: base64('u:p') } }, credsstore: '' });
    expect(credentialsFor(config, 'h')).toMatchObject({ username: 'u' });
  });
});

describe('defaultDockerConfigDir', () => {
  it('is the one of the environment, else in the home folder', () => {
    expect(defaultDockerConfigDir({ DOCKER_CONFIG: '/x/y' }, '/home/u')).toBe('/x/y');
    expect(defaultDockerConfigDir({ DOCKER_CONFIG: '' }, '/home/u')).toBe(
      join('/home/u', '.docker'),
    );
    expect(defaultDockerConfigDir({}, '/home/u')).toBe(join('/home/u', '.docker'));
  });
});
