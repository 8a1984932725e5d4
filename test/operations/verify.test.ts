import { describe, expect } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { generateKey } from '../../src/operations/keys/key-generate.ts';
import { addTarget, createDelegation, removeTarget } from '../../src/tuf/change.ts';
import { imageTarget } from '../../src/tuf/target.ts';
import { expectFailure } from '../support/expect-failure.ts';
import {
  content,
  DAY,
  it,
  MANIFEST,
  type Machine,
  NOW,
  type Scene,
} from '../support/trust-scene.ts';

const GUN = 'localhost:5000/team/app';
const ONE = content('one');
const TWO = content('two, longer');

/** A delegation to a new key of this machine. */
async function delegate(machine: Machine, role: string, paths = ['']) {
  const key = await machine.run(async session => {
    const { id } = await generateKey(session, { role: role.split('/').at(-1) ?? '' });
    return (await (await session.keys()).open(id)).publicKey;
  });
  return createDelegation(role, { threshold: 1, addKeys: [key], addPaths: paths });
}

describe.concurrent('a tag', () => {
  it('is trusted as what the repository key signed', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`, { as: TWO });
    const reader = await scene.machine();
    const targetsKey = (await owner.keyFiles()).find(({ role }) => role === 'targets')?.id;
    expect(await reader.verify(`${GUN}:1`)).toEqual({
      image: `${GUN}:1`,
      repository: GUN,
      tag: '1',
      digest: TWO.digest,
      size: TWO.size,
      trusted: true,
      exitCode: 0,
      signedBy: [{ name: 'Repo Admin', role: 'targets', keyIds: [targetsKey] }],
      validUntil: new Date(NOW.getTime() + 1095 * DAY).toISOString(),
      trustData: {
        from: 'server',
        server: scene.server.url,
        checkedAt: NOW.toISOString(),
        ageSeconds: 0,
      },
      registry: { status: 'skipped' },
      warnings: [],
    });
  });

  it('names its signers, and the keys that really signed', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`, { signer: 'alice' });
    await owner.publish(GUN, await delegate(owner, 'targets/bob'));
    await owner.signOne(`${GUN}:1`, { roles: ['bob'] });
    const idOf = async (role: string) =>
      (await owner.keyFiles()).find(file => file.role === role)?.id;
    const { signedBy } = await owner.verify(`${GUN}:1`);
    expect(signedBy).toEqual([
      { name: 'alice', role: 'targets/alice', keyIds: [await idOf('alice')] },
      { name: 'releases', role: 'targets/releases', keyIds: [await idOf('alice')] },
      { name: 'bob', role: 'targets/bob', keyIds: [await idOf('bob')] },
    ]);
  });

  it('is found by the name that docker would make of it', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne('app:1');
    const result = await owner.verify('docker.io/library/app:1');
    expect(result).toMatchObject({ trusted: true, repository: 'docker.io/library/app' });
  });

  it('that was never signed is not trusted, nor one that differs in case', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:v1`);
    for (const tag of ['v2', 'V1', 'v', 'v10']) {
      const result = await owner.verify(`${GUN}:${tag}`);
      expect(result).toMatchObject({
        trusted: false,
        exitCode: 3,
        digest: '',
        signedBy: [],
        error: { code: 'NOT_SIGNED' },
      });
      expect(result.error?.hint).toContain('tabellion inspect');
    }
  });

  it('that a signer holds but nobody released is not trusted', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`, { signer: 'alice' });
    await owner.signOne(`${GUN}:2`, { roles: ['alice'] });
    const result = await owner.verify(`${GUN}:2`);
    expect(result).toMatchObject({ trusted: false, exitCode: 3, error: { code: 'NOT_RELEASED' } });
    expect(result.error?.message).toContain('alice');
  });

  it('outside the paths of its role is not trusted, whatever the file says', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:0`);
    await owner.publish(GUN, await delegate(owner, 'targets/releases', ['v']));
    await owner.signOne(`${GUN}:v1`, { roles: ['releases'] });
    // The owner narrows the paths; the file of releases stays as it was.
    await owner.publish(
      GUN,
      createDelegation('targets/releases', { threshold: 1, addPaths: ['w'] }),
      {
        action: 'update',
        role: 'targets/releases',
        type: 'delegation',
        path: '',
        data: Buffer.from('{"remove_paths":["v"]}'),
      },
    );
    expect((await owner.verify(`${GUN}:v1`)).error?.code).toBe('NOT_SIGNED');
  });

  it('signed with two digests is a conflict, until one goes', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`, { as: ONE, signer: 'alice' });
    await owner.publish(GUN, addTarget('targets', '1', imageTarget(TWO.digest, TWO.size)));
    for (const image of [`${GUN}:1`, `${GUN}:1@${ONE.digest}`]) {
      expect(await owner.verify(image)).toMatchObject({
        trusted: false,
        exitCode: 3,
        error: { code: 'TAG_CONFLICT' },
      });
    }
    await owner.publish(GUN, removeTarget('targets', '1'));
    expect(await owner.verify(`${GUN}:1`)).toMatchObject({ trusted: true, digest: ONE.digest });
  });

  it('with the same digest in both is none', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`, { as: ONE, signer: 'alice' });
    await owner.signOne(`${GUN}:1`, { as: ONE, roles: ['targets'] });
    const { trusted, signedBy } = await owner.verify(`${GUN}:1`);
    expect(trusted).toBe(true);
    expect(signedBy.map(({ role }) => role)).toEqual([
      'targets',
      'targets/alice',
      'targets/releases',
    ]);
  });
});

describe.concurrent('a digest', () => {
  it('is trusted when any released tag has it', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`, { as: ONE });
    await owner.signOne(`${GUN}:2`, { as: TWO });
    const result = await owner.verify(`${GUN}@${TWO.digest}`);
    expect(result).toMatchObject({ trusted: true, digest: TWO.digest, size: TWO.size });
    expect(result.tag).toBeUndefined();
    expect(await owner.verify(`${GUN}@${content('other').digest}`)).toMatchObject({
      trusted: false,
      exitCode: 3,
      digest: content('other').digest,
      error: { code: 'NOT_SIGNED' },
    });
  });

  it('with a tag must be that tag’s', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`, { as: ONE });
    await owner.signOne(`${GUN}:2`, { as: TWO });
    expect((await owner.verify(`${GUN}:1@${ONE.digest}`)).trusted).toBe(true);
    // It is signed, but as another tag.
    const result = await owner.verify(`${GUN}:1@${TWO.digest}`);
    expect(result).toMatchObject({
      trusted: false,
      exitCode: 3,
      error: { code: 'DIGEST_MISMATCH' },
    });
    expect(result.error?.message).toContain(ONE.digest);
  });
});

describe.concurrent('several images', () => {
  it('have one result each, and a failure hides nothing', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne([`${GUN}:1`, `${GUN}:2`]);
    const reader = await scene.machine();
    const before = scene.requests().length;
    const images = [`${GUN}:1`, 'localhost:5000/unknown:1', `${GUN}:3`, `${GUN}:2`];
    const results = await reader.verifyAll(images);
    expect(results.map(({ image, trusted, error }) => [image, trusted, error?.code])).toEqual([
      [`${GUN}:1`, true, undefined],
      ['localhost:5000/unknown:1', false, 'NO_TRUST_DATA'],
      [`${GUN}:3`, false, 'NOT_SIGNED'],
      [`${GUN}:2`, true, undefined],
    ]);
    expect(results[1]?.trustData).toBeUndefined();
    // The repository was read once.
    const timestamps = scene
      .requests()
      .slice(before)
      .filter(line => line.includes(`${GUN}/_trust/tuf/timestamp`));
    expect(timestamps).toHaveLength(1);
  });

  it('that share a failure have it all', async ({ scene }) => {
    const reader = await scene.machine();
    const results = await reader.verifyAll(['localhost:5000/x:1', 'localhost:5000/x:2']);
    expect(results.map(({ error }) => error?.code)).toEqual(['NO_TRUST_DATA', 'NO_TRUST_DATA']);
  });

  it.for([
    ['localhost:5000/app', 'TAG_MISSING'],
    ['localhost:5000/App:1', 'REFERENCE_INVALID'],
  ] as const)(
    'are refused together when one is no reference: %s',
    async ([image, code], { scene }) => {
      const reader = await scene.machine();
      await expectFailure(reader.verifyAll([`${GUN}:1`, image]), UsageError, code);
      expect(scene.requests()).toEqual([]);
    },
  );
});

describe.concurrent('expired trust data', () => {
  it('of the targets is not trusted, though server and timestamp are in order', async ({
    scene,
  }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`);
    scene.clock = new Date(NOW.getTime() + 1096 * DAY);
    const result = await owner.verify(`${GUN}:1`);
    expect(result).toMatchObject({
      trusted: false,
      exitCode: 3,
      error: { code: 'METADATA_EXPIRED' },
    });
    expect(result.error?.message).toMatch(/targets .*2029-11-21/);
  });

  it('of a delegation takes only that one down, and says so', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`, { signer: 'alice' });
    await owner.publish(GUN, await delegate(owner, 'targets/bob'));
    scene.clock = new Date(NOW.getTime() + 700 * DAY);
    await owner.publish(GUN, addTarget('targets', 'top', imageTarget(TWO.digest, TWO.size)));
    scene.clock = new Date(NOW.getTime() + 1100 * DAY);
    expect((await owner.verify(`${GUN}:top`)).trusted).toBe(true);
    const result = await owner.verify(`${GUN}:1`);
    expect(result).toMatchObject({ trusted: false, error: { code: 'NOT_SIGNED' } });
    expect(result.warnings).toContainEqual(
      expect.stringMatching(/^targets\/releases was left aside: .*expired/),
    );
  });

  it('is warned of half a year ahead', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`);
    scene.clock = new Date(NOW.getTime() + 1000 * DAY);
    const { trusted, warnings, validUntil } = await owner.verify(`${GUN}:1`);
    expect(trusted).toBe(true);
    expect(warnings).toEqual([
      'The targets metadata expires on 2029-11-21T00:00:00Z',
      'The snapshot metadata expires on 2029-11-21T00:00:00Z',
    ]);
    expect(validUntil).toBe('2029-11-21T00:00:00.000Z');
  });

  it('of a timestamp is renewed by the server', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`);
    scene.clock = new Date(NOW.getTime() + 30 * DAY);
    expect(await owner.verify(`${GUN}:1`)).toMatchObject({ trusted: true, warnings: [] });
  });
});

describe.concurrent('the registry', () => {
  /** A registry that has one manifest as every tag but two, and an owner who signed it all. */
  async function signed(scene: Scene) {
    const owner = await scene.machine();
    let manifest = MANIFEST;
    const registry = await scene.registry(tag => ({ absent: 404, broken: 403 })[tag] ?? manifest);
    const name = `${registry.domain}/app`;
    await owner.signOne([`${name}:1`, `${name}:absent`, `${name}:broken`], {
      as: content(manifest),
    });
    const repush = () => {
      manifest = manifest.replace('[]', '[ ]');
    };
    return { owner, name, registry, repush };
  }

  it('that has what was signed confirms it', async ({ scene }) => {
    const { owner, name } = await signed(scene);
    const [result] = await owner.verifyAll([`${name}:1`], { registry: 'ask' });
    expect(result).toMatchObject({ trusted: true, exitCode: 0, registry: { status: 'matches' } });
    expect(result?.registry.digest).toBe(result?.digest);
  });

  it('that serves something else as the tag is told of, and not trusted', async ({ scene }) => {
    const { owner, name, repush } = await signed(scene);
    repush();
    const [result] = await owner.verifyAll([`${name}:1`], { registry: 'ask' });
    expect(result).toMatchObject({
      trusted: false,
      exitCode: 3,
      error: { code: 'TAG_MOVED' },
      registry: { status: 'moved' },
    });
    expect(result?.registry.digest).not.toBe(result?.digest);
    // Without the registry only the signature counts.
    expect((await owner.verify(`${name}:1`)).trusted).toBe(true);
  });

  it('without the tag is no success', async ({ scene }) => {
    const { owner, name } = await signed(scene);
    const [result] = await owner.verifyAll([`${name}:absent`], { registry: 'ask' });
    expect(result).toMatchObject({
      trusted: false,
      exitCode: 3,
      error: { code: 'TAG_ABSENT' },
      registry: { status: 'absent' },
    });
  });

  it('that does not answer is a failure only where it is required', async ({ scene }) => {
    const { owner, name } = await signed(scene);
    const [asked] = await owner.verifyAll([`${name}:broken`], { registry: 'ask' });
    expect(asked).toMatchObject({
      trusted: true,
      exitCode: 0,
      registry: { status: 'unreachable' },
    });
    const [required] = await owner.verifyAll([`${name}:broken`], { registry: 'require' });
    expect(required).toMatchObject({
      trusted: true,
      exitCode: 5,
      error: { code: 'REGISTRY_UNREACHABLE' },
      registry: { status: 'unreachable' },
    });
  });

  it('is asked nothing offline, nor about a digest, nor about what is not signed', async ({
    scene,
  }) => {
    const { owner, name, registry } = await signed(scene);
    const [offline] = await owner.verifyAll([`${name}:1`], { registry: 'ask', offline: true });
    expect(offline).toMatchObject({ trusted: true, registry: { status: 'skipped' } });
    await owner.verifyAll([`${name}@${offline?.digest}`, `${name}:unsigned`], {
      registry: 'require',
    });
    expect(registry.requests).toEqual([]);
  });

  it('cannot be asked by a trust server’s name alone: its port counts', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne('localhost:1/app:1');
    const [result] = await owner.verifyAll(['localhost:1/app:1'], { registry: 'ask' });
    expect(result?.registry).toMatchObject({
      status: 'unreachable',
      message: expect.stringContaining('localhost:1'),
    });
  });
});
