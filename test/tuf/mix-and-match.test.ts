import { describe, expect, it } from 'vitest';
import { ConnectionError, TrustError } from '../../src/errors.ts';
import { expectFailure } from '../support/expect-failure.ts';
import {
  entryOf,
  type JsonObject,
  MetadataSimulator,
  SimulatedClient,
  type Tampering,
} from '../support/metadata-simulator.ts';

const LISTED = ['snapshot', 'targets', 'targets/a'] as const;

function delegated(): MetadataSimulator {
  const server = MetadataSimulator.published();
  server.delegate('targets/a');
  server.publish(['targets', 'targets/a']);
  return server;
}

async function offered(
  role: string,
  tampering: Tampering,
): Promise<{ server: MetadataSimulator; clients: SimulatedClient[] }> {
  const server = delegated();
  const seen = await SimulatedClient.updated(server);
  server.publish(['targets', 'targets/a'], { [role]: tampering });
  return { server, clients: [seen, new SimulatedClient()] };
}

const hashes = (change: (hashes: JsonObject) => void): Tampering => ({
  entry: entry => {
    change(entry.hashes);
    return entry;
  },
});

const WRONG_256 = Buffer.alloc(32, 7).toString('base64');
const WRONG_512 = Buffer.alloc(64, 7).toString('base64');

describe.each(LISTED)('the file of %s', role => {
  it('is refused when it is not the one that was signed', async () => {
    const { server, clients } = await offered(role, {
      served: bytes => Buffer.concat([bytes, Buffer.from(' ')]),
    });
    // The answer is one byte longer than what was listed, so it may be cut off before it is hashed.
    for (const client of clients) {
      await expectFailure(client.update(server), ConnectionError, 'RESPONSE_TOO_LARGE');
    }
  });

  it('is refused when one byte of it differs', async () => {
    const { server, clients } = await offered(role, {
      served: bytes =>
        Buffer.from(
          String(bytes)
            .replace('"sig":"', '"sig":"A')
            .replace(/.("\}\])/, '$1'),
        ),
    });
    for (const client of clients) {
      const error = await expectFailure(client.update(server), TrustError, 'HASH_MISMATCH');
      expect(error.details).toMatchObject({ role });
    }
  });

  it('is refused when its SHA-256 fits but its SHA-512 does not', async () => {
    const { server, clients } = await offered(
      role,
      hashes(all => {
        all.sha512 = WRONG_512;
      }),
    );
    for (const client of clients) {
      const error = await expectFailure(client.update(server), TrustError, 'HASH_MISMATCH');
      expect(error.message).toContain('SHA-512');
    }
  });

  it('is not found under a hash that nobody has', async () => {
    const { server, clients } = await offered(
      role,
      hashes(all => {
        all.sha256 = WRONG_256;
      }),
    );
    for (const client of clients)
      await expectFailure(client.update(server), TrustError, 'METADATA_NOT_FOUND');
  });

  it('is taken with its SHA-256 alone, and beside a digest that is not known', async () => {
    const { server, clients } = await offered(
      role,
      hashes(all => {
        delete all.sha512;
        all['sha3-512'] = 'AAAA';
        all.__proto__x = '';
      }),
    );
    for (const client of clients) await client.update(server);
  });

  it('is refused when its listed digest has the wrong length', async () => {
    const { server, clients } = await offered(
      role,
      hashes(all => {
        all.sha256 = WRONG_512;
      }),
    );
    for (const client of clients)
      await expectFailure(client.update(server), TrustError, 'METADATA_MALFORMED');
  });

  it.each([0, 1, undefined])('is refused when its listed length is %s', async length => {
    const { server, clients } = await offered(role, {
      entry: entry => (length === undefined ? { hashes: entry.hashes } : { ...entry, length }),
    });
    for (const client of clients)
      await expectFailure(client.update(server), ConnectionError, 'RESPONSE_TOO_LARGE');
  });

  it('is taken when its listed length is only larger, which is a cap', async () => {
    const { server, clients } = await offered(role, {
      entry: entry => ({ ...entry, length: entry.length + 1000 }),
    });
    for (const client of clients) await client.update(server);
  });

  it.each([-1, 2 ** 53, '7', null])('is refused when its listed length is %s', async length => {
    const { server, clients } = await offered(role, { entry: entry => ({ ...entry, length }) });
    for (const client of clients)
      await expectFailure(client.update(server), TrustError, 'METADATA_MALFORMED');
  });
});

describe('an entry', () => {
  it.each(['root', 'targets', 'snapshot'])('of %s must be there', async role => {
    const { server, clients } = await offered(role, { entry: () => undefined });
    for (const client of clients)
      await expectFailure(client.update(server), TrustError, 'METADATA_MALFORMED');
  });

  it.each(['root', 'targets', 'snapshot'])('of %s must have a SHA-256', async role => {
    for (const change of [
      (all: JsonObject) => {
        delete all.sha256;
      },
      (all: JsonObject) => {
        delete all.sha256;
        delete all.sha512;
      },
    ]) {
      const { server, clients } = await offered(role, hashes(change));
      for (const client of clients)
        await expectFailure(client.update(server), TrustError, 'METADATA_MALFORMED');
    }
  });

  it('of a delegation without any digest that is known is refused', async () => {
    const { server, clients } = await offered('targets/a', {
      entry: entry => ({ ...entry, hashes: { md5: 'AAAAAAAAAAAAAAAAAAAAAA==' } }),
    });
    for (const client of clients)
      await expectFailure(client.update(server), TrustError, 'HASH_MISMATCH');
  });

  it('that claims more than a repository may have in all is not even fetched', async () => {
    const { server } = await offered('targets', {
      entry: entry => ({ ...entry, length: 300 * 1024 * 1024 }),
    });
    const client = new SimulatedClient();
    await expectFailure(client.update(server), TrustError, 'METADATA_TOO_LARGE');
    expect(server.requests).not.toContain('targets.hash');
  });

  it('of a delegation that is gone takes its targets out, without a request', async () => {
    const { server } = await offered('targets/a', { entry: () => undefined });
    const { trusted } = await new SimulatedClient().update(server);
    expect([...trusted.targets.keys()]).toEqual(['targets']);
    expect(server.requests).not.toContain('targets/a.hash');
  });

  it('without a role that delegates to it is neither fetched nor trusted', async () => {
    const server = delegated();
    server.publish([], {
      snapshot: {
        payload: payload => {
          const meta = payload.meta as JsonObject;
          meta['targets/stranger'] = meta['targets/a'] as JsonObject;
          meta['../../etc/passwd'] = meta['targets/a'] as JsonObject;
        },
      },
    });
    const { trusted } = await new SimulatedClient().update(server);
    expect([...trusted.targets.keys()]).toEqual(['targets', 'targets/a']);
    expect(server.requests).toEqual([
      'root',
      'timestamp',
      'snapshot.hash',
      'targets.hash',
      'targets/a.hash',
    ]);
  });
});

describe('files of different moments', () => {
  it('are refused when the timestamp names an older snapshot under a new version', async () => {
    const server = delegated();
    const old = server.saved();
    server.publish(['targets']);
    const client = await SimulatedClient.updated(server);
    server.replay(old, ['snapshot', 'targets']);
    server.signListing('timestamp', ['snapshot'], {});
    await expectFailure(client.update(server), TrustError, 'METADATA_ROLLBACK');
  });

  it('are refused when a new snapshot names older targets', async () => {
    const server = delegated();
    const old = server.saved();
    server.publish(['targets']);
    const client = await SimulatedClient.updated(server);
    server.replay(old, ['targets']);
    server.publish();
    const error = await expectFailure(client.update(server), TrustError, 'METADATA_ROLLBACK');
    expect(error.details).toMatchObject({ role: 'targets' });
  });

  it('are refused when a delegation that had signed is no longer offered', async () => {
    const server = delegated();
    const client = await SimulatedClient.updated(server);
    server.publish(['targets'], { 'targets/a': { entry: () => undefined } });
    const error = await expectFailure(client.update(server), TrustError, 'ROLE_HIDDEN');
    expect(error.details).toMatchObject({ role: 'targets/a' });
  });

  it('are taken when a delegation was made anew with another key, and has not signed since', async () => {
    const server = delegated();
    const client = await SimulatedClient.updated(server);
    Object.assign(server.payload('targets'), { delegations: { keys: {}, roles: [] } });
    server.delegate('targets/a');
    server.publish(['targets'], { 'targets/a': { entry: () => undefined } });
    const { trusted } = await client.update(server);
    expect([...trusted.targets.keys()]).toEqual(['targets']);
  });

  it('are taken when a delegation that never signed is not offered', async () => {
    const server = delegated();
    const client = await SimulatedClient.updated(server);
    server.delegate('targets/b');
    server.publish(['targets']);
    const { trusted } = await client.update(server);
    expect([...trusted.targets.keys()]).toEqual(['targets', 'targets/a']);
  });

  it('are refused when the server shows the old root as the one that the snapshot names', async () => {
    const server = delegated();
    const old = server.files.get('root') as Buffer;
    server.publish(['root']);
    server.store('root', old, entryOf(server.files.get('root') as Buffer));
    await expectFailure(new SimulatedClient().update(server), TrustError, 'MIX_AND_MATCH');
  });

  it('are refused when the server shows a newer root than the one that the snapshot names', async () => {
    const server = delegated();
    const client = await SimulatedClient.updated(server);
    server.publish(['root']);
    const named = server.files.get('root') as Buffer;
    const { timestamp, snapshot } = Object.fromEntries(server.files);
    server.publish(['root']);
    server.store('root', server.files.get('root') as Buffer, entryOf(named));
    server.store('snapshot', snapshot as Buffer);
    server.store('timestamp', timestamp as Buffer);
    await expectFailure(client.update(server), TrustError, 'MIX_AND_MATCH');
  });

  it('are taken when the server is only slow to show the root that the snapshot names', async () => {
    const server = delegated();
    const old = server.files.get('root') as Buffer;
    server.publish(['root']);
    server.files.set('root', old);
    const { trusted } = await new SimulatedClient().update(server);
    expect(trusted.root.metadata.version).toBe(2);
  });

  it('are refused when the snapshot names an older root than the client has', async () => {
    const server = delegated();
    const old = server.saved();
    server.publish(['root']);
    const client = await SimulatedClient.updated(server);
    server.replay(old, ['root']);
    server.publish();
    await expectFailure(client.update(server), TrustError, 'METADATA_ROLLBACK');
  });

  it('are refused in the cache, without a server, when the root is not the snapshot’s', async () => {
    const server = delegated();
    const client = await SimulatedClient.updated(server);
    server.publish(['root']);
    client.files.set('root', server.files.get('root') as Buffer);
    await expectFailure(client.update(server, { remote: undefined }), TrustError, 'MIX_AND_MATCH');
  });

  it.each(LISTED)('are refused in the cache when %s is of another moment', async role => {
    const server = delegated();
    const client = await SimulatedClient.updated(server);
    server.publish(['targets', 'targets/a']);
    client.files.set(role, server.files.get(role) as Buffer);
    await expectFailure(client.update(server, { remote: undefined }), TrustError, 'HASH_MISMATCH');
  });
});
