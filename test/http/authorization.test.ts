import { afterEach, describe, expect, it } from 'vitest';
import { ConnectionError, UsageError } from '../../src/errors.ts';
import {
  type Authorizer,
  anonymousAuthorizer,
  basicAuthorizer,
  type Scope,
  sendAuthorized,
} from '../../src/http/authorization.ts';
import { createTransport, type HttpResponse } from '../../src/http/transport.ts';
import { unauthorizedError } from '../../src/http/unauthorized-error.ts';
import { answer, serve, type TestServer } from './servers.ts';

const scope: Scope = { type: 'repository', name: 'localhost:5000/app', actions: ['pull'] };
const transport = createTransport({ env: {} });
const login = `Basic ${Buffer.from('alice:pässword').toString('base64')}`;

afterEach(() => transport.close());

/** A server that lets in whoever comes with `login`; keeps the logins that it saw. */
async function guarded(challenges: string[]): Promise<TestServer & { logins: unknown[] }> {
  const logins: unknown[] = [];
  const server = await serve((request, response) => {
    logins.push(request.headers.authorization);
    if (request.headers.authorization === login) return answer(response, 200, 'in');
    response.setHeader('WWW-Authenticate', challenges);
    answer(response, 401);
  });
  return { ...server, logins };
}

async function send(server: TestServer, authorizer: Authorizer): Promise<HttpResponse> {
  return await sendAuthorized(
    transport,
    authorizer,
    { method: 'GET', url: new URL(server.url), maxBytes: 1024 },
    scope,
  );
}

const alice = { username: 'alice', password: 'pässword' };

describe('a login with user name and password', () => {
  it('is sent when asked for, and from then on at once', async () => {
    const server = await guarded(['Bearer realm="x"', 'basic realm="y"']);
    const authorizer = basicAuthorizer(alice, server.url);
    expect((await send(server, authorizer)).status).toBe(200);
    expect((await send(server, authorizer)).status).toBe(200);
    expect(server.logins).toEqual([undefined, login, login]);
  });

  it('is sent once only when it is refused', async () => {
    const server = await guarded(['Basic realm="y"']);
    const authorizer = basicAuthorizer({ ...alice, password: 'wrong' }, server.url);
    expect((await send(server, authorizer)).status).toBe(401);
    expect(server.logins).toHaveLength(2);
    expect((await send(server, authorizer)).status).toBe(401);
    expect(server.logins).toHaveLength(3);
  });

  it('is sent for each of several requests that were challenged at the same time', async () => {
    const server = await guarded(['Basic realm="y"']);
    const authorizer = basicAuthorizer(alice, server.url);
    const answers = await Promise.all([1, 2, 3].map(() => send(server, authorizer)));
    expect(answers.map(response => response.status)).toEqual([200, 200, 200]);
  });

  it('is not sent to who does not ask for it', async () => {
    for (const challenges of [['Bearer realm="x"'], []]) {
      const server = await guarded(challenges);
      expect((await send(server, basicAuthorizer(alice, server.url))).status).toBe(401);
      expect(server.logins).toEqual([undefined]);
    }
  });

  it('is not sent to another origin, not even another port', async () => {
    const own = await guarded(['Basic realm="y"']);
    const other = await guarded(['Basic realm="y"']);
    const authorizer = basicAuthorizer(alice, own.url);
    await send(own, authorizer);
    expect((await send(other, authorizer)).status).toBe(401);
    expect(other.logins).toEqual([undefined]);
  });

  it('needs a user name that it can carry', () => {
    for (const username of ['', 'a:b', 'a\nb']) {
      expect(() => basicAuthorizer({ username, password: 'hunter2' }, 'https://h')).toThrow(
        UsageError,
      );
    }
  });
});

describe('a login that was not accepted', () => {
  const url = new URL('https://trust.example:4443/v2/');
  const response = (...challenges: string[]): HttpResponse => ({
    status: 401,
    headers: new Map([['www-authenticate', challenges]]),
    body: new Uint8Array(),
  });
  const context = { url, server: 'trust server', login: 'Log in somehow.' };
  const basic = basicAuthorizer(alice, url.origin);

  it('is reported with the user name and never the password', () => {
    const error = unauthorizedError({
      ...context,
      response: response('Basic realm="x"'),
      authorizer: basic,
      said: 'go away',
    });
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.code).toBe('UNAUTHORIZED');
    expect(error.message).toBe(
      'The trust server trust.example:4443 refused the login of “alice” (it says: go away)',
    );
    expect(error.hint).toContain('Log in somehow.');
    expect(error.details).toMatchObject({ username: 'alice', schemes: ['basic'], status: 401 });
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain('pässword');
  });

  it('is missing', () => {
    const error = unauthorizedError({
      ...context,
      response: response('Basic realm="x", Bearer realm="y"'),
      authorizer: anonymousAuthorizer(),
    });
    expect(error.message).toContain('wants a login (basic, bearer)');
    expect(error.hint).toBe('Log in somehow.');
  });

  it.each([basic, anonymousAuthorizer()])('is of a kind that cannot help: %o', authorizer => {
    const error = unauthorizedError({
      ...context,
      response: response('Bearer realm="x"'),
      authorizer,
    });
    expect(error.code).toBe('UNAUTHORIZED');
    expect(error.message).toContain('only token logins (Bearer)');
  });

  it('shows nothing of a server as it is that could act on a terminal', () => {
    const error = unauthorizedError({
      ...context,
      response: response('B\u001b[31m realm="x"', `Evil${'x'.repeat(5000)} a="b"`),
      authorizer: anonymousAuthorizer(),
    });
    expect(error.message.length).toBeLessThan(300);
  });
});
