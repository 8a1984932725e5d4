import { describe, expect } from 'vitest';
import { escapeForGo } from '../../src/crypto/canonical-json.ts';
import { UsageError } from '../../src/errors.ts';
import { generateKey } from '../../src/operations/keys/key-generate.ts';
import { addTarget, createDelegation, updateDelegation } from '../../src/tuf/change.ts';
import { imageTarget } from '../../src/tuf/target.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { copyVectors, readVector, readVectorJson } from '../support/fixtures.ts';
import { FIXTURES, fixtureGun } from '../support/metadata-fixtures.ts';
import { content, DAY, it, type Machine, NOW } from '../support/trust-scene.ts';

const GUN = 'localhost:5000/team/app';
const ONE = content('one');
const TWO = content('two, longer');

interface Targets {
  signed: { delegations: { roles: { name: string }[] } };
}

async function newKey(machine: Machine, role: string) {
  return await machine.run(async session => {
    const { id } = await generateKey(session, { role });
    return (await (await session.keys()).open(id)).publicKey;
  });
}

describe.concurrent('repositories made by notary and docker', () => {
  // Docker could not inspect d: no expectation was recorded.
  it.for(FIXTURES.filter(name => name !== 'd'))(
    'are shown as docker shows them, byte for byte: %s',
    async (name, { scene }) => {
      const machine = await scene.machine();
      copyVectors(`metadata/${name}/trust/tuf`, `${machine.trustDir}/tuf`);
      const result = await machine.inspect(fixtureGun(name), { offline: true });
      expect(result.error).toBeUndefined();
      const text = `${escapeForGo(JSON.stringify([result.dockerJson], null, 4))}\n`;
      expect(text).toBe(
        readVector(`metadata/${name}/expected/docker-trust-inspect.json`).toString('utf8'),
      );
      expect(scene.requests()).toEqual([]);
    },
  );

  it('with notary’s staged changes and a threshold that fails are shown too: d', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    copyVectors('metadata/d/trust/tuf', `${machine.trustDir}/tuf`);
    const before = await machine.everything();
    const result = await machine.inspect(fixtureGun('d'), { offline: true });
    expect(result.error).toBeUndefined();
    const file = `metadata/d/trust/tuf/${fixtureGun('d')}/metadata/targets.json`;
    const { roles } = readVectorJson<Targets>(file).signed.delegations;
    expect(result.signers.map(({ role }) => role)).toEqual(roles.map(({ name }) => name));
    // Unlike docker, which drops what somebody staged.
    expect(await machine.everything()).toEqual(before);
  });

  it('name the files of their keys', async ({ scene }) => {
    const machine = await scene.machine();
    copyVectors('metadata/a/trust', machine.trustDir);
    const { administrativeKeys } = await machine.inspect(fixtureGun('a'), { offline: true });
    const files = (await machine.keyFiles()).map(({ id }) => id);
    for (const { keys } of administrativeKeys) expect(files).toContain(keys[0]?.id);
    expect(administrativeKeys[0]?.keys[0]).toMatchObject({
      id: '2c9d64f663c8cd853dd5a1676f68f6906cc3e3568f1a918e4da3434a414098c1',
      certificateId: '8611e844d3906d3b8b90954c52d468fa6ba743d2878392c823c476b580f9c046',
      notAfter: expect.stringMatching(/^2036-/),
    });
  });
});

describe.concurrent('inspect', () => {
  it('tells everything of a repository', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne([`${GUN}:v1.10`, `${GUN}:v1.9`], { as: TWO, signer: 'alice' });
    await owner.publish(
      GUN,
      createDelegation('targets/bob', {
        threshold: 2,
        addKeys: [await newKey(owner, 'bob'), await newKey(owner, 'bob')],
        addPaths: ['b', 'c'],
      }),
    );
    const idsOf = async (role: string) =>
      (await owner.keyFiles()).filter(file => file.role === role).map(({ id }) => id);
    const result = await owner.inspect(GUN);

    expect(result.signedTags).toEqual(
      ['v1.9', 'v1.10'].map(tag => ({
        tag,
        digest: TWO.digest,
        size: TWO.size,
        signers: ['alice'],
        roles: ['targets/alice', 'targets/releases'],
      })),
    );
    const expires = new Date(NOW.getTime() + 1095 * DAY).toISOString().replace('.000', '');
    expect(result.signers).toEqual([
      {
        name: 'alice',
        role: 'targets/alice',
        paths: [''],
        keys: (await idsOf('alice')).map(id => ({ id })),
        threshold: 1,
        expires,
      },
      {
        name: 'bob',
        role: 'targets/bob',
        paths: ['b', 'c'],
        // As the metadata lists them.
        keys: expect.arrayContaining((await idsOf('bob')).map(id => ({ id }))),
        threshold: 2,
      },
    ]);
    expect(result.administrativeKeys).toMatchObject([
      { name: 'Root', keys: [{ id: (await idsOf('root'))[0] }] },
      { name: 'Repository', keys: [{ id: (await idsOf('targets'))[0] }] },
    ]);
    expect(result.roles.map(({ role, version, threshold }) => [role, version, threshold])).toEqual([
      ['root', 1, 1],
      ['targets', 3, 1],
      ['targets/alice', 1, 1],
      ['targets/releases', 1, 1],
      ['snapshot', 2, 1],
      ['timestamp', 2, 1],
    ]);
    expect(result.trustData?.from).toBe('server');
    // Docker’s order of signers: by name, descending.
    expect(result.dockerJson.Signers.map(({ Name }) => Name)).toEqual(['bob', 'alice']);
    expect(result.dockerJson.AdministrativeKeys[0]?.Keys?.[0]?.ID).toBe(
      result.administrativeKeys[0]?.keys[0]?.certificateId,
    );
  });

  it('narrows the tags to the one that is named, and keeps the name as typed', async ({
    scene,
  }) => {
    const owner = await scene.machine();
    await owner.signOne(['app:1', 'app:2']);
    const one = await owner.inspect('app:2');
    expect(one.signedTags.map(({ tag }) => tag)).toEqual(['2']);
    expect(one.dockerJson.Name).toBe('app:2');
    // A tag without a signature is no error, and a digest counts as no tag: as docker has it.
    const none = await owner.inspect('app:3');
    expect(none).toMatchObject({ exitCode: 0, signedTags: [], dockerJson: { SignedTags: [] } });
    const byDigest = await owner.inspect(`app:1@${TWO.digest}`);
    expect(byDigest.signedTags.map(({ tag }) => tag)).toEqual(['1', '2']);
  });

  it('shows a tag with two digests twice', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`, { as: ONE, signer: 'alice' });
    await owner.publish(GUN, addTarget('targets', '1', imageTarget(TWO.digest, TWO.size)));
    const { signedTags, dockerJson } = await owner.inspect(GUN);
    expect(signedTags.map(({ digest, signers }) => [digest, signers])).toEqual([
      [TWO.digest, ['Repo Admin']],
      [ONE.digest, ['alice']],
    ]);
    expect(dockerJson.SignedTags).toHaveLength(2);
  });

  it('shows no tag that was not released, and a signer who lost all keys', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`, { signer: 'alice' });
    await owner.signOne(`${GUN}:2`, { roles: ['alice'] });
    const id = (await owner.keyFiles()).find(({ role }) => role === 'alice')?.id ?? '';
    expect((await owner.inspect(GUN)).signedTags.map(({ tag }) => tag)).toEqual(['1']);
    await owner.publish(GUN, updateDelegation('targets/alice', { removeKeys: [id] }));
    const result = await owner.inspect(GUN);
    expect(result.signedTags).toMatchObject([{ tag: '1', signers: ['Repo Admin'] }]);
    expect(result.dockerJson.Signers).toEqual([{ Name: 'alice' }]);
    expect(result.warnings).toContainEqual(expect.stringContaining('targets/alice was left aside'));
  });

  it('has one result for each image, and fails for one alone', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`);
    const unknown = await owner.inspect('localhost:5000/unknown');
    expect(unknown).toMatchObject({
      exitCode: 3,
      error: { code: 'NO_TRUST_DATA' },
      signedTags: [],
      dockerJson: {
        Name: 'localhost:5000/unknown',
        SignedTags: [],
        Signers: [],
        AdministrativeKeys: [],
      },
    });
    expect(unknown.trustData).toBeUndefined();
    await expectFailure(owner.inspect('App'), UsageError, 'REFERENCE_INVALID');
  });
});
