import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ConnectionError, UsageError } from '../../src/errors.ts';
import { proxyFor } from '../../src/http/proxy.ts';
import {
  createTransport,
  type HttpTransport,
  type TransportOptions,
} from '../../src/http/transport.ts';
import { makeAuthority } from './certificates.ts';
import { answer, closedPort, serve, serveProxy, serveTcp } from './servers.ts';

const authority = makeAuthority();
const open: HttpTransport[] = [];

afterEach(() => {
  for (const transport of open.splice(0)) transport.close();
});

function transport(env: NodeJS.ProcessEnv, options: Partial<TransportOptions> = {}): HttpTransport {
  const made = createTransport({
    env,
    tls: { ca: [authority.ca], caReplacesSystem: true },
    sleep: async () => {},
    ...options,
  });
  open.push(made);
  return made;
}

async function failure(client: HttpTransport, url: string): Promise<ConnectionError> {
  const error = await client
    .request({ method: 'GET', url: new URL(url), maxBytes: 1024 })
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConnectionError);
  return error as ConnectionError;
}

describe('the choice of a proxy', () => {
  const choose = (url: string, env: NodeJS.ProcessEnv) => proxyFor(new URL(url), env)?.href;
  const proxy = 'http://proxy.example:3128/';

  it('goes by scheme, in either case of the variable, and by nothing else', () => {
    expect(choose('https://a.example/', {})).toBeUndefined();
    expect(choose('https://a.example/', { HTTPS_PROXY: proxy })).toBe(proxy);
    expect(choose('https://a.example/', { https_proxy: proxy })).toBe(proxy);
    expect(choose('https://a.example/', { HTTPS_PROXY: '', https_proxy: proxy })).toBe(proxy);
    expect(choose('https://a.example/', { HTTP_PROXY: proxy, ALL_PROXY: proxy })).toBeUndefined();
    expect(choose('http://a.example/', { HTTP_PROXY: proxy })).toBe(proxy);
    expect(choose('https://a.example/', { HTTPS_PROXY: 'proxy.example:3128' })).toBe(proxy);
    expect(choose('https://a.example/', { HTTPS_PROXY: 'https://p:1' })).toBe('https://p:1/');
  });

  it.each(['localhost', '127.0.0.1', '127.8.9.10', '[::1]'])('never proxies %s', host => {
    expect(choose(`https://${host}:4443/`, { HTTPS_PROXY: proxy })).toBeUndefined();
  });

  it.each<[string, string, boolean]>([
    ['a.example', 'a.example', true],
    ['a.example', 'x.a.example', true],
    ['a.example', 'xa.example', false],
    ['.a.example', 'a.example', false],
    ['.a.example', 'x.a.example', true],
    ['*.a.example', 'x.a.example', true],
    ['*.a.example', 'a.example', false],
    ['A.Example', 'a.example', true],
    ['*', 'anything.example', true],
    ['b.example, a.example', 'a.example', true],
    ['b.example a.example', 'a.example', false],
    ['a.example:4443', 'a.example:4443', true],
    ['a.example:4443', 'a.example', false],
    ['a.example:443', 'a.example', true],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.30', false],
    ['10.0.0.0/8', '10.200.0.1:5000', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['10.0.0.0/8', 'ten.example', false],
    ['10.0.0.0/99', '10.0.0.1', false],
    ['fd00::/8', '[fd12::1]', true],
    ['fd00::1', '[fd00::1]:5000', true],
    ['[fd00::1]:5000', '[fd00::1]:5000', true],
    ['[fd00::1]:5000', '[fd00::1]:5001', false],
    ['', 'a.example', false],
    [',', 'a.example', false],
  ])('with NO_PROXY=%s leaves out %s: %s', (noProxy, host, excluded) => {
    const chosen = choose(`https://${host}/`, { HTTPS_PROXY: proxy, NO_PROXY: noProxy });
    expect(chosen).toBe(excluded ? undefined : proxy);
  });

  it('refuses what is no proxy, without showing it', () => {
    for (const value of [
      'http://user:hunter2@',
      'socks5://user:hunter2@proxy:1080',
      'http://a b',
    ]) {
      let error: unknown;
      try {
        choose('https://a.example/', { HTTPS_PROXY: value });
      } catch (reason) {
        error = reason;
      }
      expect(error, value).toBeInstanceOf(UsageError);
      expect(String(error)).not.toContain('hunter2');
    }
  });
});

describe('a tunnel through a proxy', () => {
  it('leads to the server, checks its certificate, and is kept', async () => {
    const server = await serve(
      (_request, response) => answer(response, 200, 'through'),
      authority.issue({ dnsNames: ['trust.example'] }),
    );
    const proxy = await serveProxy(server.port);
    const client = transport({ HTTPS_PROXY: proxy.url.replace('//', '//user:p%40ss@') });
    for (let count = 0; count < 2; count += 1) {
      const response = await client.request({
        method: 'GET',
        url: new URL('https://trust.example:4443/v2/'),
        maxBytes: 1024,
      });
      expect(Buffer.from(response.body).toString()).toBe('through');
    }
    expect(proxy.tunnels).toEqual([
      {
        target: 'trust.example:4443',
        authorization: `Basic ${Buffer.from('user:p@ss').toString('base64')}`,
      },
    ]);
    expect(server.requests).toEqual(['GET /v2/', 'GET /v2/']);
  });

  it.each(['trust.example', '192.0.2.1'])(
    'does not believe another certificate than one for %s',
    async host => {
      const server = await serve((_request, response) => answer(response, 200), authority.issue());
      const proxy = await serveProxy(server.port);
      const error = await failure(transport({ HTTPS_PROXY: proxy.url }), `https://${host}/`);
      expect(error.code).toBe('TLS_UNTRUSTED');
      expect(error.message).toContain(`not for the name ${host}`);
      expect(server.requests).toEqual([]);
    },
  );

  it('believes a certificate for an address', async () => {
    const server = await serve(
      (_request, response) => answer(response, 200),
      authority.issue({ dnsNames: [], ipAddresses: ['192.0.2.1'] }),
    );
    const proxy = await serveProxy(server.port);
    const response = await transport({ HTTPS_PROXY: proxy.url }).request({
      method: 'GET',
      url: new URL('https://192.0.2.1/'),
      maxBytes: 1024,
    });
    expect(response.status).toBe(200);
  });

  it('presents the client certificate to the server', async () => {
    const server = await serve((_request, response) => answer(response, 200), {
      ...authority.issue({ dnsNames: ['trust.example'] }),
      ca: authority.ca,
      requestCert: true,
      rejectUnauthorized: true,
    });
    const proxy = await serveProxy(server.port);
    const tls = { ca: [authority.ca], ...authority.issue({ usage: 'clientAuth' }) };
    const response = await transport({ HTTPS_PROXY: proxy.url }, { tls }).request({
      method: 'GET',
      url: new URL('https://trust.example/'),
      maxBytes: 1024,
    });
    expect(response.status).toBe(200);
  });

  it('ends with the limits on time in every stage', async () => {
    const server = await serve(
      (request, response) => {
        if (request.url === '/body') response.writeHead(200, { 'Content-Length': '9' }).write('x');
      },
      authority.issue({ dnsNames: ['trust.example'] }),
    );
    const proxy = await serveProxy(server.port);
    const client = transport({ HTTPS_PROXY: proxy.url }, { timeouts: { idleMs: 50 } });
    expect((await failure(client, 'https://trust.example/')).code).toBe('SERVER_UNREACHABLE');
    expect((await failure(client, 'https://trust.example/body')).code).toBe('RESPONSE_CUT');

    const silent = await serveProxy(await serveTcp(() => {}));
    const other = transport({ HTTPS_PROXY: silent.url }, { timeouts: { tlsMs: 50 } });
    const error = await failure(other, 'https://trust.example/');
    expect(error.details).toMatchObject({ reason: 'TLS_TIMEOUT', proxy: silent.host });
  });

  it('is not used for loopback', async () => {
    const server = await serve((_request, response) => answer(response, 200), authority.issue());
    const response = await transport({
      HTTPS_PROXY: `http://127.0.0.1:${await closedPort()}`,
    }).request({ method: 'GET', url: new URL(server.url), maxBytes: 1024 });
    expect(response.status).toBe(200);
  });
});

describe('a proxy that makes no tunnel', () => {
  async function refusing(status: number, body: string): Promise<string> {
    const port = await serveTcp(socket => {
      socket.once('data', () => {
        socket.end(`HTTP/1.1 ${status} Whatever\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      });
    });
    return `http://127.0.0.1:${port}`;
  }

  // Its answer must never pass for the server's: it has not been through TLS.
  it.each([201, 301, 401, 403, 404])('with %i is an error of the proxy', async status => {
    const body = '{"errors":[{"code":"METADATA_NOT_FOUND"}]}';
    const client = transport({ HTTPS_PROXY: await refusing(status, body) });
    const error = await failure(client, 'https://trust.example/');
    expect(error.code).toBe('PROXY_REFUSED');
    expect(error.details).toMatchObject({ status });
    expect(error.message).toMatch(/proxy 127\.0\.0\.1:\d+ refused .*trust\.example/);
  });

  it('with 407 wants a login, and the one that was sent is not shown', async () => {
    const url = (await refusing(407, '')).replace('//', '//user:hunter2@');
    const error = await failure(transport({ HTTPS_PROXY: url }), 'https://trust.example/');
    expect(error.code).toBe('PROXY_REFUSED');
    expect(error.hint).toContain('login');
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain('hunter2');
  });

  it('with 502 says that the server cannot be reached', async () => {
    const client = transport({ HTTPS_PROXY: await refusing(502, '') });
    const error = await failure(client, 'https://trust.example/');
    expect(error.code).toBe('SERVER_UNREACHABLE');
  });

  it('because nobody is there is named', async () => {
    const host = `127.0.0.1:${await closedPort()}`;
    const error = await failure(transport({ HTTPS_PROXY: host }), 'https://trust.example/');
    expect(error.code).toBe('SERVER_UNREACHABLE');
    expect(error.message).toContain(`through the proxy ${host}`);
  });

  it('because it hangs up is named', async () => {
    const port = await serveTcp(socket => socket.end());
    const client = transport({ HTTPS_PROXY: `http://127.0.0.1:${port}` });
    expect((await failure(client, 'https://trust.example/')).code).toBe('SERVER_UNREACHABLE');
  });

  it('because it is silent is given up, with its connection', async () => {
    const proxy = createServer();
    const closed = new Promise(resolve => {
      proxy.on('connect', (_request, socket) => {
        socket.on('error', () => {});
        socket.once('end', () => resolve(socket.destroy())).resume();
      });
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { port } = proxy.address() as AddressInfo;
    const client = transport(
      { HTTPS_PROXY: `http://127.0.0.1:${port}` },
      { timeouts: { connectMs: 50 } },
    );
    const error = await failure(client, 'https://trust.example/');
    expect(error.code).toBe('SERVER_UNREACHABLE');
    expect(error.details).toMatchObject({ reason: 'CONNECT_TIMEOUT' });
    await closed;
    proxy.close();
  });
});
