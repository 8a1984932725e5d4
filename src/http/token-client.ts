import { printable } from '../crypto/printable.ts';
import { ConnectionError } from '../errors.ts';
import { basicHeader, type Scope } from './authorization.ts';
import type { Login } from './login.ts';
import type { HttpResponse, HttpTransport } from './transport.ts';

/** Where a challenge says that tokens are given out. */
export interface TokenService {
  readonly realm: URL;
  readonly service: string | undefined;
}

export interface Token {
  readonly token: string;
  /** In milliseconds since 1970. */
  readonly expiresAt: number;
  /** A refresh token that takes the place of the one that was used. */
  readonly refreshToken?: string;
}

export interface TokenRequest extends TokenService {
  readonly scope: Scope;
  readonly login: Login;
  /** The server that asks for the token, for messages: “trust server localhost:4443”. */
  readonly server: string;
  /** How to hand over a login: a sentence for the hint. */
  readonly advice: string;
}

const CLIENT_ID = 'docker';
/** Notary's limit. */
const DEADLINE_MS = 15_000;
const ANSWER_LIMIT = 1024 * 1024;
/** A token lives this long at least, says Docker's protocol; who gives less is asked again after a 401. */
const SHORTEST_LIFE = 60;
/** Longer lives are cut: the clock of a server may be far off. */
const LONGEST_LIFE = 24 * 60 * 60;
const SAID_LIMIT = 200;

/** `repository:<name>:<a,b>` for a scope and all that goes with it. */
export function scopeTexts(scope: Scope): string[] {
  const own = `${scope.type}:${scope.name}:${scope.actions.join(',')}`;
  return [own, ...(scope.also ?? []).flatMap(scopeTexts)];
}

/**
 * Fetches a token: with an identity token by POST, else by GET, with user and password if there are both.
 *
 * @param now in milliseconds since 1970
 * @throws ConnectionError `UNAUTHORIZED` (details.reason `login-missing`, `login-refused`), `FORBIDDEN`, `RATE_LIMITED`,
 *   `TOKEN_SERVER_UNREACHABLE`, `TOKEN_SERVER_ERROR`, `TOKEN_ANSWER_INVALID`, `REDIRECT_REFUSED`, those of TLS
 * @throws UsageError `CREDENTIALS_INVALID`
 * @see Docker Registry v2 authentication: token and OAuth 2 token endpoints
 */
export async function fetchToken(
  request: TokenRequest,
  transport: HttpTransport,
  now: () => number,
): Promise<Token> {
  const { login } = request;
  if (login.kind === 'identity-token') {
    const response = await post(request, login.token, transport);
    const isUnknown = response.status === 404 || response.status === 405;
    if (!isUnknown) return readToken(response, request, now);
    if (login.username === undefined || login.password === undefined) {
      throw failure(
        request,
        'TOKEN_SERVER_ERROR',
        'takes no identity token, which is what the login is',
        {
          hint: 'Log in with user name and password.',
          details: { status: response.status },
        },
      );
    }
  }
  return readToken(await get(request, transport), request, now);
}

async function get(request: TokenRequest, transport: HttpTransport): Promise<HttpResponse> {
  const { login, service } = request;
  const url = new URL(request.realm);
  url.hash = '';
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopeTexts(request.scope)) url.searchParams.append('scope', scope);
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (login.kind !== 'none' && login.kind !== 'registry-token') {
    const { username = '', password = '' } = login;
    if (username !== '' && password !== '') {
      url.searchParams.set('account', username);
      headers.Authorization = basicHeader({ username, password }, url.host);
    }
  }
  return await send(request, () =>
    transport.request({
      method: 'GET',
      url,
      headers,
      maxBytes: ANSWER_LIMIT,
      deadlineMs: DEADLINE_MS,
    }),
  );
}

async function post(
  request: TokenRequest,
  refreshToken: string,
  transport: HttpTransport,
): Promise<HttpResponse> {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    client_id: CLIENT_ID,
    scope: scopeTexts(request.scope).join(' '),
  });
  if (request.service !== undefined) form.set('service', request.service);
  return await send(request, () =>
    transport.request({
      method: 'POST',
      url: request.realm,
      headers: {
        Accept: 'application/json',
        'Content-Type': 'application/x-www-form-urlencoded',
      },
      body: Buffer.from(form.toString(), 'utf8'),
      maxBytes: ANSWER_LIMIT,
      deadlineMs: DEADLINE_MS,
    }),
  );
}

/** A token server that is down is no server that is unreachable: after that, cached data would be shown. */
async function send(
  request: TokenRequest,
  work: () => Promise<HttpResponse>,
): Promise<HttpResponse> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof ConnectionError)) throw cause;
    if (cause.code.startsWith('TLS_') || cause.code === 'PLAIN_HTTP_REFUSED') {
      throw cause.noting({ tokenServer: request.realm.host });
    }
    throw new ConnectionError(
      'TOKEN_SERVER_UNREACHABLE',
      `The token server ${request.realm.host}, to which the ${request.server} sends for a login, gave no answer: ${cause.message}`,
      {
        hint: `It is another service than the ${request.server}. ${cause.hint ?? 'Try again later.'}`,
        cause,
        details: { ...cause.details, tokenServer: request.realm.host },
      },
    );
  }
}

function readToken(response: HttpResponse, request: TokenRequest, now: () => number): Token {
  if (response.status !== 200) throw refusal(response, request);
  const answer = jsonObject(response.body);
  const token = ['access_token', 'token']
    .map(name => answer.get(name))
    .find((value): value is string => typeof value === 'string' && value !== '');
  // What is no visible ASCII cannot stand in a header.
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) {
    throw failure(request, 'TOKEN_ANSWER_INVALID', 'answered without a token', {
      hint: 'A proxy or a login page may stand in between.',
      details: { status: 200 },
    });
  }
  const refreshToken = answer.get('refresh_token');
  return {
    token,
    expiresAt: expiry(answer, now()),
    ...(typeof refreshToken === 'string' && refreshToken !== '' ? { refreshToken } : {}),
  };
}

/** From when on a token is not used any more. A server whose clock makes it old at once is not believed about that. */
function expiry(answer: ReadonlyMap<string, unknown>, now: number): number {
  const stated = Number(answer.get('expires_in'));
  const life = Math.min(Math.max(stated || 0, SHORTEST_LIFE), LONGEST_LIFE) * 1000;
  const issued = Date.parse(String(answer.get('issued_at')));
  const end = (Number.isNaN(issued) ? now : Math.min(issued, now)) + life;
  return end > now ? end : now + life;
}

function refusal(response: HttpResponse, request: TokenRequest): ConnectionError {
  const { status } = response;
  const { code, text } = saidIn(response, secretsOf(request.login));
  const says = text === '' ? '' : ` (it says: ${text})`;
  const details = { status, ...(code === '' ? {} : { error: code }) };
  if (status === 401 || (status === 400 && code === 'invalid_grant')) {
    return loginRefused(request, says, details);
  }
  if (status === 403) {
    const who = whoseLogin(request.login);
    return failure(request, 'FORBIDDEN', `gives ${who ?? 'strangers'} no token${says}`, {
      hint: `${who === undefined ? 'No login was sent. ' : ''}${request.advice}`,
      details: { ...details, reason: 'denied' },
    });
  }
  if (status >= 300 && status < 400) {
    const location = response.headers.get('location')?.[0] ?? '';
    const target = URL.canParse(location, request.realm.href)
      ? ` to ${printable(new URL(location, request.realm).origin)}`
      : '';
    return failure(request, 'REDIRECT_REFUSED', `redirects${target}, which is not followed`, {
      hint: 'A login is sent to no other place than the one that the server names.',
      details,
    });
  }
  if (status === 429) {
    const wait = response.headers.get('retry-after')?.[0];
    return failure(request, 'RATE_LIMITED', `has had too many requests${says}`, {
      hint:
        wait === undefined
          ? 'Try again later.'
          : `Try again later (it asks to wait: ${printable(wait.slice(0, 60))}).`,
      details,
    });
  }
  return failure(request, 'TOKEN_SERVER_ERROR', `failed with status ${status}${says}`, {
    hint: 'Try again later; the log of the token server says more.',
    details,
  });
}

function loginRefused(
  request: TokenRequest,
  says: string,
  details: Readonly<Record<string, unknown>>,
): ConnectionError {
  const { login } = request;
  const who = whoseLogin(login);
  if (who === undefined) {
    const note = login.kind === 'none' && login.note !== undefined ? ` ${login.note}` : '';
    return failure(request, 'UNAUTHORIZED', `gives no token without a login${says}`, {
      hint: `${request.advice}${note}`,
      details: { ...details, reason: 'login-missing' },
    });
  }
  const cause =
    login.kind === 'identity-token'
      ? 'The identity token has expired or was revoked: log in again.'
      : 'The password is wrong, or it has expired.';
  return failure(request, 'UNAUTHORIZED', `refused ${who}${says}`, {
    hint: `${cause} ${request.advice}`,
    details: { ...details, reason: 'login-refused' },
  });
}

/** “the login of “alice” from …”, without anything that is secret; undefined without a login. */
function whoseLogin(login: Login): string | undefined {
  if (login.kind === 'none') return undefined;
  const what = login.kind === 'basic' ? 'the login' : 'the identity token';
  const user = login.username === undefined ? '' : ` of “${printable(login.username)}”`;
  return `${what}${user} from ${printable(login.source)}`;
}

function failure(
  request: TokenRequest,
  code: string,
  what: string,
  { hint, details }: { hint: string; details: Readonly<Record<string, unknown>> },
): ConnectionError {
  const { realm, service, login, server } = request;
  return new ConnectionError(code, `The token server ${realm.host} of the ${server} ${what}`, {
    hint,
    details: {
      ...details,
      host: realm.host,
      tokenServer: realm.host,
      realm: printable(realm.origin + realm.pathname),
      ...(service === undefined ? {} : { service: printable(service.slice(0, SAID_LIMIT)) }),
      scope: printable(scopeTexts(request.scope).join(' ')),
      ...(login.kind === 'none' || login.username === undefined
        ? {}
        : { username: printable(login.username) }),
      ...(login.kind === 'none' ? {} : { source: printable(login.source) }),
    },
  });
}

/** What a token server says of itself: in Docker's form, OAuth's, or as a first line. */
function saidIn(
  { body }: HttpResponse,
  secrets: readonly string[],
): { code: string; text: string } {
  const answer = jsonObject(body);
  const errors = answer.get('errors');
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  const docker = new Map(typeof first === 'object' && first !== null ? Object.entries(first) : []);
  const word = (value: unknown): string => {
    if (typeof value !== 'string') return '';
    // Some servers repeat what they were sent.
    const bare = secrets.reduce((text, secret) => text.replaceAll(secret, '…'), value);
    return printable(bare.slice(0, SAID_LIMIT));
  };
  const code = word(answer.get('error')) || word(docker.get('code'));
  const message =
    word(answer.get('error_description')) ||
    word(docker.get('message')) ||
    word(answer.get('details')) ||
    word(answer.get('message'));
  return { code, text: message || code };
}

function secretsOf(login: Login): string[] {
  if (login.kind === 'none') return [];
  const secrets = login.kind === 'basic' ? [login.password] : [login.token];
  return secrets.filter(secret => secret !== '');
}

function jsonObject(body: Uint8Array): ReadonlyMap<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return new Map(isObject ? Object.entries(value) : []);
  } catch {
    return new Map();
  }
}
