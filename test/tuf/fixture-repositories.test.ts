import { describe, expect, it } from 'vitest';
import { ConnectionError, TrustError } from '../../src/errors.ts';
import { NO_PINNING } from '../../src/tuf/pinning.ts';
import type { TrustedSet } from '../../src/tuf/trusted-set.ts';
import { type MetadataRemote, type UpdateResult, update } from '../../src/tuf/update.ts';
import { expectFailure } from '../support/expect-failure.ts';
import {
  FIXTURE_NOW,
  FIXTURES,
  type Fixture,
  fixtureCache,
  fixtureGun,
  NO_CACHE,
  StaticRemote,
} from '../support/metadata-fixtures.ts';

const SERVERS = {
  a: 'a/server',
  b: 'b/server',
  c: 'c/server',
  d: 'd/server-before-publish',
  e: 'e/server',
};

function versions({ root, timestamp, snapshot, targets }: TrustedSet): Record<string, number> {
  return {
    root: root.metadata.version,
    timestamp: timestamp?.metadata.version ?? 0,
    snapshot: snapshot?.metadata.version ?? 0,
    ...Object.fromEntries([...targets].map(([role, { metadata }]) => [role, metadata.version])),
  };
}

const NEWEST: Record<Fixture, Record<string, number>> = {
  a: { root: 1, timestamp: 1, snapshot: 2, targets: 2 },
  b: {
    root: 1,
    timestamp: 4,
    snapshot: 4,
    targets: 4,
    'targets/alice': 2,
    'targets/releases': 1,
    'targets/alice/ci': 1,
  },
  c: { root: 3, timestamp: 6, snapshot: 7, targets: 6 },
  d: { root: 1, timestamp: 3, snapshot: 4, targets: 4, 'targets/alice': 1, 'targets/bob': 1 },
  e: { root: 1, timestamp: 6, snapshot: 7, targets: 7 },
};

function ask(fixture: Fixture, cache = NO_CACHE, remote?: MetadataRemote): Promise<UpdateResult> {
  return update({ gun: fixtureGun(fixture), now: FIXTURE_NOW, pinning: NO_PINNING, cache, remote });
}

describe.each(FIXTURES)('repository %s of the real programs', fixture => {
  it('verifies from its cached copy alone', async () => {
    const { trusted, origin, store } = await ask(fixture, fixtureCache(fixture));
    expect(versions(trusted)).toEqual(NEWEST[fixture]);
    expect(origin).toBe('cache');
    expect([...store.keys()]).toEqual([]);
    expect([...trusted.invalid.keys()]).toEqual([]);
  });

  it('verifies for a client that has never seen it, in one request for each file', async () => {
    const remote = new StaticRemote(SERVERS[fixture]);
    const { trusted, origin, store } = await ask(fixture, NO_CACHE, remote);
    expect(versions(trusted)).toEqual(NEWEST[fixture]);
    expect(origin).toBe('server');
    expect(new Set(store.keys())).toEqual(new Set(Object.keys(NEWEST[fixture])));
    expect(remote.requests).toHaveLength(store.size);
  });

  it('asks for the timestamp alone when the cache is up to date', async () => {
    const remote = new StaticRemote(SERVERS[fixture]);
    const { trusted, store } = await ask(fixture, fixtureCache(fixture), remote);
    expect(versions(trusted)).toEqual(NEWEST[fixture]);
    expect(remote.requests).toEqual(['timestamp']);
    expect([...store.keys()]).toEqual([]);
  });

  it('is refused once its timestamp is two weeks old', async () => {
    const later = new Date('2026-12-06T00:00:00Z');
    const options = { gun: fixtureGun(fixture), now: later, pinning: NO_PINNING };
    const remote = new StaticRemote(SERVERS[fixture]);
    await expectFailure(
      update({ ...options, cache: NO_CACHE, remote }),
      TrustError,
      'METADATA_EXPIRED',
    );
    await expectFailure(
      update({ ...options, cache: fixtureCache(fixture) }),
      TrustError,
      'METADATA_EXPIRED',
    );
  });

  it('is refused under the name of another repository', async () => {
    const options = { gun: 'localhost:5000/specb/z', now: FIXTURE_NOW, pinning: NO_PINNING };
    const remote = new StaticRemote(SERVERS[fixture]);
    await expectFailure(
      update({ ...options, cache: NO_CACHE, remote }),
      TrustError,
      'ROOT_CERTIFICATE_INVALID',
    );
  });
});

describe('the rotated repository c', () => {
  it.each([
    ['consumer-cache-root1', 1],
    ['consumer-cache-root2', 2],
  ])('brings %s to root version 3 directly', async (folder, version) => {
    const cache = fixtureCache('c', `c/${folder}`);
    const before = await cache.read('root');
    expect(JSON.parse(String(before)).signed.version).toBe(version);
    const remote = new StaticRemote('c/server');
    const { trusted, store } = await ask('c', cache, remote);
    expect(versions(trusted)).toEqual(NEWEST.c);
    expect(new Set(store.keys())).toEqual(new Set(['root', 'timestamp', 'snapshot', 'targets']));
    expect(remote.requests.filter(request => /^\d+\.root$/.test(request))).toEqual([]);
  });

  it('serves a stale consumer from its own cache when the server cannot be reached', async () => {
    const remote = new StaticRemote('c/server');
    remote.timestamp = async () => {
      throw new ConnectionError('SERVER_UNREACHABLE', 'nobody answers');
    };
    const { trusted, origin, unreachable } = await ask(
      'c',
      fixtureCache('c', 'c/consumer-cache-root1'),
      remote,
    );
    expect(origin).toBe('cache');
    expect(unreachable?.code).toBe('SERVER_UNREACHABLE');
    expect(trusted.root.metadata.version).toBe(1);
  });

  it('refuses a server that goes back to an earlier state', async () => {
    const remote = new StaticRemote('c/server');
    remote.files.delete('6.timestamp');
    await expectFailure(ask('c', fixtureCache('c'), remote), TrustError, 'METADATA_ROLLBACK');
  });
});

it('the state of repository a between “init” and the first publish has no timestamp to verify by', async () => {
  const cache = fixtureCache('a', 'a/tuf-after-init-before-publish');
  await expectFailure(ask('a', cache), TrustError, 'CACHE_INCOMPLETE');
});

it('every version of every targets file of repository e verifies, odd bytes and all', async () => {
  const remote = new StaticRemote('e/server');
  const { trusted } = await ask('e', NO_CACHE, remote);
  for (const [name, bytes] of remote.files) {
    if (!name.endsWith('.targets')) continue;
    expect(trusted.verifyTargets('targets', bytes).keyIds, name).toHaveLength(1);
  }
});
