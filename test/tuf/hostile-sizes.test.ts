/** What an unverified file may cost: no message of megabytes, no work for what is listed again and again. */
import { describe, expect, it } from 'vitest';
import { TrustError } from '../../src/errors.ts';
import { expectFailure } from '../support/expect-failure.ts';
import {
  MetadataSimulator,
  newKey,
  newRootKey,
  SimulatedClient,
} from '../support/metadata-simulator.ts';

const LONG = 'z'.repeat(1_000_000);

describe('an error about a hostile root', () => {
  it('does not repeat a name of a million letters', async () => {
    const server = MetadataSimulator.published();
    server.publish(['root'], {
      root: { payload: root => Object.assign(root['roles'] ?? {}, { [LONG]: 1 }) },
    });
    const error = await expectFailure(
      new SimulatedClient().update(server),
      TrustError,
      'METADATA_MALFORMED',
    );
    expect(error.message.length).toBeLessThan(1000);
  });

  it('explains a few of two hundred unusable keys', async () => {
    const bare = newKey();
    const rootKeys = Array.from({ length: 200 }, (_, i) => ({ ...bare, id: `${i}` }));
    const server = MetadataSimulator.published({ rootKeys });
    const error = await expectFailure(
      new SimulatedClient().update(server),
      TrustError,
      'ROOT_CERTIFICATE_INVALID',
    );
    expect(error.message.length).toBeLessThan(1000);
  });

  it('a key that is listed many times is read once', async () => {
    const key = newRootKey();
    const server = MetadataSimulator.published({ rootKeys: [key] });
    server.publish(['root'], {
      root: {
        payload: root => {
          const roles = root['roles'] as Record<string, { keyids: string[] }>;
          Object.assign(roles['root'] ?? {}, { keyids: Array(1000).fill(key.id) });
        },
      },
    });
    const { trusted } = await new SimulatedClient().update(server);
    expect(trusted.root.certificates.map(({ id }) => id)).toEqual([key.id]);
  });
});
