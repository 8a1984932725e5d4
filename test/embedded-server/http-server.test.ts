/** The server at its socket: TLS, limits, and an orderly end. */
import { EventEmitter, once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { hostname, networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Certificate, parseCertificateBundle } from '../../src/crypto/certificate.ts';
import { keptTlsIdentity, makeTlsIdentity } from '../../src/embedded-server/certificates.ts';
import { startHttpServer } from '../../src/embedded-server/http-server.ts';
import { startTrustServer } from '../../src/embedded-server/start.ts';
import { DAY } from '../../src/tuf/time.ts';
import { NOW } from './author.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function ask(
  url: string,
  ca: string | undefined,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const { method = 'GET', headers = {}, body } = options;
  const outgoing = request(url, { ca, method, headers, agent: false });
  outgoing.end(body);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    body: Buffer.concat(chunks).toString(),
  };
}

async function started(options: Parameters<typeof startTrustServer>[0] = {}) {
  const server = await startTrustServer(options);
  onTestFinished(() => server.close());
  return server;
}

const folders: string[] = [];

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tabellion-server-'));
  folders.push(folder);
  return folder;
}

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

describe('requests', () => {
  test('are answered over TLS that its own authority vouches for, under each of its names', async () => {
    const { url, caPem } = await started();
    const { port } = new URL(url);
    for (const host of ['127.0.0.1', 'localhost']) {
      const answer = await ask(`https://${host}:${port}/v2/`, caPem);
      expect(answer).toMatchObject({ status: 200, body: '{}' });
      expect(answer.headers['content-length']).toBe('2');
    }
    await expect(ask(url, undefined)).rejects.toMatchObject({
      code: expect.stringMatching(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN/),
    });
  });

  test('have a query, escapes in their path, and no body for HEAD', async () => {
    const lines: string[] = [];
    const { url, caPem } = await started({ log: line => lines.push(line) });
    const feed = await ask(`${url}/v2/a%2Fb/_trust/changefeed?records=1`, caPem);
    expect(feed).toMatchObject({ status: 200, body: '{"count":0,"records":[]}' });
    expect((await ask(`${url}/v2/%zz`, caPem)).status).toBe(404);
    expect(await ask(`${url}/v2/`, caPem, { method: 'HEAD' })).toMatchObject({
      status: 404,
      body: '',
    });
    expect(lines[0]).toMatch(/^GET \/v2\/a%2Fb\/_trust\/changefeed\?records=1 200 \d+ ms$/);
  });

  test('that announce or send too much are cut off', async () => {
    const { url, caPem } = await started();
    const target = `${url}/v2/a/_trust/tuf/`;
    const headers = { 'content-length': String(200 * 1024 * 1024), expect: '100-continue' };
    const outgoing = request(target, { ca: caPem, method: 'POST', headers, agent: false });
    outgoing.on('error', () => {});
    outgoing.flushHeaders();
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(incoming.statusCode).toBe(413);
    expect(incoming.headers.connection).toBe('close');
    outgoing.destroy();
  });

  test('that turn out too large are cut off too', async () => {
    const identity = makeTlsIdentity('127.0.0.1', new Date());
    const server = await startHttpServer({
      host: '127.0.0.1',
      port: 0,
      tls: identity,
      log: () => {},
      handle: async ({ body }) => ({ status: 200, headers: [], body }),
      bodyLimit: 10,
    });
    onTestFinished(() => server.close());
    const url = `https://127.0.0.1:${server.port}/`;
    const headers = { 'transfer-encoding': 'chunked' };
    const send = (body: string) => ask(url, identity.ca, { method: 'POST', headers, body });
    expect(await send('0123456789')).toMatchObject({ status: 200, body: '0123456789' });
    expect(await send('0123456789A')).toMatchObject({ status: 413 });
  });

  test('of other protocols do not disturb it', async () => {
    const { url, caPem } = await started();
    const { port } = new URL(url);
    const socket = connect({
      port: Number(port),
      host: '127.0.0.1',
      ca: caPem,
      servername: 'localhost',
    });
    await once(socket, 'secureConnect');
    socket.write('no HTTP at all\r\n\r\n');
    socket.on('error', () => {});
    socket.resume();
    await once(socket, 'close');
    expect((await ask(`${url}/v2/`, caPem)).status).toBe(200);
  });
});

describe('the end', () => {
  test('comes after the requests under way', async () => {
    const events = new EventEmitter();
    const arrived = once(events, 'arrived');
    const identity = makeTlsIdentity('127.0.0.1', new Date());
    const server = await startHttpServer({
      host: '127.0.0.1',
      port: 0,
      tls: identity,
      log: () => {},
      handle: async () => {
        events.emit('arrived');
        await once(events, 'release');
        return { status: 200, headers: [], body: Buffer.from('done') };
      },
    });
    const answer = ask(`https://127.0.0.1:${server.port}/`, identity.ca);
    await arrived;
    const closed = server.close();
    events.emit('release');
    expect((await answer).body).toBe('done');
    await closed;
    await expect(ask(`https://127.0.0.1:${server.port}/`, identity.ca)).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });
});

describe('what keeps it from starting is named', () => {
  test('a port that is taken', async () => {
    const { url } = await started();
    const directory = join(await temporaryFolder(), 'server');
    const port = Number(new URL(url).port);
    await expect(startTrustServer({ directory, port })).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
    });
    // And its directory is free again.
    await started({ directory });
  });

  test('an address of another machine', async () => {
    await expect(startTrustServer({ host: '192.0.2.1' })).rejects.toMatchObject({
      code: 'ADDRESS_UNAVAILABLE',
    });
  });

  test('a certificate without its key', async () => {
    const { cert } = makeTlsIdentity('localhost', new Date());
    const { key } = makeTlsIdentity('localhost', new Date());
    await expect(startTrustServer({ tls: { cert, key } })).rejects.toMatchObject({
      code: 'TLS_FILES_UNUSABLE',
    });
    await expect(startTrustServer({ tls: { cert: 'x', key: 'y' } })).rejects.toMatchObject({
      code: 'TLS_FILES_UNUSABLE',
    });
  });
});

test('a certificate that was given is used, and no authority is named', async () => {
  const { cert, key, ca } = makeTlsIdentity('localhost', new Date());
  const directory = join(await temporaryFolder(), 'server');
  const server = await started({ directory, tls: { cert, key } });
  expect(server.caFile).toBeUndefined();
  expect(server.caPem).toBeUndefined();
  expect((await ask(`${server.url}/v2/`, ca)).status).toBe(200);
});

describe('its own certificates', () => {
  const certificate = (pem: string): Certificate => {
    const [found] = parseCertificateBundle(pem);
    if (found === undefined) throw new Error('no certificate');
    return found;
  };

  test('are kept, while they last and fit', async () => {
    const folder = join(await temporaryFolder(), 'tls');
    const first = await keptTlsIdentity(folder, '127.0.0.1', NOW);
    expect(await keptTlsIdentity(folder, '127.0.0.1', new Date(NOW.getTime() + 300 * DAY))).toEqual(
      first,
    );
    expect(await readFile(join(folder, 'ca.crt'), 'utf8')).toBe(first.ca);
    if (process.platform !== 'win32') {
      for (const name of ['ca.key', 'server.key']) {
        expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
      }
    }

    const soon = await keptTlsIdentity(folder, '127.0.0.1', new Date(NOW.getTime() + 380 * DAY));
    expect(soon.ca).toBe(first.ca);
    expect(certificate(soon.cert).notAfter.getTime()).toBeGreaterThan(NOW.getTime() + 700 * DAY);

    const late = await keptTlsIdentity(folder, '127.0.0.1', new Date(NOW.getTime() + 3640 * DAY));
    expect(late.ca).not.toBe(first.ca);
    expect(certificate(late.cert).x509.verify(certificate(late.ca).x509.publicKey)).toBe(true);
  });

  test('get the name that is asked for', async () => {
    const folder = join(await temporaryFolder(), 'tls');
    const local = await keptTlsIdentity(folder, '127.0.0.1', NOW);
    const named = await keptTlsIdentity(folder, 'trust.example', NOW);
    expect(named.ca).toBe(local.ca);
    const { x509 } = certificate(named.cert);
    for (const name of ['trust.example', 'localhost']) expect(x509.checkHost(name)).toBe(name);
    for (const address of ['127.0.0.1', '::1']) expect(x509.checkIP(address)).toBe(address);
    // A certificate with more names than are asked for serves as well.
    expect(await keptTlsIdentity(folder, '127.0.0.1', NOW)).toEqual(named);
  });

  test('know this machine by all its names when it listens everywhere', () => {
    const { x509 } = certificate(makeTlsIdentity('0.0.0.0', NOW).cert);
    for (const name of [hostname(), 'localhost']) expect(x509.checkHost(name)).toBe(name);
    for (const addresses of Object.values(networkInterfaces())) {
      const [first] = addresses ?? [];
      if (first?.family === 'IPv4') expect(x509.checkIP(first.address)).toBe(first.address);
    }
  });

  test('are made again when their files are damaged', async () => {
    const folder = join(await temporaryFolder(), 'tls');
    const first = await keptTlsIdentity(folder, 'localhost', NOW);
    await writeFile(join(folder, 'server.key'), 'x');
    const second = await keptTlsIdentity(folder, 'localhost', NOW);
    expect(second.ca).toBe(first.ca);
    expect(second.key).not.toBe(first.key);
    await writeFile(join(folder, 'ca.crt'), makeTlsIdentity('localhost', NOW).ca);
    const third = await keptTlsIdentity(folder, 'localhost', NOW);
    expect(third.ca).not.toBe(first.ca);
    expect(certificate(third.cert).x509.verify(certificate(third.ca).x509.publicKey)).toBe(true);
  });
});
