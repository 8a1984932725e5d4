import { readFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { generatePrivateKey } from '../../../src/crypto/private-key.ts';
import { KeyError, OperationError, TrustError, UsageError } from '../../../src/errors.ts';
import { firstRepository, makeRepository } from '../../../src/operations/initialise-repository.ts';
import { publishChanges } from '../../../src/operations/publish.ts';
import {
  type Renewal,
  type RenewRequest,
  renew,
  renewAll,
} from '../../../src/operations/renewal/renew.ts';
import { updateDelegation } from '../../../src/tuf/change.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { content, DAY, it, type Machine, type Scene } from '../../support/trust-scene.ts';

const GUN = 'registry.example.com/team/app';
const IMAGE = `${GUN}:1`;
/** When everything but root has expired. */
const YEARS_3 = 1100 * DAY;
/** When the root and its certificate have expired too. */
const YEARS_10 = 3651 * DAY;

function later(scene: Scene, milliseconds: number): void {
  scene.clock = new Date(scene.clock.getTime() + milliseconds);
}

function renewing(machine: Machine, request: RenewRequest = {}): Promise<Renewal> {
  return machine.run(session => renew(session, GUN, request));
}

function statuses({ parts }: Renewal): string[] {
  return parts.map(({ role, kind, status }) =>
    kind === 'certificate' ? `${role} certificate ${status}` : `${role} ${status}`,
  );
}

/** A repository whose owner keeps the snapshot’s key, as `notary init` makes it. */
async function withOwnSnapshot(scene: Scene): Promise<Machine> {
  const machine = await scene.machine();
  await machine.run(async session => {
    const access = await session.repositoryByGun(GUN);
    const { repository } = await makeRepository(session, access, { snapshot: 'local' }, []);
    await publishChanges(session, access, async () => ({ changes: [] }), repository);
  });
  await machine.signOne(IMAGE);
  return machine;
}

describe.concurrent('renewing', () => {
  it('gives a repository back that has expired, in one publish', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(IMAGE, { signer: 'alice' });
    later(scene, YEARS_3);
    const dead = await owner.verify(IMAGE);
    expect(dead).toMatchObject({
      trusted: false,
      exitCode: 3,
      expired: true,
      digest: '',
      signedBy: [],
      error: { code: 'METADATA_EXPIRED' },
      lastSigned: { digest: content('one').digest, signedBy: [{ name: 'alice' }, {}] },
    });
    await expectFailure(owner.signOne(`${GUN}:2`), TrustError, 'METADATA_EXPIRED');
    const shown = await renewing(owner, { dryRun: true });
    expect(statuses(shown)).toEqual([
      'targets would-renew',
      'targets/alice would-renew',
      'targets/releases would-renew',
    ]);
    expect(shown.parts[1]?.targets).toEqual(['1']);
    expect(scene.posts()).toHaveLength(1);
    const done = await renewing(owner, { reviewed: shown });
    expect(done).toMatchObject({ expired: true, firstContact: false, exitCode: 0 });
    expect(statuses(done)).toEqual([
      'targets renewed',
      'targets/alice renewed',
      'targets/releases renewed',
    ]);
    expect(done.parts[0]?.renewedUntil).toMatch(/^2032-/);
    expect(scene.posts()).toHaveLength(2);
    expect((await (await scene.machine()).verify(IMAGE)).trusted).toBe(true);
    await owner.signOne(`${GUN}:2`);
    expect(statuses(await renewing(owner))).toEqual([]);
    expect(scene.posts()).toHaveLength(3);
  });

  it('does so where the owner’s snapshot has expired and the server answers nothing', async ({
    scene,
  }) => {
    const owner = await withOwnSnapshot(scene);
    const reader = await scene.machine();
    await reader.load(GUN);
    later(scene, YEARS_3);
    for (const machine of [owner, reader, await scene.machine()]) {
      const result = await machine.verify(IMAGE);
      expect(result).toMatchObject({ trusted: false, exitCode: 3, expired: true });
      expect(result.error?.message).toContain('the snapshot metadata expired');
    }
    const done = await renewing(owner);
    expect(statuses(done)).toEqual(['targets renewed', 'snapshot renewed']);
    for (const machine of [owner, reader, await scene.machine()])
      expect((await machine.verify(IMAGE)).trusted).toBe(true);
  });

  it('renews a root and its certificate, of the same key', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(IMAGE);
    const before = await scene.trusted(GUN);
    later(scene, YEARS_10);
    const inspected = await owner.inspect(GUN);
    expect(inspected).toMatchObject({ exitCode: 3, expired: true });
    expect(inspected.error?.message).toContain('the root certificate expired');
    const done = await renewing(owner);
    expect(statuses(done)).toEqual(['root renewed', 'root certificate renewed', 'targets renewed']);
    const after = await scene.trusted(GUN);
    const [old, fresh] = [before, after].map(({ root }) => root.certificates[0]);
    expect(fresh?.id).not.toBe(old?.id);
    expect(fresh?.leaf.publicKeyInfo).toEqual(old?.leaf.publicKeyInfo);
    expect((await owner.verify(IMAGE)).trusted).toBe(true);
  });

  it('renews ahead as far as it is told, and else six months', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(IMAGE);
    later(scene, 850 * DAY);
    expect(statuses(await renewing(owner))).toEqual([]);
    expect(statuses(await renewing(owner, { withinDays: 244 }))).toEqual([]);
    const wide = await renewing(owner, { withinDays: 246, dryRun: true });
    expect(statuses(wide)).toEqual(['targets would-renew']);
    later(scene, 100 * DAY);
    expect(statuses(await renewing(owner, { withinDays: 0 }))).toEqual([]);
    expect(statuses(await renewing(owner, { roles: ['root'] }))).toEqual([]);
    expect(statuses(await renewing(owner))).toEqual(['targets renewed']);
    const all = await renewing(owner, { withinDays: 3650, roles: ['root'] });
    expect(statuses(all)).toEqual(['root renewed', 'root certificate renewed']);
  });

  it('names the roles whose keys are not here, and does the others', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(IMAGE, { signer: 'alice' });
    const alice = await scene.machine();
    await alice.takeKey(owner, 'alice');
    await alice.load(GUN);
    later(scene, YEARS_3);
    // The server takes no file whose parent has expired.
    const blocked = await renewing(alice);
    expect(statuses(blocked)).toEqual([
      'targets key-missing',
      'targets/alice blocked',
      'targets/releases blocked',
    ]);
    expect(blocked).toMatchObject({ exitCode: 4, versions: {} });
    await owner.loseKey('alice');
    const part = await renewing(owner);
    expect(statuses(part)).toEqual([
      'targets renewed',
      'targets/alice key-missing',
      'targets/releases key-missing',
    ]);
    expect(part.exitCode).toBe(4);
    expect(part.parts[1]?.keyIds).toHaveLength(1);
    expect(statuses(await renewing(alice))).toEqual([
      'targets/alice renewed',
      'targets/releases renewed',
    ]);
    expect((await (await scene.machine()).verify(IMAGE)).trusted).toBe(true);
  });

  it('says that nothing can be published without the owner’s snapshot key', async ({ scene }) => {
    const owner = await withOwnSnapshot(scene);
    await owner.loseKey('snapshot');
    later(scene, YEARS_3);
    await expectFailure(renewing(owner, { dryRun: true }), KeyError, 'KEY_MISSING');
  });

  it('is no way round what was verified before', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(IMAGE);
    const proxy = await scene.proxy();
    const saved = await readFile(owner.cacheFile(GUN, 'timestamp'));
    await owner.signOne(`${GUN}:2`);
    later(scene, YEARS_3);
    // An old state, whole and signed, that has expired as the new one has.
    proxy.fault(/timestamp\.json$/, { status: 200, body: saved });
    const victim = owner.with({ server: proxy.url });
    await expectFailure(renewing(victim), TrustError, 'METADATA_ROLLBACK');
    expect(scene.posts()).toHaveLength(2);
  });

  it('signs nothing that has changed since it was shown', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(IMAGE);
    later(scene, 1000 * DAY);
    const shown = await renewing(owner, { dryRun: true });
    await owner.signOne(`${GUN}:2`, { as: content('two'), roles: ['targets'] });
    later(scene, 1000 * DAY);
    await expectFailure(
      renewing(owner, { reviewed: shown }),
      OperationError,
      'CHANGED_SINCE_REVIEW',
    );
  });

  it('warns a machine that cannot know whether it is shown the newest state', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(IMAGE);
    const other = await scene.machine();
    for (const role of ['root', 'targets']) await other.takeKey(owner, role);
    later(scene, YEARS_3);
    const shown = await renewing(other, { dryRun: true });
    expect(shown.firstContact).toBe(true);
    expect(shown.warnings.join()).toContain('has never verified');
  });

  it('does all repositories, whatever becomes of each', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(IMAGE);
    await owner.signOne('registry.example.com/team/web:1');
    await owner.run(async session => {
      const access = await session.repositoryByGun('registry.example.com/team/never');
      await firstRepository(session, access, []);
    });
    later(scene, YEARS_3);
    const results = await owner.run(session => renewAll(session, undefined, {}));
    expect(
      results.map(({ repository, exitCode, error }) => [repository, exitCode, error?.code]),
    ).toEqual([
      [GUN, 0, undefined],
      ['registry.example.com/team/never', 3, 'NO_TRUST_DATA'],
      ['registry.example.com/team/web', 0, undefined],
    ]);
  });

  it('leaves a delegation alone that lacks its signatures', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(IMAGE, { signer: 'alice' });
    const other = generatePrivateKey('ecdsa').publicKey;
    await owner.publish(
      GUN,
      updateDelegation('targets/alice', {
        addKeys: [other],
        removeKeys: [(await owner.keyFiles()).find(({ role }) => role === 'alice')?.id ?? ''],
      }),
    );
    later(scene, YEARS_3);
    const done = await renewing(owner);
    expect(statuses(done)).toEqual(['targets renewed', 'targets/releases renewed']);
    expect(done.warnings.join()).toContain('targets/alice is not renewed');
  });

  it('does not take a role that is not there for one that is not due', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(IMAGE);
    const roles = ['releaes'];
    const error = await expectFailure(renewing(owner, { roles }), OperationError, 'ROLE_UNKNOWN');
    expect(error.message).toContain('has no role releaes');
    // Of all repositories some may have it.
    const [one] = await owner.run(session => renewAll(session, undefined, { roles }));
    expect(one).toMatchObject({ exitCode: 0, warnings: [error.message] });
  });

  it('refuses the timestamp, and names that are none', async ({ scene }) => {
    const owner = await scene.machine();
    await expectFailure(renewing(owner, { roles: ['timestamp'] }), UsageError, 'ROLE_INVALID');
    await expectFailure(renewing(owner, { roles: ['Ä'] }), UsageError, 'ROLE_INVALID');
  });
});
