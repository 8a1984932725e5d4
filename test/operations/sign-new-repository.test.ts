import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import {
  ConnectionError,
  KeyError,
  OperationError,
  TrustError,
  UsageError,
} from '../../src/errors.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { content, it, type Machine, NOW } from '../support/trust-scene.ts';

const GUN = 'localhost:5000/team/app';
const IMAGE = `${GUN}:1.0`;
const PUBLISH = /^POST .*\/_trust\/tuf\/$/;

/** IDs of the keys that are on disk, by role. */
async function keyIds(machine: Machine): Promise<string[]> {
  return (await machine.keyFiles()).map(({ role, id }) => `${role} ${id}`).sort();
}

describe.concurrent('the first signature of a repository', () => {
  it('makes root and targets keys, and one publish', async ({ scene }) => {
    const machine = await scene.machine();
    const one = content('one');
    const report = await machine.signOne([IMAGE, `${GUN}:latest`], { as: one });

    expect(report).toMatchObject({
      repository: GUN,
      server: scene.server.url,
      initialised: true,
      tags: [
        { tag: '1.0', digest: one.digest, size: one.size, roles: ['targets'], status: 'signed' },
        { tag: 'latest', digest: one.digest, size: one.size, roles: ['targets'], status: 'signed' },
      ],
      versions: { root: 1, targets: 2 },
      warnings: [],
      exitCode: 0,
    });
    expect(report.signer).toBeUndefined();
    expect(scene.posts()).toEqual([GUN]);

    expect(report.createdKeys.map(({ role }) => role)).toEqual(['root', 'targets']);
    for (const { id, role, file } of report.createdKeys) {
      expect(file).toBe(join(machine.trustDir, 'private', `${id}.key`));
      const text = await readFile(file, 'utf8');
      expect(text).toContain(`role: ${role}\n`);
      // A targets key is of one repository, a root key of none (keys.md 5.4).
      expect(text.includes(`gun: ${GUN}\n`)).toBe(role === 'targets');
      expect(text).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    }

    expect(await scene.tags(GUN, 'targets')).toEqual({ '1.0': one.hex, latest: one.hex });
    const { root, snapshot, targets } = await scene.trusted(GUN);
    expect(targets.get('targets')?.metadata.delegations.roles ?? []).toEqual([]);
    expect(root.certificates[0]?.leaf.commonName).toBe(GUN);
    expect(root.certificates[0]?.leaf.notBefore).toEqual(NOW);
    // The snapshot is the server's, as docker leaves it.
    expect(snapshot?.metadata.version).toBe(1);
  });

  it('gives the signer that was asked for a role, beside releases, with one key', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    const report = await machine.signOne(IMAGE, { signer: 'alice' });
    expect(report).toMatchObject({ signer: 'alice', versions: { root: 1, targets: 2 } });
    expect(report.tags[0]?.roles).toEqual(['targets/alice', 'targets/releases']);
    expect(await machine.keyRoles()).toEqual(['alice', 'root', 'targets']);
    expect(scene.posts()).toEqual([GUN]);

    const trusted = await scene.trusted(GUN);
    const aliceKey = (await machine.keyFiles()).find(({ role }) => role === 'alice')?.id;
    expect(trusted.targets.get('targets')?.metadata.targets.size).toBe(0);
    for (const role of ['targets/alice', 'targets/releases']) {
      expect(trusted.delegation(role)).toEqual({
        name: role,
        keyIds: [aliceKey],
        paths: [''],
        threshold: 1,
      });
      expect(await scene.tags(GUN, role)).toEqual({ '1.0': content('one').hex });
    }
  });

  it('names the first signer as docker does: by the login at the image’s registry', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    await machine.login('localhost:5000', 'bob');
    expect(await machine.signOne(IMAGE)).toMatchObject({ signer: 'bob' });
    // Somebody logged in elsewhere is nobody here.
    expect((await machine.signOne('localhost:5001/app:1')).signer).toBeUndefined();
    // What is asked for beats the login.
    expect(await machine.signOne('localhost:5000/b:1', { signer: 'al' })).toMatchObject({
      signer: 'al',
    });
  });

  it.for(['Alice', 'a.b', 'robot$ci', 'alice@example.com', 'a/b', 'releases', '-x', 'é'])(
    'creates nothing for the login name “%s”, which cannot be a signer',
    async (name, { scene }) => {
      const machine = await scene.machine();
      await machine.login('localhost:5000', name);
      const before = [...(await machine.everything())].filter(([path]) => path.includes('config'));
      const error = await expectFailure(machine.signOne(IMAGE), UsageError, 'SIGNER_INVALID');
      expect(error.hint).toContain('--signer');
      const after = [...(await machine.everything())].filter(([path]) => !path.includes('locks'));
      expect(after.filter(([, text]) => text !== 'folder')).toEqual(before);
      // A key request would make the server keep a key.
      expect(
        scene.requests().filter(line => !line.startsWith('GET ') || line.endsWith('.key')),
      ).toEqual([]);
    },
  );

  it('refuses such a name given by hand before it asks anybody', async ({ scene }) => {
    const machine = await scene.machine();
    await expectFailure(machine.sign([IMAGE], { signer: 'Alice' }), UsageError, 'SIGNER_INVALID');
    expect(scene.requests()).toEqual([]);
    expect(await machine.everything()).toEqual(new Map());
  });

  it('uses the root key that is there, the smallest ID of several, and a signer’s key again', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    const first = await machine.signOne(IMAGE, { signer: 'alice' });
    const second = await machine.signOne('localhost:5000/team/other:1', { signer: 'alice' });
    expect(second.createdKeys.map(({ role }) => role)).toEqual(['targets']);
    expect(await machine.keyRoles()).toEqual(['alice', 'root', 'targets', 'targets']);

    // A second root key, from another machine.
    const other = await scene.machine();
    await other.signOne('localhost:5000/elsewhere:1');
    const otherRoot = await machine.takeKey(other, 'root');
    const ownRoot = first.createdKeys.find(({ role }) => role === 'root')?.id ?? '';
    await machine.signOne('localhost:5000/team/third:1');
    const inspected = await machine.inspect('localhost:5000/team/third');
    expect(inspected.administrativeKeys[0]?.keys[0]?.id).toBe([ownRoot, otherRoot].sort()[0]);
    expect(machine.log).toContainEqual(expect.stringContaining('the smallest ID of 2'));
  });

  it('is one for each repository of a call, with one root key', async ({ scene }) => {
    const machine = await scene.machine();
    const images = ['localhost:5000/a:1', 'localhost:5000/b:1', 'localhost:5000/a:2'];
    const { repositories } = await machine.sign(images, { as: content('one') });
    expect(repositories.map(({ repository, tags }) => [repository, tags.length])).toEqual([
      ['localhost:5000/a', 2],
      ['localhost:5000/b', 1],
    ]);
    expect(scene.posts()).toEqual(['localhost:5000/a', 'localhost:5000/b']);
    expect(await machine.keyRoles()).toEqual(['root', 'targets', 'targets']);
  });

  it('signs into the roles that were asked for', async ({ scene }) => {
    const machine = await scene.machine();
    const both = await machine.signOne(IMAGE, { signer: 'alice', roles: ['targets', 'alice'] });
    expect(both.tags[0]?.roles).toEqual(['targets', 'targets/alice']);
    expect(await scene.tags(GUN, 'targets')).toEqual({ '1.0': content('one').hex });
    expect(await scene.tags(GUN, 'targets/alice')).toEqual({ '1.0': content('one').hex });
    expect(await scene.tags(GUN, 'targets/releases')).toEqual({});
  });

  it('refuses a role that the new repository would not have, and creates nothing', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    for (const dryRun of [true, false]) {
      await expectFailure(
        machine.signOne(IMAGE, { roles: ['targets/bob'], dryRun }),
        OperationError,
        'ROLE_UNKNOWN',
      );
    }
    expect(await machine.keyRoles()).toEqual([]);
    expect(scene.posts()).toEqual([]);
  });
});

describe.concurrent('a dry run of it', () => {
  it('says what would be made, and makes nothing here or there', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.login('localhost:5000', 'alice');
    const before = await machine.everything();
    const report = await machine.signOne(IMAGE, { dryRun: true });
    expect(report).toMatchObject({
      initialised: true,
      signer: 'alice',
      createdKeys: [],
      wouldCreateKeys: ['root', 'targets', 'alice'],
      tags: [{ tag: '1.0', roles: ['targets/alice', 'targets/releases'], status: 'would-sign' }],
      versions: {},
    });
    expect(await machine.everything()).toEqual(before);
    // To ask for a key makes the server keep one.
    expect(scene.requests().filter(line => !/^GET .*\/root\.json$/.test(line))).toEqual([]);
  });

  it('counts the keys that are there', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne('localhost:5000/first:1', { signer: 'alice' });
    const report = await machine.signOne(IMAGE, { signer: 'alice', dryRun: true });
    expect(report.wouldCreateKeys).toEqual(['targets']);
  });
});

describe.concurrent('a first publish that fails', () => {
  it('leaves its keys on disk, reports them, and is carried on with them', async ({ scene }) => {
    const proxy = await scene.proxy();
    const machine = await scene.machine({ server: proxy.url });
    proxy.fault(PUBLISH, { status: 503, body: 'busy' }, { times: 1 });
    const failed = await machine.signOne(IMAGE, { signer: 'alice' });
    expect(failed).toMatchObject({
      repository: GUN,
      server: proxy.url,
      error: { code: 'SERVER_ERROR' },
      exitCode: 5,
      tags: [],
      versions: {},
    });
    expect(failed.createdKeys.map(({ role }) => role)).toEqual(['root', 'targets', 'alice']);
    const keys = await keyIds(machine);
    expect(keys).toEqual(failed.createdKeys.map(({ role, id }) => `${role} ${id}`).sort());
    // A publish is never repeated by itself.
    expect(proxy.log().filter(line => PUBLISH.test(line))).toHaveLength(1);

    const carriedOn = await machine.signOne(IMAGE, { signer: 'alice' });
    expect(carriedOn).toMatchObject({ initialised: true, createdKeys: [], exitCode: 0 });
    expect(await keyIds(machine)).toEqual(keys);
    const trusted = await scene.trusted(GUN);
    expect(trusted.root.metadata.version).toBe(1);
    const targetsKey = failed.createdKeys.find(({ role }) => role === 'targets')?.id ?? '';
    expect(trusted.keysFor('targets').roleKeys.keyIds).toEqual([targetsKey]);
    expect((await machine.verify(IMAGE)).trusted).toBe(true);
  });

  it('is a success when only its answer was lost', async ({ scene }) => {
    const proxy = await scene.proxy();
    const machine = await scene.machine({ server: proxy.url });
    proxy.fault(PUBLISH, async (_request, forward) => {
      await forward();
      return { reset: true };
    });
    const report = await machine.signOne(IMAGE);
    expect(report).toMatchObject({ initialised: true, exitCode: 0, versions: { root: 1 } });
    expect(report.error).toBeUndefined();
    expect(scene.posts()).toEqual([GUN]);
  });

  it('for want of a passphrase loses no key, and makes none twice', async ({ scene }) => {
    const machine = await scene.machine();
    const halfway = machine.withEnv({ DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: undefined });
    const failed = await halfway.signOne(IMAGE);
    expect(failed).toMatchObject({
      createdKeys: [{ role: 'root' }],
      error: { code: 'KEY_PASSPHRASE_MISSING' },
      exitCode: 4,
    });
    expect(await machine.keyRoles()).toEqual(['root']);
    expect(scene.posts()).toEqual([]);

    const report = await machine.signOne(IMAGE);
    expect(report.createdKeys.map(({ role }) => role)).toEqual(['targets']);
    expect(await machine.keyRoles()).toEqual(['root', 'targets']);
  });

  it('makes no key when the server would not give its own', async ({ scene }) => {
    const proxy = await scene.proxy();
    const machine = await scene.machine({ server: proxy.url });
    proxy.fault(/snapshot\.key$/, { status: 403, body: 'no' });
    await expectFailure(machine.signOne(IMAGE), ConnectionError, 'FORBIDDEN');
    expect(await machine.keyRoles()).toEqual([]);
    expect(scene.posts()).toEqual([]);
  });

  it('with a wrong root passphrase changes nothing', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne('localhost:5000/first:1');
    const keys = await keyIds(machine);
    const wrong = machine.withEnv({ DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: 'not that one' });
    await expectFailure(wrong.signOne(IMAGE), KeyError, 'KEY_PASSPHRASE_WRONG');
    expect(await keyIds(machine)).toEqual(keys);
    expect(scene.posts()).toEqual(['localhost:5000/first']);
  });

  it('does not make a repository anew that the server has lost', async ({ scene }) => {
    const proxy = await scene.proxy();
    const machine = await scene.machine({ server: proxy.url });
    await machine.signOne(IMAGE);
    const before = await machine.everything();
    const gone = { status: 404, body: '{"errors":[{"code":"METADATA_NOT_FOUND"}]}' };
    proxy.fault(/^GET .*\.json$/, gone);
    const error = await expectFailure(machine.signOne(`${GUN}:2`), TrustError, 'NO_TRUST_DATA');
    expect(error.message).toContain('this machine has verified it before');
    expect(await machine.everything()).toEqual(before);
    expect(scene.posts()).toHaveLength(1);
  });
});

describe.concurrent('two at once', () => {
  it('on one machine make one repository with both tags', async ({ scene }) => {
    const machine = await scene.machine();
    const reports = await Promise.all([
      machine.signOne(`${GUN}:1`, { signer: 'alice' }),
      machine.signOne(`${GUN}:2`, { signer: 'alice' }),
    ]);
    expect(reports.map(({ error }) => error)).toEqual([undefined, undefined]);
    expect(reports.map(({ initialised }) => initialised).sort()).toEqual([false, true]);
    expect(Object.keys(await scene.tags(GUN, 'targets/releases')).sort()).toEqual(['1', '2']);
    expect(await machine.keyRoles()).toEqual(['alice', 'root', 'targets']);
  });

  it('on two machines leave the repository of the one that was first', async ({ scene }) => {
    const proxy = await scene.proxy();
    const slow = await scene.machine({ server: proxy.url });
    const fast = await scene.machine();
    proxy.fault(
      PUBLISH,
      async (_request, forward) => {
        await fast.signOne(IMAGE, { as: content('fast') });
        return await forward();
      },
      { times: 1 },
    );
    const report = await slow.signOne(IMAGE, { as: content('slow') });
    expect(report).toMatchObject({ error: { code: 'REPOSITORY_EXISTS' }, exitCode: 1 });
    expect(await scene.tags(GUN, 'targets')).toEqual({ '1.0': content('fast').hex });
    expect((await fast.verify(IMAGE)).digest).toBe(content('fast').digest);
  });
});

describe.skipIf(process.platform === 'win32')('a signer key that others may read', () => {
  it('is used all the same, and no second one is made', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.run(async session => (await session.keys()).generate({ role: 'alice' }));
    const [key] = await machine.keyFiles();
    await chmod(join(machine.trustDir, 'private', `${key?.id}.key`), 0o644);
    const plan = await machine.sign([IMAGE], {
      as: content('one'),
      signer: 'alice',
      dryRun: true,
    });
    expect(plan.repositories[0]?.wouldCreateKeys).toEqual(['root', 'targets']);
    const report = await machine.signOne(IMAGE, { signer: 'alice' });
    expect(report.createdKeys.map(({ role }) => role)).toEqual(['root', 'targets']);
  });
});

describe.concurrent('what an interrupted run left behind', () => {
  it('is not carried on when its targets file was tampered with', async ({ scene }) => {
    const proxy = await scene.proxy();
    const machine = await scene.machine({ server: proxy.url });
    proxy.fault(PUBLISH, { status: 503 }, { times: 1 });
    await machine.signOne(IMAGE);
    const file = machine.cacheFile(GUN, 'targets');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"version":1', '"version":9'));
    await expectFailure(machine.signOne(IMAGE), TrustError, 'SIGNATURE_THRESHOLD');
    expect(scene.posts()).toEqual([]);
  });

  it('cannot be carried on without its keys, which is said', async ({ scene }) => {
    const proxy = await scene.proxy();
    const machine = await scene.machine({ server: proxy.url });
    proxy.fault(PUBLISH, { status: 503 }, { times: 1 });
    await machine.signOne(IMAGE);
    await machine.loseKey('targets');
    const error = await expectFailure(machine.signOne(IMAGE), KeyError, 'KEY_MISSING');
    expect(error.details).toMatchObject({ role: 'targets' });
    // Its metadata moved aside, it begins anew.
    await rm(join(machine.trustDir, 'tuf'), { recursive: true });
    await mkdir(join(machine.trustDir, 'tuf'));
    expect((await machine.signOne(IMAGE)).createdKeys.map(({ role }) => role)).toEqual(['targets']);
  });
});
