import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { folderContent, folderTree } from './support/folder-tree.ts';
import { addHash, content, digestFlags, openScene, type Scene } from './support/scene.ts';

const REPOSITORIES = 50;
const PASSPHRASE = 'a passphrase of the backup';
const ENV = { env: { TABELLION_BACKUP_PASSPHRASE: PASSPHRASE } };

describeWithPeers(['notary', 'notary-server', 'notary-signer'], 'a backup', () => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await openScene();
  });

  test('of 50 repositories, restored into an empty home, lets notary publish', async () => {
    const owner = await scene.person('owner');
    const guns = Array.from(
      { length: REPOSITORIES },
      (_, number) => `localhost:5000/backups/${number % 2 === 0 ? 'even/' : ''}app-${number}`,
    );
    const tags = guns.map(gun => `${gun}:1`);
    await owner.tabellion.succeed(['sign', ...tags, ...digestFlags(content('one'))]);
    // One was made by notary, with a snapshot key of its own and a change that is only staged.
    const byNotary = 'localhost:5000/backups/by-notary';
    await owner.notary.succeed(['init', '-p', byNotary]);
    await owner.notary.succeed(addHash(byNotary, 'staged', content('staged')));

    const file = path.join(owner.folder, 'all.backup');
    const made = await owner.tabellion.json(['backup', 'create', file], ENV);
    expect(made).toMatchObject({ skipped: [] });
    const verified = await owner.tabellion.json(['backup', 'verify', '--unlock', file], ENV);
    const { sound, keys, repositories } = verified as {
      sound: boolean;
      keys: { state: string }[];
      repositories: { gun: string; missing: string[] }[];
    };
    expect(sound).toBe(true);
    expect(keys.length).toBeGreaterThanOrEqual(REPOSITORIES + 3);
    expect(keys.filter(({ state }) => state !== 'proven')).toEqual([]);
    expect(repositories.map(({ gun }) => gun).sort()).toEqual([...guns, byNotary].sort());
    expect(repositories.filter(({ missing }) => missing.length > 0)).toEqual([]);

    const heir = await scene.person('heir');
    await heir.tabellion.succeed(['backup', 'restore', '--yes', file], ENV);
    for (const folder of ['private', 'tuf']) {
      const from = path.join(owner.trustDir, folder);
      expect(await folderContent(path.join(heir.trustDir, folder))).toEqual(
        await folderContent(from),
      );
    }
    const tree = await folderTree(heir.trustDir);
    expect(tree.filter(({ isFolder, mode }) => mode !== (isFolder ? 0o700 : 0o600))).toEqual([]);
    expect(await readdir(path.join(heir.trustDir, 'private'))).toHaveLength(keys.length);

    for (const gun of [guns[0] ?? '', guns[25] ?? '', guns[49] ?? '']) {
      await heir.notary.succeed(addHash(gun, 'two', content('two'), '-p'));
      expect(await heir.notary.succeed(['list', gun])).toMatch(/^two /m);
    }
    expect(await heir.notary.succeed(['status', byNotary])).toContain('staged');
    await heir.notary.succeed(['publish', byNotary]);
    expect(await heir.notary.succeed(['list', byNotary])).toMatch(/^staged /m);
    // With the root key, too.
    await heir.notary.succeed(['key', 'rotate', guns[7] ?? '', 'targets']);
    await heir.tabellion.succeed(['verify', '--no-registry', `${guns[7]}:1`]);
  });
});
