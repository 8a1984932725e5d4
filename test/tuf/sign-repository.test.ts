import { describe, expect, it } from 'vitest';
import { makeRootCertificate } from '../../src/crypto/certificate.ts';
import { generatePrivateKey } from '../../src/crypto/private-key.ts';
import { canonicalKeyId, keyId } from '../../src/crypto/public-key.ts';
import { KeyError, TrustError } from '../../src/errors.ts';
import { applyChange } from '../../src/tuf/apply-change.ts';
import {
  addTarget,
  type Change,
  createDelegation,
  deleteDelegation,
  removeTarget,
  replaceRoleKeys,
  witness,
} from '../../src/tuf/change.ts';
import { decodeTargets } from '../../src/tuf/decode.ts';
import { openEnvelope } from '../../src/tuf/envelope.ts';
import { initialise } from '../../src/tuf/initialise.ts';
import type { KeyRing } from '../../src/tuf/key-ring.ts';
import { NO_PINNING } from '../../src/tuf/pinning.ts';
import { Repository } from '../../src/tuf/repository.ts';
import { verifyCachedRoot } from '../../src/tuf/root-trust.ts';
import { isNearExpiry, type SignedFiles, signRepository } from '../../src/tuf/sign-repository.ts';
import { imageTarget } from '../../src/tuf/target.ts';
import { expectFailure } from '../support/expect-failure.ts';
import {
  entryOf,
  GUN,
  inDays,
  type JsonObject,
  keyRing,
  MetadataSimulator,
  NOW,
  newKey,
  newRootKey,
  SimulatedClient,
  type SimulatedKey,
} from '../support/metadata-simulator.ts';

const IMAGE = imageTarget(`sha256:${'ab'.repeat(32)}`, 1234);

const payloadOf = (file: Uint8Array | undefined): JsonObject =>
  JSON.parse(String(file)).signed as JsonObject;
const signersOf = (file: Uint8Array | undefined): string[] =>
  (JSON.parse(String(file)).signatures as { keyid: string }[]).map(({ keyid }) => keyid);

async function editable(server: MetadataSimulator): Promise<Repository> {
  const { trusted } = await new SimulatedClient().update(server, { forWrite: true });
  return Repository.fromTrusted(trusted);
}

/** All keys that the server does not hold itself, and more. */
function ringOf(
  server: MetadataSimulator,
  more: SimulatedKey[] = [],
  without: string[] = [],
): KeyRing {
  const own = [...server.keys].filter(([role]) => role !== 'timestamp' && !without.includes(role));
  return keyRing(...own.flatMap(([, keys]) => keys), ...more);
}

async function sign(
  server: MetadataSimulator,
  changes: Change[],
  ring = ringOf(server),
): Promise<SignedFiles> {
  const repository = await editable(server);
  for (const change of changes) await applyChange(repository, change, ring);
  return await signRepository(repository, ring, NOW);
}

describe('what is published', () => {
  it('is what a client that has never seen the repository, and one that has, both accept', async () => {
    const server = MetadataSimulator.published();
    const seen = await SimulatedClient.updated(server);
    const delegate = newKey();
    const changes = [
      addTarget('targets', 'new', { ...IMAGE, custom: { b: [1, null], a: 'é' } }),
      removeTarget('targets', 'latest'),
      createDelegation('targets/a', {
        threshold: 1,
        addKeys: [delegate.publicKey],
        addPaths: ['v'],
      }),
      addTarget('targets/a', 'v1', IMAGE),
    ];
    const signed = await sign(server, changes, ringOf(server, [delegate]));
    expect([...signed.versions]).toEqual([
      ['targets', 2],
      ['targets/a', 1],
      ['snapshot', 2],
    ]);
    server.receive(signed.files);
    for (const client of [seen, new SimulatedClient()]) {
      const { trusted } = await client.update(server);
      expect([...(trusted.targets.get('targets')?.metadata.targets.keys() ?? [])]).toEqual(['new']);
      expect(trusted.targets.get('targets/a')?.metadata.targets.get('v1')).toEqual(IMAGE);
    }
  });

  it('is one version more of what changed, and nothing of what did not', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/a');
    server.delegate('targets/b');
    server.publish(['targets', 'targets/a', 'targets/b']);
    const changes = Array.from({ length: 50 }, (_, index) =>
      addTarget('targets/a', `tag-${index}`, IMAGE),
    );
    const { files, versions } = await sign(server, changes);
    expect([...files.keys()]).toEqual(['targets/a', 'snapshot']);
    expect([...versions]).toEqual([
      ['targets/a', 2],
      ['snapshot', 3],
    ]);
  });

  it('is valid for as long as Notary’s own, in whole seconds of UTC', async () => {
    const server = MetadataSimulator.published();
    const odd = new Date('2026-11-22T00:00:00.120Z');
    const repository = await editable(server);
    // The same key once more is enough to have root and targets signed anew.
    const keys = server.keysOf('targets').map(({ publicKey }) => publicKey);
    await applyChange(repository, replaceRoleKeys('targets', keys), ringOf(server));
    const { files } = await signRepository(repository, ringOf(server), odd);
    expect(payloadOf(files.get('root')).expires).toBe(inDays(3650));
    expect(payloadOf(files.get('targets')).expires).toBe(inDays(1095));
    expect(payloadOf(files.get('snapshot')).expires).toBe(inDays(1095));
  });

  it('with no change at all is a new snapshot, as Notary does', async () => {
    const { files } = await sign(MetadataSimulator.published(), []);
    expect([...files.keys()]).toEqual(['snapshot']);
  });
});

describe('the snapshot', () => {
  it('is left to the server when its key is not here', async () => {
    const server = MetadataSimulator.published();
    const ring = ringOf(server, [], ['snapshot']);
    const { files, snapshotByServer } = await sign(
      server,
      [addTarget('targets', 'x', IMAGE)],
      ring,
    );
    expect({ roles: [...files.keys()], snapshotByServer }).toEqual({
      roles: ['targets'],
      snapshotByServer: true,
    });
    server.receive(files);
    await new SimulatedClient().update(server);
  });

  it('is an error when some of its keys are here but not enough', async () => {
    const server = MetadataSimulator.published();
    const [a, b] = [newKey(), newKey()];
    server.setKeys('snapshot', [a, b], 2);
    server.publish(['root']);
    const ring = keyRing(...server.keysOf('targets'), a);
    const error = await expectFailure(
      sign(server, [addTarget('targets', 'x', IMAGE)], ring),
      KeyError,
      'KEY_MISSING',
    );
    expect(error.message).toContain('2 of the keys');
  });

  it('keeps the hashes of the bytes of files that nobody touched, even if Go would print those otherwise', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/a');
    server.addTarget('targets/a', 'a<b>');
    server.payload('targets/a').expires = '2029-11-20T00:00:00.120+00:00';
    server.payload('targets/a')['x-unknown'] = { of: 'a third party' };
    const pretty = (bytes: Buffer): Buffer =>
      Buffer.from(`${JSON.stringify(JSON.parse(String(bytes)), null, 2)}\n`);
    server.publish(['root', 'targets', 'targets/a'], {
      'targets/a': { file: pretty },
      root: { file: pretty },
    });
    const { files } = await sign(server, [addTarget('targets', 'x', IMAGE)]);
    const meta = payloadOf(files.get('snapshot')).meta as JsonObject;
    for (const role of ['root', 'targets/a'])
      expect(meta[role]).toEqual(entryOf(server.files.get(role) as Buffer));
    server.receive(files);
    const { trusted } = await new SimulatedClient().update(server);
    expect([...trusted.targets.keys()]).toEqual(['targets', 'targets/a']);
  });

  it('loses the entries of a deleted delegation and of all below it, and of orphans of old', async () => {
    const server = MetadataSimulator.published();
    for (const role of ['targets/a', 'targets/a/b', 'targets/c']) server.delegate(role);
    server.publish(['targets', 'targets/a', 'targets/a/b', 'targets/c'], {
      snapshot: {
        payload: payload => {
          const meta = payload.meta as JsonObject;
          meta['targets/orphan'] = meta['targets/c'] as JsonObject;
          meta['targets/orphan/deep'] = meta['targets/c'] as JsonObject;
        },
      },
    });
    const { files } = await sign(server, [deleteDelegation('targets/a')]);
    expect(Object.keys(payloadOf(files.get('snapshot')).meta as JsonObject)).toEqual([
      'root',
      'targets',
      'targets/c',
    ]);
  });

  it('does not bring back the old targets of a delegation that is made again', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/a');
    server.addTarget('targets/a', 'old');
    server.publish(['targets', 'targets/a']);
    const [key] = server.keysOf('targets/a') as [SimulatedKey];
    const again = createDelegation('targets/a', {
      threshold: 1,
      addKeys: [key.publicKey],
      addPaths: [''],
    });
    const { files } = await sign(server, [deleteDelegation('targets/a'), again]);
    server.receive(files);
    const { trusted } = await new SimulatedClient().update(server);
    expect([...trusted.targets.keys()]).toEqual(['targets']);
  });

  it('leaves the entry of a file that lost its signatures as it was, and of all below it', async () => {
    const server = MetadataSimulator.published();
    server.delegate('targets/a');
    server.delegate('targets/a/b');
    server.publish(['targets', 'targets/a', 'targets/a/b'], {
      'targets/a': { signers: [newKey()] },
    });
    const before = payloadOf(server.files.get('snapshot')).meta as JsonObject;
    const { files } = await sign(server, [addTarget('targets', 'x', IMAGE)]);
    const after = payloadOf(files.get('snapshot')).meta as JsonObject;
    for (const role of ['targets/a', 'targets/a/b']) expect(after[role]).toEqual(before[role]);
  });
});

describe('a role with several keys', () => {
  it('is signed with all that are here, and refused below its threshold', async () => {
    const server = MetadataSimulator.published();
    const [a, b, c] = [newKey(), newKey('ed25519'), newKey()];
    server.setKeys('targets', [a, b, c], 2);
    server.publish(['root', 'targets']);
    const snapshot = server.keysOf('snapshot');
    const two = await sign(server, [addTarget('targets', 'x', IMAGE)], keyRing(a, b, ...snapshot));
    expect(signersOf(two.files.get('targets')).sort()).toEqual([a.id, b.id].sort());
    server.receive(two.files);
    await new SimulatedClient().update(server);
    const one = sign(server, [addTarget('targets', 'y', IMAGE)], keyRing(c, ...snapshot));
    await expectFailure(one, KeyError, 'KEY_MISSING');
  });

  it('does not count one key twice that it lists bare and in a certificate', async () => {
    const key = generatePrivateKey('ecdsa');
    const server = MetadataSimulator.published();
    const listed = [
      { ...newKey(), signer: key, publicKey: key.publicKey, id: keyId(key.publicKey) },
      newRootKey({ key }),
    ];
    server.delegate('targets/a', [''], listed as SimulatedKey[], 2);
    server.publish(['targets']);
    await expectFailure(
      sign(server, [addTarget('targets/a', 'x', IMAGE)]),
      KeyError,
      'KEY_MISSING',
    );
  });

  it('is not published with a signature that does not verify', async () => {
    const server = MetadataSimulator.published();
    const [own] = server.keysOf('targets') as [SimulatedKey];
    const broken: SimulatedKey = {
      ...own,
      signer: {
        id: own.signer.id,
        publicKey: own.publicKey,
        sign: () => ({ method: 'ecdsa', signature: Buffer.alloc(64, 1) }),
      },
    };
    const ring = ringOf(server, [broken], ['targets']);
    await expectFailure(
      sign(server, [addTarget('targets', 'x', IMAGE)], ring),
      KeyError,
      'SIGNATURE_UNUSABLE',
    );
  });
});

describe('a rotation of the root key', () => {
  it('is signed by the new key and by the old, and only that once', async () => {
    const server = MetadataSimulator.published();
    const seen = await SimulatedClient.updated(server);
    const [old] = server.keysOf('root') as [SimulatedKey];
    const fresh = newRootKey();
    const { files } = await sign(
      server,
      [replaceRoleKeys('root', [fresh.publicKey])],
      ringOf(server, [fresh]),
    );
    expect([...files.keys()]).toEqual(['root', 'snapshot']);
    expect(signersOf(files.get('root'))).toEqual([fresh.id, old.id]);
    server.receive(files);
    for (const client of [seen, new SimulatedClient()]) {
      expect((await client.update(server)).trusted.root.metadata.version).toBe(2);
    }
    const next = await sign(server, [], ringOf(server, [fresh]));
    expect([...next.files.keys()]).toEqual(['snapshot']);
  });

  it('is followed by roots that the new key alone signs', async () => {
    const server = MetadataSimulator.published();
    const fresh = newRootKey();
    const ring = ringOf(server, [fresh]);
    server.receive((await sign(server, [replaceRoleKeys('root', [fresh.publicKey])], ring)).files);
    const targets = newKey();
    const changes = [replaceRoleKeys('targets', [targets.publicKey])];
    const { files } = await sign(server, changes, ringOf(server, [fresh, targets]));
    expect(signersOf(files.get('root'))).toEqual([fresh.id]);
    expect(signersOf(files.get('targets'))).toEqual([targets.id]);
    server.receive(files);
    await new SimulatedClient().update(server);
  });

  it('without the old key, or without the new one, signs nothing', async () => {
    const server = MetadataSimulator.published();
    const fresh = newRootKey();
    const change = replaceRoleKeys('root', [fresh.publicKey]);
    await expectFailure(
      sign(server, [change], ringOf(server, [fresh], ['root'])),
      KeyError,
      'KEY_MISSING',
    );
    const error = await expectFailure(sign(server, [change]), KeyError, 'KEY_MISSING');
    expect(error.message).toContain(canonicalKeyId(fresh.publicKey));
  });

  it('to a new certificate of the same key bears both signatures of that key', async () => {
    const server = MetadataSimulator.published();
    const seen = await SimulatedClient.updated(server);
    const [old] = server.keysOf('root') as [SimulatedKey];
    const renewed = newRootKey({ key: old.signer as ReturnType<typeof generatePrivateKey> });
    const { files } = await sign(server, [replaceRoleKeys('root', [renewed.publicKey])]);
    expect(signersOf(files.get('root'))).toEqual([renewed.id, old.id]);
    server.receive(files);
    expect((await seen.update(server)).trusted.root.metadata.version).toBe(2);
  });
});

describe('a rotation of the targets key', () => {
  it('leaves what the old key signs afterwards without effect', async () => {
    const server = MetadataSimulator.published();
    const fresh = newKey();
    const change = replaceRoleKeys('targets', [fresh.publicKey]);
    const { files } = await sign(server, [change], ringOf(server, [fresh]));
    expect([...files.keys()]).toEqual(['root', 'targets', 'snapshot']);
    const old = server.keysOf('targets');
    server.receive(files);
    await new SimulatedClient().update(server);
    server.publish(['targets'], { targets: { signers: old } });
    await expectFailure(new SimulatedClient().update(server), TrustError, 'SIGNATURE_THRESHOLD');
  });

  it('needs no old targets key', async () => {
    const server = MetadataSimulator.published();
    const fresh = newKey();
    const ring = ringOf(server, [fresh], ['targets']);
    const { files } = await sign(server, [replaceRoleKeys('targets', [fresh.publicKey])], ring);
    server.receive(files);
    await new SimulatedClient().update(server);
  });
});

describe('a root near its end', () => {
  async function nearing(days: number): Promise<MetadataSimulator> {
    const server = new MetadataSimulator();
    server.payload('root').expires = inDays(days);
    server.publish(['root', 'targets']);
    return server;
  }

  it('is renewed by whoever has its key', async () => {
    const server = await nearing(90);
    const { files, versions, warnings } = await sign(server, [addTarget('targets', 'x', IMAGE)]);
    expect(versions.get('root')).toBe(2);
    expect(payloadOf(files.get('root')).expires).toBe(inDays(3650));
    expect(warnings).toEqual([]);
    server.receive(files);
    await new SimulatedClient().update(server);
  });

  it('does not keep anybody else from publishing, but is warned of', async () => {
    const server = await nearing(90);
    const ring = ringOf(server, [], ['root']);
    const { files, warnings } = await sign(server, [addTarget('targets', 'x', IMAGE)], ring);
    expect([...files.keys()]).toEqual(['targets', 'snapshot']);
    expect(warnings).toEqual([expect.stringContaining(inDays(90))]);
  });

  it('begins six calendar months before', async () => {
    expect(isNearExpiry('2027-05-21T23:59:59Z', 'root', NOW)).toBe(true);
    expect(isNearExpiry('2027-05-22T00:00:00Z', 'root', NOW)).toBe(false);
    const { files } = await sign(await nearing(200), []);
    expect([...files.keys()]).toEqual(['snapshot']);
  });
});

describe('a repository that begins here', () => {
  const rootKey = generatePrivateKey('ecdsa');
  const pem = makeRootCertificate({ key: rootKey, gun: GUN, notBefore: NOW });
  const certificate = { keytype: 'ecdsa-x509', publicBytes: Buffer.from(pem) };
  const targets = newKey();
  const snapshot = newKey();
  const timestamp = newKey();
  const root: SimulatedKey = { signer: rootKey, publicKey: certificate, id: keyId(certificate) };
  const keys = {
    root: certificate,
    targets: targets.publicKey,
    snapshot: snapshot.publicKey,
    timestamp: timestamp.publicKey,
  };

  it('has version 1 of everything, as “notary init” makes it', async () => {
    const repository = initialise(GUN, keys);
    const { files, versions } = await signRepository(
      repository,
      keyRing(root, targets, snapshot),
      NOW,
    );
    expect([...versions]).toEqual([
      ['root', 1],
      ['targets', 1],
      ['snapshot', 1],
    ]);
    expect(payloadOf(files.get('targets'))).toEqual({
      _type: 'Targets',
      delegations: { keys: {}, roles: [] },
      expires: inDays(1095),
      targets: {},
      version: 1,
    });
    expect(Object.keys(payloadOf(files.get('root')))).toEqual([
      '_type',
      'consistent_snapshot',
      'expires',
      'keys',
      'roles',
      'version',
    ]);
  });

  it('is published with its root as it is and targets 2, and a first-time client accepts it', async () => {
    const ring = keyRing(root, targets, snapshot);
    const born = await signRepository(initialise(GUN, keys), ring, NOW);
    const file = (role: string): Uint8Array => born.files.get(role) as Uint8Array;
    const context = { gun: GUN, now: NOW, pinning: NO_PINNING };
    const metadata = decodeTargets(openEnvelope(file('targets'), 'targets').signed, 'targets');
    const repository = Repository.fromUnpublished(GUN, verifyCachedRoot(file('root'), context), {
      bytes: file('targets'),
      metadata,
    });
    await applyChange(repository, addTarget('targets', 'first', IMAGE), ring);
    const { files, versions } = await signRepository(repository, ring, NOW);
    expect([...versions].filter(([role]) => role !== 'snapshot')).toEqual([
      ['root', 1],
      ['targets', 2],
    ]);
    expect(files.get('root')).toEqual(file('root'));

    const server = new MetadataSimulator();
    server.keys.set('snapshot', [snapshot]);
    server.keys.set('timestamp', [timestamp]);
    server.receive(files);
    const { trusted } = await new SimulatedClient().update(server);
    expect(trusted.targets.get('targets')?.metadata.targets.has('first')).toBe(true);
  });
});

it('a file that is signed anew loses what Go would drop, and its odd date', async () => {
  const server = MetadataSimulator.published();
  server.payload('targets').expires = '2029-11-20T06:23:47.770584580+05:30';
  server.payload('targets')['x-unknown'] = 1;
  server.publish(['targets']);
  const { files } = await sign(server, [addTarget('targets', 'x', IMAGE)]);
  const payload = payloadOf(files.get('targets'));
  expect(Object.keys(payload)).toEqual(['_type', 'delegations', 'expires', 'targets', 'version']);
  expect(payload.expires).toBe(inDays(1095));
});

it('a witness of a file that lost its signatures makes it good again', async () => {
  const server = MetadataSimulator.published();
  server.delegate('targets/a');
  server.addTarget('targets/a', 'kept');
  server.publish(['targets', 'targets/a'], { 'targets/a': { signers: [newKey()] } });
  const { files, versions } = await sign(server, [witness('targets/a')]);
  expect(versions.get('targets/a')).toBe(2);
  server.receive(files);
  const { trusted } = await new SimulatedClient().update(server);
  expect(trusted.targets.get('targets/a')?.metadata.targets.has('kept')).toBe(true);
});
