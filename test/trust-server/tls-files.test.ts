import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OperationError, UsageError } from '../../src/errors.ts';
import { loadTlsMaterial } from '../../src/trust-server/tls-files.ts';
import { makeAuthority } from '../http/certificates.ts';

const authority = makeAuthority();
const other = makeAuthority('other');
const client = authority.issue({ usage: 'clientAuth' });
const second = authority.issue({ usage: 'clientAuth' });
let docker: string;

beforeEach(async () => {
  docker = await mkdtemp(path.join(os.tmpdir(), 'tabellion-tls-'));
});
afterEach(async () => {
  await rm(docker, { recursive: true });
});

async function put(name: string, text: string): Promise<string> {
  const file = path.join(docker, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

describe('files for TLS', () => {
  const host = 'trust.example';
  const load = async (more: object = {}) =>
    await loadTlsMaterial({ dockerConfigDir: docker, host, ...more });

  it('need not exist', async () => {
    expect(await load()).toEqual({});
    expect(await loadTlsMaterial({ host })).toEqual({});
  });

  it("are authorities and a client certificate in Docker's folder", async () => {
    await put(`tls/${host}/b.crt`, other.ca);
    await put(`tls/${host}/a.crt`, authority.ca);
    await put(`tls/${host}/z.cert`, second.cert);
    await put(`tls/${host}/z.key`, second.key);
    await put(`tls/${host}/c.cert`, client.cert);
    await put(`tls/${host}/c.key`, client.key);
    await put(`tls/${host}/README`, 'not read');
    await mkdir(path.join(docker, `tls/${host}/folder.crt`));
    expect(await load()).toEqual({ ca: [authority.ca, other.ca], ...client });
  });

  it.skipIf(process.platform === 'win32')(
    'are looked for with the port, and only without such a folder by the bare name',
    async () => {
      await put(`tls/${host}/a.crt`, authority.ca);
      expect(await load({ host: `${host}:4443` })).toEqual({ ca: [authority.ca] });
      await put(`tls/${host}:4443/b.crt`, other.ca);
      expect(await load({ host: `${host}:4443` })).toEqual({ ca: [other.ca] });
      expect(await load({ host: `${host}:4443`, platform: 'win32' })).toEqual({
        ca: [authority.ca],
      });
      expect(await load()).toEqual({ ca: [authority.ca] });
    },
  );

  it("without their partner are refused in Docker's words", async () => {
    await put(`tls/${host}/me.cert`, client.cert);
    await expect(load()).rejects.toThrow(
      'missing key me.key for client certificate me.cert. CA certificates must use the extension .crt',
    );
    await rm(path.join(docker, `tls/${host}/me.cert`));
    await put(`tls/${host}/me.key`, client.key);
    const error = await load().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OperationError);
    expect(error).toMatchObject({
      code: 'TLS_FOLDER_INVALID',
      message: 'missing client certificate me.cert for key me.key',
    });
  });

  it('that are named add to the folder, or replace what it has of their kind', async () => {
    await put(`tls/${host}/a.crt`, authority.ca);
    await put(`tls/${host}/c.cert`, second.cert);
    await put(`tls/${host}/c.key`, second.key);
    const named = {
      tlsCa: await put('named.pem', other.ca),
      tlsCert: await put('me.pem', client.cert),
      tlsKey: await put('me-key.pem', client.key),
    };
    expect(await load(named)).toEqual({ ca: [authority.ca, other.ca], ...client });
    expect(await load({ ...named, caReplacesSystem: true })).toEqual({
      ca: [other.ca],
      caReplacesSystem: true,
      ...client,
    });
  });

  it('come in pairs', async () => {
    const tlsCert = await put('me.pem', client.cert);
    const error = await load({ tlsCert }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({
      code: 'TLS_PAIR_INCOMPLETE',
      message: 'either pass both client key and cert, or neither',
    });
    await expect(load({ tlsKey: tlsCert })).rejects.toBeInstanceOf(UsageError);
  });

  it.each([
    ['there is no such file', {}],
    ['no certificate in PEM form', { ca: 'something else' }],
    ['not a certificate', { ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' }],
    [
      'not a certificate',
      { ca: `${other.ca}-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n` },
    ],
    ['does not belong to', { cert: client.cert, key: second.key }],
    ['not a private key', { cert: client.cert, key: client.cert }],
    [
      'encrypted with a passphrase',
      {
        cert: client.cert,
        key: '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n',
      },
    ],
  ] as [string, { ca?: string; cert?: string; key?: string }][])(
    'that cannot be used are refused: %s',
    async (words, texts) => {
      const named =
        texts.cert !== undefined && texts.key !== undefined
          ? { tlsCert: await put('c', texts.cert), tlsKey: await put('k', texts.key) }
          : {
              tlsCa: texts.ca === undefined ? path.join(docker, 'none') : await put('a', texts.ca),
            };
      const error = await load(named).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(UsageError);
      expect(error).toMatchObject({ code: 'TLS_FILE_INVALID' });
      expect(String(error)).toContain(words);
      expect(String(error)).toContain(docker);
    },
  );

  it('are not looked for outside of the folder', async () => {
    await put('x.crt', authority.ca);
    for (const evil of ['..', '../', '.', '']) {
      expect(await load({ host: evil })).toEqual({});
    }
  });
});
