import { UsageError } from '../errors.ts';
import { parseChallenges } from './challenge.ts';
import type { HttpRequest, HttpResponse, HttpTransport } from './transport.ts';

/** What a request wants to do, in the words of Docker's token servers (cli.md 5.1). */
export interface Scope {
  readonly type: 'repository' | 'registry';
  readonly name: string;
  readonly actions: readonly string[];
  /** What the same request touches beside it: the repository that a blob is mounted from. */
  readonly also?: readonly Scope[];
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Gives requests their `Authorization`, and learns from answers that ask for another one. */
export interface Authorizer {
  /** Schemes that it can answer, in lower case. */
  readonly schemes: readonly string[];
  /** The user that it acts for, for messages; known at the latest when a login was refused. */
  readonly username?: string | undefined;
  /** Where its login comes from, for messages: a file, a helper, a variable. */
  readonly source?: string | undefined;
  /** Why it has no login although one might be expected. */
  readonly note?: string | undefined;
  /** Headers for a request; none as long as nobody has asked for any, and none for a URL of a foreign origin. */
  headers(scope: Scope, url?: URL): Promise<Record<string, string>>;
  /**
   * Learns from a 401. True: the request is worth another try, with new {@link headers}.
   * @param sent the headers that were refused: others may have been handed out since
   */
  refused(
    response: HttpResponse,
    scope: Scope,
    url?: URL,
    sent?: Readonly<Record<string, string>>,
  ): Promise<boolean>;
}

/** Never logs in. */
export function anonymousAuthorizer(): Authorizer {
  return {
    schemes: [],
    headers: async () => ({}),
    refused: async () => false,
  };
}

/**
 * Logs in with user name and password: once the server at `origin` has asked for `Basic`, and there alone.
 *
 * @param origin scheme, host and port, as in `URL.origin`
 * @throws UsageError `CREDENTIALS_INVALID` for a user name that Basic cannot carry.
 * @see RFC 7617
 */
export function basicAuthorizer(credentials: Credentials, origin: string): Authorizer {
  const { username } = credentials;
  const authorization = basicHeader(credentials, new URL(origin).host);
  const isForeign = (url: URL | undefined) => url !== undefined && url.origin !== origin;
  let asked = false;
  return {
    schemes: ['basic'],
    username,
    headers: async (_scope, url) =>
      asked && !isForeign(url) ? { Authorization: authorization } : {},
    refused: async (response, _scope, url) => {
      if (isForeign(url)) return false;
      const offers = challengesOf(response).some(challenge => challenge.scheme === 'basic');
      if (offers) asked = true;
      return offers;
    },
  };
}

/**
 * The value of `Authorization` for user name and password.
 *
 * @param host whom it is for, for the error
 * @throws UsageError `CREDENTIALS_INVALID`
 */
export function basicHeader({ username, password }: Credentials, host: string): string {
  if (
    username === '' ||
    username.includes(':') ||
    /[\u0000-\u001f\u007f]/.test(username + password)
  ) {
    throw new UsageError(
      'CREDENTIALS_INVALID',
      `The login for ${host} cannot be sent: the user name is empty or has a colon, or there is a control character`,
    );
  }
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

/** The challenges of an answer. */
export function challengesOf(response: HttpResponse): ReturnType<typeof parseChallenges> {
  return parseChallenges(response.headers.get('www-authenticate') ?? []);
}

/** Sends a request, and once more if the authorizer can answer a 401. */
export async function sendAuthorized(
  transport: HttpTransport,
  authorizer: Authorizer,
  request: HttpRequest,
  scope: Scope,
): Promise<HttpResponse> {
  const send = async (authorization: Record<string, string>) =>
    await transport.request({ ...request, headers: { ...request.headers, ...authorization } });
  const first = await authorizer.headers(scope, request.url);
  const response = await send(first);
  if (response.status !== 401) return response;
  if (!(await authorizer.refused(response, scope, request.url, first))) return response;
  const second = await authorizer.headers(scope, request.url);
  // The same login would be refused again, and count against the account.
  if (JSON.stringify(second) === JSON.stringify(first)) return response;
  return await send(second);
}
