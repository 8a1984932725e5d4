import type { IncomingMessage, ServerResponse } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { ConnectionError } from '../../src/errors.ts';
import { type Authorizer, type Scope, sendAuthorized } from '../../src/http/authorization.ts';
import type { Login } from '../../src/http/login.ts';
import { type LoginAuthorizerOptions, loginAuthorizer } from '../../src/http/login-authorizer.ts';
import { createTransport, type HttpResponse } from '../../src/http/transport.ts';
import { unauthorizedError } from '../../src/http/unauthorized-error.ts';
import { answer, closedPort, serve, type TestServer } from './servers.ts';

const pull: Scope = { type: 'repository', name: 'localhost:5000/team/app', actions: ['pull'] };
const push: Scope = { ...pull, actions: ['push', 'pull'] };
const transport = createTransport({ env: {}, sleep: async () => {} });
afterEach(() => transport.close());

const alice: Login = {
  kind: 'basic',
  username: 'alice',
  password: 'pass:wörd hunter2',
  source: '/home/alice/.docker/config.json',
};
const basicOfAlice = `Basic ${Buffer.from('alice:pass:wörd hunter2').toString('base64')}`;
const nobody: Login = { kind: 'none' };

interface TokenCall {
  readonly method: string;
  readonly query: URLSearchParams;
  readonly form: URLSearchParams;
  readonly authorization: string | undefined;
}

type TokenAnswer = (call: TokenCall, response: ServerResponse, count: number) => void;

interface Scene {
  readonly server: TestServer;
  /** Address in the challenge. */
  readonly realm: string;
  readonly calls: TokenCall[];
  /** `Authorization` of each request at the guarded server. */
  readonly seen: (string | undefined)[];
  /** Tokens that are not believed any more. */
  readonly revoked: Set<string>;
}

const json = (response: ServerResponse, status: number, body: object) =>
  answer(response, status, JSON.stringify(body), { 'content-type': 'application/json' });

const numbered: TokenAnswer = (_call, response, count) =>
  json(response, 200, { token: `t${count}` });

/** A server that sends for tokens, and its token server; the tokens are t1, t2, …, unless told. */
async function scene(give: TokenAnswer = numbered, query = ''): Promise<Scene> {
  const calls: TokenCall[] = [];
  const tokens = await serve(async (request, response) => {
    const call = await callOf(request);
    calls.push(call);
    give(call, response, calls.length);
  });
  const realm = `${tokens.url}/token${query}`;
  const seen: (string | undefined)[] = [];
  const revoked = new Set<string>();
  const server = await serve((request, response) => {
    const { authorization } = request.headers;
    seen.push(authorization);
    const token = /^Bearer (.*)$/.exec(authorization ?? '')?.[1];
    if (token !== undefined && !revoked.has(token)) return answer(response, 200, 'in');
    const error = token === undefined ? '' : ',error="invalid_token"';
    response.setHeader('WWW-Authenticate', [
      'Basic realm="x"',
      `Bearer realm="${realm}",service="the service",scope="registry:catalog:*"${error}`,
    ]);
    answer(response, 401);
  });
  return { server, realm, calls, seen, revoked };
}

async function callOf(request: IncomingMessage): Promise<TokenCall> {
  const body = await textOf(request);
  return {
    method: request.method ?? '',
    query: new URL(request.url ?? '', 'http://h').searchParams,
    form: new URLSearchParams(body),
    authorization: request.headers.authorization,
  };
}

function authorizerFor(
  { server }: Pick<Scene, 'server'>,
  login: Login,
  more: Partial<LoginAuthorizerOptions> = {},
): Authorizer {
  return loginAuthorizer({
    origin: server.url,
    login: async () => login,
    tokenTransport: async () => transport,
    now: () => 0,
    server: 'trust server',
    advice: 'Log in somehow.',
    ...more,
  });
}

const send = async (
  { server }: Pick<Scene, 'server'>,
  authorizer: Authorizer,
  scope = pull,
): Promise<HttpResponse> =>
  await sendAuthorized(
    transport,
    authorizer,
    { method: 'GET', url: new URL(server.url), maxBytes: 1024 },
    scope,
  );

const failure = async (work: Promise<unknown>): Promise<ConnectionError> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConnectionError);
  return error as ConnectionError;
};

const everythingOf = (error: ConnectionError): string =>
  JSON.stringify([error.message, error.hint, error.details, String(error.cause)]);

describe('a token by GET', () => {
  it('is asked for with the login, once, and sent from then on', async () => {
    const guarded = await scene(numbered, '?tenant=1');
    const authorizer = authorizerFor(guarded, alice);
    expect((await send(guarded, authorizer)).status).toBe(200);
    expect((await send(guarded, authorizer)).status).toBe(200);
    expect(guarded.seen).toEqual([undefined, 'Bearer t1', 'Bearer t1']);
    expect(guarded.calls).toHaveLength(1);
    const [call] = guarded.calls;
    expect(call?.authorization).toBe(basicOfAlice);
    expect(Object.fromEntries(call?.query ?? [])).toEqual({
      tenant: '1',
      service: 'the service',
      scope: 'repository:localhost:5000/team/app:pull',
      account: 'alice',
    });
  });

  it('needs no login where none is wanted', async () => {
    const guarded = await scene();
    expect((await send(guarded, authorizerFor(guarded, nobody))).status).toBe(200);
    const [call] = guarded.calls;
    expect(call?.authorization).toBeUndefined();
    expect([...(call?.query.keys() ?? [])].sort()).toEqual(['scope', 'service']);
  });

  it('is asked for without a login whose password is empty', async () => {
    const guarded = await scene();
    await send(guarded, authorizerFor(guarded, { ...alice, password: '' }));
    expect(guarded.calls[0]?.authorization).toBeUndefined();
    expect(guarded.calls[0]?.query.has('account')).toBe(false);
  });

  it('is good for its scope, and for less', async () => {
    const guarded = await scene();
    const authorizer = authorizerFor(guarded, alice);
    await send(guarded, authorizer, pull);
    await send(guarded, authorizer, push);
    await send(guarded, authorizer, { ...pull, actions: ['push'] });
    await send(guarded, authorizer, pull);
    await send(guarded, authorizer, { ...pull, name: 'localhost:5000/team/app2' });
    const mount = { ...push, also: [{ ...pull, name: 'other' }] };
    await send(guarded, authorizer, mount);
    expect(guarded.seen.slice(1)).toEqual([1, 2, 2, 1, 3, 4].map(n => `Bearer t${n}`));
    expect(guarded.calls.map(({ query }) => query.getAll('scope'))).toEqual([
      ['repository:localhost:5000/team/app:pull'],
      ['repository:localhost:5000/team/app:push,pull'],
      ['repository:localhost:5000/team/app2:pull'],
      ['repository:localhost:5000/team/app:push,pull', 'repository:other:pull'],
    ]);
  });

  it('is fetched once for requests that run side by side', async () => {
    const guarded = await scene();
    const authorizer = authorizerFor(guarded, alice);
    const answers = await Promise.all([1, 2, 3].map(() => send(guarded, authorizer)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(guarded.calls).toHaveLength(1);
  });

  it.each([
    ['a token', { token: 'a' }],
    ['an access token', { access_token: 'a' }],
    ['both, of which the latter counts', { token: 'b', access_token: 'a' }],
  ])('is found in %s', async (_what, body) => {
    const guarded = await scene((_call, response) => json(response, 200, body));
    await send(guarded, authorizerFor(guarded, nobody));
    expect(guarded.seen.at(-1)).toBe('Bearer a');
  });
});

describe('a token by POST', () => {
  const identity: Login = {
    kind: 'identity-token',
    token: 'refresh-hunter2',
    source: 'docker-credential-desktop',
  };

  it('is exchanged for an identity token, which goes nowhere else', async () => {
    const guarded = await scene((_call, response) => json(response, 200, { access_token: 'a' }));
    expect((await send(guarded, authorizerFor(guarded, identity), push)).status).toBe(200);
    const [call] = guarded.calls;
    expect(call).toMatchObject({ method: 'POST', authorization: undefined });
    expect(call?.query.size).toBe(0);
    expect(Object.fromEntries(call?.form ?? [])).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'refresh-hunter2',
      service: 'the service',
      scope: 'repository:localhost:5000/team/app:push,pull',
      client_id: 'docker',
    });
    expect(guarded.seen).toEqual([undefined, 'Bearer a']);
  });

  it('takes the place of the identity token when it brings another one', async () => {
    const guarded = await scene((_call, response, count) =>
      json(response, 200, { access_token: `a${count}`, refresh_token: `r${count}` }),
    );
    const authorizer = authorizerFor(guarded, identity);
    await send(guarded, authorizer, pull);
    await send(guarded, authorizer, push);
    expect(guarded.calls.map(({ form }) => form.get('refresh_token'))).toEqual([
      'refresh-hunter2',
      'r1',
    ]);
  });

  it.each([404, 405])('gives way to GET when the answer is %s, with a password', async status => {
    const guarded = await scene(({ method }, response) =>
      method === 'POST' ? answer(response, status) : json(response, 200, { token: 'a' }),
    );
    const both: Login = { ...identity, username: 'alice', password: 'hunter2' };
    expect((await send(guarded, authorizerFor(guarded, both))).status).toBe(200);
    expect(guarded.calls.map(({ method }) => method)).toEqual(['POST', 'GET']);
    expect(guarded.calls[1]?.authorization).toMatch(/^Basic /);
    const error = await failure(send(guarded, authorizerFor(guarded, identity)));
    expect(error).toMatchObject({ code: 'TOKEN_SERVER_ERROR', exitCode: 5 });
    expect(error.message).toContain('takes no identity token');
  });

  it.each([
    [401, {}],
    [400, { error: 'invalid_grant', error_description: 'refresh-hunter2 has expired' }],
  ])('is refused with %s for an identity token that has expired', async (status, body) => {
    const guarded = await scene((_call, response) => json(response, status, body));
    const error = await failure(send(guarded, authorizerFor(guarded, identity)));
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', details: { reason: 'login-refused' } });
    expect(error.hint).toContain('expired');
    expect(error.message).toContain('docker-credential-desktop');
    expect(everythingOf(error)).not.toContain('hunter2');
  });
});

describe('a token that has been used', () => {
  it('lives as long as was said, and a minute at least', async () => {
    const lives: [object, number][] = [
      [{}, 60],
      [{ expires_in: 5 }, 60],
      [{ expires_in: 300 }, 300],
      [{ expires_in: 300, issued_at: '1970-01-01T00:16:00Z' }, 260],
      // Clocks that are far off, in either direction.
      [{ expires_in: 300, issued_at: '1971-01-01T00:00:00Z' }, 300],
      [{ expires_in: 300, issued_at: '1969-01-01T00:00:00Z' }, 300],
      [{ expires_in: 'soon', issued_at: 7 }, 60],
    ];
    for (const [body, life] of lives) {
      const guarded = await scene((_call, response, count) =>
        json(response, 200, { token: `t${count}`, ...body }),
      );
      let now = 1_000_000;
      const authorizer = authorizerFor(guarded, alice, { now: () => now });
      await send(guarded, authorizer);
      now += life * 1000 - 1;
      await send(guarded, authorizer);
      expect(guarded.calls).toHaveLength(1);
      now += 1;
      await send(guarded, authorizer);
      expect(guarded.calls).toHaveLength(2);
      expect(guarded.seen.at(-1)).toBe('Bearer t2');
    }
  });

  it('and is refused is renewed once', async () => {
    const guarded = await scene();
    const authorizer = authorizerFor(guarded, alice);
    await send(guarded, authorizer);
    guarded.revoked.add('t1');
    expect((await send(guarded, authorizer)).status).toBe(200);
    expect(guarded.seen).toEqual([undefined, 'Bearer t1', 'Bearer t1', 'Bearer t2']);
    guarded.revoked.add('t2').add('t3');
    expect((await send(guarded, authorizer)).status).toBe(401);
    expect(guarded.calls).toHaveLength(3);
  });

  it('and is refused for several requests is renewed once for all', async () => {
    const guarded = await scene();
    const authorizer = authorizerFor(guarded, alice);
    await send(guarded, authorizer);
    guarded.revoked.add('t1');
    const answers = await Promise.all([1, 2, 3, 4].map(() => send(guarded, authorizer)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(guarded.calls).toHaveLength(2);
  });

  it('is not asked for again when it was refused as it came', async () => {
    const guarded = await scene();
    for (const token of ['t1', 't2', 't3']) guarded.revoked.add(token);
    const authorizer = authorizerFor(guarded, alice);
    const response = await send(guarded, authorizer);
    expect(response.status).toBe(401);
    expect(guarded.calls).toHaveLength(1);
    const context = { url: new URL(guarded.server.url), server: 'trust server', login: '' };
    const error = unauthorizedError({ ...context, response, authorizer });
    expect(error.details).toMatchObject({ reason: 'token-invalid', username: 'alice' });
    expect(error.hint).toContain('The password is right');
  });
});

describe('the login', () => {
  it('is not asked for before a server wants it', async () => {
    const server = await serve((_request, response) => answer(response, 200));
    const login = async (): Promise<Login> => {
      throw new Error('asked');
    };
    expect((await send({ server }, authorizerFor({ server }, nobody, { login }))).status).toBe(200);
  });

  it('is user name and password where only these are wanted', async () => {
    const seen: unknown[] = [];
    const server = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.setHeader('WWW-Authenticate', 'Basic realm="x"');
      answer(response, request.headers.authorization === undefined ? 401 : 200);
    });
    const authorizer = authorizerFor({ server }, alice);
    await send({ server }, authorizer);
    await send({ server }, authorizer);
    expect(seen).toEqual([undefined, basicOfAlice, basicOfAlice]);
    expect(authorizer).toMatchObject({ username: 'alice', source: alice.source });
    const identity: Login = { kind: 'identity-token', token: 't', source: 's' };
    const other = authorizerFor({ server }, identity);
    const response = await send({ server }, other);
    expect(response.status).toBe(401);
    const context = { url: new URL(server.url), server: 'registry', login: '' };
    const error = unauthorizedError({ ...context, response, authorizer: other });
    expect(error.details).toMatchObject({ reason: 'login-unsupported' });
  });

  it('is left out for reads that go without, where that is wished', async () => {
    const guarded = await scene();
    const asked: string[] = [];
    const authorizer = authorizerFor(guarded, alice, {
      anonymousReads: true,
      login: async () => {
        asked.push('login');
        return alice;
      },
    });
    await send(guarded, authorizer, pull);
    expect(asked).toEqual([]);
    guarded.revoked.add('t1');
    expect((await send(guarded, authorizer, pull)).status).toBe(200);
    await send(guarded, authorizer, push);
    expect(asked).toEqual(['login']);
    expect(guarded.calls.map(({ authorization }) => authorization !== undefined)).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('is tried when the token server has nothing for strangers', async () => {
    const guarded = await scene(({ authorization }, response) =>
      authorization === undefined ? answer(response, 401) : json(response, 200, { token: 'a' }),
    );
    const authorizer = authorizerFor(guarded, alice, { anonymousReads: true });
    expect((await send(guarded, authorizer)).status).toBe(200);
  });

  it('that is a ready token is sent as it is, and never renewed', async () => {
    const guarded = await scene();
    const ready: Login = { kind: 'registry-token', token: 'ready', source: 's' };
    const authorizer = authorizerFor(guarded, ready);
    expect((await send(guarded, authorizer)).status).toBe(200);
    guarded.revoked.add('ready');
    expect((await send(guarded, authorizer)).status).toBe(401);
    expect(guarded.calls).toEqual([]);
  });

  it('goes to no other origin, not even another port', async () => {
    const guarded = await scene();
    const other = await scene();
    const authorizer = authorizerFor(guarded, alice);
    await send(guarded, authorizer);
    expect((await send(other, authorizer)).status).toBe(401);
    expect(other.seen).toEqual([undefined]);
    expect(other.calls).toEqual([]);
  });
});

describe('an address for tokens', () => {
  const challenge = (realm: string): HttpResponse => ({
    status: 401,
    headers: new Map([['www-authenticate', [`Bearer realm="${realm}",service="s"`]]]),
    body: new Uint8Array(),
  });
  const ask = async (origin: string, realm: string, insecure = false) =>
    await loginAuthorizer({
      origin,
      login: async () => alice,
      tokenTransport: async () => transport,
      now: () => 0,
      server: 'registry',
      advice: '',
      insecure,
    }).refused(challenge(realm), pull, new URL(origin));

  it.each([
    ['https://registry.example', 'http://auth.example/token'],
    ['https://registry.example', 'http://localhost:5001/token'],
    ['http://localhost:5000', 'http://auth.example/token'],
    ['https://registry.example', 'https://user:hunter2@auth.example/token'],
    ['https://registry.example', 'ftp://auth.example/token'],
    ['https://registry.example', '/token'],
    ['https://registry.example', ''],
  ])('of %s that is %s gets nothing', async (origin, realm) => {
    const error = await failure(ask(origin, realm));
    expect(error.code).toBe('TOKEN_REALM_REFUSED');
    expect(everythingOf(error)).not.toContain('hunter2');
  });

  it.each([
    ['https://registry.example', 'https://auth.example/token', false],
    ['http://localhost:5000', 'http://127.0.0.1:5001/token', false],
    ['https://localhost:5000', 'http://localhost:5001/token', false],
    ['http://registry.lan:5000', 'http://registry.lan:5001/token', true],
  ])('of %s may be %s', async (origin, realm, insecure) => {
    expect(await ask(origin, realm, insecure)).toBe(true);
  });

  it('of a registry declared insecure is no plain one elsewhere', async () => {
    await failure(ask('http://registry.lan:5000', 'http://auth.example/token', true));
  });
});

describe('a token server', () => {
  it.each([
    [401, { errors: [{ code: 'UNAUTHORIZED', message: 'incorrect username or password' }] }],
    [401, { details: 'incorrect username or password' }],
  ])(
    'that refuses the login (%s) says so, with the user and the place of the login',
    async (status, body) => {
      const guarded = await scene((_call, response) => json(response, status, body));
      const error = await failure(send(guarded, authorizerFor(guarded, alice)));
      expect(error).toMatchObject({
        code: 'UNAUTHORIZED',
        exitCode: 5,
        details: { reason: 'login-refused', username: 'alice', source: alice.source },
      });
      expect(error.message).toContain('the login of “alice” from /home/alice/.docker/config.json');
      expect(error.message).toContain('incorrect username or password');
      expect(error.hint).toMatch(/The password is wrong.*Log in somehow\./);
      expect(everythingOf(error)).not.toMatch(/hunter2|Basic /);
    },
  );

  it('that wants a login misses it', async () => {
    const guarded = await scene((_call, response) => answer(response, 401));
    const login: Login = { kind: 'none', note: 'docker-credential-x has none.' };
    const error = await failure(send(guarded, authorizerFor(guarded, login)));
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', details: { reason: 'login-missing' } });
    expect(error.hint).toBe('Log in somehow. docker-credential-x has none.');
  });

  it.each([
    [403, 'FORBIDDEN', /gives the login of “alice” from .* no token/],
    [429, 'RATE_LIMITED', /too many requests/],
    [500, 'TOKEN_SERVER_ERROR', /failed with status 500/],
    [404, 'TOKEN_SERVER_ERROR', /failed with status 404/],
    [307, 'REDIRECT_REFUSED', /redirects to https:\/\/elsewhere\.example,/],
  ])('that answers %s is %s', async (status, code, message) => {
    const guarded = await scene((_call, response) =>
      answer(response, status, '<html>', { location: 'https://elsewhere.example/x?y=z' }),
    );
    const error = await failure(send(guarded, authorizerFor(guarded, alice)));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.details).toMatchObject({ tokenServer: new URL(guarded.realm).host });
  });

  it.each(['<html>', '[]', '{}', '{"token":""}', '{"token":"a\\nb"}', '{"token":7}'])(
    'that answers %s gives no token',
    async body => {
      const guarded = await scene((_call, response) => answer(response, 200, body));
      const error = await failure(send(guarded, authorizerFor(guarded, alice)));
      expect(error.code).toBe('TOKEN_ANSWER_INVALID');
    },
  );

  it('that is down is not taken for the server itself, whose cached data could then be shown', async () => {
    const port = await closedPort();
    const server = await serve((_request, response) => {
      response.setHeader('WWW-Authenticate', `Bearer realm="http://localhost:${port}/t"`);
      answer(response, 401);
    });
    const error = await failure(send({ server }, authorizerFor({ server }, alice)));
    expect(error.code).toBe('TOKEN_SERVER_UNREACHABLE');
    expect(error.message).toContain(`The token server localhost:${port}`);
    expect(error.message).toContain('refused');
  });
});

it('a right that is missing is told apart from a wrong login', async () => {
  const tokens = await serve((_request, response) => json(response, 200, { token: 'a' }));
  const server = await serve((_request, response) => {
    const scope = 'repository:x:push,pull';
    const parameters = `realm="${tokens.url}/t",service="s",scope="${scope}"`;
    response.setHeader('WWW-Authenticate', `Bearer ${parameters},error="insufficient_scope"`);
    answer(response, 401);
  });
  for (const [login, reason] of [
    [alice, 'scope-insufficient'],
    [nobody, 'login-missing'],
  ] as const) {
    const authorizer = authorizerFor({ server }, login);
    const error = unauthorizedError({
      response: await send({ server }, authorizer, push),
      authorizer,
      url: new URL(server.url),
      server: 'trust server',
      login: 'Log in somehow.',
      subject: 'the update of x',
    });
    expect(error.details).toMatchObject({ reason, scope: 'repository:x:push,pull' });
    if (login === nobody) expect(error.hint).toBe('Log in somehow.');
    else expect(error.message).toContain('does not allow it the update of x');
  }
});
