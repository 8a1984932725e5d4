import { describe, expect, it } from 'vitest';
import { ConnectionError, TrustError } from '../../src/errors.ts';
import { expectFailure } from '../support/expect-failure.ts';
import {
  inDays,
  type JsonObject,
  MetadataSimulator,
  NOW,
  newKey,
  newRootKey,
  SimulatedClient,
} from '../support/metadata-simulator.ts';

const DAY = 24 * 60 * 60 * 1000;
const REPORT = { reportExpiry: true } as const;
const EXPIRED = {
  payload: (payload: JsonObject) => {
    payload.expires = inDays(-1);
  },
};
/** How Notary’s server answers while it cannot renew what has expired. */
const SERVER_ERROR = new ConnectionError('SERVER_ERROR', 'the server failed (500)');

/** A server as it is once a snapshot of its owner’s has expired. */
function failing(server: MetadataSimulator): void {
  server.failure = request => (request === 'timestamp' ? SERVER_ERROR : undefined);
}

describe('expired metadata, where it is to be reported', () => {
  it.each(['timestamp', 'snapshot', 'targets', 'root'])('of %s is there, and named', async role => {
    const server = MetadataSimulator.published();
    const client = await SimulatedClient.updated(server);
    server.publish(['root', 'targets'], { [role]: EXPIRED });
    for (const consumer of [client, new SimulatedClient()]) {
      const { trusted } = await consumer.update(server, REPORT);
      expect(trusted.expired).toEqual([{ role, kind: 'metadata', expires: inDays(-1) }]);
      expect([...(trusted.targets.get('targets')?.metadata.targets.keys() ?? [])]).toEqual([
        'latest',
      ]);
    }
  });

  it('is reported of nothing when all is well', async () => {
    const server = MetadataSimulator.published();
    const { trusted } = await new SimulatedClient().update(server, REPORT);
    expect(trusted.expired).toEqual([]);
  });

  it('of a delegation is read with what lies below it', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/a');
    server.delegate('targets/a/b');
    server.publish(['targets', 'targets/a', 'targets/a/b'], { 'targets/a': EXPIRED });
    const { trusted } = await new SimulatedClient().update(server, REPORT);
    expect([...trusted.targets.keys()]).toEqual(['targets', 'targets/a', 'targets/a/b']);
    expect(trusted.expired.map(({ role }) => role)).toEqual(['targets/a']);
  });

  it('leaves a delegation without its signatures aside, expired or not', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/a');
    server.publish(['targets', 'targets/a'], {
      'targets/a': { ...EXPIRED, signers: [newKey()] },
    });
    const { trusted } = await new SimulatedClient().update(server, REPORT);
    expect(trusted.invalid.get('targets/a')?.reason.code).toBe('SIGNATURE_THRESHOLD');
    expect(trusted.expired).toEqual([]);
  });

  it('of a root certificate is reported, from the server and from the cache', async () => {
    const late = new Date(NOW.getTime() + 3700 * DAY);
    const server = MetadataSimulator.published();
    const client = await SimulatedClient.updated(server);
    for (const role of ['root', 'targets', 'snapshot', 'timestamp'])
      server.payload(role).expires = inDays(5000);
    server.publish(['root', 'targets']);
    for (const consumer of [client, new SimulatedClient()]) {
      await expectFailure(
        consumer.update(server, { now: late }),
        TrustError,
        'ROOT_CERTIFICATE_INVALID',
      );
      const { trusted } = await consumer.update(server, { ...REPORT, now: late });
      const [certificate] = trusted.root.certificates;
      expect(trusted.expired).toEqual([
        {
          role: 'root',
          kind: 'certificate',
          expires: certificate?.leaf.notAfter.toISOString(),
          keyId: certificate?.id,
        },
      ]);
    }
  });

  it('does not let in a root certificate whose time has not begun', async () => {
    const early = newRootKey({ notBefore: new Date(NOW.getTime() + 3 * DAY) });
    const server = MetadataSimulator.published({ rootKeys: [early] });
    await expectFailure(
      new SimulatedClient().update(server, REPORT),
      TrustError,
      'ROOT_CERTIFICATE_INVALID',
    );
  });

  it('is followed to the newest root, although the old one verifies all', async () => {
    const server = MetadataSimulator.published();
    const client = await SimulatedClient.updated(server);
    server.publish(['root']);
    expect((await client.update(server, REPORT)).trusted.root.metadata.version).toBe(2);
  });
});

describe('a server that cannot serve its timestamp', () => {
  it('is asked for the newest one that it has kept', async () => {
    for (const publishes of [1, 2, 3, 7, 20]) {
      const server = MetadataSimulator.published();
      const client = await SimulatedClient.updated(server);
      for (let count = 1; count < publishes; count++) server.publish(['targets']);
      server.publish(['targets'], { snapshot: EXPIRED });
      failing(server);
      for (const consumer of [client, new SimulatedClient()]) {
        const { trusted } = await consumer.update(server, REPORT);
        expect(trusted.timestamp?.metadata.version).toBe(publishes + 1);
        expect(trusted.expired).toEqual([
          { role: 'snapshot', kind: 'metadata', expires: inDays(-1) },
        ]);
      }
    }
  });

  it('gets no such question from anybody who decides on trust', async () => {
    const server = MetadataSimulator.published();
    const client = await SimulatedClient.updated(server);
    server.publish(['targets'], { snapshot: EXPIRED });
    failing(server);
    await expectFailure(client.update(server), ConnectionError, 'SERVER_ERROR');
    expect(server.requests).toEqual(['timestamp']);
  });

  it('that has forgotten all newer ones leaves what the cache knows', async () => {
    const server = MetadataSimulator.published();
    const client = await SimulatedClient.updated(server);
    server.publish(['targets']);
    server.failure = request =>
      request === 'timestamp'
        ? SERVER_ERROR
        : /^\d+\.timestamp$/.test(request)
          ? new TrustError('METADATA_NOT_FOUND', 'gone')
          : undefined;
    const { trusted } = await client.update(server, REPORT);
    expect(trusted.timestamp?.metadata.version).toBe(1);
    await expectFailure(
      new SimulatedClient().update(server, REPORT),
      ConnectionError,
      'SERVER_ERROR',
    );
  });

  it('and claims to have every version is not searched for ever', async () => {
    const server = MetadataSimulator.published();
    let asked = 0;
    server.version = async () => {
      asked += 1;
      return server.files.get('timestamp') as Uint8Array;
    };
    failing(server);
    await expectFailure(
      new SimulatedClient().update(server, REPORT),
      TrustError,
      'TIMESTAMP_ENDLESS',
    );
    expect(asked).toBeLessThan(40);
  });
});

describe('an attacker gains nothing by expiry', () => {
  /** Something published at first, and the same repository later on, known to a client. */
  async function aged(): Promise<{
    server: MetadataSimulator;
    client: SimulatedClient;
    old: ReturnType<MetadataSimulator['saved']>;
  }> {
    const server = new MetadataSimulator();
    server.addTarget('targets', 'bad');
    server.delegate('targets/a');
    for (const role of ['root', 'targets', 'targets/a']) server.payload(role).expires = inDays(-1);
    server.publish(['root', 'targets', 'targets/a'], { snapshot: EXPIRED, timestamp: EXPIRED });
    const old = server.saved();
    for (const role of ['root', 'targets', 'targets/a'])
      server.payload(role).expires = inDays(1000);
    server.addTarget('targets', 'good');
    server.publish(['root', 'targets', 'targets/a']);
    return { server, client: await SimulatedClient.updated(server), old };
  }

  it.each([
    ['root'],
    ['timestamp'],
    ['snapshot', 'timestamp'],
    ['targets', 'snapshot', 'timestamp'],
  ])('by replaying an expired %s', async (...roles) => {
    const { server, client, old } = await aged();
    server.replay(old, roles);
    await expectFailure(client.update(server, REPORT), TrustError, 'METADATA_ROLLBACK');
  });

  it('by replaying everything', async () => {
    const { server, client, old } = await aged();
    server.replay(old);
    await expectFailure(client.update(server, REPORT), TrustError, 'METADATA_ROLLBACK');
  });

  it.each(['root', 'timestamp', 'snapshot', 'targets'])(
    'by an expired %s that is not signed by its keys',
    async role => {
      const server = MetadataSimulator.published();
      const client = await SimulatedClient.updated(server);
      const signers = role === 'root' ? [newRootKey()] : [newKey()];
      server.publish(['root', 'targets'], { [role]: { ...EXPIRED, signers } });
      for (const consumer of [client, new SimulatedClient()]) {
        const error = await consumer.update(server, REPORT).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(TrustError);
        expect((error as TrustError).code).toMatch(/SIGNATURE_THRESHOLD|ROOT_ROTATION/);
      }
    },
  );

  it('by an expired root made anew under other keys', async () => {
    const client = await SimulatedClient.updated(MetadataSimulator.published());
    const other = MetadataSimulator.published();
    other.publish(['root', 'targets'], { root: EXPIRED });
    await expectFailure(client.update(other, REPORT), TrustError, 'ROOT_ROTATION');
  });

  it('by a file under another hash', async () => {
    const server = MetadataSimulator.published();
    server.publish(['targets'], {
      targets: {
        ...EXPIRED,
        served: bytes => Buffer.from(String(bytes).replace('latest', 'lasset')),
      },
    });
    await expectFailure(new SimulatedClient().update(server, REPORT), TrustError, 'HASH_MISMATCH');
  });

  it('by another file under a version that was seen', async () => {
    const server = MetadataSimulator.published();
    const client = await SimulatedClient.updated(server);
    const state = server.payload('targets');
    state.version = 0;
    server.addTarget('targets', 'other');
    server.publish(['targets'], { targets: EXPIRED });
    await expectFailure(client.update(server, REPORT), TrustError, 'METADATA_REPLACED');
  });
});
