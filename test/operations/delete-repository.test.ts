import { readdir } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { deleteTrustData } from '../../src/operations/delete-repository.ts';
import { stageWitness } from '../../src/operations/stage.ts';
import { it, type Machine } from '../support/trust-scene.ts';

const GUN = 'localhost:5000/team/app';
const NESTED = `${GUN}/metadata/part`;

const remove = (machine: Machine, gun: string, remote = false) =>
  machine.run(session => deleteTrustData(session, gun, { remote }));

describe('deleting trust data', () => {
  it('takes this repository alone, and never a key', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`);
    await owner.signOne(`${NESTED}:1`);
    await owner.run(session => stageWitness(session, GUN, ['targets']));
    const keys = await owner.keyRoles();
    const before = scene.requests().length;
    expect(await remove(owner, GUN)).toEqual({ local: true, remote: false });
    expect(scene.requests()).toHaveLength(before);
    expect(await owner.keyRoles()).toEqual(keys);
    const { offline, online } = await owner.run(async session => ({
      offline: await session.trustDir.repository(GUN).roles(),
      online: await session.trustDir.repository(NESTED).roles(),
    }));
    expect(offline).toEqual([]);
    expect(online).toContain('root');
    expect((await owner.verify(`${GUN}:1`)).trusted).toBe(true);
    expect(await remove(owner, 'nobody/knows/this')).toEqual({ local: false, remote: false });
  });

  it('refuses names that lead out of the trust directory', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`);
    for (const gun of ['..', '.', '', '/', '../private', 'a/../..', 'a//b', 'a\\b'])
      await expect(remove(owner, gun)).rejects.toMatchObject({ code: 'GUN_INVALID' });
    expect(await readdir(owner.trustDir)).toEqual(expect.arrayContaining(['private', 'tuf']));
  });

  it('of the server proves that it is gone', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${GUN}:1`);
    expect(await remove(owner, GUN, true)).toEqual({ local: true, remote: true });
    const stranger = await scene.machine();
    expect(await stranger.verify(`${GUN}:1`)).toMatchObject({
      error: { code: 'NO_TRUST_DATA' },
    });
    expect(await remove(owner, GUN, true)).toEqual({ local: false, remote: false });
  });

  it('believes no answer, and keeps the local data when the server failed', async ({ scene }) => {
    const proxy = await scene.proxy();
    const owner = await scene.machine({ server: proxy.url });
    await owner.signOne(`${GUN}:1`);
    const roles = () => owner.run(session => session.trustDir.repository(GUN).roles());
    for (const [fault, code] of [
      [{ status: 200, body: '' }, 'DELETE_UNCONFIRMED'],
      [{ status: 200, body: '<html>welcome</html>' }, expect.any(String)],
      [{ status: 403 }, 'FORBIDDEN'],
      [{ status: 500 }, 'SERVER_ERROR'],
    ] as const) {
      const undo = proxy.fault(/^DELETE /, fault);
      await expect(remove(owner, GUN, true)).rejects.toMatchObject({ code });
      undo();
      expect(await roles()).toContain('root');
    }
  });
});
