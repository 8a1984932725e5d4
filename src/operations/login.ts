/** How a session logs in to a registry and to the trust server that stands for it. */
import { ConnectionError } from '../errors.ts';
import {
  type Authorizer,
  anonymousAuthorizer,
  basicAuthorizer,
  type Credentials,
  challengesOf,
} from '../http/authorization.ts';
import type { RegistryCredentials } from '../registry/docker-config.ts';

/**
 * An authorizer for credentials as Docker keeps them. Those that cannot be used yet do no harm until a server
 * asks for a login: then the error says where they are, instead of “unauthorized”.
 * @param origin the server that may see them
 */
export function authorizerFor(credentials: RegistryCredentials, origin: string): Authorizer {
  switch (credentials.kind) {
    case 'basic':
      return basicAuthorizer(credentials, origin);
    case 'none':
      return anonymousAuthorizer();
    case 'helper':
      return unusable(origin, `in the credential helper docker-credential-${credentials.helper}`);
    default:
      return unusable(origin, 'as a token');
  }
}

function unusable(origin: string, where: string): Authorizer {
  return {
    ...anonymousAuthorizer(),
    refused: async () => {
      throw new ConnectionError(
        'LOGIN_UNSUPPORTED',
        `${new URL(origin).host} asks for a login; Docker keeps yours ${where}, which this version cannot use`,
        { hint: 'For a trust server, set NOTARY_AUTH to user:password.' },
      );
    },
  };
}

/**
 * Asks for a login once a server wants one, and only then.
 * @param origin the server that may see it
 */
export function askingAuthorizer(
  ask: () => Promise<Credentials | undefined>,
  origin: string,
): Authorizer {
  let answer: Promise<Authorizer> | undefined;
  const answered = async (): Promise<Authorizer> => {
    const credentials = await ask();
    return credentials === undefined ? anonymousAuthorizer() : basicAuthorizer(credentials, origin);
  };
  return {
    schemes: ['basic'],
    headers: async (scope, url) => (answer === undefined ? {} : (await answer).headers(scope, url)),
    refused: async (response, scope, url) => {
      if (!challengesOf(response).some(({ scheme }) => scheme === 'basic')) return false;
      answer ??= answered();
      return (await answer).refused(response, scope, url);
    },
  };
}
