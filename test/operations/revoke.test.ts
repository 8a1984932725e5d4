import { describe, expect } from 'vitest';
import { ConnectionError, KeyError, TrustError, UsageError } from '../../src/errors.ts';
import { generateKey } from '../../src/operations/keys/key-generate.ts';
import { addTarget, createDelegation } from '../../src/tuf/change.ts';
import { imageTarget } from '../../src/tuf/target.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { content, it, type Machine } from '../support/trust-scene.ts';

const GUN = 'localhost:5000/team/app';
const ONE = content('one');
const TWO = content('two');
const PUBLISH = /^POST .*\/_trust\/tuf\/$/;

async function addBob(owner: Machine): Promise<void> {
  const key = await owner.run(async session => {
    const { id } = await generateKey(session, { role: 'bob' });
    return (await (await session.keys()).open(id)).publicKey;
  });
  await owner.publish(
    GUN,
    createDelegation('targets/bob', { threshold: 1, addKeys: [key], addPaths: [''] }),
  );
}

describe.concurrent('revoke', () => {
  it('takes a tag out of every role that holds it, targets too, in one publish', async ({
    scene,
  }) => {
    const owner = await scene.machine();
    await owner.signOne([`${GUN}:1`, `${GUN}:2`], { signer: 'alice' });
    await owner.publish(GUN, addTarget('targets', '1', imageTarget(TWO.digest, TWO.size)));
    const posts = scene.posts().length;
    const { repositories } = await owner.revoke(`${GUN}:1`);
    expect(repositories).toEqual([
      {
        repository: GUN,
        server: scene.server.url,
        tags: [
          {
            tag: '1',
            removedFrom: ['targets', 'targets/alice', 'targets/releases'],
            remainsIn: [],
            status: 'revoked',
          },
        ],
        versions: { targets: 4, 'targets/alice': 2, 'targets/releases': 2 },
        warnings: [],
        exitCode: 0,
      },
    ]);
    expect(scene.posts()).toHaveLength(posts + 1);
    const reader = await scene.machine();
    expect((await reader.verify(`${GUN}:1`)).error?.code).toBe('NOT_SIGNED');
    expect((await reader.verify(`${GUN}:2`)).trusted).toBe(true);
  });

  it('publishes once for each repository, for all tags', async ({ scene }) => {
    const owner = await scene.machine();
    const images = ['localhost:5000/a:1', 'localhost:5000/b:1', 'localhost:5000/a:2'];
    await owner.sign(images, { as: ONE });
    const posts = scene.posts().length;
    const { repositories } = await owner.revoke(images);
    expect(repositories.map(({ tags }) => tags.map(({ status }) => status))).toEqual([
      ['revoked', 'revoked'],
      ['revoked'],
    ]);
    expect(scene.posts().slice(posts)).toEqual(['localhost:5000/a', 'localhost:5000/b']);
  });

  it('tells what it could not take out, and does the rest', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`, { signer: 'alice' });
    await addBob(owner);
    await owner.signOne(`${GUN}:1`, { roles: ['bob', 'targets'] });
    await owner.loseKey('targets');
    await owner.loseKey('bob');
    const { repositories } = await owner.revoke(`${GUN}:1`);
    expect(repositories[0]?.tags).toEqual([
      {
        tag: '1',
        removedFrom: ['targets/alice', 'targets/releases'],
        remainsIn: ['targets', 'targets/bob'],
        status: 'partly',
      },
    ]);
    // Which is why it must be said: it is trusted still.
    expect((await owner.verify(`${GUN}:1`)).trusted).toBe(true);
    const again = await owner.revoke(`${GUN}:1`);
    expect(again.repositories[0]).toMatchObject({
      tags: [{ removedFrom: [], status: 'partly' }],
      versions: {},
    });
  });

  it('sends nothing for a tag that is not signed', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`, { signer: 'alice' });
    const posts = scene.posts();
    const { repositories } = await owner.revoke(`${GUN}:2`);
    expect(repositories[0]).toMatchObject({
      tags: [{ tag: '2', removedFrom: [], remainsIn: [], status: 'not-signed' }],
      versions: {},
    });
    expect(scene.posts()).toEqual(posts);

    const { repositories: mixed } = await owner.revoke([`${GUN}:2`, `${GUN}:1`]);
    expect(mixed[0]?.tags.map(({ status }) => status)).toEqual(['not-signed', 'revoked']);
  });

  it('takes out what a signer holds that was never released', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`, { signer: 'alice' });
    await owner.signOne(`${GUN}:2`, { roles: ['alice'] });
    const { repositories } = await owner.revoke(`${GUN}:2`);
    expect(repositories[0]?.tags[0]).toMatchObject({
      removedFrom: ['targets/alice'],
      status: 'revoked',
    });
    expect(await scene.tags(GUN, 'targets/alice')).toEqual({ 1: ONE.hex });
  });

  it('tells in a dry run what it would do, and does nothing', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`, { signer: 'alice' });
    const other = await scene.machine();
    await other.takeKey(owner, 'alice');
    const before = await other.everything();
    const posts = scene.posts();
    const { repositories } = await other.revoke([`${GUN}:1`, `${GUN}:2`], true);
    expect(repositories[0]).toMatchObject({
      tags: [
        { tag: '1', removedFrom: ['targets/alice', 'targets/releases'], status: 'would-revoke' },
        { tag: '2', status: 'not-signed' },
      ],
      versions: {},
    });
    expect(await other.everything()).toEqual(before);
    expect(scene.posts()).toEqual(posts);
    expect((await owner.verify(`${GUN}:1`)).trusted).toBe(true);
  });

  it('that lost a race takes the tag out of what the other published', async ({ scene }) => {
    const proxy = await scene.proxy();
    const owner = await scene.machine({ server: proxy.url });
    await owner.signOne(`${GUN}:1`);
    const colleague = await scene.machine();
    await colleague.takeKey(owner, 'targets');
    proxy.fault(
      PUBLISH,
      async (_request, forward) => {
        await colleague.signOne([`${GUN}:1`, `${GUN}:theirs`], { as: TWO });
        return await forward();
      },
      { times: 1 },
    );
    const { repositories } = await owner.revoke(`${GUN}:1`);
    expect(repositories[0]).toMatchObject({
      tags: [{ status: 'revoked' }],
      versions: { targets: 4 },
    });
    expect(await scene.tags(GUN, 'targets')).toEqual({ theirs: TWO.hex });
  });

  it('leaves staged changes of others, with a warning', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`);
    const list = () =>
      owner.run(async session => session.trustDir.repository(GUN).changelist.list());
    await owner.run(session =>
      session.trustDir
        .repository(GUN)
        .changelist.add(addTarget('targets', 'x', imageTarget(TWO.digest, 3))),
    );
    const before = await list();
    for (const dryRun of [true, false]) {
      const { repositories } = await owner.revoke(`${GUN}:1`, dryRun);
      expect(repositories[0]?.warnings).toEqual([expect.stringContaining('1 change staged')]);
    }
    expect(await list()).toEqual(before);
    expect(await scene.tags(GUN, 'targets')).toEqual({});
  });
});

describe.concurrent('a failure', () => {
  it('for a wrong passphrase revokes nothing', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`, { signer: 'alice' });
    const posts = scene.posts();
    const wrong = owner.withEnv({ DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'wrong' });
    await expectFailure(wrong.revoke(`${GUN}:1`), KeyError, 'KEY_PASSPHRASE_WRONG');
    expect(scene.posts()).toEqual(posts);
    expect((await owner.verify(`${GUN}:1`)).trusted).toBe(true);
  });

  it('in one repository leaves the others to be done', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`);
    const { repositories } = await owner.revoke(['localhost:5000/unknown:1', `${GUN}:1`]);
    expect(repositories).toMatchObject([
      {
        repository: 'localhost:5000/unknown',
        error: { code: 'NO_TRUST_DATA' },
        exitCode: 3,
        tags: [],
      },
      { repository: GUN, exitCode: 0, tags: [{ status: 'revoked' }] },
    ]);
    await expectFailure(owner.revoke('localhost:5000/unknown:1'), TrustError, 'NO_TRUST_DATA');
  });

  it('to know what became of it is no success', async ({ scene }) => {
    const proxy = await scene.proxy();
    const owner = await scene.machine({ server: proxy.url });
    await owner.signOne(`${GUN}:1`);
    proxy.fault(PUBLISH, { reset: true });
    await expectFailure(owner.revoke(`${GUN}:1`), ConnectionError, 'PUBLISH_UNCONFIRMED');
    proxy.clear();
    proxy.fault(PUBLISH, async (_request, forward) => {
      await forward();
      return { reset: true };
    });
    expect((await owner.revoke(`${GUN}:1`)).repositories[0]?.tags[0]?.status).toBe('revoked');
  });

  it.for([
    ['localhost:5000/app', 'TAG_MISSING'],
    [`localhost:5000/app@${ONE.digest}`, 'DIGEST_REFERENCE'],
  ] as const)('of the command asks nobody: %s', async ([image, code], { scene }) => {
    const owner = await scene.machine();
    await expectFailure(owner.revoke([`${GUN}:1`, image]), UsageError, code);
    expect(scene.requests()).toEqual([]);
  });
});
