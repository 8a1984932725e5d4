import { describe, expect, it } from 'vitest';
import { ConnectionError, TrustError } from '../../src/errors.ts';
import { ROOT_CHAIN_LIMIT } from '../../src/tuf/constants.ts';
import { expectFailure } from '../support/expect-failure.ts';
import {
  inDays,
  MetadataSimulator,
  NOW,
  newKey,
  newRootKey,
  SimulatedClient,
  type SimulatedKey,
} from '../support/metadata-simulator.ts';

/** Gives the repository a new root key, signed for by the old one, as every honest rotation is. */
function rotate(
  server: MetadataSimulator,
  signedBy: (before: SimulatedKey[], after: SimulatedKey) => SimulatedKey[] = (before, after) => [
    after,
    ...before,
  ],
): void {
  const before = server.keysOf('root');
  const after = newRootKey();
  server.setKeys('root', [after]);
  server.publish(['root'], { root: { signers: signedBy(before, after) } });
}

async function scene(): Promise<{ server: MetadataSimulator; client: SimulatedClient }> {
  const server = MetadataSimulator.published();
  return { server, client: await SimulatedClient.updated(server) };
}

const chained = (server: MetadataSimulator): string[] =>
  server.requests.filter(request => /^\d+\.root$/.test(request));

describe('a rotation of the root key', () => {
  it('is followed when the old key and the new one signed it', async () => {
    const { server, client } = await scene();
    rotate(server);
    const { trusted, store } = await client.update(server);
    expect(trusted.root.metadata.version).toBe(2);
    expect([...store.keys()].sort()).toEqual(['root', 'snapshot', 'timestamp']);
    expect(chained(server)).toEqual([]);
  });

  it('is refused when only the new key signed it', async () => {
    const { server, client } = await scene();
    rotate(server, (_, after) => [after]);
    const error = await expectFailure(client.update(server), TrustError, 'ROOT_ROTATION');
    expect(error.details).toMatchObject({ trustedVersion: 1, offeredVersion: 2 });
  });

  it('is refused when only the old key signed it', async () => {
    const { server, client } = await scene();
    rotate(server, before => before);
    await expectFailure(client.update(server), TrustError, 'SIGNATURE_THRESHOLD');
  });

  it('is refused when a stranger signed it, and a first-time client takes it', async () => {
    const { server, client } = await scene();
    const key = newRootKey();
    server.setKeys('root', [key]);
    server.publish(['root', 'targets']);
    await expectFailure(client.update(server), TrustError, 'ROOT_ROTATION');
    await new SimulatedClient().update(server);
  });

  it.each([
    ['the old key and one new one', [0, 1], 'SIGNATURE_THRESHOLD'],
    ['both new ones', [1, 2], 'ROOT_ROTATION'],
    ['all of them', [0, 1, 2], undefined],
  ])('to two new keys that must both sign, signed by %s', async (_, by, code) => {
    const { server, client } = await scene();
    const keys = [...server.keysOf('root'), newRootKey(), newRootKey()];
    server.setKeys('root', keys.slice(1), 2);
    server.publish(['root'], { root: { signers: by.map(index => keys[index] as SimulatedKey) } });
    if (code !== undefined) await expectFailure(client.update(server), TrustError, code);
    else expect((await client.update(server)).trusted.root.metadata.version).toBe(2);
  });

  it('to a lower threshold needs the old threshold once more', async () => {
    const [a, b] = [newRootKey(), newRootKey()];
    const server = new MetadataSimulator({ rootKeys: [a] });
    server.setKeys('root', [a, b], 2);
    server.publish(['root', 'targets']);
    const client = await SimulatedClient.updated(server);
    server.setKeys('root', [a, b], 1);
    server.publish(['root'], { root: { signers: [a] } });
    await expectFailure(client.update(server), TrustError, 'ROOT_ROTATION');
    server.publish(['root'], { root: { signers: [a, b] } });
    expect((await client.update(server)).trusted.root.metadata.version).toBe(3);
  });

  it('of one key in five under a threshold of three needs three that were there before', async () => {
    const keys = Array.from({ length: 5 }, () => newRootKey());
    const server = new MetadataSimulator({ rootKeys: keys });
    server.setKeys('root', keys, 3);
    server.publish(['root', 'targets']);
    const client = await SimulatedClient.updated(server);
    const fresh = newRootKey();
    const next = [...keys.slice(1), fresh];
    server.setKeys('root', next, 3);
    server.publish(['root'], { root: { signers: [...keys.slice(1, 3), fresh] } });
    await expectFailure(client.update(server), TrustError, 'ROOT_ROTATION');
    server.publish(['root'], { root: { signers: keys.slice(1, 4) } });
    expect((await client.update(server)).trusted.root.metadata.version).toBe(3);
  });
});

describe('several rotations since the client last looked', () => {
  it('are followed link by link', async () => {
    const { server, client } = await scene();
    for (let version = 2; version <= 5; version++) rotate(server);
    const { trusted } = await client.update(server);
    expect(trusted.root.metadata.version).toBe(5);
    expect(chained(server)).toEqual(['2.root', '3.root', '4.root']);
  });

  it('are not walked when the newest root still bears a signature of the trusted key', async () => {
    const { server, client } = await scene();
    const [first] = server.keysOf('root');
    rotate(server);
    const second = server.keysOf('root');
    const third = newRootKey();
    server.setKeys('root', [third]);
    server.publish(['root'], { root: { signers: [third, ...second, first as SimulatedKey] } });
    expect((await client.update(server)).trusted.root.metadata.version).toBe(3);
    expect(chained(server)).toEqual([]);
  });

  it('together with a new timestamp key begin with the unversioned root', async () => {
    const { server, client } = await scene();
    server.setKeys('timestamp', [newKey()]);
    rotate(server);
    rotate(server);
    rotate(server);
    expect((await client.update(server)).trusted.root.metadata.version).toBe(4);
    expect(server.requests.slice(0, 4)).toEqual(['timestamp', 'root', '2.root', '3.root']);
  });

  it('fail when a link is missing, and the error names it', async () => {
    const { server, client } = await scene();
    for (let version = 2; version <= 4; version++) rotate(server);
    server.roots.delete(3);
    const error = await expectFailure(client.update(server), TrustError, 'ROOT_CHAIN_BROKEN');
    expect(error.details).toMatchObject({ version: 3 });
    expect(error.message).toContain('version 3');
  });

  it('fail when a link is signed by its predecessor’s key alone, though the newest is good', async () => {
    const { server, client } = await scene();
    rotate(server, before => before);
    rotate(server);
    await expectFailure(client.update(server), TrustError, 'SIGNATURE_THRESHOLD');
  });

  it('fail when a link is not signed by its predecessor’s key, though the newest is good', async () => {
    const { server, client } = await scene();
    const intruder = newRootKey();
    server.setKeys('root', [intruder]);
    server.publish(['root']);
    rotate(server);
    rotate(server);
    await expectFailure(client.update(server), TrustError, 'ROOT_ROTATION');
  });

  it.each([
    ['an older one', 2],
    ['a newer one', 4],
  ])('fail when a link is replaced by %s', async (_, other) => {
    const { server, client } = await scene();
    for (let version = 2; version <= 5; version++) rotate(server);
    server.roots.set(3, server.roots.get(other) as Buffer);
    const failure = client.update(server);
    const code = other === 2 ? 'ROOT_CHAIN_BROKEN' : 'ROOT_ROTATION';
    await expectFailure(failure, TrustError, code);
  });

  it('fail when a link bears another version than was asked for, though its keys are right', async () => {
    const { server, client } = await scene();
    server.publish(['root']);
    server.publish(['root']);
    rotate(server);
    server.publish(['root']);
    server.roots.set(2, server.roots.get(3) as Buffer);
    await expectFailure(client.update(server), TrustError, 'ROOT_CHAIN_BROKEN');
  });

  it('fail as what they are when the server stops answering in between', async () => {
    const { server, client } = await scene();
    for (let version = 2; version <= 4; version++) rotate(server);
    server.failure = request =>
      request === '3.root' ? new ConnectionError('SERVER_ERROR', 'it broke') : undefined;
    await expectFailure(client.update(server), ConnectionError, 'SERVER_ERROR');
  });

  it('are given up when they never end, without one request for a link', async () => {
    const { server, client } = await scene();
    server.payload('root').version = ROOT_CHAIN_LIMIT + 2;
    server.setKeys('root', [newRootKey()]);
    server.publish(['root', 'targets']);
    await expectFailure(client.update(server), TrustError, 'ROOT_CHAIN_TOO_LONG');
    expect(chained(server)).toEqual([]);
  });

  it('may pass through roots that have expired, if the newest has not', async () => {
    const { server, client } = await scene();
    const day = server.payload('root').expires as string;
    server.payload('root').expires = inDays(-1);
    rotate(server);
    rotate(server);
    server.payload('root').expires = day;
    rotate(server);
    expect((await client.update(server)).trusted.root.metadata.version).toBe(4);
  });

  it('end in vain when the newest root has expired, and nothing is stored', async () => {
    const { server, client } = await scene();
    const before = new Map(client.files);
    rotate(server);
    server.payload('root').expires = inDays(-1);
    rotate(server);
    await expectFailure(client.update(server), TrustError, 'METADATA_EXPIRED');
    expect(client.files).toEqual(before);
  });
});

describe('a cached root that has expired', () => {
  const later = new Date(NOW.getTime() + 1000);

  async function expiring(): Promise<{ server: MetadataSimulator; client: SimulatedClient }> {
    const server = new MetadataSimulator();
    server.payload('root').expires = inDays(0);
    server.publish(['root', 'targets']);
    const client = await SimulatedClient.updated(server);
    server.payload('root').expires = inDays(3650);
    return { server, client };
  }

  it('is replaced by a good successor before anything else is asked', async () => {
    const { server, client } = await expiring();
    server.publish(['root']);
    const { trusted } = await client.update(server, { now: later });
    expect(trusted.root.metadata.version).toBe(2);
    expect(server.requests[0]).toBe('root');
  });

  it('is replaced even over several rotations', async () => {
    const { server, client } = await expiring();
    for (let version = 2; version <= 4; version++) rotate(server);
    expect((await client.update(server, { now: later })).trusted.root.metadata.version).toBe(4);
  });

  it('vouches for nothing when it has no successor', async () => {
    const { server, client } = await expiring();
    await expectFailure(client.update(server, { now: later }), TrustError, 'METADATA_EXPIRED');
    await expectFailure(
      client.update(server, { now: later, remote: undefined }),
      TrustError,
      'METADATA_EXPIRED',
    );
  });

  it('does not make a stranger’s root acceptable', async () => {
    const { server, client } = await expiring();
    server.setKeys('root', [newRootKey()]);
    server.publish(['root', 'targets']);
    await expectFailure(client.update(server, { now: later }), TrustError, 'ROOT_ROTATION');
  });
});

describe('a rotation of another key', () => {
  it.each(['targets', 'snapshot', 'timestamp'])('of %s is learnt from the new root', async role => {
    const { server, client } = await scene();
    server.setKeys(role, [newKey()]);
    server.publish(['root', 'targets']);
    expect((await client.update(server)).trusted.root.metadata.version).toBe(2);
  });

  it.each(['targets', 'snapshot', 'timestamp'])(
    'of %s leaves the old key without a say',
    async role => {
      const { server, client } = await scene();
      const old = server.keysOf(role);
      server.setKeys(role, [newKey()]);
      server.publish(['root', 'targets'], { [role]: { signers: old } });
      await expectFailure(client.update(server), TrustError, 'SIGNATURE_THRESHOLD');
      await expectFailure(new SimulatedClient().update(server), TrustError, 'SIGNATURE_THRESHOLD');
    },
  );

  it('is looked for by a writer before anything else, and by a reader only when something is amiss', async () => {
    const { server, client } = await scene();
    await client.update(server);
    expect(server.requests).toEqual(['timestamp']);
    await client.update(server, { forWrite: true });
    expect(server.requests).toEqual(['root', 'timestamp']);
    await new SimulatedClient().update(server, { forWrite: true });
    expect(server.requests.filter(request => request === 'root')).toHaveLength(1);
  });
});

it('a repository made anew under another root key is refused until its owner is asked', async () => {
  const { client } = await scene();
  const anew = MetadataSimulator.published();
  anew.publish(['root', 'targets']);
  const error = await expectFailure(client.update(anew), TrustError, 'ROOT_ROTATION');
  expect(error.hint).toContain('owner');
});
