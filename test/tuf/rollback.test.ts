import { describe, expect, it } from 'vitest';
import { TrustError } from '../../src/errors.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { MetadataSimulator, newKey, SimulatedClient } from '../support/metadata-simulator.ts';

/** A repository at version 3 of everything, and a client that has seen that. */
async function scene(): Promise<{ server: MetadataSimulator; client: SimulatedClient }> {
  const server = new MetadataSimulator();
  server.delegate('targets/a');
  server.addTarget('targets/a', 'v1');
  const roles = ['root', 'targets', 'targets/a'];
  for (let round = 0; round < 3; round++) server.publish(roles);
  return { server, client: await SimulatedClient.updated(server) };
}

const ROLES = ['timestamp', 'snapshot', 'targets', 'targets/a'] as const;

describe('a version that goes back', () => {
  it.each(ROLES)('of %s is refused, and nothing new is stored', async role => {
    const { server, client } = await scene();
    const before = new Map(client.files);
    server.publish(['targets', 'targets/a'], {
      [role]: {
        payload: payload => {
          payload.version = 2;
        },
      },
    });
    const error = await expectFailure(client.update(server), TrustError, 'METADATA_ROLLBACK');
    expect(error.details).toMatchObject({ role, known: 3, offered: 2 });
    expect(client.files).toEqual(before);
  });

  it('of root is refused when a writer looks for the newest root', async () => {
    const { server, client } = await scene();
    server.publish(['root'], {
      root: {
        payload: payload => {
          payload.version = 2;
        },
      },
    });
    await expectFailure(client.update(server, { forWrite: true }), TrustError, 'METADATA_ROLLBACK');
  });

  it('of root is refused when the snapshot names an older root', async () => {
    const { server, client } = await scene();
    server.publish(['root'], {
      root: {
        payload: payload => {
          payload.version = 1;
        },
      },
    });
    const error = await expectFailure(client.update(server), TrustError, 'METADATA_ROLLBACK');
    expect(error.details).toMatchObject({ role: 'root', known: 3, offered: 1 });
  });

  it('of everything, a replay of an earlier state, is refused', async () => {
    const server = MetadataSimulator.published();
    const old = server.saved();
    server.publish(['targets']);
    const client = await SimulatedClient.updated(server);
    server.replay(old);
    await expectFailure(client.update(server), TrustError, 'METADATA_ROLLBACK');
  });

  it('is refused even after the timestamp key was rotated: its versions go on', async () => {
    const { server, client } = await scene();
    server.setKeys('timestamp', [newKey()]);
    server.payload('timestamp').version = 0;
    server.publish(['root']);
    await expectFailure(client.update(server), TrustError, 'METADATA_ROLLBACK');
  });

  it('is measured by cached files that have expired, too', async () => {
    const { server, client } = await scene();
    const late = new Date('2027-06-01T00:00:00Z');
    server.payload('timestamp').expires = '2027-06-02T00:00:00Z';
    server.publish([], {
      timestamp: {
        payload: payload => {
          payload.version = 2;
        },
      },
    });
    await expectFailure(client.update(server, { now: late }), TrustError, 'METADATA_ROLLBACK');
  });

  it('is not measured by a cached file that does not verify: anybody may have put it there', async () => {
    const { server, client } = await scene();
    const other = new MetadataSimulator();
    other.payload('timestamp').version = 1_000_000;
    other.publish(['root', 'targets']);
    client.files.set('timestamp', other.files.get('timestamp') as Buffer);
    const { trusted } = await client.update(server);
    expect(trusted.timestamp?.metadata.version).toBe(3);
  });

  it('of a role whose cached file is damaged heals itself', async () => {
    for (const role of ROLES) {
      const { server, client } = await scene();
      client.files.set(role, Buffer.from('{"signed":'));
      await client.update(server);
      expect(client.files.get(role)).toEqual(server.files.get(role));
    }
  });
});

describe('a version that is used twice', () => {
  it.each(ROLES)('of %s with other content is refused', async role => {
    const { server, client } = await scene();
    server.publish(['targets', 'targets/a'], {
      [role]: {
        payload: payload => {
          payload.version = 3;
          payload.expires = '2027-01-01T00:00:00Z';
        },
      },
    });
    const error = await expectFailure(client.update(server), TrustError, 'METADATA_REPLACED');
    expect(error.details).toMatchObject({ role, version: 3 });
  });

  it('of root with other content is refused', async () => {
    const { server, client } = await scene();
    server.publish(['root'], {
      root: {
        payload: payload => {
          payload.version = 3;
          payload.expires = '2030-01-01T00:00:00Z';
        },
      },
    });
    await expectFailure(client.update(server), TrustError, 'METADATA_REPLACED');
    await expectFailure(client.update(server, { forWrite: true }), TrustError, 'METADATA_REPLACED');
  });

  it('with the very same bytes is the same file', async () => {
    const { server, client } = await scene();
    const { store } = await client.update(server);
    expect([...store.keys()]).toEqual([]);
  });
});

describe('a version that leaps ahead', () => {
  it('is taken, since gaps are legal', async () => {
    const { server, client } = await scene();
    server.payload('targets').version = 2 ** 31 - 2;
    server.publish(['targets']);
    const { trusted } = await client.update(server);
    expect(trusted.targets.get('targets')?.metadata.version).toBe(2 ** 31 - 1);
  });

  it('binds from then on', async () => {
    const { server, client } = await scene();
    server.payload('snapshot').version = 1_000_000;
    server.publish();
    await client.update(server);
    server.payload('snapshot').version = 4;
    server.publish();
    await expectFailure(client.update(server), TrustError, 'METADATA_ROLLBACK');
  });
});

it('a snapshot that is refused leaves the client able to take the next honest one', async () => {
  const { server, client } = await scene();
  const honest = server.saved();
  server.publish([], {
    snapshot: {
      payload: payload => {
        payload.version = 1;
      },
    },
  });
  await expectFailure(client.update(server), TrustError, 'METADATA_ROLLBACK');
  server.replay(honest);
  expect((await client.update(server)).trusted.timestamp?.metadata.version).toBe(3);
});
