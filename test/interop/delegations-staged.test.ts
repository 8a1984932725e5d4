import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import {
  delegationAdditions,
  delegationRemovals,
  keyPurge,
} from '../../src/operations/delegations/delegation-changes.ts';
import { readDelegationKeys } from '../../src/operations/delegations/delegation-keys.ts';
import { initialiseRepository } from '../../src/operations/initialise.ts';
import { listTargets, lookupTarget } from '../../src/operations/list-targets.ts';
import { publishStaged } from '../../src/operations/publish-staged.ts';
import {
  resetChanges,
  stageChanges,
  stagedChanges,
  stageRemoval,
  stageTarget,
  stageWitness,
} from '../../src/operations/stage.ts';
import { imageTarget } from '../../src/tuf/target.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { listRow } from './support/expected-rows.ts';
import { inSession } from './support/open-session.ts';
import { listTargets as listByNotary } from './support/readers.ts';
import { addHash, content, openScene, type Person, type Scene, served } from './support/scene.ts';

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'openssl'],
  'staged changes of Tabellion and of notary',
  () => {
    let scene: Scene;
    let guns = 0;

    beforeAll(async () => {
      scene = await openScene();
    });

    const newGun = () => {
      guns += 1;
      return `names/of any form/${guns}`;
    };
    const target = (text: string) => imageTarget(content(text).digest, content(text).size);

    async function publicKey(person: Person, name: string) {
      await person.tabellion.succeed(['key', 'generate', name, '--dir', person.folder]);
      return path.join(person.folder, `${name}.pub`);
    }

    /** Change files without what differs from run to run. */
    const changeFiles = async ({ trustDir }: Person, gun: string) => {
      const folder = path.join(trustDir, 'tuf', gun, 'changelist');
      const names = (await readdir(folder)).sort();
      for (const name of names) expect(name).toMatch(/^0\d{19}_[0-9a-f-]{36}\.change$/);
      return await Promise.all(names.map(name => readFile(path.join(folder, name), 'utf8')));
    };

    test('the files are the same, byte for byte, and each publishes what the other staged', async () => {
      const gun = newGun();
      const owner = await scene.person('owner');
      const ours = await scene.person('ours');
      await owner.notary.succeed(['init', gun, '-p']);
      const file = await publicKey(owner, 'alice');
      const one = content('one');
      const role = 'targets/alice';
      await owner.notary.succeed(['delegation', 'add', gun, role, file, '--paths', 'v,w<&>']);
      await owner.notary.succeed(addHash(gun, 'a<b>&c', one, '-r', 'targets'));
      await owner.notary.succeed(addHash(gun, 'v1', one, '-r', `targets,${role}`));
      await owner.notary.succeed(['remove', gun, 'old']);
      await owner.notary.succeed(['witness', gun, role]);
      await owner.notary.succeed(['delegation', 'remove', gun, role, '--paths', 'w<&>']);
      await inSession(ours, async session => {
        const keys = await readDelegationKeys([file], session.now);
        const paths = ['v', 'w<&>'];
        await stageChanges(session, gun, delegationAdditions({ role, keys, paths }));
        await stageTarget(session, gun, { name: 'a<b>&c', target: target('one') });
        const roles = ['targets', role];
        await stageTarget(session, gun, { roles, name: 'v1', target: target('one') });
        await stageRemoval(session, gun, { name: 'old' });
        await stageWitness(session, gun, [role]);
        const removal = { role, keyIds: [], paths: ['w<&>'], allPaths: false };
        await stageChanges(session, gun, delegationRemovals(removal));
      });
      const files = await changeFiles(owner, gun);
      expect(files).toHaveLength(8);
      expect(await changeFiles(ours, gun)).toEqual(files);
      // What cannot be applied fails for both; without it Tabellion publishes all that notary staged.
      const published = await inSession(owner, session => publishStaged(session, gun));
      expect(published.applied).toHaveLength(8);
      expect(await changeFiles(owner, gun)).toEqual([]);
      const rows = [listRow('a<b>&c', 'one'), listRow('v1', 'one')];
      expect(await listByNotary(owner, gun)).toEqual(rows);
      expect(await listByNotary(owner, gun, '-r', role)).toEqual([listRow('v1', 'one', role)]);

      await inSession(owner, async session => {
        await stageTarget(session, gun, { roles: [role], name: 'v2', target: target('two') });
        await stageRemoval(session, gun, { name: 'v1' });
      });
      expect(await owner.notary.succeed(['status', gun])).toContain('targets/alice');
      await owner.notary.succeed(['publish', gun]);
      const reader = await scene.person('reader');
      const { targets } = await inSession(reader, session => listTargets(session, gun));
      expect(targets.map(({ role: by, name }) => [name, by])).toEqual([
        ['a<b>&c', 'targets'],
        ['v1', role],
        ['v2', role],
      ]);
      const found = await inSession(reader, session => lookupTarget(session, gun, 'v1'));
      expect(found.target?.role).toBe(role);
      const absent = await inSession(reader, session => lookupTarget(session, gun, 'v9'));
      expect(absent.target).toBeUndefined();
    });

    test('a purge and a deletion, staged by one and published by the other', async () => {
      const gun = newGun();
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun, '-p']);
      const file = await publicKey(owner, 'alice');
      for (const role of ['targets/a', 'targets/b'])
        await owner.notary.succeed(['delegation', 'add', gun, role, file, '--all-paths', '-p']);
      const shown = await owner.notary.succeed(['delegation', 'list', gun]);
      const id = /[0-9a-f]{64}/.exec(shown)?.[0] ?? '';
      await inSession(owner, async session => {
        await stageChanges(session, gun, [keyPurge([id])]);
        const whole = { role: 'targets/b', keyIds: [], paths: [], allPaths: false };
        await stageChanges(session, gun, delegationRemovals(whole));
      });
      await owner.notary.succeed(['publish', gun]);
      const after = await owner.notary.succeed(['delegation', 'list', gun]);
      expect(after).not.toContain(id);
      expect(after).not.toContain('targets/b');
      await owner.notary.succeed(['delegation', 'remove', gun, 'targets/a', '--yes']);
      await inSession(owner, session => publishStaged(session, gun));
      expect(await owner.notary.succeed(['delegation', 'list', gun])).toContain('No delegations');
    });

    test('an empty publish makes a new snapshot, as notary makes one', async () => {
      const gun = newGun();
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun, '-p']);
      await inSession(owner, session => publishStaged(session, gun));
      expect(await served(scene.server, gun, 'snapshot')).toMatchObject({ version: 3 });
      await owner.notary.succeed(['key', 'rotate', gun, 'snapshot', '-r']);
      await inSession(owner, session => publishStaged(session, gun));
      expect(await served(scene.server, gun, 'snapshot')).toMatchObject({ version: 5 });
    });

    test('what Tabellion initialises notary publishes, and the other way round', async () => {
      const gun = newGun();
      const owner = await scene.person('owner');
      const made = await inSession(owner, session => initialiseRepository(session, gun));
      expect(made.rootKey).toBe('created');
      expect(made.createdKeys.map(({ role }) => role)).toEqual(['root', 'targets', 'snapshot']);
      await owner.notary.succeed(addHash(gun, '1', content('one'), '-p'));
      expect(await listByNotary(await scene.person('reader'), gun)).toEqual([listRow('1', 'one')]);
      for (const [role, version] of Object.entries({ root: 1, targets: 2, snapshot: 2 }))
        expect(await served(scene.server, gun, role)).toMatchObject({ version });

      const other = newGun();
      await owner.notary.succeed(['init', other]);
      await owner.notary.succeed(addHash(other, '1', content('one')));
      await inSession(owner, session => publishStaged(session, other));
      expect(await listByNotary(await scene.person('reader'), other)).toEqual([
        listRow('1', 'one'),
      ]);
      for (const [role, version] of Object.entries({ root: 1, targets: 2, snapshot: 2 }))
        expect(await served(scene.server, other, role)).toMatchObject({ version });
    });

    test('a broken file is shown, stops the publish, and goes by its number', async () => {
      const gun = newGun();
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun, '-p']);
      await owner.notary.succeed(addHash(gun, '1', content('one')));
      const folder = path.join(owner.trustDir, 'tuf', gun, 'changelist');
      await writeFile(path.join(folder, '00000000000000000000_broken.change'), 'no JSON');
      const staged = await inSession(owner, session => stagedChanges(session, gun));
      expect(staged.map(({ change, problem }) => [change?.path, problem !== undefined])).toEqual([
        [undefined, true],
        ['1', false],
      ]);
      const failed = inSession(owner, session => publishStaged(session, gun));
      await expect(failed).rejects.toMatchObject({
        code: 'CHANGE_MALFORMED',
        details: { file: '00000000000000000000_broken.change' },
      });
      expect(await inSession(owner, session => resetChanges(session, gun, [0, 7]))).toEqual({
        removed: ['00000000000000000000_broken.change'],
        unknown: [7],
      });
      await inSession(owner, session => publishStaged(session, gun));
      expect(await listByNotary(owner, gun)).toEqual([listRow('1', 'one')]);
    });
  },
);
