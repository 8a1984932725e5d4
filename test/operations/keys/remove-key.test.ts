import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import { KeyError, UsageError } from '../../../src/errors.ts';
import { resolveKeyIds } from '../../../src/operations/keys/key-id.ts';
import { removeKey } from '../../../src/operations/keys/remove-key.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { copyVectors, readVector } from '../../support/fixtures.ts';
import { it, type Machine } from '../../support/trust-scene.ts';

const APP = 'localhost:5000/app';
const OTHER = 'localhost:5000/other';

const removing = (machine: Machine, id: string, dryRun = false) =>
  machine.run(session => removeKey(session, { id, dryRun }));

async function idOf(machine: Machine, role: string, gun = ''): Promise<string> {
  const file = (await machine.keyFiles()).find(
    key => key.role === role && key.text.includes(`gun: ${gun}`) === (gun !== ''),
  );
  if (file === undefined) throw new Error(`there is no ${role} key`);
  return file.id;
}

describe('removeKey', () => {
  it('tells every role of every repository that still needs the key', async ({ scene }) => {
    const machine = await scene.machine();
    for (const gun of [APP, OTHER]) await machine.signOne(`${gun}:1`, { signer: 'alice' });
    const before = await machine.keyFiles();

    const root = await removing(machine, await idOf(machine, 'root'), true);
    // By the root's certificates, which have other IDs.
    expect(root).toMatchObject({ removed: false, role: 'root' });
    expect(root.trusted).toEqual({
      roles: [APP, OTHER].map(repository => ({
        repository,
        role: 'root',
        threshold: 1,
        otherKeysHere: 0,
      })),
      unreadable: [],
    });
    const alice = await removing(machine, await idOf(machine, 'alice'), true);
    expect(alice.trusted.roles.map(({ repository, role }) => [repository, role])).toEqual([
      [APP, 'targets/alice'],
      [APP, 'targets/releases'],
      [OTHER, 'targets/alice'],
      [OTHER, 'targets/releases'],
    ]);
    const targets = await idOf(machine, 'targets', OTHER);
    expect((await removing(machine, targets, true)).trusted.roles).toMatchObject([
      { repository: OTHER, role: 'targets' },
    ]);
    expect(await machine.keyFiles()).toEqual(before);

    expect(await removing(machine, targets)).toMatchObject({
      removed: true,
      gun: OTHER,
      files: [join(machine.trustDir, 'private', `${targets}.key`)],
    });
    expect((await machine.keyFiles()).map(({ id }) => id)).toEqual(
      before.map(({ id }) => id).filter(id => id !== targets),
    );
    await expectFailure(removing(machine, targets), KeyError, 'KEY_NOT_FOUND');
  });

  it('does not keep silent about metadata that it cannot read', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`);
    await writeFile(machine.cacheFile(APP, 'root'), '{"signed":');
    const id = await idOf(machine, 'root');
    expect((await removing(machine, id, true)).trusted).toMatchObject({
      roles: [],
      unreadable: [{ repository: APP }],
    });
  });

  it('knows nothing that needs a key of which no repository was seen', async ({ scene }) => {
    const machine = await scene.machine();
    copyVectors('keys/store', join(machine.trustDir, 'private'));
    const id = await idOf(machine, 'alice');
    expect((await removing(machine, id)).trusted).toEqual({ roles: [], unreadable: [] });
  });

  it('removes all files of the key, in old layouts too', async ({ scene }) => {
    const machine = await scene.machine();
    const privateDir = join(machine.trustDir, 'private');
    copyVectors('keys/legacy/tree-before/private', privateDir);
    copyVectors('keys/legacy/tree-after/private', privateDir);
    const id = '4719e20e14cbd482715b2f6b337c2b14c5575c47e9d880191cc5523fc94430d0';
    const report = await removing(machine, id);
    expect([...report.files].sort()).toEqual(
      [join(privateDir, 'root_keys', `${id}_root.key`), join(privateDir, `${id}.key`)].sort(),
    );
    const left = await machine.run(async session => (await session.keys()).list());
    expect(left.filter(entry => entry.id === id)).toEqual([]);
    expect(left.length).toBeGreaterThan(0);
  });

  it('removes a file that is no key, when its whole name is given', async ({ scene }) => {
    const machine = await scene.machine();
    const file = join(machine.trustDir, 'private', 'stray.key');
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, 'nothing');
    const [id = ''] = await machine.run(session => resolveKeyIds(session, ['stray']));
    expect(await removing(machine, id)).toMatchObject({ removed: true, files: [file] });
  });
});

describe('the beginning of a key ID', () => {
  it('is enough when it is long enough, and one key has it', async ({ scene }) => {
    const machine = await scene.machine();
    const privateDir = join(machine.trustDir, 'private');
    copyVectors('keys/store', privateDir);
    const id = await idOf(machine, 'alice');
    const resolve = (...given: string[]) => machine.run(session => resolveKeyIds(session, given));
    expect(await resolve(id.slice(0, 7), id, id.slice(0, 12).toUpperCase())).toEqual([id]);
    await expectFailure(resolve(id.slice(0, 6)), UsageError, 'KEY_ID_INVALID');
    await expectFailure(resolve('../../../etc/passwd'), UsageError, 'KEY_ID_INVALID');
    await expectFailure(resolve('0000000'), KeyError, 'KEY_NOT_FOUND');
    const twin = `${id.slice(0, 20)}${'0'.repeat(44)}`;
    await cp(join(privateDir, `${id}.key`), join(privateDir, `${twin}.key`));
    const error = await expectFailure(resolve(id.slice(0, 12)), UsageError, 'KEY_ID_AMBIGUOUS');
    expect(error.details?.matches).toEqual([twin, id].sort());
    expect(await resolve(id)).toEqual([id]);
    expect(readVector(`keys/store/${id}.key`).length).toBeGreaterThan(0);
  });
});
