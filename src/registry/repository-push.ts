import { printable } from '../crypto/printable.ts';
import { ConnectionError, TrustError } from '../errors.ts';
import type { Scope } from '../http/authorization.ts';
import type { StoredManifest } from './image-parts.ts';
import { isDigest } from './image-reference.ts';
import { MANIFEST_MEDIA_TYPES } from './manifest.ts';
import type { RegistryAnswer, RegistryConnection } from './registry-connection.ts';
import { registryError } from './registry-error.ts';

/** An upload that the registry has begun to take. */
export interface UploadSession {
  /** Where the rest is to be sent; another one after each piece. It may lie on another host. */
  readonly location: URL;
  /** Bytes that the registry has. */
  readonly offset: number;
  /** Pieces other than the last must have so many bytes. */
  readonly minChunk: number;
}

const MAX_ANSWER = 1024 * 1024;
/** A registry may be silent for long while it puts a large blob into its place. */
const STORING_MS = 600_000;
const OCTETS = { 'Content-Type': 'application/octet-stream' };

/**
 * Writes blobs and manifests into one repository of a registry. Nothing here is repeated when it fails.
 *
 * Every method throws ConnectionError and OperationError of `registryError` and of the connection.
 *
 * @see OCI distribution specification 1.1, "Push"; Docker Registry HTTP API V2, "Pushing An Image"
 */
export class RepositoryPush {
  readonly path: string;
  readonly #registry: RegistryConnection;
  readonly #scope: Scope;

  /** @param path repository without its domain */
  constructor(registry: RegistryConnection, path: string) {
    this.path = path;
    this.#registry = registry;
    this.#scope = { type: 'repository', name: path, actions: ['pull', 'push'] };
  }

  /** Whether the repository has a blob. */
  async hasBlob(digest: string): Promise<boolean> {
    return (await this.#head('blobs', digest)) !== undefined;
  }

  /** Whether the repository has a manifest. */
  async hasManifest(digest: string): Promise<boolean> {
    return (await this.#head('manifests', digest)) !== undefined;
  }

  /**
   * The digest that the registry announces for a tag; undefined when there is no such tag, or it announces none. Asked
   * with the right to push: to who may only read, some registries deny that a repository exists.
   */
  async tagDigest(tag: string): Promise<string | undefined> {
    const answer = await this.#head('manifests', tag);
    const announced = answer?.response.headers.get('docker-content-digest')?.[0]?.trim();
    return announced !== undefined && isDigest(announced) ? announced : undefined;
  }

  /**
   * Stores a manifest under its digest or a tag.
   *
   * @throws {TrustError} `MANIFEST_DIGEST_MISMATCH` when the registry stored something else
   */
  async putManifest(reference: string, manifest: StoredManifest): Promise<void> {
    const { response } = await this.#write([201, 200, 202], {
      method: 'PUT',
      to: `${this.path}/manifests/${reference}`,
      reference,
      headers: { 'Content-Type': manifest.mediaType },
      body: manifest.bytes,
    });
    const stored = response.headers.get('docker-content-digest')?.[0]?.trim();
    if (stored === undefined || stored === manifest.digest) return;
    throw new TrustError(
      'MANIFEST_DIGEST_MISMATCH',
      `The registry ${printable(this.#registry.domain)} stored the manifest ${manifest.digest} as ${printable(stored.slice(0, 200))}`,
      { hint: 'It, or something in between, changes what is sent to it: nothing was signed.' },
    );
  }

  /**
   * Asks the registry to take a blob over from another of its repositories.
   *
   * @returns `mounted`; or an upload that it began instead; or `refused`
   */
  async mount(digest: string, from: string): Promise<'mounted' | 'refused' | UploadSession> {
    const source: Scope = { type: 'repository', name: from, actions: ['pull'] };
    const query = new URLSearchParams({ mount: digest, from });
    try {
      const answer = await this.#send({
        method: 'POST',
        to: `${this.path}/blobs/uploads/?${query}`,
        reference: digest,
        scope: { ...this.#scope, also: [source] },
        body: new Uint8Array(),
      });
      const { status } = answer.response;
      if (status === 201) return 'mounted';
      return status === 202 ? this.#begun(answer, 0) : 'refused';
    } catch (error) {
      // Who may not read that repository gets no token for it.
      if (isDenied(error)) return 'refused';
      throw error;
    }
  }

  /** Begins an upload. */
  async startUpload(digest: string): Promise<UploadSession> {
    const answer = await this.#write([202], {
      method: 'POST',
      to: `${this.path}/blobs/uploads/`,
      reference: digest,
      body: new Uint8Array(),
    });
    return this.#begun(answer, 0);
  }

  /** How far an upload has come; undefined when the registry no longer knows it. */
  async uploadStatus(session: UploadSession, digest: string): Promise<UploadSession | undefined> {
    const { location, offset } = session;
    const answer = await this.#send({ method: 'GET', to: location, reference: digest });
    const { status } = answer.response;
    // Whatever the reason is, it will be told when another upload is begun.
    if (status !== 204 && status !== 202 && status !== 200) return undefined;
    // Of nothing and of one byte it says the same.
    const end = rangeEnd(answer) ?? 0;
    return {
      ...session,
      offset: end === 0 ? Math.min(offset, 1) : end + 1,
      location: answer.response.headers.has('location')
        ? this.#registry.location(answer)
        : location,
    };
  }

  /** Sends a piece of a blob. */
  async sendPiece(
    session: UploadSession,
    digest: string,
    bytes: Uint8Array,
  ): Promise<UploadSession> {
    const end = session.offset + bytes.length;
    const answer = await this.#write([202, 201, 204], {
      method: 'PATCH',
      to: session.location,
      reference: digest,
      headers: { ...OCTETS, 'Content-Range': `${session.offset}-${end - 1}` },
      body: bytes,
    });
    const arrived = rangeEnd(answer);
    return {
      ...this.#begun(answer, arrived === undefined ? end : arrived + 1),
      minChunk: session.minChunk,
    };
  }

  /** Sends the last piece of a blob, or all of it; the registry checks the digest. */
  async finishUpload(session: UploadSession, digest: string, bytes: Uint8Array): Promise<void> {
    const to = new URL(session.location);
    to.searchParams.append('digest', digest);
    const { offset } = session;
    const range = { 'Content-Range': `${offset}-${offset + bytes.length - 1}` };
    await this.#write([201, 204], {
      method: 'PUT',
      to,
      reference: digest,
      headers: { ...OCTETS, ...(offset > 0 && bytes.length > 0 ? range : {}) },
      body: bytes,
      timeoutMs: STORING_MS,
    });
  }

  /** Undefined when there is none. */
  async #head(kind: 'blobs' | 'manifests', reference: string): Promise<RegistryAnswer | undefined> {
    const answer = await this.#send({
      method: 'HEAD',
      to: `${this.path}/${kind}/${reference}`,
      reference,
      headers: kind === 'blobs' ? {} : { Accept: MANIFEST_MEDIA_TYPES.join(', ') },
    });
    const { status } = answer.response;
    if (status === 404) return undefined;
    if (status !== 200) throw registryError(answer.response, answer.request);
    return answer;
  }

  #begun(answer: RegistryAnswer, offset: number): UploadSession {
    const minChunk = Number(answer.response.headers.get('oci-chunk-min-length')?.[0] ?? 0);
    return {
      location: this.#registry.location(answer),
      offset,
      minChunk: Number.isSafeInteger(minChunk) && minChunk > 0 ? minChunk : 0,
    };
  }

  async #write(good: readonly number[], request: PushRequest): Promise<RegistryAnswer> {
    const answer = await this.#send(request);
    if (!good.includes(answer.response.status))
      throw registryError(answer.response, answer.request);
    return answer;
  }

  async #send(request: PushRequest): Promise<RegistryAnswer> {
    return await this.#registry.send({
      path: this.path,
      scope: this.#scope,
      maxBytes: MAX_ANSWER,
      ...request,
    });
  }
}

type PushRequest = Omit<
  Parameters<RegistryConnection['send']>[0],
  'path' | 'scope' | 'maxBytes'
> & {
  readonly scope?: Scope;
};

/** The last byte that `Range: 0-N` names. */
function rangeEnd({ response }: RegistryAnswer): number | undefined {
  const end = /^(?:bytes=)?0-([0-9]{1,15})$/.exec(response.headers.get('range')?.[0]?.trim() ?? '');
  return end === null ? undefined : Number(end[1]);
}

function isDenied(error: unknown): boolean {
  return (
    error instanceof ConnectionError &&
    (error.code === 'UNAUTHORIZED' || error.code === 'FORBIDDEN')
  );
}
