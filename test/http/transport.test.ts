import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createGzip, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { ConnectionError, UsageError } from '../../src/errors.ts';
import {
  createTransport,
  type HttpRequest,
  type HttpTransport,
  type TransportOptions,
} from '../../src/http/transport.ts';
import { makeAuthority, selfSigned } from './certificates.ts';
import { answer, closedPort, serve, serveTcp } from './servers.ts';

const authority = makeAuthority();
const certificate = authority.issue();
const open: HttpTransport[] = [];

afterEach(() => {
  for (const transport of open.splice(0)) transport.close();
});

function transport(options: Partial<TransportOptions> = {}): HttpTransport {
  const made = createTransport({
    env: {},
    tls: { ca: [authority.ca], caReplacesSystem: true },
    sleep: async () => {},
    ...options,
  });
  open.push(made);
  return made;
}

function get(url: string, more: Partial<HttpRequest> = {}): HttpRequest {
  return { method: 'GET', url: new URL(url), maxBytes: 1024, ...more };
}

async function failure(promise: Promise<unknown>): Promise<ConnectionError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConnectionError);
  return error as ConnectionError;
}

function text(body: Uint8Array): string {
  return Buffer.from(body).toString('utf8');
}

describe('an exchange', () => {
  it('gives status, headers by lower-case name with a value for each line, and the body', async () => {
    const server = await serve((_request, response) => {
      response.setHeader('X-Many', ['a', 'b, c']);
      answer(response, 418, 'tea');
    }, certificate);
    const response = await transport().request(get(`${server.url}/x?q=1`));
    expect(response.status).toBe(418);
    expect(response.headers.get('x-many')).toEqual(['a', 'b, c']);
    expect(text(response.body)).toBe('tea');
    expect(server.requests).toEqual(['GET /x?q=1']);
  });

  it('keeps the connection of reads, and takes a fresh one for all else', async () => {
    const server = await serve((_request, response) => answer(response, 200, 'ok'), certificate);
    const client = transport();
    for (let count = 0; count < 3; count += 1) await client.request(get(server.url));
    expect(server.connections()).toBe(1);
    await client.request({ ...get(server.url), method: 'POST', body: Buffer.from('x') });
    expect(server.connections()).toBe(2);
  });

  it('sends a body with its length', async () => {
    let received = '';
    const server = await serve((request, response) => {
      request.on('data', (chunk: Buffer) => {
        received += chunk.toString();
      });
      request.on('end', () => answer(response, 200, String(request.headers['content-length'])));
    }, certificate);
    const response = await transport().request({
      ...get(server.url),
      method: 'POST',
      body: Buffer.from('häh'),
    });
    expect(received).toBe('häh');
    expect(text(response.body)).toBe('4');
  });

  it('does not follow redirects', async () => {
    const server = await serve((_request, response) => {
      answer(response, 307, '', { Location: '/elsewhere' });
    }, certificate);
    const response = await transport().request(get(server.url));
    expect(response.status).toBe(307);
    expect(response.headers.get('location')).toEqual(['/elsewhere']);
    expect(server.requests).toHaveLength(1);
  });

  it('reads the answer to HEAD, which has a length but no body', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Length': '5000', 'Content-Encoding': 'gzip' }).end();
    }, certificate);
    const response = await transport().request({ ...get(server.url), method: 'HEAD' });
    expect(response.headers.get('content-length')).toEqual(['5000']);
    expect(response.body).toHaveLength(0);
  });

  it('runs six requests at a time', async () => {
    let running = 0;
    let most = 0;
    const server = await serve((_request, response) => {
      running += 1;
      most = Math.max(most, running);
      setImmediate(() => {
        running -= 1;
        answer(response, 200);
      });
    }, certificate);
    const client = transport();
    await Promise.all(Array.from({ length: 30 }, () => client.request(get(server.url))));
    expect(server.requests).toHaveLength(30);
    expect(most).toBeLessThanOrEqual(6);
    expect(server.connections()).toBeLessThanOrEqual(6);
  });

  it('logs method, address, status and bytes, and no header or query', async () => {
    const server = await serve((_request, response) => {
      answer(response, 200, 'four', { 'X-Token': 'secret-answer' });
    }, certificate);
    const lines: string[] = [];
    await transport({ log: line => lines.push(line) }).request(
      get(`${server.url}/v2/?account=secret-name`, {
        headers: { Authorization: 'Basic secret-login' },
      }),
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^GET https:\/\/localhost:\d+\/v2\/: 200, 4 bytes, \d+ ms$/);
  });
});

describe('plain http', () => {
  it('is for loopback', async () => {
    const server = await serve((_request, response) => answer(response, 200, 'ok'));
    expect((await transport().request(get(server.url))).status).toBe(200);
  });

  it.each([
    'http://registry.example/',
    'http://128.0.0.1/',
    'http://localhost.example/',
    'http://[::2]/',
  ])('is refused for %s', async url => {
    const error = await failure(transport().request(get(url)));
    expect(error.code).toBe('PLAIN_HTTP_REFUSED');
  });

  it.skipIf(process.platform === 'win32')('reaches others by an explicit wish', async () => {
    const server = await serve((_request, response) => answer(response, 200, 'ok'));
    const url = `http://0.0.0.0:${server.port}/`;
    expect((await failure(transport().request(get(url)))).code).toBe('PLAIN_HTTP_REFUSED');
    const response = await transport({ allowInsecure: true }).request(get(url));
    expect(response.status).toBe(200);
  });

  it('and other schemes or logins within a URL are no requests at all', async () => {
    await expect(transport().request(get('ftp://localhost/'))).rejects.toMatchObject({
      code: 'URL_INVALID',
    });
    const error = await transport()
      .request(get('https://user:hunter2@localhost/'))
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).not.toContain('hunter2');
  });
});

describe('limits on size', () => {
  it('takes as many bytes as allowed and not one more', async () => {
    const server = await serve((request, response) => {
      response.flushHeaders();
      response.end('x'.repeat(Number(request.url?.slice(1))));
    }, certificate);
    const client = transport();
    expect((await client.request(get(`${server.url}/1024`))).body).toHaveLength(1024);
    const error = await failure(client.request(get(`${server.url}/1025`)));
    expect(error.code).toBe('RESPONSE_TOO_LARGE');
  });

  it('stops at a length that is announced as too large', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Length': '1025' });
      response.flushHeaders();
    }, certificate);
    expect((await failure(transport().request(get(server.url)))).code).toBe('RESPONSE_TOO_LARGE');
  });

  it('ends an endless body', async () => {
    let closed: Promise<unknown> | undefined;
    const server = await serve((_request, response) => {
      closed = once(response, 'close');
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65536)));
      };
      response.on('drain', more);
      more();
    }, certificate);
    const error = await failure(transport().request(get(server.url, { maxBytes: 1_000_000 })));
    expect(error.code).toBe('RESPONSE_TOO_LARGE');
    await closed;
  });

  it('cuts the body of an error instead, but reads more of it than the limit for success', async () => {
    const server = await serve((request, response) => {
      answer(response, 404, 'e'.repeat(Number(request.url?.slice(1))));
    }, certificate);
    const client = transport();
    const small = await client.request(get(`${server.url}/5000`, { maxBytes: 10 }));
    expect([small.status, small.body.length]).toEqual([404, 5000]);
    for (const maxBytes of [10, 2_000_000]) {
      const large = await client.request(get(`${server.url}/3000000`, { maxBytes }));
      expect([large.status, large.body.length]).toEqual([404, 1024 * 1024]);
    }
  });
});

describe('compressed answers', () => {
  it('asks for gzip and decodes it', async () => {
    const server = await serve((request, response) => {
      const encoding = String(request.headers['accept-encoding']);
      answer(response, 200, gzipSync(`accepts ${encoding}`), { 'Content-Encoding': 'gzip' });
    }, certificate);
    const client = transport();
    expect(text((await client.request(get(server.url))).body)).toBe('accepts gzip');
    await client.request(get(server.url));
    expect(server.connections()).toBe(1);
  });

  it('counts the bytes after decompression: a bomb meets the limit', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Encoding': 'gzip' });
      const gzip = createGzip({ level: 9 });
      gzip.pipe(response);
      response.on('close', () => gzip.destroy());
      const zeros = Buffer.alloc(1024 * 1024);
      const more = () => {
        while (!gzip.destroyed && gzip.write(zeros));
      };
      gzip.on('drain', more);
      more();
    }, certificate);
    const error = await failure(transport().request(get(server.url, { maxBytes: 4_000_000 })));
    expect(error.code).toBe('RESPONSE_TOO_LARGE');
  });

  it('counts the bytes before decompression as well: emptiness without end is too much', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Encoding': 'gzip' });
      const empty = Buffer.concat(Array.from({ length: 1000 }, () => gzipSync('')));
      const more = () => {
        while (!response.destroyed && response.write(empty));
      };
      response.on('drain', more);
      more();
    }, certificate);
    const error = await failure(transport().request(get(server.url, { maxBytes: 4000 })));
    expect(error.code).toBe('RESPONSE_TOO_LARGE');
  });

  it('tells a short answer from a damaged one', async () => {
    const whole = gzipSync('some text that is compressed');
    const server = await serve((request, response) => {
      const body = request.url === '/short' ? whole.subarray(0, -6) : Buffer.from('not gzip');
      answer(response, 200, body, { 'Content-Encoding': 'gzip' });
    }, certificate);
    const client = transport();
    const short = await failure(client.request(get(`${server.url}/short`)));
    expect(short.code).toBe('RESPONSE_CUT');
    const damaged = await failure(client.request(get(`${server.url}/damaged`)));
    expect(damaged.code).toBe('RESPONSE_INVALID');
  });

  it('refuses an encoding that was not asked for', async () => {
    const server = await serve((_request, response) => {
      answer(response, 200, 'x', { 'Content-Encoding': 'br' });
    }, certificate);
    expect((await failure(transport().request(get(server.url)))).code).toBe('RESPONSE_INVALID');
  });
});

describe('limits on time', () => {
  it('ends the wait for an answer', async () => {
    const server = await serve(() => {}, certificate);
    const error = await failure(
      transport({ timeouts: { idleMs: 50 } }).request(get(server.url, { retry: true })),
    );
    expect(error.code).toBe('SERVER_UNREACHABLE');
    expect(error.details).toMatchObject({ reason: 'IDLE_TIMEOUT', stage: 'answer' });
    expect(server.requests).toHaveLength(1);
  });

  it('ends a body that stalls', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('half');
    }, certificate);
    const error = await failure(transport().request(get(server.url, { timeoutMs: 50 })));
    expect(error.code).toBe('RESPONSE_CUT');
  });

  it('ends a body that only drips', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), 10);
      response.on('close', () => clearInterval(drip));
    }, certificate);
    const error = await failure(
      transport({ timeouts: { idleMs: 5000, totalMs: 200 } }).request(get(server.url)),
    );
    expect(error.code).toBe('RESPONSE_CUT');
    expect(error.details).toMatchObject({ reason: 'TOTAL_TIMEOUT' });
  });

  it('ends headers that only drip', async () => {
    const port = await serveTcp(socket => {
      socket.write('HTTP/1.1 200 OK\r\nX: ');
      const drip = setInterval(() => socket.write('.'), 10);
      socket.on('close', () => clearInterval(drip));
    });
    const error = await failure(
      transport({ timeouts: { idleMs: 5000, totalMs: 200 } }).request(
        get(`http://localhost:${port}/`),
      ),
    );
    expect(error.code).toBe('SERVER_UNREACHABLE');
  });

  it('ends a handshake that does not come', async () => {
    const port = await serveTcp(() => {});
    const error = await failure(
      transport({ timeouts: { tlsMs: 50 } }).request(get(`https://localhost:${port}/`)),
    );
    expect(error.code).toBe('SERVER_UNREACHABLE');
    expect(error.details).toMatchObject({ reason: 'TLS_TIMEOUT', stage: 'tls' });
  });

  it('counts the waits between tries into the deadline', async () => {
    const server = await serve((_request, response) => answer(response, 503), certificate);
    const response = await transport().request(get(server.url, { deadlineMs: 299 }));
    expect(response.status).toBe(503);
    expect(server.requests).toHaveLength(1);
  });
});

describe('a server that cannot be reached', () => {
  it('is tried three times when it refuses connections', async () => {
    const port = await closedPort();
    const waits: number[] = [];
    const client = transport({ sleep: async ms => waits.push(ms) });
    const error = await failure(client.request(get(`https://localhost:${port}/`)));
    expect(error.code).toBe('SERVER_UNREACHABLE');
    expect(error.message).toContain(`localhost:${port}`);
    expect(error.message).toContain('refused');
    expect(waits).toEqual([300, 900]);
  });

  it('is not tried again for a name that does not exist', async () => {
    const waits: number[] = [];
    const client = transport({ sleep: async ms => waits.push(ms) });
    const error = await failure(client.request(get('https://trust.invalid/')));
    expect(error.code).toBe('SERVER_UNREACHABLE');
    if (error.details?.reason === 'ENOTFOUND') expect(waits).toEqual([]);
  });

  it('is one that resets before it answers; a reset within the body is something else', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/body') {
        response.writeHead(200, { 'Content-Length': '100' });
        response.write('half', () => request.socket.destroy());
      } else request.socket.destroy();
    }, certificate);
    const client = transport();
    const before = await failure(client.request(get(server.url)));
    expect(before.code).toBe('SERVER_UNREACHABLE');
    expect(server.requests).toHaveLength(3);
    const within = await failure(client.request(get(`${server.url}/body`)));
    expect(within.code).toBe('RESPONSE_CUT');
    expect(server.requests).toHaveLength(4);
  });

  it('is not one that answers with something else than HTTP', async () => {
    const port = await serveTcp(socket => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    const error = await failure(transport().request(get(`http://localhost:${port}/`)));
    expect(error.code).toBe('RESPONSE_INVALID');
  });

  it('is not one with headers without end', async () => {
    const port = await serveTcp(socket => {
      socket.write(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`);
    });
    const error = await failure(transport().request(get(`http://localhost:${port}/`)));
    expect(error.code).toBe('RESPONSE_INVALID');
  });
});

describe('repetition', () => {
  it.each([429, 502, 503, 504])('repeats a read after %i', async status => {
    let count = 0;
    const server = await serve((_request, response) => {
      count += 1;
      answer(response, count < 3 ? status : 200);
    }, certificate);
    const response = await transport().request(get(server.url));
    expect(response.status).toBe(200);
    expect(count).toBe(3);
  });

  it('gives the last answer after the third', async () => {
    const server = await serve((_request, response) => answer(response, 503), certificate);
    expect((await transport().request(get(server.url))).status).toBe(503);
    expect(server.requests).toHaveLength(3);
  });

  it.each([400, 404, 500])('does not repeat after %i', async status => {
    const server = await serve((_request, response) => answer(response, status), certificate);
    await transport().request(get(server.url));
    expect(server.requests).toHaveLength(1);
  });

  it.each(['POST', 'PUT', 'DELETE'] as const)('never repeats %s', async method => {
    const server = await serve((_request, response) => answer(response, 503), certificate);
    const response = await transport().request({ ...get(server.url), method, retry: true });
    expect(response.status).toBe(503);
    expect(server.requests).toHaveLength(1);
  });

  it('waits as long as the server asks, by seconds or by date, but not for ever', async () => {
    const now = Date.parse('2026-11-22T00:00:00Z');
    const asks = ['2', 'Sun, 22 Nov 2026 00:00:07 GMT', 'soon', '31', '1'];
    const server = await serve((_request, response) => {
      answer(response, 503, '', { 'Retry-After': asks.shift() ?? '0' });
    }, certificate);
    const waits: number[] = [];
    const client = transport({ now: () => now, sleep: async ms => waits.push(ms) });
    await client.request(get(server.url));
    expect(waits).toEqual([2000, 7000]);
    expect(asks).toEqual(['31', '1']);
    await client.request(get(server.url));
    expect(waits).toEqual([2000, 7000]);
    expect(asks).toEqual(['1']);
  });

  it('takes a new connection at once when an open one has died', async () => {
    const seen = new WeakSet<object>();
    const server = await serve((request, response) => {
      if (seen.has(request.socket)) request.socket.destroy();
      else answer(response, 200, 'ok');
      seen.add(request.socket);
    }, certificate);
    const waits: number[] = [];
    const client = transport({ sleep: async ms => waits.push(ms) });
    await client.request(get(server.url));
    expect((await client.request(get(server.url))).status).toBe(200);
    expect(server.requests).toHaveLength(3);
    expect(waits).toEqual([]);
  });
});

describe('TLS', () => {
  it('does not believe an unknown authority, and names the ways out', async () => {
    const server = await serve((_request, response) => answer(response, 200), certificate);
    const error = await failure(transport({ tls: {} }).request(get(server.url)));
    expect(error.code).toBe('TLS_UNTRUSTED');
    expect(error.message).toContain('unknown authority');
    expect(error.hint).toContain('--tls-ca');
    expect(error.hint).toContain(`tls/localhost:${server.port}/`);
    expect(server.requests).toEqual([]);
  });

  it('adds own authorities to those of the system', async () => {
    const server = await serve((_request, response) => answer(response, 200), certificate);
    const client = transport({ tls: { ca: [authority.ca] } });
    expect((await client.request(get(server.url))).status).toBe(200);
  });

  it('looks into the store of the system, unless own authorities replace it', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'tabellion-http-'));
    try {
      const file = path.join(folder, 'bundle.pem');
      await writeFile(file, authority.ca);
      const server = await serve((_request, response) => answer(response, 200), certificate);
      const env = { SSL_CERT_FILE: file };
      expect((await transport({ tls: {}, env }).request(get(server.url))).status).toBe(200);
      const other = { ca: [makeAuthority('other').ca] };
      expect((await transport({ tls: other, env }).request(get(server.url))).status).toBe(200);
      const replaced = { ...other, caReplacesSystem: true };
      const error = await failure(transport({ tls: replaced, env }).request(get(server.url)));
      expect(error.code).toBe('TLS_UNTRUSTED');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each([
    ['self-signed', selfSigned()],
    ['expired', authority.issue({ notBefore: new Date('2020-01-01'), days: 30 })],
    ['not yet valid', authority.issue({ notBefore: new Date('2090-01-01'), days: 30 })],
    ['not for the name', authority.issue({ dnsNames: ['other.example'] })],
  ])('does not believe a certificate that is %s', async (words, bad) => {
    const server = await serve((_request, response) => answer(response, 200), bad);
    const error = await failure(transport().request(get(server.url)));
    expect(error.code).toBe('TLS_UNTRUSTED');
    expect(error.message).toContain(words);
    expect(error.hint).toBeDefined();
    expect(server.requests).toEqual([]);
  });

  it('names the hosts that a certificate is for', async () => {
    const bad = authority.issue({ dnsNames: ['other.example'], ipAddresses: ['127.0.0.9'] });
    const server = await serve((_request, response) => answer(response, 200), bad);
    const error = await failure(transport().request(get(server.url)));
    expect(error.message).toContain('other.example, 127.0.0.9');
  });

  it('believes anything only by an explicit wish', async () => {
    const server = await serve((_request, response) => answer(response, 200), selfSigned());
    const client = transport({ tls: { skipVerification: true } });
    expect((await client.request(get(server.url))).status).toBe(200);
  });

  it('is not to be switched off by NODE_TLS_REJECT_UNAUTHORIZED', async () => {
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      const server = await serve((_request, response) => answer(response, 200), selfSigned());
      expect((await failure(transport().request(get(server.url)))).code).toBe('TLS_UNTRUSTED');
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
    }
  });

  it('fails for itself with a server that speaks plain http', async () => {
    const server = await serve((_request, response) => answer(response, 200));
    const error = await failure(transport().request(get(`https://localhost:${server.port}/`)));
    expect(error.code).toBe('TLS_FAILED');
    expect(error.hint).toContain('plain http');
  });

  it('presents a client certificate', async () => {
    const server = await serve((_request, response) => answer(response, 200), {
      ...certificate,
      ca: authority.ca,
      requestCert: true,
      rejectUnauthorized: true,
    });
    const tls = { ca: [authority.ca], caReplacesSystem: true };
    const error = await failure(transport({ tls }).request(get(server.url)));
    expect(error.code).toBe('TLS_FAILED');
    expect(error.hint).toContain('--tls-cert');
    const client = transport({ tls: { ...tls, ...authority.issue({ usage: 'clientAuth' }) } });
    expect((await client.request(get(server.url))).status).toBe(200);
  });

  it('refuses material that cannot be used before anything is sent', () => {
    const { cert } = authority.issue();
    const { key } = authority.issue();
    expect(() => transport({ tls: { cert, key } })).toThrow(UsageError);
    expect(() => transport({ tls: { cert: 'no certificate', key } })).toThrow(
      expect.objectContaining({ code: 'TLS_MATERIAL_INVALID' }),
    );
  });
});
