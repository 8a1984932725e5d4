import { describe, expect } from 'vitest';
import { planRecovery, recordOfPlan } from '../../../src/operations/recover/plan.ts';
import { roleKeyIds } from '../../../src/operations/recover/root-keys.ts';
import { survey } from '../../../src/operations/recover/survey.ts';
import { content, DAY, it } from '../../support/trust-scene.ts';
import { begin, carryOn, recover } from './support/recovering.ts';

const GUN = 'reg.example/team/app';
const SECOND = 'reg.example/team/db';

describe('a key that is not the root', () => {
  it('of a repository is replaced, and its tags are signed again', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne([`${GUN}:1`, `${GUN}:2`]);
    await machine.loseKey('targets');
    const before = roleKeyIds((await scene.trusted(GUN)).root.metadata, 'targets');
    const done = await recover(machine, { key: 'repository' });
    expect(done).toMatchObject({ state: 'done', case: { kind: 'targets', keyId: before[0] } });
    const after = roleKeyIds((await scene.trusted(GUN)).root.metadata, 'targets');
    expect(after).toEqual(done.newKeys);
    expect(after).not.toEqual(before);
    expect(Object.keys(await scene.tags(GUN, 'targets'))).toEqual(['1', '2']);
  });

  it('of a repository that leaked: what was not known before goes', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`);
    const trustedSince = new Date(scene.clock.getTime() + 1000).toISOString();
    scene.clock = new Date(scene.clock.getTime() + DAY);
    const thief = await scene.machine();
    const leaked = await thief.takeKey(machine, 'targets');
    await thief.signOne(`${GUN}:evil`, { as: content('evil') });
    const done = await recover(machine, {
      key: leaked,
      reason: 'compromised',
      keep: 'known',
      trustedSince,
    });
    expect(done).toMatchObject({ state: 'done', keysSetAside: [leaked] });
    expect(await scene.tags(GUN, 'targets')).toEqual({ '1': content('one').hex });
  });

  it('of a signer: one new key in every repository, and stopped in between no second one', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`, { signer: 'alice' });
    await machine.signOne(`${SECOND}:1`, { signer: 'alice' });
    await machine.loseKey('alice');
    let record = await begin(machine, { key: 'alice' });
    for (let stop = 1; record.state !== 'done'; stop += 1) {
      record = await carryOn(machine, record, {
        saved: ({ revision }) => {
          if (revision >= stop) throw new Error('stopped here');
        },
      }).catch(() => ({ ...record, revision: stop }));
      expect(stop).toBeLessThan(20);
    }
    expect(record.newKeys).toHaveLength(1);
    for (const gun of [GUN, SECOND]) {
      const trusted = await scene.trusted(gun);
      const { roleKeys } = trusted.keysFor('targets/alice');
      expect(roleKeys.keyIds).toEqual(record.newKeys);
      expect(await scene.tags(gun, 'targets/releases')).toEqual({ '1': content('one').hex });
    }
  });

  it.for(['here', 'gone'])(
    'of a signer that leaked, and is %s: what was not known goes',
    async (place, { scene }) => {
      const machine = await scene.machine();
      await machine.signOne([`${GUN}:1`, `${GUN}:2`], { signer: 'alice' });
      const trustedSince = new Date(scene.clock.getTime() + 1000).toISOString();
      scene.clock = new Date(scene.clock.getTime() + DAY);
      const thief = await scene.machine();
      const leaked = await thief.takeKey(machine, 'alice');
      await thief.signOne(`${GUN}:evil`, { as: content('evil'), roles: ['targets/alice'] });
      await thief.signOne(`${GUN}:2`, { as: content('evil'), roles: ['targets/alice'] });
      if (place === 'gone') await machine.loseKey('alice');
      const loss = { key: leaked, reason: 'compromised', keep: 'known', trustedSince } as const;
      const done = await recover(machine, loss);
      expect(done.repositories[0]?.remarks?.[0]).toContain('no longer signed: 2, evil');
      expect(Object.keys(await scene.tags(GUN, 'targets/alice'))).toEqual(['1']);
      expect((await scene.trusted(GUN)).keysFor('targets/alice').roleKeys.keyIds).toEqual(
        done.newKeys,
      );
      await expect(thief.signOne(`${GUN}:3`, { roles: ['targets/alice'] })).rejects.toThrow();
    },
  );

  it.for(['snapshot', 'timestamp'])('of the server: %s', async (role, { scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`);
    const before = roleKeyIds((await scene.trusted(GUN)).root.metadata, role);
    expect(await recover(machine, { key: role })).toMatchObject({ state: 'done' });
    expect(roleKeyIds((await scene.trusted(GUN)).root.metadata, role)).not.toEqual(before);
    expect((await machine.verify(`${GUN}:1`)).trusted).toBe(true);
  });

  it('and none at all: what has expired is renewed', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`);
    scene.clock = new Date(scene.clock.getTime() + 4 * 366 * DAY);
    const record = await machine.run(async session => {
      const found = await survey(session, { asked: [], online: true });
      const plan = await planRecovery(session, found, {
        case: { kind: 'expired', reason: 'lost' },
        guns: [GUN],
        skip: [],
        checkRegistry: false,
        drop: [],
        dropSigners: [],
      });
      return await recordOfPlan(session, plan);
    });
    expect(await carryOn(machine, record)).toMatchObject({ state: 'done' });
    expect((await machine.verify(`${GUN}:1`)).trusted).toBe(true);
  });

  it('is not recovered twice at once', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${GUN}:1`);
    await machine.loseKey('root');
    const waiting = await recover(machine, { provider: 'docker-hub' });
    expect(waiting.state).toBe('waiting');
    await expect(begin(machine, { provider: 'docker-hub' })).rejects.toMatchObject({
      code: 'RECOVERY_IN_PROGRESS',
      details: { id: waiting.id },
    });
  });
});
