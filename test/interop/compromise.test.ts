import { cp, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { listRow } from './support/expected-rows.ts';
import { killedAtRequest } from './support/killing.ts';
import { freshReading, listTargets, readingOf } from './support/readers.ts';
import { addHash, content, openScene, type Person, type Scene, served } from './support/scene.ts';
import { TABELLION } from './support/tabellion-cli.ts';
import { signTag } from './support/tags.ts';
import { runInTerminal } from './support/terminal.ts';

const DOWN = '\u001b[B';
const PUBLISH = /^POST .*\/_trust\/tuf\/$/;

interface Rotated {
  repositories: {
    repository: string;
    versions: Record<string, number>;
    reusedKeys: boolean;
    verifiedAfresh: boolean;
    newKeys: { id: string }[];
    alsoRotated: { role: string }[];
    review: {
      removedTags: { tag: string; role: string }[];
      removedSigners: string[];
      restored: { role: string; keyIds: string[] }[];
      formerTags: { tag: string; sha256: string }[];
    };
  }[];
  removedKeys: string[];
}

interface Theft {
  readonly gun: string;
  readonly owner: Person;
  readonly thief: Person;
  /** Read the repository before the theft, and in the middle of it. */
  readonly consumers: readonly Person[];
  /** When all was well. */
  readonly since: string;
  /** Canonical ID. */
  readonly malloryKey: string;
}

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl', 'script'],
  'a compromised key',
  () => {
    let scene: Scene;
    let guns = 0;

    beforeAll(async () => {
      scene = await openScene();
    });
    beforeEach(() => scene.proxy.clear());

    const keyFiles = async ({ trustDir }: Person): Promise<string[]> =>
      (await readdir(path.join(trustDir, 'private'))).filter(name => name.endsWith('.key')).sort();

    /** The same folder without the root key, in other hands. */
    async function steal(owner: Person): Promise<Person> {
      const thief = await scene.person('thief');
      await cp(owner.trustDir, thief.trustDir, { recursive: true });
      const folder = path.join(thief.trustDir, 'private');
      for (const name of await readdir(folder)) {
        const text = await readFile(path.join(folder, name), 'utf8').catch(() => '');
        if (text.includes('role: root')) await rm(path.join(folder, name));
      }
      await rm(path.join(thief.trustDir, '.tabellion'), { recursive: true, force: true });
      return thief;
    }

    /** A repository, and what a thief with the real `notary` does to it. */
    async function theft(snapshot: 'local' | 'server'): Promise<Theft> {
      guns += 1;
      const gun = `localhost:5000/theft/${guns}`;
      const owner = await scene.person('owner');
      if (snapshot === 'local') await owner.notary.succeed(['init', gun, '-p']);
      else await signTag(owner, `${gun}:0.9`, 'nought', '--signer', 'alice');
      await owner.notary.succeed(addHash(gun, '1.0', content('one'), '-p', '-r', 'targets'));
      await owner.notary.succeed(addHash(gun, '2.0', content('two'), '-p', '-r', 'targets'));
      const consumer = await scene.person('consumer');
      await readingOf(consumer, gun);
      await owner.tabellion.succeed(['inspect', gun]);
      const since = new Date().toISOString();

      const thief = await steal(owner);
      await thief.docker.succeed(['trust', 'key', 'generate', 'mallory', '--dir', thief.folder]);
      const publicKey = path.join(thief.folder, 'mallory.pub');
      await thief.notary.succeed(addHash(gun, '6.6', content('evil'), '-p', '-r', 'targets'));
      await thief.notary.succeed(addHash(gun, '2.0', content('worse'), '-p', '-r', 'targets'));
      for (const role of [
        'targets/mallory',
        ...(snapshot === 'server' ? ['targets/releases'] : []),
      ])
        await thief.notary.succeed([
          'delegation',
          'add',
          gun,
          role,
          publicKey,
          '--all-paths',
          '-p',
        ]);
      await thief.notary.succeed(
        addHash(gun, '7.7', content('evil'), '-p', '-r', 'targets/mallory'),
      );
      const late = await scene.person('late');
      const { listed, tabellion } = await readingOf(late, gun);
      expect(listed.map(({ name }) => name)).toEqual(expect.arrayContaining(['6.6', '7.7']));
      expect(listed).toContainEqual(listRow('2.0', 'worse'));
      const malloryKey =
        tabellion.signers.find(({ name }) => name === 'mallory')?.keys[0]?.id ?? '';
      return { gun, owner, thief, consumers: [consumer, late], since, malloryKey };
    }

    const compromised = (gun: string, since: string): string[] => [
      ...['key', 'rotate', gun, '--compromised', '--trusted-since', since],
      ...['--keep-known', '--drop-rest', '--yes'],
    ];

    /** What is left of the thief's work: nothing, for anybody, and no way to do it again. */
    async function isOver({ gun, thief, consumers, malloryKey }: Theft, rows: ListedRows) {
      const { listed, tabellion } = await freshReading(scene, gun);
      expect(listed).toEqual(rows);
      expect(JSON.stringify(tabellion)).not.toContain(malloryKey);
      for (const consumer of consumers) {
        const reading = await readingOf(consumer, gun);
        expect(reading.listed).toEqual(rows);
        expect(JSON.stringify(reading.docker)).not.toMatch(/mallory|6\.6|7\.7/);
      }
      const refused = await thief.notary.run(
        addHash(gun, '8.8', content('evil'), '-p', '-r', 'targets'),
      );
      expect(refused.code).not.toBe(0);
      expect((await freshReading(scene, gun)).listed).toEqual(rows);
    }
    type ListedRows = ReturnType<typeof listRow>[];

    test('played out where the server keeps the snapshot, as docker has it', async () => {
      const stolen = await theft('server');
      const { gun, owner, since, malloryKey } = stolen;
      const before = await served(scene.server, gun, 'root');
      const { repositories, removedKeys } = (await owner.tabellion.json([
        ...compromised(gun, since),
        // Her key lay beside the stolen one.
        ...['--rekey-signer', 'alice', '--old-key', 'remove'],
      ])) as Rotated;
      const [rotation] = repositories;
      expect(rotation).toMatchObject({
        versions: { root: before.version + 1 },
        verifiedAfresh: true,
        review: {
          removedSigners: ['targets/mallory'],
          restored: [{ role: 'targets/releases', keyIds: [malloryKey] }],
          formerTags: [{ tag: '2.0', sha256: content('two').hex }],
        },
      });
      // The repository key, and the one that alice had.
      expect(removedKeys).toHaveLength(2);
      const rows = [listRow('0.9', 'nought', 'targets/alice'), listRow('1.0', 'one')];
      await isOver(stolen, rows);
      for (const role of ['targets/alice', 'targets/releases']) {
        const args = addHash(gun, '8.8', content('evil'), '-p', '-r', role);
        expect((await stolen.thief.notary.run(args)).code).not.toBe(0);
      }
      expect((await freshReading(scene, gun)).listed).toEqual(rows);
      // The signer signs on, and so does the new repository key with notary.
      await signTag(owner, `${gun}:3.0`, 'three');
      await owner.notary.succeed(addHash(gun, '2.0', content('two'), '-p', '-r', 'targets'));
      const names = (await freshReading(scene, gun)).listed.map(({ name }) => name);
      expect(names).toEqual(['0.9', '1.0', '2.0', '3.0']);
    });

    test('played out where the owner keeps the snapshot, whose key is replaced too', async () => {
      const stolen = await theft('local');
      const { gun, owner, thief, since } = stolen;
      const { repositories } = (await owner.tabellion.json(compromised(gun, since))) as Rotated;
      expect(repositories[0]?.alsoRotated.map(({ role }) => role)).toEqual(['snapshot']);
      await isOver(stolen, [listRow('1.0', 'one')]);
      // Not even an empty publish, which needs nothing but the snapshot's key.
      expect((await thief.notary.run(['publish', gun])).code).not.toBe(0);
      expect((await served(scene.server, gun, 'snapshot')).version).toBe(
        repositories[0]?.versions.snapshot,
      );
    });

    test('a 503 in the middle costs nobody a key; run again, it ends with the key that was made', async () => {
      const stolen = await theft('server');
      const { gun, since } = stolen;
      const owner = {
        ...stolen.owner,
        tabellion: stolen.owner.tabellion.with({ server: scene.proxy.url }),
      };
      const before = await keyFiles(owner);
      scene.proxy.fault(PUBLISH, { status: 503 });
      const failed = await owner.tabellion.run(compromised(gun, since));
      expect(failed.code).toBe(5);
      expect(failed.stderr).toContain('the next rotation uses it');
      const between = await keyFiles(owner);
      expect(between).toEqual(expect.arrayContaining(before));
      expect(between).toHaveLength(before.length + 1);
      scene.proxy.clear();
      const { repositories } = (await owner.tabellion.json(compromised(gun, since))) as Rotated;
      expect(repositories[0]).toMatchObject({ reusedKeys: true });
      expect(await keyFiles(owner)).toEqual(between);
      await isOver(stolen, [listRow('0.9', 'nought', 'targets/alice'), listRow('1.0', 'one')]);
    });

    test('--all-using is killed at each request, before and after the server acts: nothing is rotated twice', async () => {
      const owner = await scene.person('owner');
      const repositories = ['a', 'b'].map(name => `localhost:5000/shared/${name}`);
      const [first = '', ...others] = repositories;
      for (const gun of repositories) await owner.notary.succeed(['init', gun, '-p']);
      const { targets } = (await served(scene.server, first, 'root')).roles as Record<
        string,
        { keyids: string[] }
      >;
      const key = targets?.keyids[0] ?? '';
      for (const gun of others)
        await owner.tabellion.succeed(['key', 'rotate', gun, '--key', key, '--yes']);
      const versions = async (): Promise<number[]> =>
        Promise.all(
          repositories.map(async gun => (await served(scene.server, gun, 'root')).version),
        );
      const before = { versions: await versions(), keys: await keyFiles(owner) };

      const person = { ...owner, tabellion: owner.tabellion.with({ server: scene.proxy.url }) };
      const args = ['key', 'rotate', '--all-using', key.slice(0, 12), '--yes'];
      let kills = 0;
      for (let number = 1; ; number += 1) {
        const moment = number % 2 === 0 ? 'after' : 'before';
        if ((await killedAtRequest(scene, person, args, number, moment)) === 'done') break;
        kills += 1;
      }
      expect(kills).toBeGreaterThan(10);
      expect(await versions()).toEqual(before.versions.map(version => version + 1));
      // One new key for each repository; none was made for nothing, and the old one is there.
      const after = await keyFiles(owner);
      expect(after).toHaveLength(before.keys.length + repositories.length);
      expect(after).toEqual(expect.arrayContaining(before.keys));
      for (const gun of repositories) {
        await signTag(owner, `${gun}:1.0`, 'one');
        expect(await listTargets(owner, gun)).toEqual([listRow('1.0', 'one')]);
      }
      const again = await owner.tabellion.run([...args, '--json']);
      expect(again.code).toBe(1);
      expect(JSON.parse(again.stdout).error.code).toBe('KEY_NOT_USED');
    });

    test('at a terminal: why, since when, and what may stay is ticked', async () => {
      const stolen = await theft('server');
      const { gun, owner, since } = stolen;
      const { tabellion } = owner;
      await owner.tabellion.succeed(['inspect', gun]);
      const command = [
        TABELLION,
        ...tabellion.nativeArguments(['key', 'rotate', gun, '--no-registry']),
      ];
      const terminal = runInTerminal(process.execPath, command, tabellion.environment());
      await terminal.shows('Why is the repository key replaced?');
      terminal.type(DOWN);
      terminal.type('\r');
      await terminal.shows('Until when was all well');
      terminal.type(`${since}\r`);
      await terminal.shows('Who may go on signing');
      expect(terminal.text()).toMatch(
        /6\.6 +sha256:[0-9a-f]{12} +targets \(key [0-9a-f]{12}\) +NEW/,
      );
      expect(terminal.text()).toContain(`CHANGED, was sha256:${content('two').hex.slice(0, 12)}`);
      // What was known is ticked already.
      terminal.type('\r');
      await terminal.shows('Which tags stay signed?');
      terminal.type('\r');
      await terminal.shows('Replace the repository key of');
      terminal.type('y\r');
      await terminal.shows('What becomes of the old private key?');
      terminal.type('\r');
      expect(await terminal.ended).toBe(0);
      await isOver(stolen, [listRow('0.9', 'nought', 'targets/alice'), listRow('1.0', 'one')]);

      // Ctrl-C at a question leaves everything as it is.
      const version = (await served(scene.server, gun, 'root')).version;
      const second = runInTerminal(process.execPath, command, tabellion.environment());
      await second.shows('Why is the repository key replaced?');
      second.type('\u0003');
      expect(await second.ended).toBe(130);
      expect((await served(scene.server, gun, 'root')).version).toBe(version);
    });
  },
);
