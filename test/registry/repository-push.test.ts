import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ConnectionError, OperationError } from '../../src/errors.ts';
import { anonymousAuthorizer, basicAuthorizer } from '../../src/http/authorization.ts';
import { createTransport } from '../../src/http/transport.ts';
import { checkBlob, type UploadMemory, uploadBlob } from '../../src/registry/blob-upload.ts';
import type { BlobReader } from '../../src/registry/image-store.ts';
import { OCI_MANIFEST } from '../../src/registry/manifest.ts';
import { RegistryConnection } from '../../src/registry/registry-connection.ts';
import { RepositoryPush, type UploadSession } from '../../src/registry/repository-push.ts';

/** What no real registry at hand does. Each request is answered by the handler, which gets its body too. */
type Handler = (request: Seen, response: ServerResponse) => void;
interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(handler: Handler): Promise<{ port: number; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', chunk => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming;
      if (url === '/v2/') return void response.end('{}');
      const request = { method, url, headers, body: Buffer.concat(chunks) };
      seen.push(request);
      handler(request, response);
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    return new Promise<void>(resolve => void server.close(() => resolve()));
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

function pushTo(port: number, login = false): RepositoryPush {
  const transport = createTransport({ env: {}, sleep: async () => {} });
  closers.push(() => transport.close());
  const credentials = { username: 'alice', password: 'secret' };
  const connection = new RegistryConnection({
    transport,
    domain: `127.0.0.1:${port}`,
    authorizer: login ? origin => basicAuthorizer(credentials, origin) : anonymousAuthorizer(),
  });
  return new RepositoryPush(connection, 'team/app');
}

const CONTENT = Buffer.from('0123456789'.repeat(10));
const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const BLOB = { digest: digestOf(CONTENT), size: CONTENT.length, mediaType: 'x' };

const readerOf = (bytes: Uint8Array): BlobReader => ({
  read: async (start, length) => bytes.subarray(start, start + length),
  close: async () => {},
});

class Memory implements UploadMemory {
  session: UploadSession | undefined;
  saved: number[] = [];
  load = async () => this.session;
  save = async (session: UploadSession) => {
    this.session = session;
    this.saved.push(session.offset);
  };
  clear = async () => {
    this.session = undefined;
  };
}

async function upload(push: RepositoryPush, options: { chunkSize?: number; memory?: Memory } = {}) {
  const { chunkSize = 1000, memory = new Memory() } = options;
  return await uploadBlob(push, BLOB, readerOf(CONTENT), {
    chunkSize,
    memory,
    where: 'the test',
    progress: () => {},
    sleep: async () => {},
    log: () => {},
  });
}

/** Answers as a registry does, with its state; a handler before it may take a request. */
function registry(
  before: (request: Seen, response: ServerResponse, stored: Buffer) => boolean,
): Handler {
  let stored = Buffer.alloc(0);
  return (request, response) => {
    if (before(request, response, stored)) return;
    const { method, body } = request;
    const range = () => `0-${Math.max(0, stored.length - 1)}`;
    const location = '/v2/team/app/blobs/uploads/1?_state=x';
    if (method === 'HEAD') response.writeHead(404).end();
    else if (method === 'POST') {
      stored = Buffer.alloc(0);
      response.writeHead(202, { location }).end();
    } else if (method === 'PATCH') {
      stored = Buffer.concat([stored, body]);
      response.writeHead(202, { location, range: range() }).end();
    } else if (method === 'GET') response.writeHead(204, { location, range: range() }).end();
    else {
      stored = Buffer.concat([stored, body]);
      const refusal = '{"errors":[{"code":"DIGEST_INVALID","message":"another digest"}]}';
      if (digestOf(stored) === BLOB.digest) response.writeHead(201).end();
      else response.writeHead(400).end(refusal);
    }
  };
}

const none = () => false;
const lines = (seen: Seen[]) =>
  seen.map(({ method, headers }) => `${method} ${headers['content-range'] ?? ''}`.trim());

describe('uploadBlob', () => {
  it('sends a small blob in one piece, and a large one in several, each with its range', async () => {
    const { port, seen } = await serve(registry(none));
    expect(await upload(pushTo(port))).toEqual({ bytesSent: 100, resumedAt: 0 });
    expect(lines(seen)).toEqual(['POST', 'PUT']);
    const put = new URL(seen[1]?.url ?? '', 'http://x');
    expect(put.searchParams.get('digest')).toBe(BLOB.digest);
    expect(put.searchParams.get('_state')).toBe('x');
    seen.length = 0;
    const memory = new Memory();
    await upload(pushTo(port), { chunkSize: 40, memory });
    expect(lines(seen)).toEqual(['POST', 'PATCH 0-39', 'PATCH 40-79', 'PUT 80-99']);
    expect(memory.saved).toEqual([40, 80]);
    expect(memory.session).toBeUndefined();
  });

  it('makes pieces as large as the registry wants them', async () => {
    const location = '/v2/team/app/blobs/uploads/1';
    const { port, seen } = await serve(
      registry(({ method }, response) => {
        if (method !== 'POST') return false;
        response.writeHead(202, { location, 'oci-chunk-min-length': '60' }).end();
        return true;
      }),
    );
    await upload(pushTo(port), { chunkSize: 10 });
    expect(lines(seen)).toEqual(['POST', 'PATCH 0-59', 'PUT 60-99']);
  });

  it('goes on where the registry says that it has got to, after an answer that is lost', async () => {
    let lost = false;
    const handler = registry(none);
    const { port, seen } = await serve((request, response) => {
      if (request.method !== 'PATCH' || lost) return handler(request, response);
      lost = true;
      // It arrives, but nobody is told.
      handler(request, {
        writeHead: () => ({ end: () => response.destroy() }),
      } as unknown as ServerResponse);
    });
    expect(await upload(pushTo(port), { chunkSize: 60 })).toMatchObject({ bytesSent: 40 });
    expect(lines(seen)).toEqual(['POST', 'PATCH 0-59', 'HEAD', 'GET', 'PUT 60-99']);
  });

  it('begins anew when the registry has forgotten an upload, but not for ever', async () => {
    let forgets = 1;
    const { port, seen } = await serve(
      registry(({ method }, response) => {
        if (method !== 'PUT' || forgets-- <= 0) return false;
        const body = '{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"gone"}]}';
        response.writeHead(404, { 'content-type': 'application/json' }).end(body);
        return true;
      }),
    );
    expect(await upload(pushTo(port), { chunkSize: 60 })).toMatchObject({ resumedAt: 0 });
    expect(lines(seen).filter(line => line === 'POST')).toHaveLength(2);
    forgets = Number.POSITIVE_INFINITY;
    seen.length = 0;
    await expect(upload(pushTo(port), { chunkSize: 60 })).rejects.toBeInstanceOf(OperationError);
    expect(lines(seen).filter(line => line === 'POST').length).toBeLessThan(10);
  });

  it('resumes the upload of another run, and begins anew when that one was spoilt', async () => {
    const handler = registry(none);
    const { port, seen } = await serve(handler);
    const start = async () => {
      const push = pushTo(port);
      return await push.sendPiece(
        await push.startUpload(BLOB.digest),
        BLOB.digest,
        CONTENT.subarray(0, 30),
      );
    };
    const memory = new Memory();
    memory.session = await start();
    expect(await upload(pushTo(port), { memory })).toEqual({ bytesSent: 70, resumedAt: 30 });
    // Somebody else has sent other bytes meanwhile.
    const push = pushTo(port);
    memory.session = await push.sendPiece(
      await push.startUpload(BLOB.digest),
      BLOB.digest,
      Buffer.from('something else'),
    );
    seen.length = 0;
    expect(await upload(pushTo(port), { memory })).toEqual({ bytesSent: 100, resumedAt: 0 });
    expect(lines(seen)).toEqual(['GET', 'PUT 14-99', 'HEAD', 'POST', 'PUT']);
    // What this run itself sent and the registry does not believe is damaged: once is enough.
    const refused = uploadBlob(pushTo(port), BLOB, readerOf(Buffer.alloc(100)), {
      ...{ chunkSize: 1000, memory, where: 'the test' },
      ...{ progress: () => {}, sleep: async () => {}, log: () => {} },
    });
    await expect(refused).rejects.toMatchObject({ code: 'REGISTRY_REJECTED' });
  });

  it('gives up what is refused for good, and what was changed under its hands', async () => {
    const { port, seen } = await serve(
      registry(({ method }, response) => {
        if (method !== 'PATCH') return false;
        response.writeHead(413).end('<html>too large');
        return true;
      }),
    );
    await expect(upload(pushTo(port), { chunkSize: 60 })).rejects.toMatchObject({
      code: 'UPLOAD_TOO_LARGE',
      hint: expect.stringContaining('--chunk-size'),
    });
    expect(lines(seen)).toEqual(['POST', 'PATCH 0-59']);
    const shorter = uploadBlob(pushTo(port), BLOB, readerOf(CONTENT.subarray(0, 50)), {
      ...{ chunkSize: 1000, memory: new Memory(), where: 'the test' },
      ...{ progress: () => {}, sleep: async () => {}, log: () => {} },
    });
    await expect(shorter).rejects.toMatchObject({ code: 'BLOB_MISMATCH' });
  });

  it('does not follow a registry that claims more than it was sent', async () => {
    const { port } = await serve(
      registry(({ method }, response) => {
        if (method !== 'PATCH') return false;
        response.writeHead(202, { location: '/v2/x', range: '0-999999' }).end();
        return true;
      }),
    );
    await expect(upload(pushTo(port), { chunkSize: 60 })).rejects.toMatchObject({
      code: 'UPLOAD_OUT_OF_STEP',
    });
  });
});

describe('RepositoryPush', () => {
  it('sends its login to the registry alone, also when uploads go to another host', async () => {
    const storage = await serve((_, response) => void response.writeHead(201).end());
    const own = await serve(({ method, headers }, response) => {
      if (headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      } else if (method === 'POST') {
        const location = `http://127.0.0.1:${storage.port}/bucket/1?signature=abc`;
        response.writeHead(202, { location }).end();
      } else response.writeHead(404).end();
    });
    await upload(pushTo(own.port, true));
    expect(own.seen.at(-1)?.headers.authorization).toMatch(/^Basic /);
    expect(storage.seen).toHaveLength(1);
    expect(storage.seen[0]?.headers.authorization).toBeUndefined();
    expect(storage.seen[0]?.url).toBe(
      `/bucket/1?signature=abc&digest=${encodeURIComponent(BLOB.digest)}`,
    );
  });

  it.each([
    ['without an address', {}],
    ['to plain HTTP elsewhere', { location: 'http://storage.example/x' }],
    ['with a login in the address', { location: 'http://u:p@127.0.0.1/x' }],
  ])('refuses to be sent on %s', async (_what, headers) => {
    const { port } = await serve((_, response) => void response.writeHead(202, headers).end());
    await expect(pushTo(port).startUpload(BLOB.digest)).rejects.toMatchObject({
      code: 'REDIRECT_REFUSED',
    });
  });

  it('does not send a manifest after a redirect', async () => {
    const { port } = await serve((_, response) => {
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    const manifest = { ...BLOB, mediaType: OCI_MANIFEST, bytes: CONTENT };
    await expect(pushTo(port).putManifest('1', manifest)).rejects.toBeInstanceOf(ConnectionError);
  });

  it('notices a registry that stored another manifest', async () => {
    const { port, seen } = await serve((_, response) => {
      response.writeHead(201, { 'docker-content-digest': digestOf(Buffer.from('x')) }).end();
    });
    const manifest = { ...BLOB, mediaType: OCI_MANIFEST, bytes: CONTENT };
    await expect(pushTo(port).putManifest('1', manifest)).rejects.toMatchObject({
      name: 'TrustError',
      code: 'MANIFEST_DIGEST_MISMATCH',
    });
    expect(seen[0]?.headers['content-type']).toBe(OCI_MANIFEST);
    expect(seen[0]?.body.equals(CONTENT)).toBe(true);
  });

  it.each([
    [201, 'mounted'],
    [202, { offset: 0 }],
    [401, 'refused'],
    [403, 'refused'],
    [404, 'refused'],
    [405, 'refused'],
  ])('takes %s to a mount for what it is', async (status, expected) => {
    const { port, seen } = await serve((_, response) => {
      response.writeHead(status, { location: '/v2/team/app/blobs/uploads/1' }).end();
    });
    const answer = await pushTo(port).mount(BLOB.digest, 'team/base');
    if (typeof expected === 'string') expect(answer).toBe(expected);
    else expect(answer).toMatchObject(expected);
    const query = new URL(seen[0]?.url ?? '', 'http://x').searchParams;
    expect([query.get('mount'), query.get('from')]).toEqual([BLOB.digest, 'team/base']);
  });

  it('says that it is pushing what is denied', async () => {
    const body = '{"errors":[{"code":"DENIED","message":"no"}]}';
    const { port } = await serve((_, response) => void response.writeHead(403).end(body));
    await expect(pushTo(port).startUpload(BLOB.digest)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('does not allow pushing'),
    });
  });
});

describe('checkBlob', () => {
  it('compares digest and size', async () => {
    await checkBlob(readerOf(CONTENT), BLOB, 'x');
    for (const bytes of [
      CONTENT.subarray(1),
      Buffer.concat([CONTENT, CONTENT]),
      Buffer.alloc(100),
    ]) {
      await expect(checkBlob(readerOf(bytes), BLOB, 'x')).rejects.toMatchObject({
        code: 'BLOB_MISMATCH',
      });
    }
  });
});
