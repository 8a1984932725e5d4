import { chmod, copyFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import {
  type CheckKeysReport,
  type CheckKeysRequest,
  checkKeys,
} from '../../../src/operations/keys/key-check.ts';
import { rotateKey } from '../../../src/operations/rotation/rotate.ts';
import { it, type Machine, NOBODY } from '../../support/trust-scene.ts';

const APP = 'localhost:5000/app';
const OTHER = 'localhost:5000/other';

const checking = (machine: Machine, request: CheckKeysRequest = {}) =>
  machine.run(session => checkKeys(session, request));

async function keyOf(machine: Machine, role: string): Promise<{ id: string; path: string }> {
  const key = (await machine.keyFiles()).find(file => file.role === role);
  if (key === undefined) throw new Error(`no ${role} key`);
  return { id: key.id, path: join(machine.trustDir, 'private', `${key.id}.key`) };
}

const codesOf = (report: CheckKeysReport, id: string) =>
  report.keys.find(key => key.id === id)?.findings.map(({ code }) => code);

/** Whatever the tests' few rounds are the cause of. */
const apartFromWeakness = (report: CheckKeysReport) =>
  report.keys.flatMap(({ findings }) => findings.filter(({ code }) => code !== 'KEY_WEAK'));

describe('checking keys', () => {
  it('proves that each opens and signs what is published', async ({ scene }) => {
    const machine = await scene.machine();
    for (const gun of [APP, OTHER]) await machine.signOne(`${gun}:1`, { signer: 'alice' });
    const report = await checking(machine);
    expect(report).toMatchObject({ exitCode: 0, unchecked: [], notHere: [] });
    expect(apartFromWeakness(report)).toEqual([]);
    expect(
      report.keys.map(({ role, opens, signs, needed, failed }) => [
        role,
        opens,
        signs,
        needed,
        failed,
      ]),
    ).toEqual(['root', 'alice', 'targets', 'targets'].map(role => [role, true, true, true, false]));
    expect(report.keys[0]?.trustedBy).toEqual([
      { repository: APP, role: 'root' },
      { repository: OTHER, role: 'root' },
    ]);
  });

  it('needs no passphrase to look at files, and no server when told', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`);
    const alone = machine.with({ env: {}, server: NOBODY });
    const requests = scene.requests().length;
    const report = await checking(alone, { offline: true, unlock: false });
    expect(report.exitCode).toBe(0);
    expect(report.keys.map(({ opens, signs }) => [opens, signs])).toEqual(
      Array(2).fill([null, null]),
    );
    expect(scene.requests()).toHaveLength(requests);
    // With nobody to ask, the keys stay locked: that is no proof.
    const locked = await checking(alone, { offline: true });
    expect(locked.exitCode).toBe(4);
    const { id } = await keyOf(machine, 'targets');
    expect(codesOf(locked, id)).toContain('KEY_PASSPHRASE_MISSING');
  });

  it('says when a server does not answer, and compares with the cache', async ({ scene }) => {
    const machine = await scene.machine();
    for (const gun of [APP, OTHER]) await machine.signOne(`${gun}:1`);
    const report = await checking(machine.with({ server: NOBODY }));
    expect(report.exitCode).toBe(0);
    expect(report.unchecked.map(({ repository }) => repository)).toEqual([APP, OTHER]);
    expect(report.keys.every(({ signs }) => signs)).toBe(true);
  });

  it('finds the key that the server does not trust any more', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`);
    const { id } = await keyOf(machine, 'targets');
    const elsewhere = await scene.machine();
    for (const role of ['root', 'targets']) await elsewhere.takeKey(machine, role);
    await elsewhere.run(session =>
      rotateKey(session, APP, {
        role: 'targets',
        serverManaged: false,
        keyFiles: [],
        dryRun: false,
        created: [],
      }),
    );
    // The cache still says so.
    expect(codesOf(await checking(machine, { offline: true }), id)).not.toContain(
      'KEY_NOT_TRUSTED',
    );
    const report = await checking(machine);
    expect(codesOf(report, id)).toContain('KEY_NOT_TRUSTED');
    expect(report).toMatchObject({
      exitCode: 0,
      notHere: [{ repository: APP, role: 'targets' }],
    });
  });

  it('fails for a needed key that is damaged, another one, or under another word', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`, { signer: 'alice' });
    const [root, targets, alice] = [
      await keyOf(machine, 'root'),
      await keyOf(machine, 'targets'),
      await keyOf(machine, 'alice'),
    ];
    const good = await readFile(targets.path, 'utf8');
    const state = async () => {
      const report = await checking(machine);
      return [report.exitCode, codesOf(report, targets.id)?.filter(code => code !== 'KEY_WEAK')];
    };
    expect(await state()).toEqual([0, []]);

    await writeFile(targets.path, good.slice(0, 150));
    expect(await state()).toEqual([4, ['KEY_FILE_DAMAGED']]);

    // The file of another key under this one's name.
    await writeFile(
      targets.path,
      (await readFile(alice.path, 'utf8')).replace('role: alice', 'role: targets'),
    );
    expect(await state()).toEqual([4, ['KEY_ID_MISMATCH']]);

    await writeFile(targets.path, good.replace('role: targets', 'role: snapshot'));
    expect(await state()).toEqual([4, ['ROLE_DIFFERS']]);

    await writeFile(targets.path, good.replace(APP, OTHER));
    expect(await state()).toEqual([0, ['GUN_DIFFERS']]);

    await writeFile(targets.path, good);
    await rename(root.path, `${root.path}.moved`);
    expect(await checking(machine)).toMatchObject({
      exitCode: 0,
      notHere: [{ repository: APP, role: 'root' }],
    });
  });

  it('reports what is amiss with files that work', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`);
    const { id, path } = await keyOf(machine, 'targets');
    await chmod(path, 0o644);
    await copyFile(path, join(machine.trustDir, 'private', `${id}_targets.key`));
    await writeFile(join(machine.trustDir, 'private', `.${id}.key.before`), 'left over');
    await chmod(join(machine.trustDir, 'private'), 0o755);
    const report = await checking(machine);
    expect(codesOf(report, id)).toEqual(['FILE_AMISS', 'FILE_DUPLICATE', 'COPY_LEFT', 'KEY_WEAK']);
    expect(report).toMatchObject({ exitCode: 0, folderProblem: expect.stringContaining('0755') });
  });

  it('counts a key that nobody trusts only when it is asked for', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`, { signer: 'alice' });
    const { id } = await keyOf(machine, 'alice');
    await rm(join(machine.trustDir, 'tuf'), { recursive: true });
    const wrong = machine.withEnv({ DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'another one' });
    const all = await checking(wrong, { offline: true });
    expect(all.exitCode).toBe(0);
    expect(codesOf(all, id)).toContain('KEY_PASSPHRASE_WRONG');
    expect(await checking(wrong, { offline: true, ids: [id] })).toMatchObject({ exitCode: 4 });
  });

  it('fails for a file that holds no whole key, or another one, whoever trusts it', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`, { signer: 'alice' });
    await rm(join(machine.trustDir, 'tuf'), { recursive: true });
    const { id, path } = await keyOf(machine, 'alice');
    const other = join(machine.trustDir, 'private', `${'a'.repeat(64)}.key`);
    await copyFile(path, other);
    expect(await checking(machine, { offline: true })).toMatchObject({ exitCode: 4 });
    await rm(other);
    expect(await checking(machine, { offline: true })).toMatchObject({ exitCode: 0 });
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, 150));
    const report = await checking(machine, { offline: true });
    expect(report.exitCode).toBe(4);
    expect(codesOf(report, id)).toContain('KEY_FILE_DAMAGED');
  });
});
