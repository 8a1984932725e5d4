/** Somebody who signs metadata for the tests, good and bad: payloads are plain JSON, to be altered at will. */

import { canonicalJson, type JsonValue } from '../../src/crypto/canonical-json.ts';
import { makeCertificate, makeRootCertificate } from '../../src/crypto/certificate.ts';
import { generatePrivateKey, type PrivateKey } from '../../src/crypto/private-key.ts';
import {
  keyId,
  type PublicKey,
  publicKeyFromJson,
  publicKeyToJson,
} from '../../src/crypto/public-key.ts';
import type { ApiResponse, TrustApi } from '../../src/embedded-server/trust-api.ts';
import { multipartBody } from '../../src/trust-server/multipart.ts';
import { encodeFile } from '../../src/tuf/encode.ts';
import { fileMeta } from '../../src/tuf/fingerprint.ts';
import { DAY, formatTime } from '../../src/tuf/time.ts';

export const NOW = new Date('2026-11-22T00:00:00Z');

/** JSON that tests may alter. */
export type Payload = { [name: string]: JsonValue };
export type Edit = (payload: Payload) => void;

/** A private key, and the public key as metadata lists it. */
export interface RoleKey {
  readonly key: PrivateKey;
  readonly listed: PublicKey;
}

export function bareKey(): RoleKey {
  const key = generatePrivateKey('ecdsa');
  return { key, listed: key.publicKey };
}

export function rootKey(gun: string, notBefore = NOW): RoleKey {
  const key = generatePrivateKey('ecdsa');
  const pem = makeRootCertificate({ key, gun, notBefore });
  return { key, listed: { keytype: 'ecdsa-x509', publicBytes: Buffer.from(pem) } };
}

/** A file in Notary's form. */
export function seal(payload: JsonValue, ...signers: readonly RoleKey[]): Buffer {
  const message = canonicalJson(payload);
  const signatures = signers.map(({ key, listed }) => ({
    keyId: keyId(listed),
    ...key.sign(Buffer.from(message)),
  }));
  return Buffer.from(encodeFile(message, signatures));
}

export function listed(key: PublicKey): Payload {
  const { keytype, keyval } = publicKeyToJson(key);
  return { keytype, keyval: { ...keyval } };
}

interface RoleOptions {
  readonly version?: number;
  readonly expires?: string;
  readonly edit?: Edit;
  readonly signers?: readonly RoleKey[];
}

/** The owner of one repository, with all its keys. */
export class Author {
  readonly gun: string;
  root: RoleKey;
  targets = bareKey();
  /** Absent: the server's. */
  snapshot: RoleKey | undefined = bareKey();
  snapshotOfServer: PublicKey | undefined;
  timestampOfServer: PublicKey;
  now = NOW;

  constructor(gun: string, timestampOfServer: PublicKey) {
    this.gun = gun;
    this.root = rootKey(gun);
    this.timestampOfServer = timestampOfServer;
  }

  /** Asks the server for its keys. */
  static async of(api: TrustApi, gun: string, serverSnapshot = false): Promise<Author> {
    const author = new Author(gun, await serverKey(api, 'GET', gun, 'timestamp'));
    if (serverSnapshot) author.leaveSnapshotTo(await serverKey(api, 'GET', gun, 'snapshot'));
    return author;
  }

  leaveSnapshotTo(key: PublicKey): void {
    this.snapshot = undefined;
    this.snapshotOfServer = key;
  }

  rootFile(options: RoleOptions = {}): Buffer {
    const snapshot = this.snapshot?.listed ?? this.snapshotOfServer ?? this.timestampOfServer;
    const byRole = {
      root: this.root.listed,
      snapshot,
      targets: this.targets.listed,
      timestamp: this.timestampOfServer,
    };
    const entries = Object.entries(byRole);
    const payload: Payload = {
      _type: 'Root',
      consistent_snapshot: false,
      keys: Object.fromEntries(entries.map(([, key]) => [keyId(key), listed(key)])),
      roles: Object.fromEntries(
        entries.map(([role, key]) => [role, { keyids: [keyId(key)], threshold: 1 }]),
      ),
    };
    return this.#file(payload, 3650, options, [this.root]);
  }

  /** @param tags names that become targets */
  targetsFile(tags: readonly string[] = [], options: RoleOptions = {}): Buffer {
    return this.#file(targetsPayload(tags), 1095, options, [this.targets]);
  }

  snapshotFile(files: Readonly<Record<string, Uint8Array>>, options: RoleOptions = {}): Buffer {
    const meta = Object.entries(files).map(([role, bytes]) => [role, { ...fileMeta(bytes) }]);
    const payload: Payload = { _type: 'Snapshot', meta: Object.fromEntries(meta) };
    return this.#file(payload, 1095, options, this.snapshot === undefined ? [] : [this.snapshot]);
  }

  delegationFile(signer: RoleKey, tags: readonly string[] = [], options: RoleOptions = {}): Buffer {
    return this.#file(targetsPayload(tags), 1095, options, [signer]);
  }

  #file(payload: Payload, days: number, options: RoleOptions, signers: readonly RoleKey[]): Buffer {
    payload.version = options.version ?? 1;
    payload.expires = options.expires ?? formatTime(this.now.getTime() + days * DAY);
    options.edit?.(payload);
    return seal(payload, ...(options.signers ?? signers));
  }
}

/** Lets a targets payload delegate to `role`. */
export function delegate(
  payload: Payload,
  role: string,
  key: RoleKey,
  paths: readonly string[] = [''],
): void {
  payload.delegations = {
    keys: { [keyId(key.listed)]: listed(key.listed) },
    roles: [{ keyids: [keyId(key.listed)], name: role, paths: [...paths], threshold: 1 }],
  };
}

function targetsPayload(tags: readonly string[]): Payload {
  const { hashes } = fileMeta(Buffer.from('image'));
  const targets = tags.map(tag => [tag, { hashes: { ...hashes }, length: 5 }]);
  return {
    _type: 'Targets',
    delegations: { keys: {}, roles: [] },
    targets: Object.fromEntries(targets),
  };
}

/** A certificate key for a root whose common name is something else than a repository's. */
export function strangerCertificate(commonName: string): RoleKey {
  const key = generatePrivateKey('ecdsa');
  const pem = makeCertificate({ key, commonName, notBefore: NOW, days: 3650 });
  return { key, listed: { keytype: 'ecdsa-x509', publicBytes: Buffer.from(pem) } };
}

export async function get(api: TrustApi, target: string): Promise<ApiResponse> {
  return await send(api, 'GET', target);
}

export async function send(api: TrustApi, method: string, target: string): Promise<ApiResponse> {
  return await api.handle({ method, target, contentType: undefined, body: Buffer.alloc(0) });
}

export async function post(
  api: TrustApi,
  gun: string,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<ApiResponse> {
  const { contentType, body } = multipartBody(new Map(Object.entries(files)));
  return await api.handle({ method: 'POST', target: `/v2/${gun}/_trust/tuf/`, contentType, body });
}

export async function serverKey(
  api: TrustApi,
  method: 'GET' | 'POST',
  gun: string,
  role: 'timestamp' | 'snapshot',
): Promise<PublicKey> {
  const response = await send(api, method, `/v2/${gun}/_trust/tuf/${role}.key`);
  return publicKeyFromJson(JSON.parse(bodyText(response)));
}

export function bodyText({ body }: ApiResponse): string {
  return Buffer.from(body).toString('utf8');
}

/** Status and first error of an answer, in short: `400 VERSION {}`. */
export function inShort(response: ApiResponse): string {
  if (response.status === 200) return '200';
  const [error] = JSON.parse(bodyText(response)).errors;
  const detail = error.detail === undefined ? '' : ` ${JSON.stringify(error.detail)}`;
  return `${response.status} ${error.code}${detail}`;
}

/** The payload of a current file. */
export async function current(api: TrustApi, gun: string, role: string): Promise<Payload> {
  const response = await get(api, `/v2/${gun}/_trust/tuf/${role}.json`);
  if (response.status !== 200) throw new Error(inShort(response));
  return JSON.parse(bodyText(response)).signed;
}
