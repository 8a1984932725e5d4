/** What reaches the cache when others store at the same time, and what must not be forgotten. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TrustError } from '../../src/errors.ts';
import { openSession, type RepositoryAccess, type Session } from '../../src/operations/session.ts';
import { loadTrustData, type TrustData } from '../../src/operations/trust-data.ts';
import { TrustServerClient } from '../../src/trust-server/client.ts';
import type { MetadataRemote } from '../../src/tuf/update.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { GUN, MetadataSimulator, NOW } from '../support/metadata-simulator.ts';

let home: string;
let session: Session;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'tabellion-races-'));
  session = await openSession({
    env: {},
    home,
    trustDir: join(home, 'trust'),
    server: 'https://trust.example.com',
    now: () => NOW,
    log: () => {},
    progress: () => {},
  });
});
afterEach(async () => {
  await session.close();
  await rm(home, { recursive: true, force: true });
});

/** The repository as a server in memory has it; what it cannot do is never asked of it. */
async function accessTo(remote: MetadataRemote): Promise<RepositoryAccess> {
  const access = await session.repositoryByGun(GUN);
  const client: TrustServerClient = Object.create(TrustServerClient.prototype, {
    root: { value: () => remote.root() },
    rootVersion: { value: (version: number) => remote.rootVersion(version) },
    timestamp: { value: () => remote.timestamp() },
    byHash: {
      value: (role: string, hex: string, length: number) => remote.byHash(role, hex, length),
    },
  });
  return { ...access, remote: client };
}

async function load(remote: MetadataRemote): Promise<TrustData> {
  return await loadTrustData(session, await accessTo(remote));
}

async function cached(role: string): Promise<Uint8Array | undefined> {
  return (await session.repositoryByGun(GUN)).dir.read(role);
}

/** The same server; between its timestamp and its snapshot something happens, once. */
function interrupted(remote: MetadataRemote, happening: () => Promise<unknown>): MetadataRemote {
  let due = true;
  return {
    root: () => remote.root(),
    rootVersion: version => remote.rootVersion(version),
    timestamp: async () => {
      const bytes = await remote.timestamp();
      if (due) {
        due = false;
        await happening();
      }
      return bytes;
    },
    byHash: (role, hex, length) => remote.byHash(role, hex, length),
  };
}

describe('another process that stores meanwhile', () => {
  it('is not undone by the older state that was being verified', async () => {
    const server = MetadataSimulator.published();
    await load(server);
    server.publish(['targets']);
    const slow = interrupted(server, async () => {
      server.publish(['targets']);
      await load(server);
    });
    const { trusted } = await load(slow);
    expect(trusted.targets.get('targets')?.metadata.version).toBe(3);
    expect(await cached('timestamp')).toEqual(server.files.get('timestamp'));
  });

  it('has its first root stand: another one, met at the same time, is not trusted', async () => {
    const honest = MetadataSimulator.published();
    const impostor = MetadataSimulator.published();
    const slow = interrupted(impostor, () => load(honest));
    await expectFailure(load(slow), TrustError, 'METADATA_REPLACED');
    expect(await cached('root')).toEqual(honest.files.get('root'));
  });
});

describe('a delegation that the snapshot leaves out', () => {
  it('cannot come back in an older version, even if nothing else is remembered', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/a');
    server.publish(['targets', 'targets/a']);
    const old = server.files.get('targets/a') as Buffer;
    server.publish(['targets/a']);
    await load(server);
    const { dir } = await accessTo(server);
    await dir.replace(new Map(), { remove: ['snapshot'] });
    server.publish([], { 'targets/a': { entry: () => undefined } });
    expect((await load(server)).trusted.targets.has('targets/a')).toBe(false);
    server.store('targets/a', old);
    server.publish();
    await expectFailure(load(server), TrustError, 'METADATA_ROLLBACK');
  });

  it('is forgotten when nothing delegates to it any more', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/a');
    server.publish(['targets', 'targets/a']);
    await load(server);
    expect(await cached('targets/a')).toBeDefined();
    Object.assign(server.payload('targets'), { delegations: { keys: {}, roles: [] } });
    server.publish(['targets'], { 'targets/a': { entry: () => undefined } });
    expect((await load(server)).warnings).toEqual([]);
    expect(await cached('targets/a')).toBeUndefined();
  });
});
