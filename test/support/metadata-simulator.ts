/**
 * A trust server in memory that signs with its own keys, honestly or not, in Notary's dialect of TUF. It
 * writes its files by itself, so that an error of the engine's encoder cannot hide one of its decoder.
 */
import { createHash } from 'node:crypto';
import { canonicalJson, type JsonValue } from '../../src/crypto/canonical-json.ts';
import { makeRootCertificate } from '../../src/crypto/certificate.ts';
import { generatePrivateKey, type PrivateKey, type Signer } from '../../src/crypto/private-key.ts';
import { keyId, type PublicKey, publicKeyToJson } from '../../src/crypto/public-key.ts';
import { ConnectionError, TrustError } from '../../src/errors.ts';
import type { KeyRing } from '../../src/tuf/key-ring.ts';
import { NO_PINNING } from '../../src/tuf/pinning.ts';
import {
  type MetadataCache,
  type MetadataRemote,
  type UpdateOptions,
  type UpdateResult,
  update,
} from '../../src/tuf/update.ts';

export const GUN = 'registry.example.com/team/app';
export const NOW = new Date('2026-11-22T00:00:00Z');
const DAY = 24 * 60 * 60 * 1000;

export type JsonObject = { [name: string]: JsonValue };

/** A date some days from {@link NOW}, as Go prints one. */
export function inDays(days: number): string {
  return new Date(NOW.getTime() + days * DAY).toISOString().replace('.000Z', 'Z');
}

/** A private key and the public key as which metadata lists it. */
export interface SimulatedKey {
  readonly signer: Signer;
  readonly publicKey: PublicKey;
  readonly id: string;
}

export function asListed(signer: Signer, publicKey: PublicKey = signer.publicKey): SimulatedKey {
  return { signer, publicKey, id: keyId(publicKey) };
}

export function newKey(algorithm: 'ecdsa' | 'ed25519' = 'ecdsa'): SimulatedKey {
  return asListed(generatePrivateKey(algorithm));
}

/** A key whose metadata form is this text of certificates. */
export function withCertificate(signer: Signer, pem: string): SimulatedKey {
  const keytype = `${signer.publicKey.keytype}-x509`;
  return asListed(signer, { keytype, publicBytes: Buffer.from(pem, 'utf8') });
}

/** A root key in the certificate that Notary would make for it. */
export function newRootKey(
  options: { gun?: string; notBefore?: Date; key?: PrivateKey } = {},
): SimulatedKey {
  const { gun = GUN, notBefore = new Date(NOW.getTime() - DAY) } = options;
  const key = options.key ?? generatePrivateKey('ecdsa');
  return withCertificate(key, makeRootCertificate({ key, gun, notBefore }));
}

export interface SignatureJson extends JsonObject {
  keyid: string;
  method: string;
  sig: string;
}

export function signatureOf(key: SimulatedKey, message: string): SignatureJson {
  const made = key.signer.sign(Buffer.from(message, 'utf8'));
  if (made instanceof Promise) throw new TypeError('the simulator signs at once');
  return {
    keyid: key.id,
    method: made.method,
    sig: Buffer.from(made.signature).toString('base64'),
  };
}

/** A file with this very text as `signed`. */
export function envelopeOf(signed: string, signatures: JsonValue): Buffer {
  return Buffer.from(`{"signed":${signed},"signatures":${JSON.stringify(signatures)}}`, 'utf8');
}

/** The entry of a file in a snapshot or timestamp. */
export function entryOf(bytes: Uint8Array): { hashes: JsonObject; length: number } {
  const digest = (algorithm: string) => createHash(algorithm).update(bytes).digest('base64');
  return { hashes: { sha256: digest('sha256'), sha512: digest('sha512') }, length: bytes.length };
}

/** What is wrong with one file of one publish. */
export interface Tampering {
  /** Alters the payload before it is signed. */
  readonly payload?: (payload: JsonObject) => void;
  /** Alters the text of the payload after it was signed. */
  readonly signed?: (text: string) => string;
  /** Other keys than the role's. */
  readonly signers?: readonly SimulatedKey[];
  readonly signatures?: (signatures: SignatureJson[], message: string) => JsonValue;
  /** Alters the file before it is listed. */
  readonly file?: (bytes: Buffer) => Uint8Array;
  /** Alters the file after it was listed, so that no hash fits. */
  readonly served?: (bytes: Buffer) => Uint8Array;
  /** Alters how it is listed; undefined leaves it out. */
  readonly entry?: (entry: { hashes: JsonObject; length: number }) => JsonValue | undefined;
}

export type TamperingByRole = { readonly [role: string]: Tampering };

/** A moment of the server, to be replayed later. */
export interface ServerState {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly roots: ReadonlyMap<number, Buffer>;
}

export class MetadataSimulator implements MetadataRemote {
  readonly gun: string;
  /** Payloads of all roles, as they will be signed next; tests alter them at will. */
  readonly payloads = new Map<string, JsonObject>();
  readonly keys = new Map<string, SimulatedKey[]>();
  /** Every request that was made. */
  readonly requests: string[] = [];
  /** The present file of each role. */
  files = new Map<string, Buffer>();
  roots = new Map<number, Buffer>();
  private readonly byDigest = new Map<string, Buffer>();
  /** All that was ever stored under `<version>.<role>`. */
  private readonly versions = new Map<string, Buffer>();
  /** Asked before each answer: an error to raise instead. */
  failure: (request: string) => Error | undefined = () => undefined;

  constructor(options: { gun?: string; rootKeys?: SimulatedKey[] } = {}) {
    this.gun = options.gun ?? GUN;
    this.keys.set('root', options.rootKeys ?? [newRootKey({ gun: this.gun })]);
    for (const role of ['targets', 'snapshot', 'timestamp']) this.keys.set(role, [newKey()]);
    this.payloads.set('root', {
      _type: 'Root',
      consistent_snapshot: false,
      expires: inDays(3650),
      keys: {},
      roles: {},
      version: 0,
    });
    for (const role of this.keys.keys()) this.setKeys(role, this.keysOf(role));
    this.payloads.set('targets', emptyTargets());
    this.payloads.set('snapshot', {
      _type: 'Snapshot',
      expires: inDays(1095),
      meta: {},
      version: 0,
    });
    this.payloads.set('timestamp', {
      _type: 'Timestamp',
      expires: inDays(14),
      meta: {},
      version: 0,
    });
  }

  /** A repository with a first version of everything. */
  static published(options: { gun?: string; rootKeys?: SimulatedKey[] } = {}): MetadataSimulator {
    const simulator = new MetadataSimulator(options);
    simulator.addTarget('targets', 'latest');
    simulator.publish(['root', 'targets']);
    return simulator;
  }

  payload(role: string): JsonObject {
    const payload = this.payloads.get(role);
    if (payload === undefined) throw new Error(`the simulator has no ${role}`);
    return payload;
  }

  keysOf(role: string): SimulatedKey[] {
    return this.keys.get(role) ?? [];
  }

  /** Gives a base role these keys in the next root. Old root certificates stay listed, as Notary leaves them. */
  setKeys(role: string, keys: SimulatedKey[], threshold = 1): void {
    const root = this.payload('root');
    this.keys.set(role, keys);
    for (const { id, publicKey } of keys) (root.keys as JsonObject)[id] = keyJson(publicKey);
    (root.roles as JsonObject)[role] = { keyids: keys.map(({ id }) => id), threshold };
  }

  /** Delegates to a role; its own file comes with the next publish that names it. */
  delegate(
    role: string,
    paths: string[] = [''],
    keys: SimulatedKey[] = [newKey()],
    threshold = 1,
  ): void {
    const parent = this.payload(role.slice(0, role.lastIndexOf('/')));
    const delegations = parent.delegations as { keys: JsonObject; roles: JsonValue[] };
    this.keys.set(role, keys);
    for (const { id, publicKey } of keys) delegations.keys[id] = keyJson(publicKey);
    delegations.roles.push({ keyids: keys.map(({ id }) => id), name: role, paths, threshold });
    this.payloads.set(role, emptyTargets());
  }

  /** @param content stands for the image: its digest is that of this text */
  addTarget(role: string, name: string, content = name): void {
    const { hashes } = entryOf(Buffer.from(content));
    const targets = this.payload(role).targets as JsonObject;
    Object.defineProperty(targets, name, {
      value: { hashes, length: content.length },
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }

  /** Signs the given roles with a new version, then snapshot and timestamp. */
  publish(roles: readonly string[] = [], tampering: TamperingByRole = {}): void {
    for (const role of roles) this.sign(role, tampering[role]);
    this.signListing('snapshot', ['root', ...targetsRoles(this.files)], tampering);
    this.signListing('timestamp', ['snapshot'], tampering);
  }

  /** Signs snapshot or timestamp over what is there now. */
  signListing(
    list: 'snapshot' | 'timestamp',
    roles: readonly string[],
    tampering: TamperingByRole,
  ): void {
    const meta: JsonObject = {};
    for (const role of roles) {
      const bytes = this.files.get(role);
      if (bytes === undefined) continue;
      const present = entryOf(bytes);
      const entry = (tampering[role]?.entry ?? (() => present))(present);
      if (entry !== undefined) meta[role] = entry;
      const served = tampering[role]?.served;
      if (served !== undefined) this.store(role, Buffer.from(served(bytes)), entryOf(bytes));
    }
    this.payload(list).meta = meta;
    this.sign(list, tampering[list]);
  }

  /** Signs one role with its next version. */
  sign(role: string, tampering: Tampering = {}): void {
    const state = this.payload(role);
    state.version = (state.version as number) + 1;
    const payload = structuredCopy(state);
    tampering.payload?.(payload);
    const message = canonicalJson(payload);
    const honest = (tampering.signers ?? this.keysOf(role)).map(key => signatureOf(key, message));
    const signatures = tampering.signatures?.(honest, message) ?? honest;
    const text = (tampering.signed ?? (unchanged => unchanged))(goEscaped(message));
    const file = envelopeOf(text, signatures);
    const bytes = Buffer.from((tampering.file ?? (unchanged => unchanged))(file));
    this.store(role, bytes);
    this.versions.set(`${state.version}.${role}`, bytes);
    if (role === 'root') this.roots.set(state.version as number, bytes);
  }

  /** Takes what a client published, as the real server does: it adds the snapshot that is missing, and a timestamp. */
  receive(files: ReadonlyMap<string, Uint8Array>): void {
    for (const [role, file] of files) {
      const bytes = Buffer.from(file);
      const payload = (JSON.parse(String(bytes)) as { signed: JsonObject }).signed;
      this.payloads.set(role, payload);
      this.store(role, bytes);
      if (role === 'root') this.roots.set(payload.version as number, bytes);
    }
    if (!files.has('snapshot')) {
      this.signListing('snapshot', ['root', ...targetsRoles(this.files)], {});
    }
    this.signListing('timestamp', ['snapshot'], {});
  }

  /** Puts a file in place, to be found by its own hash or by that of another. */
  store(role: string, bytes: Buffer, listedAs: { hashes: JsonObject } = entryOf(bytes)): void {
    this.files.set(role, bytes);
    this.byDigest.set(`${role}.${hexOf(listedAs)}`, bytes);
  }

  saved(): ServerState {
    return { files: new Map(this.files), roots: new Map(this.roots) };
  }

  /** Serves some or all files of an earlier moment again. */
  replay(state: ServerState, roles: Iterable<string> = state.files.keys()): void {
    for (const role of roles) {
      const bytes = state.files.get(role);
      if (bytes !== undefined) this.store(role, bytes);
    }
  }

  async root(): Promise<Uint8Array> {
    return this.answer('root', 'root', this.files.get('root'));
  }

  async rootVersion(version: number): Promise<Uint8Array> {
    return this.answer(`${version}.root`, 'root', this.roots.get(version));
  }

  async version(role: string, version: number): Promise<Uint8Array> {
    return this.answer(`${version}.${role}`, role, this.versions.get(`${version}.${role}`));
  }

  async timestamp(): Promise<Uint8Array> {
    return this.answer('timestamp', 'timestamp', this.files.get('timestamp'));
  }

  async byHash(role: string, sha256Hex: string, maxLength: number): Promise<Uint8Array> {
    const bytes = this.answer(`${role}.hash`, role, this.byDigest.get(`${role}.${sha256Hex}`));
    if (bytes.length <= maxLength) return bytes;
    throw new ConnectionError('RESPONSE_TOO_LARGE', `${role} is longer than ${maxLength} bytes`);
  }

  private answer(request: string, role: string, bytes: Buffer | undefined): Uint8Array {
    this.requests.push(request);
    const failure = this.failure(request);
    if (failure !== undefined) throw failure;
    if (bytes !== undefined) return bytes;
    throw new TrustError('METADATA_NOT_FOUND', `the server has no ${request}`, {
      details: { role },
    });
  }
}

/** A consumer: its cache, and updates that store what they verified. */
export class SimulatedClient implements MetadataCache {
  readonly files = new Map<string, Uint8Array>();

  /** A client that has already seen the present state. */
  static async updated(simulator: MetadataSimulator): Promise<SimulatedClient> {
    const client = new SimulatedClient();
    await client.update(simulator);
    return client;
  }

  async read(role: string): Promise<Uint8Array | undefined> {
    return this.files.get(role);
  }

  async update(
    simulator: MetadataSimulator,
    options: Partial<UpdateOptions> = {},
  ): Promise<UpdateResult> {
    const base = { gun: simulator.gun, now: NOW, pinning: NO_PINNING };
    simulator.requests.length = 0;
    const result = await update({ ...base, cache: this, remote: simulator, ...options });
    for (const [role, bytes] of result.store) this.files.set(role, bytes);
    return result;
  }
}

/** A key store with these keys. */
export function keyRing(...keys: readonly SimulatedKey[]): KeyRing {
  const signers = new Map(keys.map(({ signer }) => [signer.id, signer]));
  return {
    has: async id => signers.has(id),
    signer: async id => {
      const signer = signers.get(id);
      if (signer === undefined) throw new Error(`no key ${id} was asked for by has()`);
      return signer;
    },
  };
}

/** A key store that must not be needed. */
export const NO_KEYS: KeyRing = keyRing();

export function emptyTargets(): JsonObject {
  return {
    _type: 'Targets',
    delegations: { keys: {}, roles: [] },
    expires: inDays(1095),
    targets: {},
    version: 0,
  };
}

export function keyJson(key: PublicKey): JsonValue {
  const { keytype, keyval } = publicKeyToJson(key);
  return { keytype, keyval: { private: keyval.private, public: keyval.public } };
}

/** A copy that keeps a member named `__proto__`. */
export function structuredCopy(value: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}

function targetsRoles(files: ReadonlyMap<string, unknown>): string[] {
  return [...files.keys()].filter(role => role === 'targets' || role.startsWith('targets/'));
}

function goEscaped(text: string): string {
  return text.replace(
    /[<>&\u2028\u2029]/g,
    found => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function hexOf({ hashes }: { hashes: JsonObject }): string {
  return Buffer.from(String(hashes.sha256), 'base64').toString('hex');
}
