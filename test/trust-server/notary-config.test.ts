import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TrustError, UsageError } from '../../src/errors.ts';
import {
  type NotaryConfig,
  readNotaryConfig,
  readNotaryConfigIfPresent,
} from '../../src/trust-server/notary-config.ts';
import { loadTrustPinning } from '../../src/trust-server/pinned-authorities.ts';
import { makeAuthority } from '../http/certificates.ts';

let root: string;
let folder: string;
let working: string;

beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), 'tabellion-config-'));
  folder = path.join(root, 'config');
  working = path.join(root, 'working');
  await mkdir(folder);
  await mkdir(working);
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

async function read(text: string | object): Promise<NotaryConfig> {
  const file = path.join(folder, 'config.json');
  await writeFile(file, typeof text === 'string' ? text : JSON.stringify(text));
  return await readNotaryConfig(file, { home: path.join(root, 'home'), workingDirectory: working });
}

describe("Notary's configuration file", () => {
  it('may say nothing', async () => {
    expect(await read({})).toEqual({
      trustPinning: { certs: new Map(), ca: new Map(), disableTofu: false },
      warnings: [],
    });
  });

  it('names a server with its files, relative to itself', async () => {
    const { remoteServer } = await read({
      remote_server: {
        url: 'https://notary.example:4443',
        root_ca: 'ca.crt',
        tls_client_cert: '/abs/cert.pem',
        tls_client_key: '../key.pem',
        skipTLSVerify: true,
      },
    });
    expect(remoteServer).toEqual({
      url: 'https://notary.example:4443',
      rootCa: path.join(folder, 'ca.crt'),
      tlsClientCert: path.resolve('/abs/cert.pem'),
      tlsClientKey: path.join(root, 'key.pem'),
      skipTlsVerify: true,
    });
  });

  it('knows its names in any case, but keeps the case of repositories', async () => {
    const { trustPinning, remoteServer } = await read({
      Remote_Server: { URL: 'https://h', skiptlsverify: 'TRUE' },
      TRUST_PINNING: {
        Certs: { 'h/App': ['AB'], 'h/app': ['cd', 'ef'], __proto__x: [] },
        Disable_TOFU: true,
      },
    });
    expect(remoteServer).toEqual({ url: 'https://h', skipTlsVerify: true });
    expect(trustPinning.disableTofu).toBe(true);
    expect([...trustPinning.certs]).toEqual([
      ['h/App', ['AB']],
      ['h/app', ['cd', 'ef']],
      ['__proto__x', []],
    ]);
  });

  it('may pin a repository of any name', async () => {
    const { trustPinning } = await read('{"trust_pinning":{"certs":{"__proto__":["a"]}}}');
    expect([...trustPinning.certs]).toEqual([['__proto__', ['a']]]);
  });

  it('expands ~ in the trust directory', async () => {
    expect((await read({ trust_dir: '~/t' })).trustDir).toBe(path.join(root, 'home', 't'));
    expect((await read({ trust_dir: '~' })).trustDir).toBe(path.join(root, 'home'));
    expect((await read({ trust_dir: '~x' })).trustDir).toBe(path.join(folder, '~x'));
    expect((await read({ trust_dir: '' })).trustDir).toBeUndefined();
  });

  it('has relative paths beside itself, else in the working directory, and says so', async () => {
    const config = { trust_pinning: { ca: { 'h/': 'pin.pem' } }, trust_dir: 'trust' };
    let found = await read(config);
    expect(found.trustPinning.ca.get('h/')).toBe(path.join(folder, 'pin.pem'));
    expect(found.warnings).toEqual([]);

    await writeFile(path.join(working, 'pin.pem'), 'x');
    await mkdir(path.join(working, 'trust'));
    found = await read(config);
    expect(found.trustPinning.ca.get('h/')).toBe(path.join(working, 'pin.pem'));
    expect(found.trustDir).toBe(path.join(working, 'trust'));
    expect(found.warnings).toHaveLength(2);

    await writeFile(path.join(folder, 'pin.pem'), 'x');
    await rm(path.join(working, 'trust'), { recursive: true });
    found = await read(config);
    expect(found.trustPinning.ca.get('h/')).toBe(path.join(folder, 'pin.pem'));
    expect(found.warnings).toHaveLength(1);
    expect(found.warnings[0]).toContain('pin.pem');
  });

  it.each<[string, string | object]>([
    ['not JSON', 'trust_dir: yaml'],
    ['not JSON', ''],
    ['not an object', '[]'],
    ['not an object', 'null'],
    ['remote_server is not an object', { remote_server: 'https://h' }],
    ['trust_pinning is not an object', { trust_pinning: null }],
    ['remote_server.url is not a text', { remote_server: { url: 1 } }],
    ['disable_tofu is neither true nor false', { trust_pinning: { disable_tofu: 'yes' } }],
    ['invalid format for trust_pinning.certs', { trust_pinning: { certs: { g: 'id' } } }],
    ['invalid format for trust_pinning.certs', { trust_pinning: { certs: { g: [1] } } }],
    ['trust_pinning.certs is not an object', { trust_pinning: { certs: ['id'] } }],
    ['trust_pinning.ca', { trust_pinning: { ca: { g: ['file'] } } }],
    ['twice', { trust_pinning: { disable_tofu: true, DISABLE_TOFU: false } }],
  ])('that is doubtful is refused: %s', async (words, text) => {
    const error = await read(text).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(String(error)).toContain(words);
  });

  it('must exist only when it was asked for', async () => {
    const file = path.join(folder, 'none.json');
    await expect(readNotaryConfig(file)).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND' });
    expect(await readNotaryConfigIfPresent(file)).toBeUndefined();
    await writeFile(file, '{');
    await expect(readNotaryConfigIfPresent(file)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('pinned authorities', () => {
  it('are loaded as PEM text', async () => {
    const { ca } = makeAuthority();
    await writeFile(path.join(folder, 'pin.pem'), ca);
    const { trustPinning } = await read({
      trust_pinning: { ca: { 'h/': 'pin.pem' }, certs: { g: ['id'] }, disable_tofu: true },
    });
    expect(await loadTrustPinning(trustPinning)).toEqual({
      ca: new Map([['h/', ca]]),
      certs: new Map([['g', ['id']]]),
      disableTofu: true,
    });
  });

  it('that cannot be read leave nothing trusted', async () => {
    const { trustPinning } = await read({ trust_pinning: { ca: { 'h/': 'pin.pem' } } });
    const missing = await loadTrustPinning(trustPinning).catch((reason: unknown) => reason);
    expect(missing).toBeInstanceOf(TrustError);
    expect(missing).toMatchObject({ code: 'PINNED_CA_UNREADABLE' });
    await writeFile(path.join(folder, 'pin.pem'), 'no certificate');
    await expect(loadTrustPinning(trustPinning)).rejects.toBeInstanceOf(TrustError);
  });
});
