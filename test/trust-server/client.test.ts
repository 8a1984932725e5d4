import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publicKeyToJson } from '../../src/crypto/public-key.ts';
import {
  ConnectionError,
  OperationError,
  TabellionError,
  TrustError,
  UsageError,
} from '../../src/errors.ts';
import { anonymousAuthorizer, basicAuthorizer } from '../../src/http/authorization.ts';
import { createTransport, type HttpTransport } from '../../src/http/transport.ts';
import { TrustServerClient, type TrustServerClientOptions } from '../../src/trust-server/client.ts';
import { makeAuthority } from '../http/certificates.ts';
import { answer, closedPort, serve, type TestServer } from '../http/servers.ts';
import { readVector } from '../support/fixtures.ts';

const authority = makeAuthority();
const certificate = authority.issue();
const GUN = 'localhost:5000/specb/t';
let transport: HttpTransport;

beforeAll(() => {
  transport = createTransport({
    env: {},
    tls: { ca: [authority.ca], caReplacesSystem: true },
    sleep: async () => {},
  });
});
afterAll(() => transport.close());

function clientOf(url: string, more: Partial<TrustServerClientOptions> = {}): TrustServerClient {
  return new TrustServerClient({
    url,
    gun: GUN,
    transport,
    authorizer: anonymousAuthorizer(),
    ...more,
  });
}

/** A trust server that answers everything alike. */
async function answering(
  status: number,
  body: string | Uint8Array = '',
  headers: Record<string, string> = {},
): Promise<TestServer> {
  return await serve((request, response) => {
    request.resume().on('end', () => answer(response, status, body, headers));
  }, certificate);
}

async function failure(promise: Promise<unknown>): Promise<TabellionError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TabellionError);
  return error as TabellionError;
}

interface Exchange {
  m: string;
  p: string;
  h: Record<string, string>;
  b: string;
  s: number;
  rh: [string, string][];
  rb: string;
}

function readLines<T>(name: string): T[] {
  return readVector(name)
    .toString('utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as T);
}

function boundaryOf(exchange: { h: Record<string, string | undefined> }, name: string): string {
  return exchange.h[name]?.split('boundary=')[1] ?? '';
}

function filesOf(exchange: Exchange): Map<string, Uint8Array> {
  const parts = exchange.b.split(`--${boundaryOf(exchange, 'Content-Type')}`).slice(1, -1);
  return new Map(
    parts.map(part => {
      const end = part.indexOf('\r\n\r\n');
      const role = /filename="([^"]+)"/.exec(part.slice(0, end))?.[1] ?? '';
      return [role, Buffer.from(part.slice(end + 4, -2))];
    }),
  );
}

describe('the session that notary had with notary-server', () => {
  const session = readLines<Exchange>('metadata/http/session.jsonl');

  it('can be had by this client, request for request', async () => {
    let expected: Exchange | undefined;
    const seen: {
      method: string | undefined;
      url: string | undefined;
      body: string;
      type: string;
    }[] = [];
    const server = await serve((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        seen.push({
          method: request.method,
          url: request.url,
          body: Buffer.concat(chunks).toString('utf8'),
          type: request.headers['content-type'] ?? '',
        });
        answer(response, expected?.s ?? 500, expected?.rb, Object.fromEntries(expected?.rh ?? []));
      });
    }, certificate);
    const client = clientOf(server.url);

    for (expected of session) {
      const file = expected.p.split('/_trust/tuf/')[1];
      const byHash = /^([a-z/]+)\.([0-9a-f]{64})\.json$/.exec(file ?? '');
      let got: Uint8Array | undefined;
      if (expected.p === '/v2/') await client.ping();
      else if (file === '') await client.publish(filesOf(expected));
      else if (file === 'timestamp.json') got = await client.timestamp();
      else if (file === 'root.json' && expected.s === 404) {
        expect(await failure(client.root())).toMatchObject({ code: 'METADATA_NOT_FOUND' });
      } else if (file === 'root.json') got = await client.root();
      else if (byHash)
        got = await client.byHash(byHash[1] ?? '', byHash[2] ?? '', expected.rb.length);
      else {
        const role = file === 'snapshot.key' ? 'snapshot' : 'timestamp';
        const key =
          expected.m === 'POST' ? await client.rotateKey(role) : await client.publicKey(role);
        expect(publicKeyToJson(key)).toEqual(JSON.parse(expected.rb));
      }
      if (got !== undefined) expect(Buffer.from(got).toString('utf8')).toBe(expected.rb);

      const request = seen.at(-1);
      expect([request?.method, request?.url]).toEqual([expected.m, expected.p]);
      const boundary = boundaryOf({ h: { type: request?.type } }, 'type');
      if (file === '') expect(boundary).toMatch(/^[0-9a-f]{60}$/);
      const original = boundaryOf(expected, 'Content-Type');
      expect(boundary === '' ? request?.body : request?.body.replaceAll(boundary, original)).toBe(
        expected.b,
      );
    }
    expect(seen).toHaveLength(session.length);
  });
});

describe('the errors of notary-server', () => {
  const reports = readLines<{ server: string; case: string; status: number; body: string }>(
    'metadata/http/errors.jsonl',
  );

  it('are all there', () => {
    expect(reports).toHaveLength(138);
  });

  it('each become the right error', async () => {
    let current = reports[0];
    const server = await serve((request, response) => {
      request.resume().on('end', () => {
        answer(response, current?.status ?? 0, current?.body, {
          'Content-Type': 'application/json; charset=utf-8',
        });
      });
    }, certificate);
    const client = clientOf(server.url);
    for (const report of reports) {
      current = report;
      const name = `${report.server}: ${report.case}`;
      const read = await failure(client.root());
      const write = await failure(client.publish(new Map([['targets', Buffer.from('{}')]])));
      const reported = (report.body === '' ? undefined : JSON.parse(report.body).errors[0]) as {
        code: string;
        message: string;
        detail?: { Name?: string; Error?: { Msg: string } };
      };
      for (const error of [read, write]) {
        expect(error.details, name).toMatchObject({ status: report.status });
        expect(error.details?.serverCode, name).toBe(reported?.code);
        expect(error.message, name).toContain(GUN);
      }
      switch (report.status) {
        case 400:
          expect(write, name).toBeInstanceOf(OperationError);
          expect(write.code, name).toBe(
            reported.code === 'VERSION' ? 'VERSION_CONFLICT' : 'SERVER_REJECTED',
          );
          if (reported.detail?.Error !== undefined) {
            expect(write.message, name).toContain(reported.detail.Error.Msg.trim());
            expect(write.details?.check, name).toBe(reported.detail.Name);
          } else expect(write.message, name).toContain(reported.message);
          break;
        case 404:
          expect(read, name).toBeInstanceOf(TrustError);
          expect(read, name).toMatchObject({
            code: 'METADATA_NOT_FOUND',
            details: { role: 'root' },
          });
          expect(write, name).toMatchObject({ code: 'NOT_A_TRUST_SERVER' });
          break;
        case 405:
          expect(read, name).toMatchObject({ code: 'RESPONSE_UNEXPECTED' });
          expect(read, name).toBeInstanceOf(ConnectionError);
          break;
        case 500:
          expect(read, name).toBeInstanceOf(ConnectionError);
          expect(read, name).toMatchObject({ code: 'SERVER_ERROR' });
          break;
        default:
          expect.unreachable(name);
      }
    }
  });

  it('say which check failed, in words', async () => {
    const body = reports.find(report => report.case === 'root version +2')?.body;
    const error = await failure(clientOf((await answering(400, body)).url).publish(new Map()));
    expect(error.message).toBe(
      `The trust server ${new URL(clientUrl(error)).host} rejected the update of ${GUN}: the root metadata is invalid: Root modifications must increment the version. Current 1, new 3`,
    );
    expect(error.details).toMatchObject({ serverCode: 'INVALID_UPDATE', check: 'ErrBadRoot' });
  });

  it('hint at a snapshot key that is missing, in both forms', async () => {
    const found = reports.filter(
      report => report.case === 'targets without snapshot, client-managed snapshot',
    );
    expect(new Set(found.map(report => JSON.parse(report.body).errors[0].detail.Name)).size).toBe(
      2,
    );
    for (const report of found) {
      const { url } = await answering(400, report.body);
      expect((await failure(clientOf(url).publish(new Map()))).hint).toContain('snapshot key');
    }
  });

  it('know a lost race on a database from an outage', async () => {
    const body =
      '{"errors":[{"code":"UPDATING","message":"An error has occurred while updating the TUF repository."}]}';
    const error = await failure(clientOf((await answering(500, body)).url).publish(new Map()));
    expect(error).toBeInstanceOf(OperationError);
    expect(error.code).toBe('VERSION_CONFLICT');
  });
});

function clientUrl(error: TabellionError): string {
  return `https://${String(error.details?.host)}`;
}

describe('answers that are not those of a trust server', () => {
  it('with 200 and a web page are none: neither for reads nor for writes', async () => {
    const page = '\n<!doctype html><title>Sign in to the network</title>';
    for (const type of ['text/html', 'application/octet-stream']) {
      const client = clientOf((await answering(200, page, { 'Content-Type': type })).url);
      for (const call of [
        () => client.ping(),
        () => client.root(),
        () => client.publish(new Map()),
        () => client.deleteRepository(),
      ]) {
        const error = await failure(call());
        expect(error.code).toBe('NOT_A_TRUST_SERVER');
        expect(error.message).toContain('Sign in to the network');
      }
    }
  });

  it('with 404 and a page do not mean that there is no trust data', async () => {
    const { url } = await answering(404, '<h1>nginx</h1>\n<p>more');
    const error = await failure(clientOf(url).root());
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.code).toBe('NOT_A_TRUST_SERVER');
    expect(error.message).toContain('<h1>nginx</h1>');
    expect(error.message).not.toContain('more');
  });

  it.each([201, 202, 204])('with %i are no success', async status => {
    const client = clientOf((await answering(status)).url);
    expect((await failure(client.publish(new Map()))).code).toBe('RESPONSE_UNEXPECTED');
    expect((await failure(client.timestamp())).code).toBe('RESPONSE_UNEXPECTED');
  });

  it('that redirect are not followed; the target is named', async () => {
    const target = await answering(200, '{}');
    const server = await answering(307, '', { Location: `${target.url}/v2/` });
    const error = await failure(clientOf(server.url).root());
    expect(error.code).toBe('REDIRECT_REFUSED');
    expect(error.message).toContain(`${target.url}/v2/`);
    expect(target.requests).toEqual([]);
  });

  it('are shown without control characters and not at length', async () => {
    const evil = `\u001b]0;owned\u0007\u202e${'x'.repeat(5000)}`;
    const bodies = [
      evil,
      JSON.stringify({ errors: [{ code: evil, message: evil, detail: evil }] }),
      JSON.stringify({
        errors: [{ code: 'INVALID_UPDATE', detail: { Name: evil, Error: { Msg: evil } } }],
      }),
    ];
    for (const body of bodies) {
      for (const status of [400, 401, 403, 404, 500, 502, 418]) {
        const error = await failure(clientOf((await answering(status, body)).url).root());
        const shown = JSON.stringify([error.message, error.hint, error.details]);
        expect(error.message).not.toMatch(/[\u0000-\u001f\u202e]/);
        expect(shown.length).toBeLessThan(6000);
      }
    }
  });

  it.each([
    'null',
    '[]',
    '{"errors":null}',
    '{"errors":[null,1,"x",[]]}',
    '{"errors":[{"detail":{"Name":1,"Error":null}}]}',
    '{"errors":[{"detail":{"Name":"ErrBadRoot"}}]}',
    '{"errors":[{"detail":{"Name":"__proto__","Error":{"Msg":"m"}}}]}',
    '['.repeat(100_000),
    '\ufeff',
    '\u0000',
  ])('do not break the client: %.40s', async body => {
    for (const status of [400, 401, 403, 404, 500]) {
      await failure(clientOf((await answering(status, body)).url).root());
    }
  });
});

describe('logins', () => {
  it('are sent to servers that want Basic, for reads too', async () => {
    const logins: (string | undefined)[] = [];
    const server = await serve((request, response) => {
      logins.push(request.headers.authorization);
      if (request.headers.authorization) return answer(response, 200, '{}');
      answer(response, 401, '', { 'WWW-Authenticate': 'Basic realm="trust"' });
    }, certificate);
    const authorizer = basicAuthorizer({ username: 'u', password: 'p' }, server.url);
    const client = clientOf(server.url, { authorizer });
    expect((await client.ping()).challenges).toHaveLength(1);
    await client.timestamp();
    await client.timestamp();
    expect(logins).toEqual([undefined, 'Basic dTpw', 'Basic dTpw']);
  });

  it('that are refused are named by the user, and never by the password', async () => {
    const server = await serve((_request, response) => {
      answer(
        response,
        401,
        '{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":[{"Type":"repository"}]}]}',
        { 'WWW-Authenticate': 'Basic realm="trust"' },
      );
    }, certificate);
    const authorizer = basicAuthorizer({ username: 'alice', password: 'hunter2' }, server.url);
    const error = await failure(clientOf(server.url, { authorizer }).root());
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.code).toBe('UNAUTHORIZED');
    expect(error.message).toContain('alice');
    expect(error.message).toContain('authentication required');
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain('hunter2');
  });

  it('that are missing are asked for by the name of the registry', async () => {
    const server = await answering(401, '', { 'WWW-Authenticate': 'Basic realm="x"' });
    const error = await failure(clientOf(server.url).root());
    expect(error.hint).toContain('docker login localhost:5000');
    expect(error.hint).toContain('NOTARY_AUTH');
    const hub = await failure(clientOf(server.url, { gun: 'docker.io/library/x' }).root());
    expect(hub.hint).toContain('“docker login”');
  });

  it('cannot help where only tokens count', async () => {
    const server = await answering(401, '', {
      'WWW-Authenticate': 'Bearer realm="https://auth.example/token",service="s"',
    });
    const error = await failure(clientOf(server.url).timestamp());
    expect(error.code).toBe('UNAUTHORIZED');
    expect(error.message).toContain('only token logins (Bearer)');
  });

  it('without the right to do it are something else than no login', async () => {
    const server = await answering(403, '{"errors":[{"code":"DENIED","message":"not yours"}]}');
    const error = await failure(clientOf(server.url).root());
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.code).toBe('FORBIDDEN');
    expect(error.message).toContain('not yours');
  });
});

describe('requests', () => {
  it('go to the path of the server, with the name as it is', async () => {
    const server = await answering(200, '{}');
    const url = `${server.url}/some/prefix`;
    const names = new Map([
      ['localhost:5000/a/b', 'localhost:5000/a/b'],
      ['h/a?b#c%2e', 'h/a%3Fb%23c%252e'],
    ]);
    for (const [gun, path] of names) {
      await clientOf(`${url}//`, { gun }).rootVersion(7);
      expect(server.requests.at(-1)).toBe(`GET /some/prefix/v2/${path}/_trust/tuf/7.root.json`);
    }
    await clientOf(url).version('targets/a/b', 2);
    expect(server.requests.at(-1)).toContain('/_trust/tuf/2.targets/a/b.json');
    await clientOf(url).deleteRepository();
    expect(server.requests.at(-1)).toBe(`DELETE /some/prefix/v2/${GUN}/_trust/tuf/`);
  });

  it('are refused for names and addresses that could lead elsewhere', async () => {
    for (const gun of ['', '../x', 'a/../b', 'a//b', '/a', 'a\\b', 'a\nb']) {
      expect(() => clientOf('https://localhost', { gun }), gun).toThrow(UsageError);
    }
    expect(() => clientOf('http://localhost')).toThrow(UsageError);
    const client = clientOf('https://localhost:1');
    for (const role of ['../x', 'Targets', 'targets/', 'targets/A', 'x', 'targets/a"b']) {
      await expect(client.version(role, 1), role).rejects.toThrow(RangeError);
      await expect(client.publish(new Map([[role, Buffer.from('{}')]])), role).rejects.toThrow(
        RangeError,
      );
    }
    await expect(client.byHash('root', '../../x', 1)).rejects.toThrow(RangeError);
    await expect(client.version('root', 0)).rejects.toThrow(RangeError);
  });

  it('for metadata end at the length that was promised', async () => {
    const server = await answering(200, 'x'.repeat(101));
    const client = clientOf(server.url);
    const hash = '0'.repeat(64);
    expect(await client.byHash('targets', hash, 101)).toHaveLength(101);
    expect((await failure(client.byHash('targets', hash, 100))).code).toBe('RESPONSE_TOO_LARGE');
  });

  it('for a timestamp and a key end at their own limits', async () => {
    const server = await answering(200, Buffer.alloc(1024 * 1024 + 1, 0x78));
    const client = clientOf(server.url);
    expect((await failure(client.timestamp())).code).toBe('RESPONSE_TOO_LARGE');
    const { url } = await answering(200, Buffer.alloc(256 * 1024 + 1, 0x78));
    expect((await failure(clientOf(url).publicKey('snapshot'))).code).toBe('RESPONSE_TOO_LARGE');
  });

  it('still tell a missing file where little was promised', async () => {
    const server = await answering(
      404,
      '{"errors":[{"code":"METADATA_NOT_FOUND","message":"You have requested metadata that does not exist.","detail":{}}]}',
    );
    const error = await failure(clientOf(server.url).byHash('targets/a', '0'.repeat(64), 1));
    expect(error).toMatchObject({ code: 'METADATA_NOT_FOUND', details: { role: 'targets/a' } });
  });

  it('for keys give a key or an error', async () => {
    for (const body of ['', 'x', '{}', 'null', '{"keytype":"ecdsa","keyval":{"public":null}}']) {
      const { url } = await answering(200, body);
      expect((await failure(clientOf(url).publicKey('timestamp'))).code, body).toBe(
        'RESPONSE_INVALID',
      );
    }
  });

  it('may be empty where the server signs the snapshot', async () => {
    let body = '';
    const server = await serve((request, response) => {
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => answer(response, 200));
    }, certificate);
    const randomBytes = (size: number) => Buffer.alloc(size, 0xab);
    await clientOf(server.url, { randomBytes }).publish(new Map());
    expect(body).toBe(`\r\n--${'ab'.repeat(30)}--\r\n`);
  });
});

describe('a publish', () => {
  it('whose answer is lost may have been taken, and is not sent twice', async () => {
    const server = await serve((request, response) => {
      request.resume().on('end', () => response.socket?.destroy());
    }, certificate);
    const error = await failure(clientOf(server.url).publish(new Map()));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.code).toBe('PUBLISH_UNCONFIRMED');
    expect(server.requests).toHaveLength(1);
  });

  it('that never got through is no riddle', async () => {
    const error = await failure(
      clientOf(`https://localhost:${await closedPort()}`).publish(new Map()),
    );
    expect(error.code).toBe('SERVER_UNREACHABLE');
  });
});

describe('the rest of the API', () => {
  it('tells health', async () => {
    expect(await clientOf((await answering(200, '{}')).url).healthy()).toBe(true);
    expect(await clientOf((await answering(503, '{"x":"down"}')).url).healthy()).toBe(false);
  });

  it('reads the changefeed', async () => {
    const record = {
      ID: '1',
      CreatedAt: '2026-11-21T00:53:48Z',
      GUN,
      Version: 1,
      SHA256: 'ab',
      Category: 'update',
    };
    const server = await answering(200, JSON.stringify({ count: 1, records: [record] }));
    expect(await clientOf(server.url).changefeed({ after: '0', records: -5 })).toEqual([
      {
        id: '1',
        createdAt: '2026-11-21T00:53:48Z',
        gun: GUN,
        version: 1,
        sha256: 'ab',
        category: 'update',
      },
    ]);
    expect(server.requests).toEqual([`GET /v2/${GUN}/_trust/changefeed?records=-5&change_id=0`]);
    const empty = await answering(200, '{"count":0,"records":null}');
    expect(await clientOf(empty.url).changefeed()).toEqual([]);
    for (const body of ['[]', '{}', '{"records":1}', '{"records":[{}]}', 'x']) {
      const { url } = await answering(200, body);
      expect((await failure(clientOf(url).changefeed())).code, body).toBe('RESPONSE_INVALID');
    }
  });
});
