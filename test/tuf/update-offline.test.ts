import { describe, expect, it } from 'vitest';
import {
  ConnectionError,
  OperationError,
  type TabellionError,
  TrustError,
} from '../../src/errors.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { MetadataSimulator, newRootKey, SimulatedClient } from '../support/metadata-simulator.ts';

const UNREACHABLE = new ConnectionError('SERVER_UNREACHABLE', 'nobody answers');

async function scene(): Promise<{ server: MetadataSimulator; client: SimulatedClient }> {
  const server = MetadataSimulator.published();
  server.delegate('targets/a');
  server.publish(['targets', 'targets/a']);
  return { server, client: await SimulatedClient.updated(server) };
}

describe('without a server', () => {
  it('a whole cache serves, without one request and with nothing to store', async () => {
    const { server, client } = await scene();
    const { trusted, origin, store, unreachable } = await client.update(server, {
      remote: undefined,
    });
    expect([...trusted.targets.keys()]).toEqual(['targets', 'targets/a']);
    expect({ origin, unreachable, stored: store.size }).toEqual({
      origin: 'cache',
      unreachable: undefined,
      stored: 0,
    });
    expect(server.requests).toEqual([]);
  });

  it.each(['timestamp', 'snapshot', 'targets', 'targets/a'])(
    'a cache that lacks %s does not',
    async role => {
      const { server, client } = await scene();
      client.files.delete(role);
      const error = await expectFailure(
        client.update(server, { remote: undefined }),
        TrustError,
        'CACHE_INCOMPLETE',
      );
      expect(error.details).toEqual({ role });
    },
  );

  it('an empty cache has no trust data', async () => {
    const { server } = await scene();
    const update = new SimulatedClient().update(server, { remote: undefined });
    await expectFailure(update, TrustError, 'NO_TRUST_DATA');
  });

  it.each(['timestamp', 'snapshot', 'targets', 'targets/a'])(
    'a cache with an altered %s does not serve',
    async role => {
      const { server, client } = await scene();
      const file = String(client.files.get(role));
      client.files.set(role, Buffer.from(file.replace(/"version":\d+/, '"version":9')));
      const code = role === 'timestamp' ? 'SIGNATURE_THRESHOLD' : 'HASH_MISMATCH';
      await expectFailure(client.update(server, { remote: undefined }), TrustError, code);
    },
  );
});

describe('a server that cannot be reached', () => {
  it('leaves the cache to serve, which says why', async () => {
    const { server, client } = await scene();
    const before = new Map(client.files);
    server.publish(['targets', 'targets/a']);
    server.failure = () => UNREACHABLE;
    const { origin, unreachable, trusted } = await client.update(server);
    expect({ origin, unreachable }).toEqual({ origin: 'cache', unreachable: UNREACHABLE });
    expect(trusted.timestamp?.bytes).toEqual(before.get('timestamp'));
    expect(client.files).toEqual(before);
  });

  it.each(['snapshot.hash', 'targets.hash', 'targets/a.hash'])(
    'is an error at %s: it has told already that what is cached is old',
    async request => {
      const { server, client } = await scene();
      const before = new Map(client.files);
      server.publish(['targets', 'targets/a']);
      server.failure = asked => (asked === request ? UNREACHABLE : undefined);
      await expect(client.update(server)).rejects.toBe(UNREACHABLE);
      expect(client.files).toEqual(before);
    },
  );

  it('is an error when fresh data is demanded', async () => {
    const { server, client } = await scene();
    server.failure = () => UNREACHABLE;
    await expectFailure(
      client.update(server, { requireFresh: true }),
      ConnectionError,
      'SERVER_UNREACHABLE',
    );
  });

  it('is an error when there is no cache', async () => {
    const { server } = await scene();
    server.failure = () => UNREACHABLE;
    await expectFailure(
      new SimulatedClient().update(server),
      ConnectionError,
      'SERVER_UNREACHABLE',
    );
  });

  it('does not excuse a cache that has expired or is not whole', async () => {
    const { server, client } = await scene();
    server.failure = () => UNREACHABLE;
    const late = new Date('2026-12-20T00:00:00Z');
    await expectFailure(client.update(server, { now: late }), TrustError, 'METADATA_EXPIRED');
    client.files.delete('snapshot');
    await expectFailure(client.update(server), TrustError, 'CACHE_INCOMPLETE');
  });
});

describe('every other failure of the server', () => {
  it.each<[string, TabellionError]>([
    ['a certificate that is not trusted', new ConnectionError('TLS_UNTRUSTED', 'x')],
    ['an error of the server', new ConnectionError('SERVER_ERROR', 'x')],
    ['credentials refused', new ConnectionError('UNAUTHORIZED', 'x')],
    ['an answer too large', new ConnectionError('RESPONSE_TOO_LARGE', 'x')],
    ['a refusal', new OperationError('SERVER_REJECTED', 'x')],
  ])('is one: %s is not hidden by the cache', async (_, failure) => {
    for (const request of ['timestamp', 'snapshot.hash', 'targets.hash']) {
      const { server, client } = await scene();
      server.publish(['targets']);
      server.failure = asked => (asked === request ? failure : undefined);
      await expect(client.update(server)).rejects.toBe(failure);
    }
  });

  it('a repository that the server does not have any more is not served from the cache', async () => {
    const { server, client } = await scene();
    server.files.delete('timestamp');
    const error = await expectFailure(client.update(server), TrustError, 'NO_TRUST_DATA');
    expect(error.message).toContain('no longer');
    server.files.delete('root');
    await expectFailure(client.update(server, { forWrite: true }), TrustError, 'NO_TRUST_DATA');
  });

  it('a repository that the server has never had has no trust data', async () => {
    const update = new SimulatedClient().update(new MetadataSimulator());
    await expectFailure(update, TrustError, 'NO_TRUST_DATA');
  });

  it('a server that has a root alone has no trust data', async () => {
    const server = new MetadataSimulator();
    server.sign('root');
    await expectFailure(new SimulatedClient().update(server), TrustError, 'NO_TRUST_DATA');
  });
});

describe('a damaged root in the cache', () => {
  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['cut short', bytes => bytes.subarray(0, -1)],
    ['empty', () => Buffer.alloc(0)],
    ['not JSON', () => Buffer.from('<html>')],
    ['altered', bytes => Buffer.from(String(bytes).replace('"version":1', '"version":2'))],
    [
      'without signatures',
      bytes => Buffer.from(String(bytes).replace(/"signatures":\[.*\]/, '"signatures":[]')),
    ],
  ])('(%s) is never replaced by what the server offers: no request is made', async (_, damage) => {
    const { server, client } = await scene();
    client.files.set('root', damage(Buffer.from(client.files.get('root') as Uint8Array)));
    const error = await expectFailure(client.update(server), TrustError, 'CACHED_ROOT_INVALID');
    expect(error.hint).toContain('root.json');
    expect(server.requests).toEqual([]);
  });

  it('of another repository is refused as what it is', async () => {
    const { server, client } = await scene();
    const other = MetadataSimulator.published({ rootKeys: [newRootKey({ gun: 'elsewhere' })] });
    client.files.set('root', other.files.get('root') as Buffer);
    await expectFailure(client.update(server), TrustError, 'ROOT_CERTIFICATE_INVALID');
    expect(server.requests).toEqual([]);
  });

  it('is no matter when it is the only file there is', async () => {
    const { server, client } = await scene();
    for (const role of [...client.files.keys()]) if (role !== 'root') client.files.delete(role);
    const { store } = await client.update(server);
    expect([...store.keys()].sort()).toEqual(['snapshot', 'targets', 'targets/a', 'timestamp']);
  });
});
