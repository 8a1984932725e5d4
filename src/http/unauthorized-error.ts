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
  /** What the server said itself, made printable. */
  readonly said?: string;
}

/** The error for a 401 that stands: says whose login was refused, or which kind of login is missing. Never a password. */
export function unauthorizedError(context: UnauthorizedContext): ConnectionError {
  const { response, url, authorizer, server, login } = context;
  const challenges = challengesOf(response);
  const schemes = [...new Set(challenges.map(challenge => challenge.scheme))];
  const offered = schemes.map(scheme => printable(scheme.slice(0, 30))).join(', ');
  const said = context.said ? ` (it says: ${context.said})` : '';
  const user = authorizer.username === undefined ? undefined : printable(authorizer.username);
  const failure = challenges.map(challenge => challenge.parameters.get('error')).find(Boolean);
  const make = (message: string, hint: string) =>
    new ConnectionError('UNAUTHORIZED', message + said, {
      hint,
      details: {
        status: 401,
        host: url.host,
        schemes,
        ...(user === undefined ? {} : { username: user }),
        ...(failure === undefined ? {} : { reason: printable(failure.slice(0, 100)) }),
      },
    });
  const name = `The ${server} ${url.host}`;

  if (schemes.length > 0 && schemes.every(scheme => scheme === 'bearer')) {
    if (!authorizer.schemes.includes('bearer')) {
      return make(
        `${name} accepts only token logins (Bearer)`,
        'This login can send no more than a user name and password (Basic): token logins are not supported here.',
      );
    }
  }
  if (user === undefined) {
    return make(
      schemes.length === 0
        ? `${name} refused the request for lack of a login, and does not say which kind it wants`
        : `${name} wants a login (${offered})`,
      login,
    );
  }
  if (schemes.length > 0 && !schemes.some(scheme => authorizer.schemes.includes(scheme))) {
    return make(
      `${name} offers only logins that are not supported (${offered})`,
      `The login of “${user}” is a user name and password (Basic).`,
    );
  }
  return make(
    `${name} refused the login of “${user}”`,
    `Check the password of “${user}”, and that this user may do this. ${login}`,
  );
}
