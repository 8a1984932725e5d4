import { printable } from '../crypto/printable.ts';
import { ConnectionError, OperationError, type TabellionError } from '../errors.ts';
import type { Authorizer } from '../http/authorization.ts';
import type { HttpResponse } from '../http/transport.ts';
import { loginWords, unauthorizedError } from '../http/unauthorized-error.ts';
import { HUB_DOMAIN } from './image-reference.ts';
import { isJsonObject, parseJsonObject } from './manifest.ts';

/** Which image was asked for, and where. */
export interface ImageRequest {
  /** The registry as the person names it. */
  readonly domain: string;
  readonly path: string;
  /** Tag or digest. */
  readonly reference: string;
  readonly authorizer: Authorizer;
  /** What was asked last: after redirects, not where it began. */
  readonly url: URL;
  /** Whether something is written there. */
  readonly pushes?: boolean;
}

const MAX_QUOTED = 200;
const NOT_FOUND_CODES = new Set(['NAME_UNKNOWN', 'MANIFEST_UNKNOWN', 'NAME_INVALID']);

/**
 * Turns a registry's refusal into an error of ours, by its status and by the codes in its body.
 *
 * @returns `OperationError` `IMAGE_NOT_FOUND` or `REGISTRY_REJECTED`; `ConnectionError` `UNAUTHORIZED`,
 *   `FORBIDDEN`, `TOO_MANY_REQUESTS`, `SERVER_ERROR` or `REGISTRY_ANSWER_INVALID`
 * @see OCI distribution specification 1.1, "Error Codes"
 */
export function registryError(response: HttpResponse, request: ImageRequest): TabellionError {
  const { status } = response;
  const errors = errorsOf(response);
  const said = describe(response, errors);
  const image = nameOf(request);
  const registry = `The registry ${printable(request.domain)}`;
  const details = { status, path: printable(request.path), codes: errors.map(({ code }) => code) };

  if (status === 401) {
    const { domain, authorizer, url } = request;
    return unauthorizedError({
      response,
      url,
      authorizer,
      server: 'registry',
      login: `Log in with docker login${domain === HUB_DOMAIN ? '' : ` ${printable(domain)}`}.`,
      subject: image,
      ...(errors.length === 0 ? {} : { said }),
    });
  }
  if (status === 403) {
    const who = loginWords(request.authorizer);
    return new ConnectionError(
      'FORBIDDEN',
      `${registry} does not allow ${request.pushes ? 'pushing' : 'reading'} ${image}: ${said}`,
      {
        hint: `${who === undefined ? 'No login was sent' : `The login ${who} was sent`}: check that it may ${request.pushes ? 'push to' : 'pull from'} the repository, and that no network rule of the registry is in the way.`,
        details,
      },
    );
  }
  if (status === 429) {
    const wait = response.headers.get('retry-after')?.[0];
    return new ConnectionError(
      'TOO_MANY_REQUESTS',
      `${registry} refuses further requests for now: ${said}`,
      {
        hint:
          wait === undefined
            ? 'Try again later, or log in: many registries allow more then.'
            : `Try again later: it said Retry-After: ${printable(wait.slice(0, MAX_QUOTED))}.`,
        details,
      },
    );
  }
  if (status === 413) {
    return new OperationError(
      'UPLOAD_TOO_LARGE',
      `${registry}, or a proxy before it, refuses requests of that size: ${said}`,
      { hint: 'Send smaller pieces: tabellion push --chunk-size 1000000.', details },
    );
  }
  if (status >= 500) {
    return new ConnectionError('SERVER_ERROR', `${registry} failed: ${said}`, { details });
  }
  const notFound = errors.find(({ code }) => NOT_FOUND_CODES.has(code));
  // Without a body to go by (HEAD never has one) the status must do; a web page is no registry's.
  if (
    notFound !== undefined ||
    (status === 404 && (errors.length > 0 || response.body.length === 0))
  ) {
    const what =
      notFound?.code === 'NAME_UNKNOWN'
        ? `no repository ${printable(request.path)}`
        : `no ${image}`;
    return new OperationError('IMAGE_NOT_FOUND', `${registry} has ${what}: ${said}`, {
      hint: request.pushes
        ? 'Check the name, and log in. Some registries want a repository to be made before something is pushed to it.'
        : 'Check the name, push the image first, or log in: to strangers, many registries deny that a private repository exists.',
      details,
    });
  }
  if (errors.length > 0) {
    return new OperationError(
      'REGISTRY_REJECTED',
      `${registry} refused ${request.pushes ? '' : 'to give '}${image}: ${said}`,
      {
        details,
      },
    );
  }
  return notARegistry(response, request);
}

/** The answer is not one that a registry gives: a proxy's page, most often. */
export function notARegistry(response: HttpResponse, request: ImageRequest): ConnectionError {
  return new ConnectionError(
    'REGISTRY_ANSWER_INVALID',
    `${printable(request.domain)} did not answer as a registry does ${request.pushes ? 'when it was sent' : 'when asked for'} ${nameOf(request)}: ${describe(response, [])}`,
    {
      hint: 'Check the host name, and whether a proxy or a login page stands in between.',
      details: { status: response.status },
    },
  );
}

/** `path:tag` or `path@digest`, printable. */
export function nameOf({ path, reference }: Pick<ImageRequest, 'path' | 'reference'>): string {
  return printable(`${path}${reference.includes(':') ? '@' : ':'}${reference}`);
}

interface CodedError {
  readonly code: string;
  readonly message: string;
}

function errorsOf({ body }: HttpResponse): CodedError[] {
  const errors = parseJsonObject(body)?.errors;
  if (!Array.isArray(errors)) return [];
  return errors.slice(0, 3).flatMap((error: unknown) => {
    if (!isJsonObject(error) || typeof error.code !== 'string') return [];
    const message = typeof error.message === 'string' ? error.message : '';
    return [{ code: quote(error.code), message: quote(message) }];
  });
}

/** `404 MANIFEST_UNKNOWN (manifest unknown)`, or the status and the first line of whatever came. */
function describe({ status, body }: HttpResponse, errors: readonly CodedError[]): string {
  if (errors.length > 0) {
    const all = errors.map(({ code, message }) => (message === '' ? code : `${code} (${message})`));
    return `${status} ${all.join(', ')}`;
  }
  const start = Buffer.from(body.subarray(0, 4096)).toString('utf8').trim();
  const firstLine = quote(start.split(/[\r\n]/, 1)[0] ?? '');
  return firstLine === '' ? `status ${status}` : `status ${status}, “${firstLine}”`;
}

function quote(text: string): string {
  return printable(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text);
}
