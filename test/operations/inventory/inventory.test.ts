import { rm, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { KeyError, UsageError } from '../../../src/errors.ts';
import { blastRadius } from '../../../src/operations/inventory/blast-radius.ts';
import { type Inventory, inventory } from '../../../src/operations/inventory/inventory.ts';
import { generateKey } from '../../../src/operations/keys/key-generate.ts';
import { createDelegation } from '../../../src/tuf/change.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { content, DAY, it, type Machine, NOBODY, type Scene } from '../../support/trust-scene.ts';

const APP = 'registry.example.com/team/app';
const WEB = 'registry.example.com/team/web';

/** One owner of two repositories, with one signer in the first. */
async function owner(scene: Scene): Promise<Machine> {
  const machine = await scene.machine();
  await machine.signOne([`${APP}:1`, `${APP}:2`], { signer: 'alice' });
  await machine.signOne(`${WEB}:1`, { as: content('web') });
  await machine.load(APP);
  await machine.load(WEB);
  return machine;
}

async function keyOf(machine: Machine, role: string): Promise<string> {
  return (await machine.keyFiles()).find(key => key.role === role)?.id ?? '';
}

function take(machine: Machine, request = {}): Promise<Inventory> {
  return machine.run(session => inventory(session, request));
}

describe.concurrent('an inventory', () => {
  it('names the repositories of a root key, with every role’s key and file', async ({ scene }) => {
    const machine = await owner(scene);
    const root = await keyOf(machine, 'root');
    const report = await take(machine.with({ server: NOBODY }), { root: root.slice(0, 7) });
    expect(report.rootKeys).toMatchObject([
      {
        id: root,
        atHand: { form: 'encrypted', layout: 'current', role: 'root' },
        repositories: [
          { repository: APP, server: scene.server.url, threshold: 1 },
          { repository: WEB, server: scene.server.url, threshold: 1 },
        ],
      },
    ]);
    const [app, web] = report.repositories;
    expect(app).toMatchObject({
      repository: APP,
      // Noted when its data was read; the server that would be asked now is another.
      server: scene.server.url,
      serverKnown: true,
      state: 'verified',
      from: 'disk',
      tags: 2,
      rootKeyIds: [root],
    });
    expect(app?.checkedAt).toBeDefined();
    const roles = app?.roles.map(({ role, canSign, version }) => [role, canSign, version]);
    expect(roles).toEqual([
      ['root', true, 1],
      ['targets', true, expect.any(Number)],
      ['snapshot', false, expect.any(Number)],
      ['timestamp', false, expect.any(Number)],
      ['targets/alice', true, 1],
      ['targets/releases', true, 1],
    ]);
    const certificate = report.rootKeys[0]?.repositories[0]?.certificateId ?? '';
    expect(app?.roles[0]?.keys[0]).toMatchObject({ id: root, certificateId: certificate });
    expect(web?.tags).toBe(1);
    // By the certificate’s ID too, which names the key and so both repositories.
    const byCertificate = await take(machine, { root: certificate.slice(0, 10) });
    expect(byCertificate.repositories.map(({ repository }) => repository)).toEqual([APP, WEB]);
  });

  it('tells the keys that are gone from those that nobody trusts', async ({ scene }) => {
    const machine = await owner(scene);
    const root = await keyOf(machine, 'root');
    await machine.loseKey('root');
    const { id } = await machine.run(session => generateKey(session, { role: 'nobody' }));
    const report = await take(machine);
    expect(report.rootKeys[0]?.id).toBe(root);
    expect(report.rootKeys[0]).not.toHaveProperty('atHand');
    expect(report.repositories[0]?.roles[0]).toMatchObject({ role: 'root', canSign: false });
    expect(report.unusedKeys.map(key => key.id)).toContain(id);
    expect(report.unusedKeys).toHaveLength(1);
  });

  it('goes on past a repository that it cannot read', async ({ scene }) => {
    const machine = await owner(scene);
    await writeFile(machine.cacheFile(APP, 'root'), 'damaged');
    await rm(machine.cacheFile(WEB, 'snapshot'));
    const { repositories, rootKeys } = await take(machine);
    expect(repositories).toMatchObject([
      { repository: APP, state: 'unreadable', roles: [], problem: { code: 'CACHED_ROOT_INVALID' } },
      { repository: WEB, state: 'partial', problem: { code: 'CACHE_INCOMPLETE' } },
    ]);
    expect(rootKeys[0]?.repositories.map(({ repository }) => repository)).toEqual([WEB]);
  });

  it('tells what has expired, but not a timestamp that only its server renews', async ({
    scene,
  }) => {
    const machine = await owner(scene);
    scene.clock = new Date(scene.clock.getTime() + 30 * DAY);
    expect((await take(machine)).repositories[0]?.state).toBe('verified');
    scene.clock = new Date(scene.clock.getTime() + 1100 * DAY);
    const [app] = (await take(machine)).repositories;
    expect(app?.state).toBe('expired');
    expect(app?.roles.filter(({ expired }) => expired).map(({ role }) => role)).toEqual([
      'targets',
      'snapshot',
      'targets/alice',
      'targets/releases',
    ]);
  });

  it('asks the servers when told, and falls back to the disk', async ({ scene }) => {
    const machine = await owner(scene);
    const other = await scene.machine();
    await other.load(WEB);
    for (const role of ['root', 'targets']) await other.takeKey(machine, role);
    await machine.signOne(`${WEB}:2`);
    expect((await take(other, { fresh: true })).repositories).toMatchObject([
      { repository: WEB, from: 'server', state: 'verified', tags: 2 },
    ]);
    const offline = other.with({ server: NOBODY });
    expect((await take(offline, { fresh: true })).repositories).toMatchObject([
      { from: 'disk', state: 'verified', tags: 2, problem: { code: 'SERVER_UNREACHABLE' } },
    ]);
    // Without a server on the command line, the one that the data came from is asked.
    const forgot = other.without('server').with({ env: {} });
    expect((await take(forgot, { fresh: true })).repositories[0]?.from).toBe('server');
  });

  it('has an empty one for an empty trust directory', async ({ scene }) => {
    const machine = await scene.machine();
    expect(await take(machine)).toMatchObject({ rootKeys: [], repositories: [], unusedKeys: [] });
  });
});

describe.concurrent('the blast radius of a key', () => {
  it('is everything for a root key', async ({ scene }) => {
    const machine = await owner(scene);
    const root = await keyOf(machine, 'root');
    const report = await machine.run(session => blastRadius(session, root.slice(0, 8)));
    expect(report).toMatchObject({ keyId: root, atHand: { form: 'encrypted' }, unknown: [] });
    expect(report.certificateIds).toHaveLength(2);
    expect(report.repositories.map(({ repository }) => repository)).toEqual([APP, WEB]);
    const [reach] = report.repositories[0]?.reach ?? [];
    expect(reach).toMatchObject({ role: 'root', power: 'everything', threshold: 1, signs: [] });
    expect([...new Set(reach?.couldReplace.map(({ tag }) => tag))]).toEqual(['1', '2']);
  });

  it('is every tag of its repository for a repository key', async ({ scene }) => {
    const machine = await owner(scene);
    const keys = (await machine.keyFiles()).filter(({ role }) => role === 'targets');
    const web = keys.find(({ text }) => text.includes(WEB))?.id ?? '';
    const report = await machine.run(session => blastRadius(session, web));
    expect(report.repositories.map(({ repository }) => repository)).toEqual([WEB]);
    expect(report.repositories[0]?.reach).toMatchObject([
      { role: 'targets', power: 'all-tags', couldReplace: [{ tag: '1', size: 3 }] },
    ]);
  });

  it('is what its paths allow for a delegation, and what it signs today', async ({ scene }) => {
    const machine = await owner(scene);
    const ci = (await machine.run(session => generateKey(session, { role: 'ci' }))).id;
    await machine.run(async session => {
      const key = await (await session.keys()).open(ci);
      await machine.publish(
        APP,
        createDelegation('targets/ci', {
          threshold: 1,
          addKeys: [key.publicKey],
          addPaths: ['ci'],
        }),
      );
    });
    await machine.signOne(`${APP}:ci-7`, { roles: ['targets/ci'] });
    await machine.signOne(`${APP}:ci-8`, { roles: ['targets/alice'] });
    await machine.load(APP);
    const report = await machine.run(session => blastRadius(session, ci));
    const [reach] = report.repositories[0]?.reach ?? [];
    expect(reach).toMatchObject({ role: 'targets/ci', power: 'some-tags', paths: ['ci'] });
    expect(reach?.signs.map(({ tag, role }) => [tag, role])).toEqual([['ci-7', 'targets/ci']]);
    expect(reach?.couldReplace.map(({ tag }) => tag)).toEqual(['ci-7', 'ci-8']);
  });

  it('is no tag for the server’s keys', async ({ scene }) => {
    const machine = await owner(scene);
    const { roles } = (await take(machine)).repositories[0] ?? { roles: [] };
    const id = roles.find(({ role }) => role === 'timestamp')?.keys[0]?.id ?? '';
    const report = await machine.run(session => blastRadius(session, id));
    expect(report).not.toHaveProperty('atHand');
    expect(report.repositories[0]?.reach).toMatchObject([
      { role: 'timestamp', power: 'staleness', signs: [], couldReplace: [] },
    ]);
  });

  it('names what could not be read, and refuses an ID that is none', async ({ scene }) => {
    const machine = await owner(scene);
    const root = await keyOf(machine, 'root');
    await writeFile(machine.cacheFile(APP, 'root'), 'damaged');
    const report = await machine.run(session => blastRadius(session, root));
    expect(report.unknown).toMatchObject([{ repository: APP }]);
    const radius = (id: string) => machine.run(session => blastRadius(session, id));
    await expectFailure(radius('0'.repeat(64)), KeyError, 'KEY_NOT_FOUND');
    await expectFailure(radius(root.slice(0, 6)), UsageError, 'KEY_ID_INVALID');
    await expectFailure(radius('not-hex-at-all'), UsageError, 'KEY_ID_INVALID');
  });
});
