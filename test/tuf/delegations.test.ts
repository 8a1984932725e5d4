import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/crypto/canonical-json.ts';
import { TrustError } from '../../src/errors.ts';
import { DELEGATIONS_LIMIT } from '../../src/tuf/constants.ts';
import { allSignedTargets, findTarget, listTargets } from '../../src/tuf/delegation-walk.ts';
import type { UpdateResult } from '../../src/tuf/update.ts';
import { expectFailure } from '../support/expect-failure.ts';
import {
  type JsonObject,
  MetadataSimulator,
  newKey,
  SimulatedClient,
  type SimulatedKey,
} from '../support/metadata-simulator.ts';

type Delegations = { keys: JsonObject; roles: JsonObject[] };

/** A first look at a repository with the delegation `targets/a`, after its entry was altered. */
async function withEntry(
  change: (entry: JsonObject, all: Delegations) => void,
): Promise<UpdateResult> {
  const server = MetadataSimulator.published();
  server.delegate('targets/a');
  server.addTarget('targets/a', 'from-a');
  const tampering = {
    payload: (payload: JsonObject) => {
      const all = payload.delegations as Delegations;
      change(all.roles[0] as JsonObject, all);
    },
  };
  server.publish(['targets', 'targets/a'], { targets: tampering });
  return await new SimulatedClient().update(server);
}

const viewOf =
  ({ trusted }: UpdateResult) =>
  (role: string) =>
    trusted.targets.get(role)?.metadata;

describe('the name of a delegation', () => {
  it.each([
    'targets/b/c',
    'targets',
    'root',
    'snapshot',
    'targets/',
    'targets//a',
    'targets/../a',
    'targets/.',
    '../targets/a',
    '/targets/a',
    'targets/A',
    'targets/a.b',
    'targets/é',
    'targets/a b',
    'targets/a?',
    'targets/a#',
    'targets/*',
    'targets/a\n',
    'a',
    '',
    '__proto__',
    `targets/${'a'.repeat(248)}`,
  ])('%j makes the whole file invalid, as it is no direct child', async name => {
    await expectFailure(
      withEntry(entry => {
        entry.name = name;
      }),
      TrustError,
      'METADATA_MALFORMED',
    );
  });

  it.each([
    'targets/-_',
    'targets/0',
    'targets/__proto__',
    'targets/constructor',
    `targets/${'a'.repeat(247)}`,
  ])('“%s” is legal', async name => {
    const server = MetadataSimulator.published();
    server.delegate(name);
    server.addTarget(name, 'x');
    server.publish(['targets', name]);
    const result = await new SimulatedClient().update(server);
    expect(findTarget(viewOf(result), 'x')?.role).toBe(name);
  });

  it('of a grandchild is refused in a child’s file as well', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/a');
    server.publish(['targets', 'targets/a'], {
      'targets/a': {
        payload: payload => {
          payload.delegations = {
            keys: {},
            roles: [{ keyids: [], name: 'targets/b', threshold: 1 }],
          };
        },
      },
    });
    await expectFailure(new SimulatedClient().update(server), TrustError, 'METADATA_MALFORMED');
  });

  it('that stands there twice counts by its first entry, keys and paths', async () => {
    const mallory = newKey();
    const result = await withEntry((entry, all) => {
      entry.paths = ['v'];
      const { keytype, publicBytes } = mallory.publicKey;
      all.keys[mallory.id] = {
        keytype,
        keyval: { private: null, public: Buffer.from(publicBytes).toString('base64') },
      };
      all.roles.push({ keyids: [mallory.id], name: 'targets/a', paths: [''], threshold: 1 });
    });
    expect(result.trusted.targets.has('targets/a')).toBe(true);
    expect(findTarget(viewOf(result), 'from-a')).toBeUndefined();
  });
});

describe('the entry of a delegation', () => {
  it.each<[string, JsonValue]>([
    ['threshold', 0],
    ['threshold', -1],
    ['threshold', '1'],
    ['threshold', null],
    ['keyids', ['0'.repeat(64)]],
    ['keyids', 'x'],
    ['keyids', [1]],
    ['paths', 'x'],
    ['paths', [null]],
    ['name', null],
    ['Name', 'targets/b'],
    ['KEYIDS', []],
  ])('with “%s” %j is refused', async (name, value) => {
    await expectFailure(
      withEntry(entry => {
        entry[name] = value;
      }),
      TrustError,
      'METADATA_MALFORMED',
    );
  });

  it.each<[string, (entry: JsonObject, all: Delegations) => void]>([
    [
      'keyids null',
      entry => {
        entry.keyids = null;
      },
    ],
    [
      'no keyids',
      entry => {
        delete entry.keyids;
      },
    ],
    [
      'an empty list of keys',
      (entry, all) => {
        entry.keyids = [];
        all.keys = {};
      },
    ],
    [
      'a threshold above its keys',
      entry => {
        entry.threshold = 2;
      },
    ],
    [
      'another key',
      (entry, all) => {
        const { id, publicKey } = newKey();
        all.keys[id] = {
          keytype: publicKey.keytype,
          keyval: { private: null, public: Buffer.from(publicKey.publicBytes).toString('base64') },
        };
        entry.keyids = [id];
      },
    ],
  ])('with %s leaves the role’s file aside, and the rest stays', async (_, change) => {
    const { trusted } = await withEntry(change);
    expect([...trusted.targets.keys()]).toEqual(['targets']);
    expect(trusted.invalid.get('targets/a')?.reason.code).toBe('SIGNATURE_THRESHOLD');
  });

  it.each<[string, (entry: JsonObject) => void]>([
    [
      'null',
      entry => {
        entry.paths = null;
      },
    ],
    [
      'missing',
      entry => {
        delete entry.paths;
      },
    ],
    [
      'empty',
      entry => {
        entry.paths = [];
      },
    ],
  ])('with its paths %s loads and may sign nothing', async (_, change) => {
    const result = await withEntry(change);
    expect(result.trusted.targets.has('targets/a')).toBe(true);
    expect(findTarget(viewOf(result), 'from-a')).toBeUndefined();
  });

  it('may be null instead of a list, after the last one went', async () => {
    const { trusted } = await withEntry((_, all) => {
      all.roles = null as never;
      all.keys = {};
    });
    expect(trusted.targets.get('targets')?.metadata.delegations.roles).toBeNull();
  });
});

describe('a delegate', () => {
  it('that signs outside its paths is not heard there, whoever else is silent', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/releases', ['v']);
    server.addTarget('targets/releases', 'v1');
    server.addTarget('targets/releases', 'latest', 'evil');
    server.addTarget('targets/releases', 'other', 'evil');
    server.publish(['targets', 'targets/releases']);
    const view = viewOf(await new SimulatedClient().update(server));
    const roles = ['targets/releases', 'targets'];
    expect(findTarget(view, 'latest', roles)?.role).toBe('targets');
    expect(findTarget(view, 'other', roles)).toBeUndefined();
    expect([...listTargets(view, roles).keys()]).toEqual(['v1', 'latest']);
    expect(allSignedTargets(view).map(({ name }) => name)).toEqual(['latest', 'v1']);
  });

  it('cannot hand on more than it has', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/a', ['v']);
    server.delegate('targets/a/b', ['', 'v1']);
    for (const name of ['v1', 'v2', 'x']) server.addTarget('targets/a/b', name);
    server.publish(['targets', 'targets/a', 'targets/a/b']);
    const view = viewOf(await new SimulatedClient().update(server));
    expect([...listTargets(view).keys()].sort()).toEqual(['latest', 'v1']);
  });

  it('whose key was taken away loses its file even when that is already in the cache', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/a');
    server.addTarget('targets/a', 'x');
    server.publish(['targets', 'targets/a']);
    const client = await SimulatedClient.updated(server);
    const entry = (server.payload('targets').delegations as Delegations).roles[0] as JsonObject;
    const { id, publicKey } = newKey();
    (server.payload('targets').delegations as Delegations).keys[id] = {
      keytype: publicKey.keytype,
      keyval: { private: null, public: Buffer.from(publicKey.publicBytes).toString('base64') },
    };
    entry.keyids = [id];
    server.publish(['targets']);
    const { trusted } = await client.update(server);
    expect([...trusted.invalid.keys()]).toEqual(['targets/a']);
    expect(server.requests).not.toContain('targets/a.hash');
  });

  it('whose file is no metadata at all makes the update fail', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/a');
    server.publish(['targets', 'targets/a'], { 'targets/a': { file: () => Buffer.from('{}') } });
    await expectFailure(new SimulatedClient().update(server), TrustError, 'METADATA_MALFORMED');
  });

  it('whose file nobody signed makes the update fail', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/a');
    server.publish(['targets', 'targets/a'], { 'targets/a': { signatures: () => [] } });
    await expectFailure(new SimulatedClient().update(server), TrustError, 'NO_SIGNATURES');
  });

  it('whose file is listed but gone makes the update fail', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/a');
    server.publish(['targets', 'targets/a']);
    server.failure = request =>
      request === 'targets/a.hash' ? new TrustError('METADATA_NOT_FOUND', 'gone') : undefined;
    await expectFailure(new SimulatedClient().update(server), TrustError, 'METADATA_NOT_FOUND');
  });

  it('that has never signed is no error', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/a');
    server.publish(['targets']);
    const { trusted } = await new SimulatedClient().update(server);
    expect([...trusted.targets.keys()]).toEqual(['targets']);
    expect([...trusted.invalid.keys()]).toEqual([]);
  });

  it('that signs with a threshold of two needs two', async () => {
    const keys = [newKey(), newKey()];
    for (const [signers, heard] of [
      [keys, true],
      [keys.slice(1), false],
    ] as [SimulatedKey[], boolean][]) {
      const server = MetadataSimulator.published();
      server.delegate('targets/a', [''], keys, 2);
      server.publish(['targets', 'targets/a'], { 'targets/a': { signers } });
      const { trusted } = await new SimulatedClient().update(server);
      expect(trusted.targets.has('targets/a')).toBe(heard);
    }
  });
});

describe('many delegations', () => {
  it('are fetched level by level, the files of a level side by side', async () => {
    const server = MetadataSimulator.published();
    const roles = ['targets/a', 'targets/b', 'targets/a/c', 'targets/b/d'];
    for (const role of roles) server.delegate(role);
    server.publish(['targets', ...roles]);
    let open = 0;
    let most = 0;
    const slow = Object.create(server) as MetadataSimulator;
    slow.byHash = async (...request) => {
      most = Math.max(most, ++open);
      await new Promise(resolve => setImmediate(resolve));
      open--;
      return await server.byHash(...request);
    };
    const { trusted } = await new SimulatedClient().update(slow);
    expect([...trusted.targets.keys()]).toEqual(['targets', ...roles]);
    expect(most).toBe(2);
  });

  it('are bounded', async () => {
    const server = MetadataSimulator.published();
    const key = newKey();
    const names = Array.from({ length: DELEGATIONS_LIMIT }, (_, index) => `targets/r${index}`);
    for (const name of names) server.delegate(name, [''], [key]);
    server.publish(['targets', ...names]);
    await expectFailure(new SimulatedClient().update(server), TrustError, 'TOO_MANY_DELEGATIONS');
    expect(server.requests.length).toBeLessThan(10);
  });
});

it('a repository with 75 000 targets and as many entries in its snapshot still works', async () => {
  const server = MetadataSimulator.published();
  const targets = server.payload('targets').targets as JsonObject;
  const [latest] = Object.values(targets) as [JsonValue];
  for (let index = 0; index < 75_000; index++) targets[`tag-${index}`] = latest;
  server.publish(['targets'], {
    snapshot: {
      payload: payload => {
        const meta = payload.meta as JsonObject;
        const entry = meta.targets as JsonValue;
        for (let index = 0; index < 75_000; index++) meta[`targets/role-${index}`] = entry;
      },
    },
  });
  const { trusted } = await new SimulatedClient().update(server);
  expect(trusted.targets.get('targets')?.metadata.targets.size).toBe(75_001);
  expect(trusted.snapshot?.metadata.meta.size).toBe(75_002);
});
