import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { canonicalKeyId } from '../../src/crypto/public-key.ts';
import { removeDelegation } from '../../src/operations/delegations/delegation.ts';
import { generateKey } from '../../src/operations/keys/key-generate.ts';
import { type AddSignerRequest, addSigner } from '../../src/operations/signers/signer-add.ts';
import { listSigners } from '../../src/operations/signers/signer-list.ts';
import { removeSigner } from '../../src/operations/signers/signer-remove.ts';
import { rotateSigner } from '../../src/operations/signers/signer-rotate.ts';
import { witnessRoles } from '../../src/operations/witness.ts';
import { content, it, type Machine, type Scene } from '../support/trust-scene.ts';

const APP = 'localhost:5000/app';
const DB = 'localhost:5000/db';

/** A new key of somebody, and the file with its public half. */
async function newKey(machine: Machine, name: string): Promise<{ id: string; file: string }> {
  await mkdir(machine.home, { recursive: true });
  const file = join(machine.home, `${name}-${Math.random().toString(36).slice(2)}.pub`);
  const { id } = await machine.run(session =>
    generateKey(session, { role: name, publicKeyFile: file }),
  );
  return { id, file };
}

async function add(
  machine: Machine,
  request: Omit<AddSignerRequest, 'repositories'>,
  ...guns: string[]
) {
  return await machine.run(session => addSigner(session, { ...request, repositories: guns }));
}

async function remove(machine: Machine, name: string, guns: string[], dryRun = false) {
  return await machine.run(session => removeSigner(session, { name, repositories: guns, dryRun }));
}

/** Who may sign for each delegation, as somebody sees it who comes anew. */
async function keysOf(scene: Scene, image: string): Promise<Record<string, string[]>> {
  const { targets } = await scene.trusted(image);
  const { roles, keys } = targets.get('targets')?.metadata.delegations ?? {};
  return Object.fromEntries(
    (roles ?? []).map(({ name, keyIds }) => [
      name,
      (keyIds ?? []).map(id => canonicalKeyId(keys?.get(id) as never)).sort(),
    ]),
  );
}

/** A repository with the signers alice and bob, whose keys are all on one machine. */
async function twoSigners(scene: Scene) {
  const owner = await scene.machine();
  await owner.signOne(`${APP}:first`, { signer: 'alice' });
  const alice = (await owner.keyFiles()).find(({ role }) => role === 'alice')?.id ?? '';
  const bob = await newKey(owner, 'bob');
  await add(owner, { name: 'bob', keyFiles: [bob.file] }, APP);
  return { owner, alice, bob: bob.id };
}

describe('adding a signer', () => {
  it('gives them a role of their own and lets them release, by one publish for each repository', async ({
    scene,
  }) => {
    const owner = await scene.machine();
    await owner.signOne(`${APP}:1`);
    await owner.signOne(`${DB}:1`);
    const key = await newKey(owner, 'alice');
    const before = scene.posts().length;
    const report = await add(
      owner,
      { name: 'alice', keyFiles: [key.file] },
      APP,
      'localhost:5000/nobody',
      DB,
    );
    expect(scene.posts().slice(before)).toEqual([APP, DB]);
    expect(report.summary).toEqual({ succeeded: 2, failed: 1 });
    expect(report.repositories.map(({ exitCode, error }) => [exitCode, error?.code])).toEqual([
      [0, undefined],
      [3, 'NO_TRUST_DATA'],
      [0, undefined],
    ]);
    for (const image of [APP, DB]) {
      expect(await keysOf(scene, image)).toEqual({
        'targets/alice': [key.id],
        'targets/releases': [key.id],
      });
    }
    const again = await add(owner, { name: 'alice', keyIds: [key.id.slice(0, 7)] }, APP);
    expect(again.repositories).toMatchObject([{ delegations: [], exitCode: 0, confirmed: true }]);
    expect(scene.posts()).toHaveLength(before + 2);
  });

  it('makes a repository only when that is asked for, in the same publish', async ({ scene }) => {
    const owner = await scene.machine();
    const key = await newKey(owner, 'alice');
    const request = { name: 'alice', keyFiles: [key.file] };
    await expect(add(owner, request, APP)).rejects.toMatchObject({
      code: 'NO_TRUST_DATA',
      hint: expect.stringContaining('--init'),
    });
    const dry = await add(owner, { ...request, initialise: true, dryRun: true }, APP);
    expect(dry.repositories).toMatchObject([
      { initialised: true, wouldCreateKeys: ['root', 'targets'], versions: {} },
    ]);
    expect(await owner.keyRoles()).toEqual(['alice']);
    expect(scene.posts()).toEqual([]);
    const told: string[] = [];
    const report = await add(
      owner,
      { ...request, initialise: true, onInitialise: gun => told.push(gun) },
      APP,
    );
    expect(told).toEqual([APP]);
    expect(scene.posts()).toEqual([APP]);
    expect(report.repositories).toMatchObject([
      { initialised: true, createdKeys: [{ role: 'root' }, { role: 'targets' }], confirmed: true },
    ]);
    expect(Object.keys(await keysOf(scene, APP))).toEqual(['targets/alice', 'targets/releases']);
  });

  it('refuses names and keys that can be none before any repository is asked', async ({
    scene,
  }) => {
    const owner = await scene.machine();
    const key = await newKey(owner, 'alice');
    for (const name of ['releases', 'Alice', '-a', 'a/b', ''])
      await expect(add(owner, { name, keyFiles: [key.file] }, APP)).rejects.toMatchObject({
        exitCode: 2,
      });
    await expect(add(owner, { name: 'alice' }, APP)).rejects.toMatchObject({
      code: 'SIGNER_KEY_MISSING',
    });
    await expect(
      add(owner, { name: 'alice', keyFiles: [join(owner.home, 'absent')] }, APP),
    ).rejects.toMatchObject({
      code: 'KEY_FILE_UNREADABLE',
      message: expect.stringMatching(/cannot be read: there is no such file$/),
    });
    expect(scene.requests()).toEqual([]);
  });
});

describe('removing a signer', () => {
  it('takes them out of releases, which another signs again in the same publish', async ({
    scene,
  }) => {
    const { owner, alice, bob } = await twoSigners(scene);
    await owner.signOne(`${APP}:both`, { as: content('both') });
    const before = scene.posts().length;
    const dry = await remove(owner, 'alice', [APP], true);
    expect(scene.posts()).toHaveLength(before);
    const report = await remove(owner, 'alice', [APP]);
    expect(scene.posts()).toHaveLength(before + 1);
    expect(dry.repositories[0]?.tagsWithoutSigner).toEqual(['first']);
    expect(report.repositories).toMatchObject([
      {
        delegations: [
          { role: 'targets/alice', status: 'removed' },
          { role: 'targets/releases', removedKeys: [alice], keysLeft: 1 },
        ],
        resigned: [],
        lostTargets: [],
        tagsWithoutSigner: ['first'],
        confirmed: true,
        exitCode: 0,
      },
    ]);
    expect(await keysOf(scene, APP)).toEqual({
      'targets/bob': [bob],
      'targets/releases': [bob],
    });
    const reader = await scene.machine();
    expect(await reader.verify(`${APP}:both`)).toMatchObject({
      trusted: true,
      signedBy: [{ name: 'releases' }, { name: 'bob' }],
    });
    expect((await reader.verify(`${APP}:first`)).trusted).toBe(true);
  });

  it('signs releases again where only the removed one had signed it', async ({ scene }) => {
    const { owner } = await twoSigners(scene);
    const report = await remove(owner, 'alice', [APP]);
    expect(report.repositories).toMatchObject([
      { resigned: ['targets/releases'], lostTargets: [], tagsWithoutSigner: ['first'] },
    ]);
    expect((await (await scene.machine()).verify(`${APP}:first`)).trusted).toBe(true);
  });

  it('names the tags that nobody can sign again', async ({ scene }) => {
    const { owner } = await twoSigners(scene);
    await owner.loseKey('bob');
    const report = await remove(owner, 'alice', [APP]);
    expect(report.repositories).toMatchObject([
      { resigned: [], lostTargets: ['first'], tagsWithoutSigner: [], exitCode: 0 },
    ]);
    expect(report.repositories[0]?.warnings.join()).toContain('targets/releases');
    expect((await (await scene.machine()).verify(`${APP}:first`)).trusted).toBe(false);
  });

  it('also removes the last one, and says what that costs', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${APP}:1`, { signer: 'alice' });
    const report = await remove(owner, 'alice', [APP]);
    expect(report.repositories).toMatchObject([{ lostTargets: ['1'], confirmed: true }]);
    expect(await keysOf(scene, APP)).toEqual({ 'targets/releases': [] });
  });

  it('leaves a key that somebody else signs with to them', async ({ scene }) => {
    const { owner, bob } = await twoSigners(scene);
    await add(owner, { name: 'carol', keyIds: [bob] }, APP);
    const report = await remove(owner, 'bob', [APP]);
    expect(report.repositories[0]?.warnings.join()).toContain('is also a key of carol');
    expect(await keysOf(scene, APP)).toMatchObject({ 'targets/carol': [bob] });
    expect((await keysOf(scene, APP))['targets/releases']).toContain(bob);
  });

  it('names the tags that nobody releases any more, though somebody still signs them', async ({
    scene,
  }) => {
    const { owner } = await twoSigners(scene);
    const other = await scene.machine();
    await other.takeKey(owner, 'bob');
    // Bob signs, but only alice's key released it.
    await owner.signOne(`${APP}:1`, { as: content('1'), roles: ['targets/bob'] });
    await owner.signOne(`${APP}:1`, { as: content('1'), signer: 'alice' });
    await owner.loseKey('bob');
    await owner.signOne(`${APP}:2`, { as: content('2') });
    const report = await remove(owner, 'alice', [APP]);
    expect(report.repositories).toMatchObject([
      { unreleasedTags: ['1', '2', 'first'], lostTargets: ['2', 'first'], resigned: [] },
    ]);
    const mended = await other.run(session =>
      witnessRoles(session, APP, { roles: ['targets/releases'] }),
    );
    expect(mended.roles).toMatchObject([{ role: 'targets/releases', status: 'signed' }]);
    expect((await (await scene.machine()).verify(`${APP}:2`)).trusted).toBe(true);
  });

  it('is no success where nobody was removed', async ({ scene }) => {
    const { owner } = await twoSigners(scene);
    const before = scene.posts().length;
    await expect(remove(owner, 'carol', [APP])).rejects.toMatchObject({
      code: 'SIGNER_UNKNOWN',
      exitCode: 1,
      hint: expect.stringContaining('alice, bob'),
    });
    await expect(remove(owner, 'releases', [APP])).rejects.toMatchObject({
      code: 'SIGNER_RESERVED',
    });
    const report = await remove(owner, 'carol', [APP, DB]);
    expect(report.summary).toEqual({ succeeded: 0, failed: 2 });
    await owner.loseKey('targets');
    await expect(remove(owner, 'alice', [APP])).rejects.toMatchObject({ code: 'KEY_MISSING' });
    expect(scene.posts()).toHaveLength(before);
  });
});

describe("rotating a signer's key", () => {
  it('replaces it in all repositories and signs again what it had signed', async ({ scene }) => {
    const { owner, alice, bob } = await twoSigners(scene);
    await owner.signOne(`${DB}:1`, { signer: 'alice' });
    const before = scene.posts().length;
    const report = await owner.run(session =>
      rotateSigner(session, { name: 'alice', repositories: [APP, DB, 'localhost:5000/no'] }),
    );
    expect(scene.posts().slice(before)).toEqual([APP, DB]);
    expect(report.summary).toEqual({ succeeded: 2, failed: 1 });
    const [key] = report.newKeys;
    expect(report.newKeys).toEqual([{ id: key?.id, file: expect.stringContaining('.key') }]);
    expect(report.oldKeys.map(({ id }) => id)).toEqual([alice]);
    expect(report.repositories[0]).toMatchObject({
      resigned: ['targets/alice', 'targets/releases'],
      lostTargets: [],
      tagsWithoutSigner: [],
    });
    expect(await keysOf(scene, APP)).toEqual({
      'targets/alice': [key?.id],
      'targets/bob': [bob],
      'targets/releases': [bob, key?.id].sort(),
    });
    expect(await (await scene.machine()).verify(`${APP}:first`)).toMatchObject({
      trusted: true,
      signedBy: [{ name: 'alice' }, { name: 'releases' }],
    });
    // The key of the next tag is the new one.
    expect((await owner.signOne(`${DB}:2`, { as: content('2') })).tags[0]?.roles).toEqual([
      'targets/alice',
      'targets/releases',
    ]);
  });

  it('makes no key in a dry run, nor when no repository would take it', async ({ scene }) => {
    const { owner } = await twoSigners(scene);
    const [roles, before] = [await owner.keyRoles(), scene.posts().length];
    const dry = await owner.run(session =>
      rotateSigner(session, { name: 'alice', repositories: [APP], dryRun: true }),
    );
    expect(dry).toMatchObject({
      newKeys: [],
      createdKeys: [],
      repositories: [{ resigned: ['targets/alice', 'targets/releases'] }],
    });
    expect(dry.repositories[0]?.delegations[0]).toMatchObject({ addedKeys: [] });
    const none = await owner.run(session =>
      rotateSigner(session, { name: 'carol', repositories: [APP, DB] }),
    );
    expect(none.summary).toEqual({ succeeded: 0, failed: 2 });
    expect(await owner.keyRoles()).toEqual(roles);
    expect(scene.posts()).toHaveLength(before);
  });

  it('takes the public key of somebody else, and names what they have to sign again', async ({
    scene,
  }) => {
    const { owner } = await twoSigners(scene);
    const theirs = await newKey(await scene.machine(), 'alice');
    const report = await owner.run(session =>
      rotateSigner(session, { name: 'alice', repositories: [APP], keyFiles: [theirs.file] }),
    );
    expect(report.newKeys).toEqual([{ id: theirs.id }]);
    expect(report.repositories).toMatchObject([
      { resigned: ['targets/releases'], lostTargets: [], tagsWithoutSigner: ['first'] },
    ]);
    await expect(
      owner.run(session =>
        rotateSigner(session, { name: 'alice', repositories: [APP], keyFiles: [theirs.file] }),
      ),
    ).rejects.toMatchObject({ code: 'KEY_UNCHANGED' });
  });
});

it('says when a key is left in releases that belongs to nobody any more', async ({ scene }) => {
  const { owner, bob } = await twoSigners(scene);
  const role = { role: 'targets/bob', keys: [], paths: [], allPaths: false };
  const listed = async () =>
    (await owner.run(session => listSigners(session, { repositories: [APP] }))).repositories[0];
  expect((await listed())?.warnings).toEqual([]);
  const { warnings } = await owner.run(session => removeDelegation(session, APP, role));
  const way = `tabellion delegation remove ${APP} releases ${bob.slice(0, 12)}`;
  expect(warnings.join()).toContain(way);
  expect((await listed())?.warnings.join()).toContain(way);
  // The way that was named is one.
  const releases = { ...role, role: 'targets/releases', keys: [bob.slice(0, 12)] };
  await owner.run(session => removeDelegation(session, APP, releases));
  expect((await listed())?.warnings).toEqual([]);
});

it('lists signers, and whose keys are here', async ({ scene }) => {
  const { owner, alice, bob } = await twoSigners(scene);
  await owner.loseKey('bob');
  const { repositories } = await owner.run(session =>
    listSigners(session, { repositories: [APP, DB] }),
  );
  expect(repositories).toMatchObject([
    {
      repository: APP,
      signers: [
        { name: 'alice', keys: [{ id: alice, isHere: true, mayRelease: true }], targets: 1 },
        { name: 'bob', keys: [{ id: bob, isHere: false, mayRelease: true }] },
      ],
      exitCode: 0,
    },
    { repository: DB, error: { code: 'NO_TRUST_DATA' }, exitCode: 3 },
  ]);
});
