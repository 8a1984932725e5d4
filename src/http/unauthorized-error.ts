import { printable } from '../crypto/printable.ts';
import { ConnectionError } from '../errors.ts';
import { type Authorizer, challengesOf } from './authorization.ts';
import type { HttpResponse } from './transport.ts';

export interface UnauthorizedContext {
  readonly response: HttpResponse;
  readonly url: URL;
  readonly authorizer: Authorizer;
  /** What the server is: “trust server”, “registry”. */
  readonly server: string;
  /** How to hand over a login: a sentence for the hint. */
  readonly login: string;
  /** What was asked for, for who was let in but may not do it: “the update of …”. */
  readonly subject?: string;
  /** What the server said itself, made printable. */
  readonly said?: string;
}

/** Which of the cases of cli.md 5.2 a 401 is; `details.reason` of the error. */
export type UnauthorizedReason =
  /** No login was at hand. */
  | 'login-missing'
  /** The user name, or its password or token, was not accepted. */
  | 'login-refused'
  /** The login was accepted, but it may not do this. */
  | 'scope-insufficient'
  /** The token server gave a token that the server does not believe. */
  | 'token-invalid'
  /** The server wants a kind of login that is not at hand. */
  | 'login-unsupported';

const TEXT_LIMIT = 200;

/** The error for a 401 that stands: says whose login was refused, or which kind of login is missing. Never a password. */
export function unauthorizedError(context: UnauthorizedContext): ConnectionError {
  const { response, url, authorizer, server, login } = context;
  const challenges = challengesOf(response);
  const schemes = [...new Set(challenges.map(challenge => challenge.scheme))];
  const offered = schemes.map(scheme => printable(scheme.slice(0, 30))).join(', ');
  const said = context.said ? ` (it says: ${context.said})` : '';
  const parameter = (name: string): string | undefined => {
    const found = challenges.map(({ parameters }) => parameters.get(name)).find(Boolean);
    return found === undefined ? undefined : printable(found.slice(0, TEXT_LIMIT));
  };
  const who = loginWords(authorizer);
  const failure = parameter('error');
  const make = (reason: UnauthorizedReason, message: string, hint: string) =>
    new ConnectionError('UNAUTHORIZED', message + said, {
      hint,
      details: {
        status: 401,
        reason,
        host: url.host,
        schemes,
        ...given('username', authorizer.username),
        ...given('source', authorizer.source),
        ...given('error', failure),
        ...given('scope', parameter('scope')),
        ...given('service', parameter('service')),
        ...given('realm', bareAddress(parameter('realm'))),
      },
    });
  const name = `The ${server} ${url.host}`;
  const isBearer = schemes.includes('bearer');

  if (
    schemes.length > 0 &&
    schemes.every(scheme => scheme === 'bearer') &&
    !authorizer.schemes.includes('bearer')
  ) {
    return make(
      'login-unsupported',
      `${name} accepts only token logins (Bearer)`,
      'This login can send no more than a user name and password (Basic).',
    );
  }
  if (who === undefined) {
    const note = authorizer.note === undefined ? '' : ` ${printable(authorizer.note)}`;
    return make(
      'login-missing',
      schemes.length === 0
        ? `${name} refused the request for lack of a login, and does not say which kind it wants`
        : `${name} wants a login (${offered})`,
      login + note,
    );
  }
  if (schemes.length > 0 && !schemes.some(scheme => authorizer.schemes.includes(scheme))) {
    return make(
      'login-unsupported',
      `${name} offers only logins that are not supported (${offered})`,
      `What is at hand is the login ${who} (${authorizer.schemes.join(', ')}).`,
    );
  }
  if (isBearer && failure === 'insufficient_scope') {
    return make(
      'scope-insufficient',
      `${name} accepts the login ${who}, but does not allow it ${context.subject ?? 'what was asked for'}`,
      'Ask the owner for the right to do this, or log in as somebody who has it; a right that was given just now may take minutes to count.',
    );
  }
  if (isBearer && failure === 'invalid_token') {
    return make(
      'token-invalid',
      `${name} does not believe the token that its token server gave for the login ${who}`,
      "The password is right. Check this machine's clock; else the server and its token server do not agree on issuer, service or key, which their administrator has to mend.",
    );
  }
  const user = authorizer.username;
  return make(
    'login-refused',
    `${name} refused the login ${who}`,
    `${user === undefined ? 'Check the login' : `Check the password of “${printable(user)}”`}, and that this user may do this. ${login}`,
  );
}

/** “of “alice” from config.json”: whose login was used, and where it is kept; undefined without a login. */
export function loginWords({ username, source }: Authorizer): string | undefined {
  if (username === undefined && source === undefined) return undefined;
  const user = username === undefined ? [] : [`of “${printable(username)}”`];
  const place = source === undefined ? [] : [`from ${printable(source)}`];
  return [...user, ...place].join(' ');
}

function given(name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: printable(value) };
}

/** An address without its query, which may name an account. */
function bareAddress(text: string | undefined): string | undefined {
  if (text === undefined || !URL.canParse(text)) return undefined;
  const { origin, pathname } = new URL(text);
  return origin + pathname;
}
