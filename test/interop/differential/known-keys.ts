import { X509Certificate } from 'node:crypto';
import { decodePem } from '../../../src/crypto/pem.ts';
import {
  canonicalKeyId,
  keyId,
  publicKeyFromJson,
  readPublicKeyPem,
} from '../../../src/crypto/public-key.ts';
import type { Entry } from './folder.ts';

export interface SeenKey {
  /** 64 hex digits. */
  readonly id: string;
  /** What it is called instead: `<targets key 2>`, `<root certificate 1>`. */
  readonly label: string;
  /** `targets key`, `root certificate`. */
  readonly kind: string;
}

/**
 * The keys that one side has used so far. Their IDs are random, so each is called by its role and by how many
 * of that role came before it. A key gets its name when it is first seen on disk: there the order does not depend on IDs.
 */
export class KnownKeys {
  readonly #byId = new Map<string, SeenKey>();
  readonly #counts = new Map<string, number>();
  /** The Base64 of public keys, as metadata and change files have it. */
  readonly #publics = new Map<string, string>();
  /** The Base64 text of stored private keys. */
  readonly #bodies = new Map<string, string>();
  /** Files that were looked at, and what they were then. */
  readonly #looked = new Map<string, string>();

  add(id: string, kind: string): void {
    if (this.#byId.has(id)) return;
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    this.#byId.set(id, { id, kind, label: `<${kind} ${count}>` });
  }

  /** Keys with names of their own, by ID. */
  addGiven(names: ReadonlyMap<string, string>): void {
    for (const [id, name] of names) {
      this.#byId.set(id, { id, label: `<${name}>`, kind: `${name} of inputs` });
    }
  }

  label(id: string): string | undefined {
    return this.#byId.get(id)?.label;
  }

  publicLabel(base64: string): string | undefined {
    const id = this.#publics.get(base64);
    return id === undefined ? undefined : this.label(id);
  }

  bodyLabel(body: string): string | undefined {
    const id = this.#bodies.get(body);
    return id === undefined ? undefined : this.label(id);
  }

  all(): SeenKey[] {
    return [...this.#byId.values()];
  }

  /** The `nth` of a kind (from 1), in the order in which they were seen. */
  ofKind(kind: string, nth: number): string {
    const found = this.all().filter(key => key.kind === kind)[nth - 1];
    if (found === undefined) throw new Error(`there is no ${kind} ${nth}`);
    return found.id;
  }

  /** Looks at key files, public key files and metadata for keys that are new. */
  discover(entries: readonly Entry[]): void {
    const found: FoundKey[] = [];
    for (const entry of entries) {
      if (entry.kind !== 'file' || this.#looked.get(entry.name) === entry.stamp) continue;
      this.#looked.set(entry.name, entry.stamp);
      const name = entry.name.slice(entry.name.lastIndexOf('/') + 1);
      const text = entry.bytes.toString('utf8');
      // Old versions had the role in the name.
      const [isKeyFile, id = '', suffix = ''] = /^([0-9a-f]{64})(?:_(\w+))?\.key$/.exec(name) ?? [];
      if (isKeyFile) {
        const role = /^role: (.*)$/m.exec(text)?.[1] ?? suffix;
        const body = pemBody(text);
        const key = { id, kind: `${role} key`, rank: 0 };
        found.push(body === undefined ? key : { ...key, body });
      } else if (name.endsWith('.pem') || name.endsWith('.pub')) {
        const key = publicPem(text);
        if (key) found.push({ ...key, rank: 1 });
      } else if (name.endsWith('.json') && entry.name.includes('/tuf/')) {
        found.push(...metadataKeys(text));
      }
    }
    found.sort((a, b) => a.rank - b.rank || compare(a.kind, b.kind) || compare(a.id, b.id));
    for (const key of found) this.#learn(key);
  }

  /** A copy that can be gone back to. */
  copy(): KnownKeys {
    const copy = new KnownKeys();
    for (const [id, key] of this.#byId) copy.#byId.set(id, key);
    for (const [kind, count] of this.#counts) copy.#counts.set(kind, count);
    for (const [text, id] of this.#publics) copy.#publics.set(text, id);
    for (const [text, id] of this.#bodies) copy.#bodies.set(text, id);
    for (const [name, stamp] of this.#looked) copy.#looked.set(name, stamp);
    return copy;
  }

  /** Learns the keys that a metadata file names. */
  learn(metadata: string): void {
    for (const key of metadataKeys(metadata)) this.#learn(key);
  }

  #learn({ id, kind, base64, body }: FoundKey): void {
    this.add(id, kind);
    if (base64 !== undefined) this.#publics.set(base64, id);
    if (body !== undefined) this.#bodies.set(body, id);
  }
}

interface FoundKey {
  readonly id: string;
  readonly kind: string;
  readonly base64?: string;
  readonly body?: string;
  /** Files of private keys come first, then those of public keys, then what metadata names. */
  readonly rank: number;
}

function publicPem(text: string): { id: string; kind: string } | undefined {
  try {
    const block = decodePem(text);
    if (block?.label !== 'PUBLIC KEY') return undefined;
    return { id: canonicalKeyId(readPublicKeyPem(text, new Date())), kind: 'public key' };
  } catch {
    return undefined;
  }
}

/** The Base64 lines of the first PEM block, or undefined. */
export function pemBody(text: string): string | undefined {
  return /^-----BEGIN [^\n]*-----\n(?:[^\n]*: [^\n]*\n)*\n?([A-Za-z0-9+/=\n]*)-----END/m.exec(
    text,
  )?.[1];
}

function metadataKeys(text: string): FoundKey[] {
  const found: FoundKey[] = [];
  let signed: Record<string, unknown>;
  try {
    signed = JSON.parse(text).signed;
  } catch {
    return found;
  }
  const holder = (signed?.delegations ?? signed) as { keys?: object; roles?: unknown };
  const owners: [string, string[]][] = Array.isArray(holder?.roles)
    ? holder.roles.map(role => [role.name, role.keyids ?? []])
    : Object.entries((holder?.roles ?? {}) as Record<string, { keyids: string[] }>).map(
        ([role, { keyids }]) => [role, keyids],
      );
  for (const [id, value] of Object.entries(holder?.keys ?? {})) {
    try {
      const key = publicKeyFromJson(value);
      const owner = owners.find(([, ids]) => ids.includes(id))?.[0];
      // Of a root key the metadata names the certificate; the private key has an ID of its own.
      const what = key.keytype.endsWith('-x509') ? 'certificate' : 'key';
      found.push({
        id: keyId(key),
        kind: `${owner ?? 'former'} ${what}`,
        base64: value.keyval.public,
        rank: 2,
      });
    } catch {
      // Not a key: the comparison of the file shows it.
    }
  }
  return found;
}

/** The certificate that a `*-x509` key holds. */
export function certificateOf(base64: string): X509Certificate | undefined {
  try {
    return new X509Certificate(Buffer.from(base64, 'base64'));
  } catch {
    return undefined;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
