import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { publishStaged } from '../../src/operations/publish-staged.ts';
import {
  resetChanges,
  stagedChanges,
  stageTarget,
  stageWitness,
} from '../../src/operations/stage.ts';
import { encodeChange, witness } from '../../src/tuf/change.ts';
import { imageTarget } from '../../src/tuf/target.ts';
import { content, it, type Machine } from '../support/trust-scene.ts';

const GUN = 'localhost:5000/team/app';
const PUBLISH = /^POST .*\/_trust\/tuf\/$/;

async function stage(machine: Machine, name: string, ...roles: string[]): Promise<string[]> {
  const { digest, size } = content(name);
  return await machine.run(session =>
    stageTarget(session, GUN, { roles, name, target: imageTarget(digest, size) }),
  );
}

const names = async (machine: Machine) =>
  (await machine.run(session => stagedChanges(session, GUN))).map(({ change }) => change?.path);

describe('publishing what is staged', () => {
  it('removes exactly what was applied: what is staged meanwhile stays', async ({ scene }) => {
    const proxy = await scene.proxy();
    const owner = await scene.machine({ server: proxy.url });
    await owner.signOne(`${GUN}:0`);
    const [first] = await stage(owner, '1');
    proxy.fault(PUBLISH, async (_request, forward) => {
      // As another program does it, which knows of no lock.
      const later = witness('targets/later');
      const folder = join(owner.trustDir, 'tuf', GUN, 'changelist');
      await writeFile(join(folder, `${'9'.repeat(20)}_x.change`), encodeChange(later));
      return { status: (await forward()).status };
    });
    const { applied } = await owner.run(session => publishStaged(session, GUN));
    expect(applied).toEqual([first]);
    const left = await owner.run(session => stagedChanges(session, GUN));
    expect(left.map(({ change }) => change?.role)).toEqual(['targets/later']);
    expect(Object.keys(await scene.tags(GUN, 'targets'))).toEqual(['0', '1']);
  });

  it('keeps everything when the server refuses, and when one change cannot be applied', async ({
    scene,
  }) => {
    const proxy = await scene.proxy();
    const owner = await scene.machine({ server: proxy.url });
    await owner.signOne(`${GUN}:0`);
    await stage(owner, '1');
    const undo = proxy.fault(PUBLISH, { status: 503 });
    await expect(owner.run(session => publishStaged(session, GUN))).rejects.toMatchObject({
      code: 'SERVER_ERROR',
    });
    expect(await names(owner)).toEqual(['1']);
    undo();
    await stage(owner, '2', 'targets/nobody');
    await expect(owner.run(session => publishStaged(session, GUN))).rejects.toMatchObject({
      code: 'ROLE_UNKNOWN',
    });
    expect(await names(owner)).toEqual(['1', '2']);
    expect(Object.keys(await scene.tags(GUN, 'targets'))).toEqual(['0']);
    await owner.run(session => resetChanges(session, GUN, [1]));
    await owner.run(session => publishStaged(session, GUN));
    expect(await names(owner)).toEqual([]);
    expect(Object.keys(await scene.tags(GUN, 'targets'))).toEqual(['0', '1']);
  });

  it('makes a repository that nobody knows only when it is told to', async ({ scene }) => {
    const owner = await scene.machine();
    await stage(owner, '1');
    await expect(owner.run(session => publishStaged(session, GUN))).rejects.toMatchObject({
      code: 'NO_TRUST_DATA',
    });
    expect(await owner.keyRoles()).toEqual([]);
    expect(scene.posts()).toEqual([]);
    const published = await owner.run(session =>
      publishStaged(session, GUN, { initialiseIfUnknown: true }),
    );
    expect(published.initialised).toBe(true);
    expect(published.versions).toEqual({ root: 1, targets: 2, snapshot: 2 });
    expect(published.createdKeys.map(({ role }) => role)).toEqual(['root', 'targets', 'snapshot']);
  });

  it('carries the keys that were made on an error that comes after them', async ({ scene }) => {
    const proxy = await scene.proxy();
    const owner = await scene.machine({ server: proxy.url });
    proxy.fault(PUBLISH, { status: 503 });
    await stage(owner, '1');
    const failed = owner.run(session => publishStaged(session, GUN, { initialiseIfUnknown: true }));
    await expect(failed).rejects.toMatchObject({
      details: { createdKeys: [{ role: 'root' }, { role: 'targets' }, { role: 'snapshot' }] },
    });
    // The next run goes on with them.
    proxy.clear();
    const published = await owner.run(session => publishStaged(session, GUN));
    expect(published).toMatchObject({ createdKeys: [], versions: { root: 1, targets: 2 } });
  });

  it('refuses what can never be staged, and stages roles that are unknown yet', async ({
    scene,
  }) => {
    const owner = await scene.machine();
    for (const role of ['root', 'snapshot', 'alice', 'targets/', 'targets/A', ''])
      await expect(stage(owner, '1', role)).rejects.toMatchObject({ code: 'ROLE_INVALID' });
    await expect(stage(owner, 'a\nb')).rejects.toMatchObject({ code: 'TARGET_NAME_INVALID' });
    await stage(owner, '1', 'targets/x/*', 'targets/y');
    await owner.run(session => stageWitness(session, GUN, ['anything at all']));
    expect(await names(owner)).toEqual(['1', '1', '']);
    const reset = await owner.run(session => resetChanges(session, GUN, 'all'));
    expect(reset.removed).toHaveLength(3);
    expect(await names(owner)).toEqual([]);
    expect(scene.requests()).toEqual([]);
  });
});
