import { printable } from '../crypto/printable.ts';
import { ConnectionError, OperationError, type TabellionError, TrustError } from '../errors.ts';
import type { Authorizer } from '../http/authorization.ts';
import type { HttpResponse } from '../http/transport.ts';
import { loginWords, unauthorizedError } from '../http/unauthorized-error.ts';
import { type ErrorBody, line, parseErrorBody, type ReportedError } from './error-body.ts';

/** The request that was refused, for messages. */
export interface RefusedRequest {
  readonly url: URL;
  readonly gun: string;
  /** What was asked for, as in “root.json of localhost:5000/app”. */
  readonly subject: string;
  /** The role, where a metadata file was asked for: only then a 404 means that the metadata does not exist. */
  readonly role?: string;
  readonly authorizer: Authorizer;
}

/** Notary's words for the checks of an update (tuf.md 6.4). */
const FAILED_CHECKS: ReadonlyMap<string, string> = new Map([
  ['ErrValidation', 'an error occurred during validation'],
  ['ErrBadHierarchy', 'the metadata hierarchy is incomplete'],
  ['ErrBadRoot', 'the root metadata is invalid'],
  ['ErrBadTargets', 'the targets metadata is invalid'],
  ['ErrBadSnapshot', 'the snapshot metadata is invalid'],
]);

/**
 * The error that an answer other than 200 stands for (tuf.md 8.3, cli.md 5.2).
 *
 * Codes: `METADATA_NOT_FOUND` (TrustError), `UNAUTHORIZED`, `FORBIDDEN`, `SERVER_ERROR`, `RATE_LIMITED`,
 * `REDIRECT_REFUSED`, `NOT_A_TRUST_SERVER`, `RESPONSE_UNEXPECTED` (ConnectionError), `VERSION_CONFLICT`,
 * `SERVER_REJECTED` (OperationError). `details` has `status`, and `serverCode`, `serverMessage`, `serverDetail`,
 * `check`, `missing` as far as the server gave them.
 */
export function serverError(response: HttpResponse, request: RefusedRequest): TabellionError {
  const { status } = response;
  const body = parseErrorBody(response.body);
  const reported = body.errors[0];
  const host = request.url.host;
  const server = `The trust server ${host}`;
  const details = {
    status,
    host,
    gun: request.gun,
    ...(request.role === undefined ? {} : { role: request.role }),
    ...reportedDetails(reported),
  };
  const said = words(body);
  const says = said === '' ? '' : `: ${said}`;

  // UPDATING is how a lost race looks on some databases, not an outage (tuf.md 6.5).
  if (reported?.code === 'VERSION' || reported?.code === 'UPDATING') {
    return new OperationError(
      'VERSION_CONFLICT',
      `Somebody else has published ${request.gun} in the meantime${says}`,
      { hint: 'Run the command again: it starts from what is published now.', details },
    );
  }
  if (status === 401) {
    return unauthorizedError({
      response,
      url: request.url,
      authorizer: request.authorizer,
      server: 'trust server',
      login: loginHint(request.gun),
      subject: request.subject,
      said,
    });
  }
  if (status === 403) {
    const { username: user, source } = request.authorizer;
    const who = loginWords(request.authorizer);
    return new ConnectionError('FORBIDDEN', `${server} forbids ${request.subject}${says}`, {
      hint:
        who === undefined
          ? `No login was sent. ${loginHint(request.gun)}`
          : `The login ${who} was sent: ask for its right to do this with ${request.gun}; a firewall or policy may also be the cause.`,
      details: {
        ...details,
        ...(user === undefined ? {} : { username: printable(user) }),
        ...(source === undefined ? {} : { source: printable(source) }),
      },
    });
  }
  if (status === 404) return notFound(body, request, details, says);
  if (status >= 300 && status < 400) return redirected(response, request, details);
  if (status === 429) {
    const wait = response.headers.get('retry-after')?.[0];
    return new ConnectionError('RATE_LIMITED', `${server} has had too many requests${says}`, {
      hint:
        wait === undefined
          ? 'Try again later.'
          : `Try again later (it asks to wait: ${line(wait)}).`,
      details,
    });
  }
  if (status >= 500) {
    return new ConnectionError(
      'SERVER_ERROR',
      `${server} failed on ${request.subject} (${status})${says}`,
      { hint: "Try again later; the server's own log says more.", details },
    );
  }
  if (status === 413 || (status === 400 && body.kind === 'errors')) {
    return rejected(reported, request, details, status, says);
  }
  return new ConnectionError(
    'RESPONSE_UNEXPECTED',
    `${server} gave an unexpected answer to ${request.subject} (${status})${says}`,
    {
      hint: 'Is the address that of a trust server? A proxy in between may also answer so.',
      details,
    },
  );
}

/** The error for a 200 that comes from something else, such as the login page of a network. */
export function notTrustServer(response: HttpResponse, request: RefusedRequest): ConnectionError {
  return new ConnectionError(
    'NOT_A_TRUST_SERVER',
    `${request.url.host} answered ${request.subject} with a web page (${response.status}): ${parseErrorBody(response.body).firstLine}`,
    {
      hint: 'Check the address of the trust server; a login page of the network may stand in between.',
      details: { status: response.status, host: request.url.host, gun: request.gun },
    },
  );
}

/** How to log in for a repository: the registry's login counts, not one for the trust server's host (cli.md 4.2). */
export function loginHint(gun: string): string {
  const domain = gun.split('/', 1)[0] ?? '';
  const registry = domain === 'docker.io' ? '' : ` ${printable(domain)}`;
  return `Log in with “docker login${registry}”, or set NOTARY_AUTH.`;
}

function words(body: ErrorBody): string {
  if (body.kind === 'text') return body.firstLine;
  return body.errors
    .map(error => [error.message || error.code, error.detail].filter(Boolean).join(': '))
    .filter(Boolean)
    .join('; ');
}

function reportedDetails(reported: ReportedError | undefined): Record<string, unknown> {
  if (reported === undefined) return {};
  const { code, message, detail, check } = reported;
  return {
    serverCode: code,
    serverMessage: message,
    ...(detail === '' ? {} : { serverDetail: detail }),
    ...(check === undefined ? {} : { check: check.name }),
    ...(check?.missing === undefined ? {} : { missing: check.missing }),
  };
}

function notFound(
  body: ErrorBody,
  request: RefusedRequest,
  details: Readonly<Record<string, unknown>>,
  says: string,
): TabellionError {
  // A page that says “not found” is no word about metadata: the address may just be wrong.
  if (request.role !== undefined && body.kind !== 'text') {
    return new TrustError(
      'METADATA_NOT_FOUND',
      `The trust server ${request.url.host} has no ${request.subject}`,
      { details },
    );
  }
  return new ConnectionError(
    'NOT_A_TRUST_SERVER',
    `${request.url.host} does not know ${request.subject} (404)${says}`,
    {
      hint: `Check the address of the trust server, and that it serves names like ${printable(request.gun)}.`,
      details,
    },
  );
}

function redirected(
  response: HttpResponse,
  request: RefusedRequest,
  details: Readonly<Record<string, unknown>>,
): ConnectionError {
  const location = response.headers.get('location')?.[0];
  const target = location === undefined ? undefined : line(location);
  return new ConnectionError(
    'REDIRECT_REFUSED',
    `The trust server ${request.url.host} redirects ${request.subject} to ${target ?? 'an address that it does not name'} (${response.status}); this is not followed`,
    {
      hint: 'Name the trust server itself, without redirection, if you trust that address.',
      details: { ...details, ...(target === undefined ? {} : { location: target }) },
    },
  );
}

function rejected(
  reported: ReportedError | undefined,
  request: RefusedRequest,
  details: Readonly<Record<string, unknown>>,
  status: number,
  says: string,
): OperationError {
  const check = reported?.check;
  const failed = check === undefined ? undefined : (FAILED_CHECKS.get(check.name) ?? check.name);
  const reason = check === undefined ? says : `: ${failed}${check.reason && `: ${check.reason}`}`;
  const hint = rejectedHint(reported, status);
  return new OperationError(
    'SERVER_REJECTED',
    `The trust server ${request.url.host} rejected ${request.subject}${reason || ` (${status})`}`,
    { ...(hint === undefined ? {} : { hint }), details },
  );
}

function rejectedHint(reported: ReportedError | undefined, status: number): string | undefined {
  if (status === 413) return 'The update is larger than the server, or a proxy before it, allows.';
  if (reported?.code === 'INVALID_GUN') return 'The server takes only names with certain prefixes.';
  // In both forms the server misses a snapshot that only the holder of its key can make (tuf.md 6.2).
  if (
    reported?.check?.missing === 'snapshot' ||
    (reported?.check?.name === 'ErrValidation' &&
      /desc = key [0-9a-f]+ not found/.test(reported.check.reason))
  ) {
    return 'The server does not hold a key that the update needs of it: was the snapshot key of this repository kept by its owner, and is it missing here?';
  }
  return undefined;
}
