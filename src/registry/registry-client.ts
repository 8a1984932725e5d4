import { createHash } from 'node:crypto';
import { printable } from '../crypto/printable.ts';
import { TrustError, UsageError } from '../errors.ts';
import type { HttpResponse } from '../http/transport.ts';
import { isDigest, isPath, isTag } from './image-reference.ts';
import {
  type ImageManifest,
  MANIFEST_MEDIA_TYPES,
  MAX_MANIFEST_BYTES,
  readManifest,
} from './manifest.ts';
import {
  type RegistryAnswer,
  RegistryConnection,
  type RegistryOptions,
} from './registry-connection.ts';
import { type ImageRequest, nameOf, notARegistry, registryError } from './registry-error.ts';

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
  /** For who writes to the registry. */
  readonly connection: RegistryConnection;

  constructor(options: RegistryOptions) {
    this.domain = options.domain;
    this.connection = new RegistryConnection(options);
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
  ): Promise<RegistryAnswer> {
    if (!isPath(path) || !(isTag(reference) || isDigest(reference))) {
      throw new UsageError(
        'REFERENCE_INVALID',
        `“${nameOf({ path, reference }).slice(0, 300)}” does not name an image of a registry`,
      );
    }
    return await this.connection.explaining(async () => {
      const answer = await this.connection.send({
        method,
        to: `${path}/${kind}/${reference}`,
        path,
        reference,
        scope: { type: 'repository', name: path, actions: ['pull'] },
        headers: { Accept: MANIFEST_MEDIA_TYPES.join(', ') },
        maxBytes,
      });
      if (answer.response.status !== 200) throw registryError(answer.response, answer.request);
      return answer;
    });
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
