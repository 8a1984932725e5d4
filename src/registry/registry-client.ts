import { createHash } from 'node:crypto';
import { printable } from '../crypto/printable.ts';
import { ConnectionError, TabellionError, TrustError, UsageError } from '../errors.ts';
import type { Authorizer, Scope } from '../http/authorization.ts';
import { isLoopback } from '../http/loopback.ts';
import type { HttpResponse, HttpTransport } from '../http/transport.ts';
import { isDigest, isPath, isTag } from './image-reference.ts';
import {
  type ImageManifest,
  MANIFEST_MEDIA_TYPES,
  MAX_MANIFEST_BYTES,
  readManifest,
} from './manifest.ts';
import { type ImageRequest, nameOf, notARegistry, registryError } from './registry-error.ts';
import { findOrigin } from './registry-origin.ts';

export interface RegistryClientOptions {
  readonly transport: HttpTransport;
  /** Or a function that makes one for the registry's origin, once that is known: `http://localhost:5000`. */
  readonly authorizer: Authorizer | ((origin: string) => Authorizer);
  /** The registry as in an image reference: `docker.io`, `localhost:5000`. */
  readonly domain: string;
  /** Adds to each error what is known of this registry. */
  readonly explain?: (error: TabellionError) => TabellionError;
  /** Plain HTTP is welcome when HTTPS fails (the transport must allow it too); without this only on loopback. */
  readonly insecure?: boolean;
}

interface Answer {
  readonly response: HttpResponse;
  readonly request: ImageRequest;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Content types that say nothing about a manifest; the type inside it decides then. */
const GENERIC_TYPES = new Set([
  '',
  'application/json',
  'application/octet-stream',
  'binary/octet-stream',
  'text/plain',
]);

/**
 * Reads manifests from a registry.
 *
 * @see OCI distribution specification 1.1; Docker Registry HTTP API V2
 */
export class RegistryClient {
  readonly domain: string;
  readonly #transport: HttpTransport;
  readonly #makeAuthorizer: (origin: string) => Authorizer;
  readonly #insecure: boolean;
  readonly #explain: ((error: TabellionError) => TabellionError) | undefined;
  #connection: Promise<{ origin: URL; authorizer: Authorizer }> | undefined;

  constructor(options: RegistryClientOptions) {
    const { transport, authorizer, domain, insecure = false } = options;
    this.#explain = options.explain;
    this.domain = domain;
    this.#transport = transport;
    this.#makeAuthorizer = typeof authorizer === 'function' ? authorizer : () => authorizer;
    this.#insecure = insecure;
  }

  /**
   * The manifest, or index, that a tag or digest names: read whole, and hashed.
   *
   * @param path repository without its domain: `library/alpine`
   * @param reference a tag, or a digest
   * @throws {OperationError} `IMAGE_NOT_FOUND`, `REGISTRY_REJECTED`, `MANIFEST_SCHEMA1`, `MANIFEST_TYPE_UNSUPPORTED`,
   *   `MANIFEST_INVALID`
   * @throws {TrustError} `MANIFEST_DIGEST_MISMATCH` when the bytes are not those that were asked for or announced
   * @throws {ConnectionError} of the transport, of `registryError`, and `REDIRECT_REFUSED`
   */
  async resolve(path: string, reference: string): Promise<ImageManifest> {
    const { digest, size, mediaType } = await this.manifest(path, reference);
    return { digest, size, mediaType };
  }

  /**
   * As `resolve`, with the bytes.
   *
   * @throws as `resolve`
   */
  async manifest(
    path: string,
    reference: string,
  ): Promise<ImageManifest & { readonly bytes: Uint8Array }> {
    const { response, request } = await this.#get('GET', 'manifests', path, reference);
    const stated = statedType(response);
    if (stated?.startsWith('text/') || response.body.length === 0) {
      throw notARegistry(response, request);
    }
    const { body } = response;
    const { mediaType } = readManifest(
      body,
      stated,
      `${printable(this.domain)}/${nameOf(request)}`,
    );
    this.#checkDigests(response, request);
    return {
      digest: `sha256:${hash('sha256', body)}`,
      size: body.length,
      mediaType,
      bytes: body,
    };
  }

  /**
   * A small blob, such as an image's configuration, checked against its digest.
   *
   * @param maxBytes a larger one is refused
   * @throws {TrustError} `MANIFEST_DIGEST_MISMATCH`; else as `resolve`
   */
  async smallBlob(path: string, digest: string, maxBytes: number): Promise<Uint8Array> {
    const { response, request } = await this.#get('GET', 'blobs', path, digest, maxBytes);
    this.#checkDigests(response, request);
    return response.body;
  }

  /**
   * The digest that the registry announces for a tag, without reading the manifest: enough to show, never
   * to sign. Undefined when it announces none, as some proxies do.
   *
   * @throws as `resolve`
   */
  async headDigest(path: string, reference: string): Promise<string | undefined> {
    const { response } = await this.#get('HEAD', 'manifests', path, reference);
    const announced = response.headers.get('docker-content-digest')?.[0]?.trim();
    return announced !== undefined && isDigest(announced) ? announced : undefined;
  }

  async #get(
    method: 'GET' | 'HEAD',
    kind: 'manifests' | 'blobs',
    path: string,
    reference: string,
    maxBytes = MAX_MANIFEST_BYTES,
  ): Promise<Answer> {
    try {
      return await this.#exchange(method, kind, path, reference, maxBytes);
    } catch (error) {
      const explain = this.#explain;
      throw error instanceof TabellionError && explain !== undefined ? explain(error) : error;
    }
  }

  async #exchange(
    method: 'GET' | 'HEAD',
    kind: 'manifests' | 'blobs',
    path: string,
    reference: string,
    maxBytes: number,
  ): Promise<Answer> {
    if (!isPath(path) || !(isTag(reference) || isDigest(reference))) {
      throw new UsageError(
        'REFERENCE_INVALID',
        `“${nameOf({ path, reference }).slice(0, 300)}” does not name an image of a registry`,
      );
    }
    const { origin, authorizer } = await this.#connect();
    const url = new URL(`/v2/${path}/${kind}/${reference}`, origin);
    const image: ImageRequest = { domain: this.domain, path, reference, authorizer, url };
    const scope: Scope = { type: 'repository', name: path, actions: ['pull'] };

    const sent = await authorizer.headers(scope, url);
    let answer = await this.#follow(method, image, sent, maxBytes);
    // Only the registry itself may ask for its credentials.
    const isRefused = answer.response.status === 401 && answer.request.url.origin === origin.origin;
    if (isRefused && (await authorizer.refused(answer.response, scope, url, sent))) {
      const headers = await authorizer.headers(scope, url);
      // The same login would be refused again, and count against the account.
      if (JSON.stringify(headers) !== JSON.stringify(sent)) {
        answer = await this.#follow(method, image, headers, maxBytes);
      }
    }
    if (answer.response.status !== 200) throw registryError(answer.response, answer.request);
    return answer;
  }

  /** Follows redirects; what authorises a request leaves the registry's own origin never. */
  async #follow(
    method: 'GET' | 'HEAD',
    image: ImageRequest,
    authorization: Record<string, string>,
    maxBytes: number,
  ): Promise<Answer> {
    let request = image;
    let isOwn = true;
    for (let redirects = 0; ; redirects += 1) {
      const response = await this.#transport.request({
        method,
        url: request.url,
        headers: { Accept: MANIFEST_MEDIA_TYPES.join(', '), ...(isOwn ? authorization : {}) },
        maxBytes,
        retry: true,
      });
      if (!REDIRECTS.has(response.status)) return { response, request };
      if (redirects === MAX_REDIRECTS) {
        throw redirectRefused(request, `it redirects more than ${MAX_REDIRECTS} times`);
      }
      const url = this.#redirectTarget(response, request);
      isOwn = isOwn && url.origin === image.url.origin;
      request = { ...request, url };
    }
  }

  #redirectTarget(response: HttpResponse, request: ImageRequest): URL {
    const from = request.url;
    const location = response.headers.get('location')?.[0] ?? '';
    if (location === '' || !URL.canParse(location, from.href)) {
      throw redirectRefused(request, 'it redirects without saying where to');
    }
    const target = new URL(location, from);
    // Only the origin is named: what follows may hold a signature that opens the storage.
    const named = printable(target.origin);
    if (target.username !== '' || target.password !== '') {
      throw redirectRefused(request, `it redirects to ${named} with credentials in the address`);
    }
    const isPlain = target.protocol === 'http:' && from.protocol === 'http:';
    const plainAllowed =
      isPlain && (isLoopback(target.hostname) || (this.#insecure && target.host === from.host));
    if (target.protocol !== 'https:' && !plainAllowed) {
      throw redirectRefused(request, `it redirects to ${named}, which is not HTTPS`);
    }
    return target;
  }

  #checkDigests({ headers, body }: HttpResponse, request: ImageRequest): void {
    const expected = (headers.get('docker-content-digest') ?? []).map(value => ({
      digest: value.trim(),
      why: 'announced',
    }));
    if (isDigest(request.reference)) expected.push({ digest: request.reference, why: 'asked for' });
    for (const { digest, why } of expected) {
      const algorithm = isDigest(digest) ? digest.slice(0, digest.indexOf(':')) : 'sha256';
      const actual = `${algorithm}:${hash(algorithm, body)}`;
      if (actual !== digest) {
        throw new TrustError(
          'MANIFEST_DIGEST_MISMATCH',
          `The registry ${printable(this.domain)} sent a manifest for ${nameOf(request)} with the digest ${actual}, but ${printable(digest.slice(0, 200))} was ${why}`,
          {
            hint: 'The registry, or something between, changed or mixed up the manifest: do not trust it.',
            details: { actual, expected: digest.slice(0, 200) },
          },
        );
      }
    }
  }

  #connect(): Promise<{ origin: URL; authorizer: Authorizer }> {
    this.#connection ??= findOrigin(this.#transport, this.domain, this.#insecure).then(
      origin => ({ origin, authorizer: this.#makeAuthorizer(origin.origin) }),
      (error: unknown) => {
        this.#connection = undefined;
        throw error;
      },
    );
    return this.#connection;
  }
}

/** The media type of the Content-Type header; undefined when it says nothing of use. */
function statedType({ headers }: HttpResponse): string | undefined {
  const type =
    (headers.get('content-type')?.[0] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return GENERIC_TYPES.has(type) ? undefined : type;
}

function hash(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest('hex');
}

function redirectRefused(request: ImageRequest, why: string): ConnectionError {
  return new ConnectionError(
    'REDIRECT_REFUSED',
    `The registry ${printable(request.domain)} cannot be followed for ${nameOf(request)}: ${why}`,
    { details: { domain: request.domain } },
  );
}
