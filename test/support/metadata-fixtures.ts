/** The repositories made by the real programs, as caches, as a server's files and as keys. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '../../src/crypto/digest.ts';
import type { PrivateKey } from '../../src/crypto/private-key.ts';
import { decodePrivateKeyPem } from '../../src/crypto/private-key-pem.ts';
import { ConnectionError, TrustError } from '../../src/errors.ts';
import type { KeyRing } from '../../src/tuf/key-ring.ts';
import type { MetadataCache, MetadataRemote } from '../../src/tuf/update.ts';
import { listVectors, readVector, vectorPath } from './fixtures.ts';

/** A day after the vectors were made. */
export const FIXTURE_NOW = new Date('2026-11-22T00:00:00Z');
export const FIXTURES = ['a', 'b', 'c', 'd', 'e'] as const;
export type Fixture = (typeof FIXTURES)[number];

const PASSPHRASES = ['root-pass', 'targets-pass', 'snapshot-pass', 'delegation-pass', 'repo-pass'];

export function fixtureGun(fixture: Fixture): string {
  return `localhost:5000/specb/${fixture}`;
}

/** A GUN's cache below a `tuf` folder such as `a/trust/tuf`. */
export function fixtureCache(fixture: Fixture, tufFolder = `${fixture}/trust/tuf`): MetadataCache {
  const folder = `metadata/${tufFolder}/${fixtureGun(fixture)}/metadata`;
  return {
    read: async role => {
      const path = vectorPath(`${folder}/${role}.json`);
      return existsSync(path) ? readFileSync(path) : undefined;
    },
  };
}

/** An empty cache: a client that has never heard of the repository. */
export const NO_CACHE: MetadataCache = { read: async () => undefined };

/** A trust server that holds nothing but the files of a folder such as `a/server`. */
export class StaticRemote implements MetadataRemote {
  readonly requests: string[] = [];
  /** By `<version>.<role>`. */
  readonly files = new Map<string, Buffer>();

  constructor(folder: string) {
    const top = vectorPath(`metadata/${folder}`);
    for (const path of readdirSync(top, { recursive: true, encoding: 'utf8' })) {
      const name = /^(\d+\..*)\.json$/.exec(path.replaceAll('\\', '/'))?.[1];
      if (name !== undefined) this.files.set(name, readFileSync(join(top, path)));
    }
  }

  async root(): Promise<Uint8Array> {
    return this.newest('root');
  }

  async rootVersion(version: number): Promise<Uint8Array> {
    this.requests.push(`${version}.root`);
    return this.files.get(`${version}.root`) ?? missing('root');
  }

  async timestamp(): Promise<Uint8Array> {
    return this.newest('timestamp');
  }

  async byHash(role: string, hex: string, maxLength: number): Promise<Uint8Array> {
    this.requests.push(`${role}.${hex}`);
    for (const [name, bytes] of this.files) {
      if (name.endsWith(`.${role}`) && sha256Hex(bytes) === hex) {
        if (bytes.length <= maxLength) return bytes;
        throw new ConnectionError(
          'RESPONSE_TOO_LARGE',
          `${role} is longer than ${maxLength} bytes`,
        );
      }
    }
    return missing(role);
  }

  /** The highest version of a role. */
  newest(role: string): Buffer {
    this.requests.push(role);
    const versions = [...this.files.keys()]
      .filter(name => /^\d+\.(.*)$/.exec(name)?.[1] === role)
      .map(name => Number.parseInt(name, 10));
    return this.files.get(`${Math.max(...versions)}.${role}`) ?? missing(role);
  }
}

/** The private keys of a folder such as `d/trust/private`. */
export function fixtureKeyRing(folder: string, ...more: PrivateKey[]): KeyRing {
  const names = new Set(listVectors(`metadata/${folder}`));
  const extra = new Map(more.map(key => [key.id, key]));
  return {
    has: async id => extra.has(id) || names.has(`${id}.key`),
    signer: async id => extra.get(id) ?? unlock(readVector(`metadata/${folder}/${id}.key`)),
  };
}

function unlock(pem: Buffer): PrivateKey {
  for (const passphrase of PASSPHRASES) {
    try {
      return decodePrivateKeyPem(pem, passphrase);
    } catch {
      // Another role's passphrase.
    }
  }
  throw new Error('no passphrase of the vectors opens this key');
}

function missing(role: string): never {
  throw new TrustError('METADATA_NOT_FOUND', `the server has no ${role}`, { details: { role } });
}
