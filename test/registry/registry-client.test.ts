import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ConnectionError, OperationError, TrustError, UsageError } from '../../src/errors.ts';
import {
  type Authorizer,
  anonymousAuthorizer,
  basicAuthorizer,
} from '../../src/http/authorization.ts';
import { createTransport } from '../../src/http/transport.ts';
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  MANIFEST_MEDIA_TYPES,
  MAX_MANIFEST_BYTES,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../../src/registry/manifest.ts';
import { RegistryClient } from '../../src/registry/registry-client.ts';
import { registryUrl } from '../../src/registry/registry-origin.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A plain HTTP server on a free port of loopback; the ping is answered unless the handler wants it. */
async function serve(
  handler: Handler,
  answerPing = true,
): Promise<{ port: number; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    if (answerPing && request.url === '/v2/') {
      response.end('{}');
      return;
    }
    seen.push(request);
    handler(request, response);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    return new Promise<void>(resolve => void server.close(() => resolve()));
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

function clientFor(
  domain: string | number,
  authorizer: Authorizer | ((origin: string) => Authorizer) = anonymousAuthorizer(),
  insecure = false,
): RegistryClient {
  const transport = createTransport({ env: {}, allowInsecure: insecure, sleep: async () => {} });
  closers.push(() => transport.close());
  return new RegistryClient({
    transport,
    authorizer,
    domain: typeof domain === 'number' ? `127.0.0.1:${domain}` : domain,
    insecure,
  });
}

const digestOf = (bytes: Uint8Array | string, algorithm = 'sha256') =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;

const CHILD = { mediaType: OCI_MANIFEST, digest: digestOf('x'), size: 1 };
const BODIES: Record<string, string> = {
  [OCI_INDEX]: JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [CHILD] }),
  [OCI_MANIFEST]: JSON.stringify({ schemaVersion: 2, config: {}, layers: [] }),
  [DOCKER_LIST]: JSON.stringify(
    { schemaVersion: 2, mediaType: DOCKER_LIST, manifests: [] },
    null,
    3,
  ),
  [DOCKER_MANIFEST]: JSON.stringify({
    schemaVersion: 2,
    mediaType: DOCKER_MANIFEST,
    config: {},
    layers: [],
  }),
};
const INDEX = BODIES[OCI_INDEX] as string;

function sendManifest(
  response: ServerResponse,
  body: string,
  headers: Record<string, string | string[]> = {},
): void {
  response.writeHead(200, {
    'content-type': OCI_INDEX,
    'docker-content-digest': digestOf(body),
    ...headers,
  });
  response.end(body);
}

describe('RegistryClient.resolve', () => {
  it.each(MANIFEST_MEDIA_TYPES)('hashes and measures the exact bytes of %s', async mediaType => {
    const body = BODIES[mediaType] as string;
    const { port, seen } = await serve((_, response) =>
      sendManifest(response, body, { 'content-type': mediaType }),
    );
    const expected = { digest: digestOf(body), size: body.length, mediaType };
    const client = clientFor(port);
    expect(await client.resolve('a/img', '1.0')).toEqual(expected);
    expect(await client.resolve('a/img', digestOf(body))).toEqual(expected);
    expect(seen.map(({ url }) => url)).toEqual([
      '/v2/a/img/manifests/1.0',
      `/v2/a/img/manifests/${digestOf(body)}`,
    ]);
    for (const { headers } of seen) {
      expect(headers.accept?.split(', ')).toEqual(MANIFEST_MEDIA_TYPES);
    }
  });

  it.each([undefined, 'application/json', 'text/plain; charset=utf-8'])(
    'takes the media type from the body when Content-Type is %s',
    async type => {
      const { port } = await serve((request, response) => {
        if (type !== undefined) response.setHeader('content-type', type);
        response.end(request.url?.endsWith('bare') ? BODIES[OCI_MANIFEST] : BODIES[DOCKER_LIST]);
      });
      const client = clientFor(port);
      expect((await client.resolve('a', 'list')).mediaType).toBe(DOCKER_LIST);
      expect((await client.resolve('a', 'bare')).mediaType).toBe(OCI_MANIFEST);
    },
  );

  it('ignores parameters and case of Content-Type, and checks SHA-512 digests', async () => {
    const { port } = await serve((_, response) =>
      sendManifest(response, INDEX, {
        'content-type': `${OCI_INDEX.toUpperCase()}; charset=utf-8`,
        'docker-content-digest': digestOf(INDEX, 'sha512'),
      }),
    );
    const resolved = await clientFor(port).resolve('a', digestOf(INDEX, 'sha512'));
    expect(resolved.digest).toBe(digestOf(INDEX));
  });

  it.each([
    ['another digest', digestOf('something else')],
    ['no digest at all', 'nonsense'],
    ['an unknown algorithm', `md5:${'0'.repeat(32)}`],
    ['two digests, one of them wrong', [digestOf(INDEX), digestOf('something else')]],
  ])('does not trust an answer that announces %s', async (_what, announced) => {
    const { port } = await serve((_, response) =>
      sendManifest(response, INDEX, { 'docker-content-digest': announced }),
    );
    const result = clientFor(port).resolve('a', '1');
    await expect(result).rejects.toBeInstanceOf(TrustError);
    await expect(result).rejects.toMatchObject({ code: 'MANIFEST_DIGEST_MISMATCH' });
  });

  it('does not trust other bytes than those asked for by digest, whatever the header says', async () => {
    const { port } = await serve((_, response) => sendManifest(response, INDEX));
    const client = clientFor(port);
    for (const asked of [digestOf('other'), digestOf('other', 'sha512')]) {
      await expect(client.resolve('a', asked)).rejects.toMatchObject({
        code: 'MANIFEST_DIGEST_MISMATCH',
        details: { expected: asked },
      });
    }
  });

  it('refuses schema 1, by its media type or by what it says inside', async () => {
    const body = JSON.stringify({ schemaVersion: 1, name: 'a', tag: '1', signatures: [] });
    const { port } = await serve((request, response) =>
      sendManifest(response, body, {
        'content-type': request.url?.endsWith('typed')
          ? 'application/vnd.docker.distribution.manifest.v1+prettyjws'
          : 'application/json',
        'docker-content-digest': digestOf('the part that is signed'),
      }),
    );
    for (const tag of ['typed', 'untyped']) {
      await expect(clientFor(port).resolve('a', tag)).rejects.toMatchObject({
        code: 'MANIFEST_SCHEMA1',
      });
    }
  });

  it.each([
    ['not JSON', 'hello', 'MANIFEST_INVALID'],
    ['an array', '[]', 'MANIFEST_INVALID'],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1'), 'MANIFEST_INVALID'],
    ['schema 3', '{"schemaVersion":3,"manifests":[]}', 'MANIFEST_INVALID'],
    ['of no shape', '{"schemaVersion":2}', 'MANIFEST_INVALID'],
    [
      'index and image at once',
      '{"schemaVersion":2,"manifests":[],"layers":[]}',
      'MANIFEST_INVALID',
    ],
    ['of another type inside', BODIES[DOCKER_LIST] as string, 'MANIFEST_INVALID'],
    ['an image announced as index', BODIES[OCI_MANIFEST] as string, 'MANIFEST_INVALID'],
  ])('refuses a body that is %s', async (_what, body, code) => {
    const { port } = await serve((_, response) =>
      sendManifest(response, body, { 'docker-content-digest': digestOf(body) }),
    );
    const result = clientFor(port).resolve('a', '1');
    await expect(result).rejects.toBeInstanceOf(OperationError);
    await expect(result).rejects.toMatchObject({ code });
  });

  it('refuses a media type that is no image', async () => {
    const type = 'application/vnd.oci.artifact.manifest.v1+json';
    const { port } = await serve((_, response) =>
      sendManifest(response, INDEX.replaceAll(OCI_INDEX, type), {
        'content-type': type,
        'docker-content-digest': [],
      }),
    );
    await expect(clientFor(port).resolve('a', '1')).rejects.toMatchObject({
      code: 'MANIFEST_TYPE_UNSUPPORTED',
      message: expect.stringContaining(type),
    });
  });

  it('reads 4 MiB and not a byte more, with or without an announced length', async () => {
    const exact = INDEX + ' '.repeat(MAX_MANIFEST_BYTES - INDEX.length);
    const { port } = await serve((request, response) => {
      const body = request.url?.endsWith('exact') ? exact : `${exact} `;
      response.writeHead(200, {
        'content-type': OCI_INDEX,
        ...(request.url?.endsWith('chunked') ? {} : { 'content-length': String(body.length) }),
      });
      response.end(body);
    });
    const client = clientFor(port);
    expect((await client.resolve('a', 'exact')).size).toBe(MAX_MANIFEST_BYTES);
    for (const tag of ['chunked', 'long']) {
      const result = client.resolve('a', tag);
      await expect(result).rejects.toBeInstanceOf(ConnectionError);
      await expect(result).rejects.toMatchObject({ code: 'RESPONSE_TOO_LARGE' });
    }
  });

  it('reports a page instead of a manifest, with its first line and no controls', async () => {
    const { port } = await serve((request, response) => {
      response.writeHead(Number(request.url?.slice(-3)), { 'content-type': 'text/html' });
      response.end('<html>\u001b[31mPlease log in\n<body>');
    });
    for (const status of ['200', '404', '418']) {
      const result = clientFor(port).resolve('a', status);
      await expect(result).rejects.toBeInstanceOf(ConnectionError);
      await expect(result).rejects.toMatchObject({
        code: 'REGISTRY_ANSWER_INVALID',
        message: expect.stringContaining(`status ${status}, “<html>\\u001b[31mPlease log in”`),
      });
    }
  });

  it.each([
    [404, 'MANIFEST_UNKNOWN', OperationError, 'IMAGE_NOT_FOUND'],
    [404, 'NAME_UNKNOWN', OperationError, 'IMAGE_NOT_FOUND'],
    [404, 'SOMETHING_NEW', OperationError, 'IMAGE_NOT_FOUND'],
    [400, 'NAME_INVALID', OperationError, 'IMAGE_NOT_FOUND'],
    [400, 'MANIFEST_INVALID', OperationError, 'REGISTRY_REJECTED'],
    [403, 'DENIED', ConnectionError, 'FORBIDDEN'],
    [429, 'TOOMANYREQUESTS', ConnectionError, 'TOO_MANY_REQUESTS'],
    [500, 'UNKNOWN', ConnectionError, 'SERVER_ERROR'],
    [503, 'UNKNOWN', ConnectionError, 'SERVER_ERROR'],
    [401, 'UNAUTHORIZED', ConnectionError, 'UNAUTHORIZED'],
  ])('tells %i %s apart', async (status, said, type, code) => {
    const { port } = await serve((_, response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ errors: [{ code: said, message: 'in its own\u001b words' }] }));
    });
    const result = clientFor(port).resolve('a', '1');
    await expect(result).rejects.toBeInstanceOf(type);
    await expect(result).rejects.toMatchObject({
      code,
      message: expect.stringContaining('in its own\\u001b words'),
    });
  });

  it('refuses paths and references that would lead elsewhere, before any request', async () => {
    const { port, seen } = await serve((_, response) => response.end());
    const client = clientFor(port);
    for (const [path, reference] of [
      ['../../etc', '1'],
      ['a/..', '1'],
      ['a?b', '1'],
      ['', '1'],
      ['a', '../x'],
      ['a', '..'],
      ['a', ''],
      ['a', '1/2'],
      ['a', '1%2f..'],
      ['a', 'md5:0'],
    ] as const) {
      await expect(client.resolve(path, reference)).rejects.toBeInstanceOf(UsageError);
    }
    expect(seen).toHaveLength(0);
  });
});

describe('RegistryClient.headDigest', () => {
  it('gives the announced digest, nothing when there is none, and says what is absent', async () => {
    const { port, seen } = await serve((request, response) => {
      if (request.url?.endsWith('gone')) response.statusCode = 404;
      else if (request.url?.endsWith('bad')) response.setHeader('docker-content-digest', 'bad');
      else if (!request.url?.endsWith('mute')) {
        response.setHeader('docker-content-digest', digestOf(INDEX));
      }
      response.end();
    });
    const client = clientFor(port);
    expect(await client.headDigest('a', '1')).toBe(digestOf(INDEX));
    expect(await client.headDigest('a', 'mute')).toBeUndefined();
    expect(await client.headDigest('a', 'bad')).toBeUndefined();
    await expect(client.headDigest('a', 'gone')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    expect(new Set(seen.map(({ method }) => method))).toEqual(new Set(['HEAD']));
  });
});

describe('logging in', () => {
  const login = (origin: string) =>
    basicAuthorizer({ username: 'alice', password: 's3cret' }, origin);
  const expected = `Basic ${Buffer.from('alice:s3cret').toString('base64')}`;
  const guarded =
    (next: Handler): Handler =>
    (request, response) => {
      if (request.headers.authorization === expected) next(request, response);
      else
        response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end('{"errors":[]}');
    };

  it('answers a Basic challenge', async () => {
    const { port, seen } = await serve(guarded((_, response) => sendManifest(response, INDEX)));
    expect((await clientFor(port, login).resolve('a', '1')).digest).toBe(digestOf(INDEX));
    expect(seen[0]?.headers.authorization).toBeUndefined();
    await expect(clientFor(port).resolve('a', '1')).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      hint: expect.stringContaining(`docker login 127.0.0.1:${port}`),
    });
  });

  it('sends a login that is refused just once, and keeps it out of the error', async () => {
    const { port, seen } = await serve((_, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
    });
    const error = await clientFor(port, login)
      .resolve('a', '1')
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', details: { username: 'alice' } });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error as object))).not.toContain(
      's3cret',
    );
    expect(seen.filter(({ headers }) => headers.authorization !== undefined)).toHaveLength(1);
  });

  it('says that token logins cannot be done', async () => {
    const { port } = await serve((_, response) => {
      response
        .writeHead(401, { 'www-authenticate': 'Bearer realm="https://h/token",service="s"' })
        .end();
    });
    for (const authorizer of [anonymousAuthorizer(), login]) {
      await expect(clientFor(port, authorizer).resolve('a', '1')).rejects.toMatchObject({
        code: 'UNAUTHORIZED',
        message: expect.stringContaining('Bearer'),
      });
    }
  });

  it('follows a redirect to another origin without the login, and does not give it there when asked', async () => {
    const storage = await serve((request, response) => {
      if (request.url?.startsWith('/greedy')) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="phish"' }).end();
      } else sendManifest(response, INDEX);
    });
    const registry = await serve(
      guarded((request, response) => {
        const place = request.url?.endsWith('greedy') ? 'greedy' : 'open';
        const location = `http://127.0.0.1:${storage.port}/${place}?signature=s3cret`;
        response.writeHead(307, { location }).end();
      }),
    );
    const client = clientFor(registry.port, login);
    expect((await client.resolve('a', '1')).digest).toBe(digestOf(INDEX));
    const error = await client.resolve('a', 'greedy').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'UNAUTHORIZED' });
    expect((error as Error).message).not.toContain('s3cret');
    expect(storage.seen).toHaveLength(2);
    for (const { headers } of storage.seen) {
      expect(headers.authorization).toBeUndefined();
      expect(headers.accept).toContain(OCI_INDEX);
    }
  });

  it('keeps the login on the same origin, and never takes it up again after leaving', async () => {
    const away = await serve((_, response) => {
      response.writeHead(302, { location: `http://127.0.0.1:${registry.port}/back` }).end();
    });
    const registry = await serve((request, response) => {
      if (request.url === '/back') sendManifest(response, INDEX);
      else if (request.url === '/moved') {
        response.writeHead(308, { location: `http://127.0.0.1:${away.port}/` }).end();
      } else {
        guarded((_, own) => own.writeHead(301, { location: '/moved' }).end())(request, response);
      }
    });
    await clientFor(registry.port, login).resolve('a', '1');
    const last = registry.seen.slice(-2);
    expect(last.map(({ url }) => url)).toEqual(['/moved', '/back']);
    expect(last.map(({ headers }) => headers.authorization)).toEqual([expected, undefined]);
  });
});

describe('redirects', () => {
  it.each([
    [
      'to plain HTTP elsewhere',
      'http://registry.example/x?token=s3cret',
      'http://registry.example',
    ],
    ['to a file', 'file:///etc/passwd', 'not HTTPS'],
    ['with credentials', 'http://u:s3cret@127.0.0.1:1/', 'credentials'],
    ['to nowhere', undefined, 'without saying where'],
    ['to no address', 'http://[', 'without saying where'],
  ])('are refused %s', async (_what, location, message) => {
    const { port } = await serve((_, response) => {
      response.writeHead(307, location === undefined ? {} : { location }).end();
    });
    const error = await clientFor(port)
      .resolve('a', '1')
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({
      code: 'REDIRECT_REFUSED',
      message: expect.stringContaining(message),
    });
    expect((error as Error).message).not.toContain('s3cret');
  });

  it('never lead from HTTPS to plain HTTP, not even on loopback', async () => {
    const asked: string[] = [];
    const client = new RegistryClient({
      domain: 'registry.example',
      authorizer: anonymousAuthorizer(),
      insecure: true,
      transport: {
        close: () => {},
        request: async ({ url }) => {
          asked.push(url.href);
          const headers = new Map([['location', ['http://localhost:5000/x']]]);
          return { status: url.pathname === '/v2/' ? 200 : 307, headers, body: new Uint8Array() };
        },
      },
    });
    await expect(client.resolve('a', '1')).rejects.toMatchObject({ code: 'REDIRECT_REFUSED' });
    expect(asked.every(url => url.startsWith('https://registry.example/'))).toBe(true);
  });

  it('are followed five times, not six', async () => {
    const { port, seen } = await serve((request, response) => {
      const left = Number(/\d$/.exec(request.url ?? '')?.[0]);
      if (left === 0) sendManifest(response, INDEX);
      else response.writeHead(302, { location: `/hop/${left - 1}` }).end();
    });
    const client = clientFor(port);
    expect((await client.resolve('a', '5')).digest).toBe(digestOf(INDEX));
    seen.length = 0;
    await expect(client.resolve('a', '6')).rejects.toMatchObject({ code: 'REDIRECT_REFUSED' });
    expect(seen).toHaveLength(6);
  });
});

describe('finding the origin', () => {
  it('falls back to plain HTTP on loopback, asks once, and hands the origin to the login', async () => {
    let pings = 0;
    const { port } = await serve((request, response) => {
      if (request.url !== '/v2/') {
        sendManifest(response, INDEX);
        return;
      }
      pings += 1;
      response.writeHead(401).end();
    }, false);
    const origins: string[] = [];
    const client = clientFor(`localhost:${port}`, origin => {
      origins.push(origin);
      return anonymousAuthorizer();
    });
    await Promise.all([client.resolve('a', '1'), client.resolve('a', '2')]);
    expect(origins).toEqual([`http://localhost:${port}`]);
    expect(pings).toBe(1);
  });

  it('does not take a TLS server that answers 400 to plain HTTP for a plain one', async () => {
    const { port } = await serve((_, response) => response.writeHead(400).end(), false);
    await expect(clientFor(port).resolve('a', '1')).rejects.toMatchObject({ code: 'TLS_FAILED' });
  });

  it.each([
    // domain, plain HTTP wished for, how HTTPS fails, what is asked
    [
      'registry.example:5000',
      false,
      'TLS_FAILED',
      ['https://registry.example:5000/v2/a/manifests/1'],
    ],
    ['registry.example:5000', true, 'TLS_UNTRUSTED', ['https://registry.example:5000/v2/']],
    ['localhost:443', false, 'TLS_UNTRUSTED', ['https://localhost/v2/']],
    ['localhost:443', false, 'RESPONSE_INVALID', ['https://localhost/v2/']],
    ['localhost:443', false, 'TLS_FAILED', ['https://localhost/v2/', 'http://localhost:443/v2/']],
    [
      'registry.example',
      true,
      'SERVER_UNREACHABLE',
      ['https://registry.example/v2/', 'http://registry.example/v2/'],
    ],
  ])('for %s (insecure: %s) after %s', async (domain, insecure, code, expected) => {
    const asked: string[] = [];
    const client = new RegistryClient({
      domain,
      insecure,
      authorizer: anonymousAuthorizer(),
      transport: {
        close: () => {},
        request: async ({ url }) => {
          asked.push(url.href);
          throw new ConnectionError(code, 'in vain');
        },
      },
    });
    await expect(client.resolve('a', '1')).rejects.toMatchObject({ code });
    expect(asked).toEqual(expected);
  });

  it('tries again after a failure', async () => {
    const { port } = await serve((_, response) => sendManifest(response, INDEX), false);
    const client = clientFor(port);
    const transport = createTransport({ env: {} });
    closers.push(() => transport.close());
    let failures = 1;
    const flaky = new RegistryClient({
      domain: client.domain,
      authorizer: anonymousAuthorizer(),
      transport: {
        ...transport,
        close: () => transport.close(),
        request: async request => {
          if (failures-- > 0) throw new ConnectionError('TLS_UNTRUSTED', 'for once');
          return transport.request(request);
        },
      },
    });
    await expect(flaky.resolve('a', '1')).rejects.toMatchObject({ code: 'TLS_UNTRUSTED' });
    expect((await flaky.resolve('a', '1')).digest).toBe(digestOf(INDEX));
  });

  it('knows where registries are', () => {
    expect(registryUrl('docker.io').href).toBe('https://registry-1.docker.io/');
    expect(registryUrl('Example.Com:443').href).toBe('https://example.com/');
    expect(registryUrl('localhost:5000', 'http').href).toBe('http://localhost:5000/');
    expect(registryUrl('[0:0::1]:5000').href).toBe('https://[::1]:5000/');
    for (const domain of ['0x7f.1', '127.1', 'h:99999', 'xn--a', '[::1::]', 'a/b', 'u@h']) {
      expect(() => registryUrl(domain), domain).toThrow(UsageError);
    }
  });
});
