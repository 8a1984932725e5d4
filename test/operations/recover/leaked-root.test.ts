import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { planRecovery } from '../../../src/operations/recover/plan.ts';
import { rootIds } from '../../../src/operations/recover/root-keys.ts';
import { survey } from '../../../src/operations/recover/survey.ts';
import { rotateKey } from '../../../src/operations/rotation/rotate.ts';
import { content, DAY, it, type Machine, type Scene } from '../../support/trust-scene.ts';
import { begin, carryOn, recover } from './support/recovering.ts';

const GUNS = ['reg.example/leaked/a', 'reg.example/leaked/b'] as const;
const [GUN, SECOND] = GUNS;

interface Leak {
  readonly owner: Machine;
  readonly thief: Machine;
  readonly rootId: string;
  readonly trustedSince: string;
}

/** A thief has the keys of two repositories and has signed a tag of his own in one. */
async function leak(scene: Scene): Promise<Leak> {
  const owner = await scene.machine();
  for (const gun of GUNS) await owner.signOne([`${gun}:1`, `${gun}:2`]);
  const trustedSince = new Date(scene.clock.getTime() + 1000).toISOString();
  scene.clock = new Date(scene.clock.getTime() + DAY);
  const thief = await scene.machine();
  const rootId = await thief.takeKey(owner, 'root');
  const { roles } = (await scene.trusted(GUN)).root.metadata;
  await thief.takeKey(owner, 'targets', roles.get('targets')?.keyIds?.[0]);
  await thief.signOne(`${GUN}:evil`, { as: content('evil') });
  return { owner, thief, rootId, trustedSince };
}

const known = (trustedSince: string) =>
  ({ reason: 'compromised', keep: 'known', trustedSince }) as const;

describe('a leaked root key that is still here', () => {
  it('signs its successor: nothing is deleted, consumers follow, what is not known goes; stopped anywhere, one new root', async ({
    scene,
  }) => {
    const { owner, thief, rootId, trustedSince } = await leak(scene);
    const consumer = await scene.machine();
    await consumer.load(GUN);
    let record = await begin(owner, known(trustedSince));
    expect(record.options.path).toBe('rotate');
    for (let stop = 1; record.state !== 'done'; stop += 1) {
      record = await carryOn(owner, record, {
        saved: ({ revision }) => {
          if (revision >= stop) throw new Error('stopped here');
        },
      }).catch(() => ({ ...record, revision: stop }));
      expect(stop).toBeLessThan(20);
    }
    expect(scene.requests().filter(line => line.startsWith('DELETE'))).toEqual([]);
    for (const gun of GUNS) {
      const { root } = await scene.trusted(gun);
      expect(rootIds(root.bytes).keyIds).toEqual([record.newRootKeyId]);
      expect(root.metadata.version).toBe(2);
      expect(Object.keys(await scene.tags(gun, 'targets'))).toEqual(['1', '2']);
    }
    expect((await owner.keyFiles()).filter(({ role }) => role === 'root')).toHaveLength(1);
    expect(record.keysSetAside).toContain(rootId);
    // The repository keys that lay beside it are replaced, and aside too.
    expect(record.keysSetAside).toHaveLength(3);
    expect((await consumer.verify(`${GUN}:1`, { requireFresh: true })).trusted).toBe(true);
    await expect(thief.signOne(`${GUN}:more`)).rejects.toThrow();
    const folder = join(owner.trustDir, '.tabellion', 'recoveries', record.id);
    const report = await readFile(join(folder, 'report.md'), 'utf8');
    const [certificate = ''] = rootIds((await scene.trusted(GUN)).root.bytes).certificateIds;
    expect(report).toContain(`tabellion thumbprint ${GUN} --expect root=${certificate}`);
    expect(report).toContain('no longer signed: evil (targets)');
  });

  it('which a thief has used first is said, and the repositories are made anew', async ({
    scene,
  }) => {
    const { owner, thief, rootId, trustedSince } = await leak(scene);
    await thief.run(session => rotateKey(session, GUN, { role: 'root' }));
    const waiting = await recover(owner, known(trustedSince));
    expect(waiting.state).toBe('waiting');
    expect(waiting.repositories).toMatchObject([
      { gun: GUN, stage: 'found', problem: { code: 'RECOVERY_ROOT_TAKEN' } },
      { gun: SECOND, stage: 'done' },
    ]);
    const anew = await recover(owner, {
      ...known(trustedSince),
      key: rootId,
      guns: [GUN],
      path: 'anew',
    });
    expect(anew).toMatchObject({ state: 'done', repositories: [{ gun: GUN, stage: 'verified' }] });
    const { root } = await scene.trusted(GUN);
    expect(rootIds(root.bytes).keyIds).toEqual([anew.newRootKeyId]);
    expect(Object.keys(await scene.tags(GUN, 'targets'))).toEqual(['1', '2']);
  });

  it('shut out by a rotation while a ticket waits: the recovery carries on', async ({ scene }) => {
    const { owner, trustedSince } = await leak(scene);
    const loss = {
      ...known(trustedSince),
      guns: [GUN],
      path: 'anew',
      provider: 'docker-hub',
    } as const;
    const waiting = await recover(owner, loss);
    await owner.run(session => rotateKey(session, GUN, { role: 'root' }));
    expect((await carryOn(owner, waiting)).repositories).toMatchObject([
      { problem: { code: 'RECOVERY_WAITING' } },
    ]);
    await owner.run(async session => {
      await (await session.repositoryByGun(GUN)).remote.deleteRepository();
    });
    expect(await carryOn(owner, waiting)).toMatchObject({ state: 'done' });
  });

  it('is left to a ceremony where it signs nothing alone', async ({ scene }) => {
    const { owner, rootId } = await leak(scene);
    await owner.run(async session => {
      const found = await survey(session, { asked: [], online: true });
      const repositories = found.repositories.map(one => ({
        ...one,
        roles: one.roles.map(role => ({ ...role, threshold: 2 })),
      }));
      const plan = planRecovery(
        session,
        { ...found, repositories },
        {
          case: { kind: 'root', reason: 'compromised', keyId: rootId },
          guns: [],
          skip: [],
          checkRegistry: false,
          drop: [],
          dropSigners: [],
        },
      );
      await expect(plan).rejects.toMatchObject({ code: 'RECOVERY_BY_CEREMONY' });
    });
  });

  it('is made anew where the key is not here, and cannot be rotated then', async ({ scene }) => {
    const { owner, trustedSince } = await leak(scene);
    // Where nothing is known, nothing would come back.
    const early = new Date(scene.clock.getTime() - 9 * DAY).toISOString();
    await expect(begin(owner, known(early))).rejects.toMatchObject({
      code: 'RECOVERY_NOTHING_KNOWN',
    });
    await owner.loseKey('root');
    expect((await begin(owner, known(trustedSince))).options.path).toBeUndefined();
    await expect(begin(owner, { ...known(trustedSince), path: 'rotate' })).rejects.toMatchObject({
      code: 'RECOVERY_PATH_IMPOSSIBLE',
    });
  });
});
