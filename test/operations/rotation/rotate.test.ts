import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { keyThumbprints } from '../../../src/crypto/thumbprint.ts';
import { ConnectionError, OperationError, UsageError } from '../../../src/errors.ts';
import { openBackup } from '../../../src/operations/backup/open-backup.ts';
import { hasFailed } from '../../../src/operations/rotation/failed-rotation.ts';
import { retireKeys } from '../../../src/operations/rotation/retire-keys.ts';
import {
  type KeyRotation,
  type RotateKeyRequest,
  rotateKey,
} from '../../../src/operations/rotation/rotate.ts';
import {
  type AllUsingReport,
  rotateAllUsing,
} from '../../../src/operations/rotation/rotate-all-using.ts';
import { rotateSeveral } from '../../../src/operations/rotation/rotate-several.ts';
import { setOwnPin } from '../../../src/operations/thumbprints/own-pins.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { it, type Machine } from '../../support/trust-scene.ts';

const [APP, DB, WEB] = ['reg.example/app', 'reg.example/db', 'reg.example/web'];
const PUBLISH = /^POST .*\/_trust\/tuf\/$/;

const rotate = (
  machine: Machine,
  gun: string,
  request: Partial<RotateKeyRequest> = {},
): Promise<KeyRotation> =>
  machine.run(session => rotateKey(session, gun, { role: 'targets', ...request }));

const ids = async (machine: Machine): Promise<string[]> =>
  (await machine.keyFiles()).map(({ id }) => id);

/** Repositories that share one repository key. */
async function sharing(owner: Machine, ...guns: string[]): Promise<string> {
  const [first = '', ...others] = guns;
  for (const gun of guns) await owner.signOne(`${gun}:1`, { roles: ['targets'] });
  const trusted = await owner.load(first);
  const key = trusted.root.metadata.roles.get('targets')?.keyIds?.[0] ?? '';
  for (const gun of others) {
    const { oldKeys } = await rotate(owner, gun, { keyIds: [key] });
    for (const { file = '' } of oldKeys) await rm(file);
  }
  return key;
}

const allUsing = (
  machine: Machine,
  key: string,
  more: { role?: string; dryRun?: boolean } = {},
): Promise<AllUsingReport> =>
  machine.run(session =>
    rotateAllUsing(session, { key, role: 'targets', request: async () => ({}), ...more }),
  );

describe('a rotation that was cut short', () => {
  it('uses the key that it made', async ({ scene }) => {
    const proxy = await scene.proxy();
    const owner = await scene.machine({ server: proxy.url });
    await owner.signOne(`${APP}:1`, { roles: ['targets'] });
    const before = await ids(owner);
    proxy.fault(PUBLISH, { status: 503 });
    await expect(rotate(owner, APP)).rejects.toBeInstanceOf(ConnectionError);
    const [made = '', ...others] = (await ids(owner)).filter(id => !before.includes(id));
    expect(others).toEqual([]);
    proxy.clear();
    const rotation = await rotate(owner, APP);
    expect(rotation).toMatchObject({ reusedKeys: true, createdKeys: [], carriedOn: false });
    expect(rotation.newKeys.map(({ id }) => id)).toEqual([made]);
    // It is done: the next is a rotation of its own.
    const next = await rotate(owner, APP);
    expect(next).toMatchObject({ reusedKeys: false, carriedOn: false });
  });

  it('does not use that key when the whole folder may be in other hands', async ({ scene }) => {
    const proxy = await scene.proxy();
    const owner = await scene.machine({ server: proxy.url });
    await owner.signOne(`${APP}:1`, { roles: ['targets'] });
    proxy.fault(PUBLISH, { status: 503 });
    const before = await ids(owner);
    await expect(rotate(owner, APP)).rejects.toBeInstanceOf(ConnectionError);
    const made = (await ids(owner)).find(id => !before.includes(id)) ?? '';
    proxy.clear();
    const rotation = await rotate(owner, APP, { compromise: { rules: { keepAll: true } } });
    expect(rotation.newKeys.map(({ id }) => id)).not.toContain(made);
    expect(rotation.warnings).toContainEqual(expect.stringContaining(`The key ${made} was made`));
  });

  it('after the server took it is seen through, not done again', async ({ scene }) => {
    const proxy = await scene.proxy();
    const owner = await scene.machine({ server: proxy.url });
    await owner.signOne(`${APP}:1`, { roles: ['targets'] });
    proxy.fault(PUBLISH, async (_request, forward) => {
      await forward();
      proxy.fault(/^GET /, { reset: true });
      return { reset: true };
    });
    await expect(rotate(owner, APP)).rejects.toBeInstanceOf(ConnectionError);
    proxy.clear();
    const versions = await scene.versions(APP);
    const rotation = await rotate(owner, APP);
    expect(rotation).toMatchObject({ carriedOn: true, verifiedAfresh: true, versions: {} });
    expect(rotation.oldKeys).toHaveLength(1);
    expect(await scene.versions(APP)).toEqual(versions);
    expect((await rotate(owner, APP)).carriedOn).toBe(false);
  });
});

describe('in several repositories', () => {
  it('one failure keeps the others from nothing', async ({ scene }) => {
    const owner = await scene.machine();
    for (const gun of [APP, WEB]) await owner.signOne(`${gun}:1`, { roles: ['targets'] });
    const report = await owner.run(session =>
      rotateSeveral(session, {
        role: 'targets',
        repositories: [APP, DB, WEB, APP],
        request: async () => ({}),
      }),
    );
    expect(report.summary).toEqual({ succeeded: 2, failed: 1 });
    expect(report.repositories.map(({ repository, exitCode }) => [repository, exitCode])).toEqual([
      [APP, 0],
      [DB, 3],
      [WEB, 0],
    ]);
    expect(report.repositories.filter(hasFailed)[0]?.error.code).toBe('NO_TRUST_DATA');
  });
});

describe('wherever a key is used', () => {
  it('it is replaced, each repository by a key of its own', async ({ scene }) => {
    const owner = await scene.machine();
    const key = await sharing(owner, APP, DB);
    await owner.signOne(`${WEB}:1`, { roles: ['targets'] });
    const web = await scene.versions(WEB);
    const before = await ids(owner);
    const plan = await allUsing(owner, key.slice(0, 10), { dryRun: true });
    expect(plan.repositories.map(({ repository }) => repository)).toEqual([APP, DB]);
    const report = await allUsing(owner, key.slice(0, 10));
    expect(report).toMatchObject({ keyId: key, summary: { succeeded: 2, failed: 0 } });
    expect(await ids(owner)).toHaveLength(before.length + 2);
    expect(await scene.versions(WEB)).toEqual(web);
    await expectFailure(allUsing(owner, key), OperationError, 'KEY_NOT_USED');
  });

  it('it carries on where it stopped, and says what was done before', async ({ scene }) => {
    const proxy = await scene.proxy();
    const owner = await scene.machine({ server: proxy.url });
    const key = await sharing(owner, APP, DB, WEB);
    const versions = await scene.versions(APP);
    proxy.fault(/^POST .*\/db\/_trust\/tuf\/$/, { status: 503 });
    const first = await allUsing(owner, key);
    expect(first.summary).toEqual({ succeeded: 2, failed: 1 });
    proxy.clear();
    const second = await allUsing(owner, key);
    expect(second.doneBefore).toEqual([APP, WEB]);
    expect(second.repositories).toMatchObject([{ repository: DB, reusedKeys: true, exitCode: 0 }]);
    expect((await scene.versions(APP)).root).toBe((versions.root ?? 0) + 1);
    const own = join(owner.trustDir, '.tabellion', 'rotations');
    expect(await readdir(join(own, 'all-using'))).toEqual([]);
    expect(await readdir(join(own, 'pending'))).toEqual([]);
  });

  it('one root key for all takes the place of one root key for all', async ({ scene }) => {
    const owner = await scene.machine();
    for (const gun of [APP, DB]) await owner.signOne(`${gun}:1`, { roles: ['targets'] });
    const root = (await owner.keyFiles()).find(({ role }) => role === 'root')?.id ?? '';
    const report = await allUsing(owner, root, { role: 'root' });
    const made = report.repositories.flatMap(one =>
      hasFailed(one) ? [] : one.newKeys.map(({ id }) => id),
    );
    expect(made).toHaveLength(2);
    expect(new Set(made).size).toBe(1);
    expect((await owner.keyRoles()).filter(role => role === 'root')).toHaveLength(2);
  });

  it('a signer’s key is not a repository’s, and an unreachable repository is told of', async ({
    scene,
  }) => {
    const owner = await scene.machine();
    await owner.signOne(`${APP}:1`, { signer: 'alice' });
    const alice = (await owner.keyFiles()).find(({ role }) => role === 'alice')?.id ?? '';
    const error = await expectFailure(allUsing(owner, alice), OperationError, 'KEY_NOT_USED');
    expect(error.hint).toContain('targets/alice');
    await expectFailure(allUsing(owner, '12345'), UsageError, 'KEY_ID_INVALID');
    const key = (await owner.keyFiles()).find(({ role }) => role === 'targets')?.id ?? '';
    const away = owner.with({ server: 'https://localhost:1' });
    const report = await allUsing(away, key);
    expect(report.repositories).toMatchObject([{ repository: APP, exitCode: 5 }]);
  });
});

describe('an old key', () => {
  it('stays as long as another repository trusts it', async ({ scene }) => {
    const owner = await scene.machine();
    const key = await sharing(owner, APP, DB);
    const first = await rotate(owner, APP);
    const kept = await owner.run(session => retireKeys(session, [first], 'remove'));
    expect(kept).toMatchObject({ removedKeys: [] });
    expect(kept.warnings).toEqual([expect.stringContaining(`still trusted in ${DB}`)]);
    const second = await rotate(owner, DB);
    const gone = await owner.run(session => retireKeys(session, [first, second], 'remove'));
    expect(gone).toEqual({ removedKeys: [key], warnings: [] });
    expect(await ids(owner)).not.toContain(key);
  });

  it('stays when a fresh client cannot verify the result', async ({ scene }) => {
    const proxy = await scene.proxy();
    const owner = await scene.machine({ server: proxy.url });
    await owner.signOne(`${APP}:1`, { roles: ['targets'] });
    const rotation = await rotate(owner, APP);
    proxy.fault(/timestamp\.json$/, { status: 404 });
    const kept = await owner.run(session => retireKeys(session, [rotation], 'remove'));
    expect(kept.removedKeys).toEqual([]);
    expect(kept.warnings).toEqual([expect.stringContaining('a fresh client could not verify')]);
  });

  it('goes into a sealed archive first, the root key too', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${APP}:1`, { roles: ['targets'] });
    const rotations = [await rotate(owner, APP), await rotate(owner, APP, { role: 'root' })];
    const old = rotations.flatMap(({ oldKeys }) => oldKeys.map(({ id }) => id)).sort();
    const file = join(owner.home, 'old.backup');
    const passphrase = 'six words that nobody knows';
    const removed = await owner.run(session => retireKeys(session, rotations, 'remove'));
    expect(removed.removedKeys).toHaveLength(1);
    expect(removed.warnings).toEqual([expect.stringContaining('it can be archived')]);
    const weak = await owner.run(session =>
      retireKeys(session, rotations, 'archive', { file, passphrase: 'x' }),
    );
    expect(weak).toMatchObject({ removedKeys: [], warnings: [expect.stringMatching(/kept/)] });
    const archived = await owner.run(session =>
      retireKeys(session, rotations, 'archive', { file, passphrase }),
    );
    expect(archived).toMatchObject({ archive: file, warnings: [] });
    const { contents } = await openBackup(file, { passphrase });
    expect(contents.keys).toHaveLength(1);
    expect([...removed.removedKeys, ...archived.removedKeys].sort()).toEqual(old);
    for (const id of old) expect(await ids(owner)).not.toContain(id);
  });
});

describe('a root that is pinned on this machine', () => {
  it('is refused before anything is made, or allowed beside the old one', async ({ scene }) => {
    const owner = await scene.machine();
    await owner.signOne(`${APP}:1`, { roles: ['targets'] });
    const [certificate = ''] =
      (await owner.load(APP)).root.metadata.roles.get('root')?.keyIds ?? [];
    const config = { remote_server: { url: owner.options.server } };
    await owner.notaryConfig({ ...config, Trust_Pinning: { certs: { [APP]: [certificate] } } });
    const before = await owner.keyFiles();
    await expectFailure(
      rotate(owner, APP, { role: 'root', pins: 'check' }),
      UsageError,
      'ROOT_PINNED',
    );
    expect(await owner.keyFiles()).toEqual(before);
    const rotation = await rotate(owner, APP, { role: 'root', pins: 'update' });
    expect(rotation).toMatchObject({ verifiedAfresh: true, exitCode: 0 });
    expect(rotation.consumers.notes).toContainEqual(expect.stringContaining('this machine'));
    // The pins are binding, and let the new root in.
    expect((await owner.verify(`${APP}:1`)).exitCode).toBe(0);
    const path = join(owner.home, '.notary', 'config.json');
    expect((await stat(path)).mode & 0o777).toBe(0o644);
  });
});

it('a thumbprint that is pinned here moves with a root that is rotated here', async ({ scene }) => {
  const owner = await scene.machine();
  await owner.signOne(`${APP}:1`, { roles: ['targets'] });
  const trusted = await owner.load(APP);
  const [certificate] = trusted.root.certificates;
  if (certificate === undefined) throw new Error('no root certificate');
  await owner.run(async session => {
    const { server } = await session.repositoryByGun(APP);
    await setOwnPin(session.trustDir.own, {
      ...{ repository: APP, server, pinnedAt: '2026-11-22T00:00:00Z' },
      certificates: [keyThumbprints(certificate.key)],
    });
  });
  const rotation = await rotate(owner, APP, { role: 'root', pins: 'check' });
  expect(rotation).toMatchObject({ verifiedAfresh: true, warnings: [] });
  expect(rotation.consumers.notes).toContainEqual(expect.stringContaining('thumbprints'));
  expect((await owner.verify(`${APP}:1`)).exitCode).toBe(0);
});
