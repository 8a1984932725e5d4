import { watch } from 'node:fs';
import { cp, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { listRow } from './support/expected-rows.ts';
import { folderTree } from './support/folder-tree.ts';
import { ageLocks, killedAtRequest } from './support/killing.ts';
import { freshReading, listTargets } from './support/readers.ts';
import {
  addHash,
  content,
  digestFlags,
  openScene,
  type Person,
  type Scene,
} from './support/scene.ts';
import { type SignReport, signTag, verifyTag } from './support/tags.ts';

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'a process that signs is killed',
  () => {
    let scene: Scene;

    beforeAll(async () => {
      scene = await openScene();
    });

    /** Somebody behind the proxy. */
    const proxied = (name: string) => scene.person(name, { server: scene.proxy.url });

    const signArguments = (image: string, text: string) => [
      ...['sign', image],
      ...digestFlags(content(text)),
    ];

    /** Publishes, and is killed when the server has stored everything, but has not said so yet. */
    async function killedAfterPublish(person: Person, args: string[]): Promise<void> {
      const killer = new AbortController();
      const remove = scene.proxy.fault(/^POST /, async (_request, forward) => {
        expect((await forward()).status).toBe(200);
        killer.abort();
        return { hang: true };
      });
      const result = await person.tabellion.run(args, { signal: killer.signal });
      remove();
      await ageLocks(person);
      expect(result.signal).toBe('SIGKILL');
    }

    const keyFiles = async ({ trustDir }: Person) =>
      (await readdir(path.join(trustDir, 'private')).catch(() => [])).filter(file =>
        file.endsWith('.key'),
      );

    test('at each request of the first publish: run again, it carries on with the same keys', async () => {
      for (let number = 1; ; number += 1) {
        const gun = `localhost:5000/killed/first-${number}`;
        const owner = await proxied('owner');
        const args = signArguments(`${gun}:1`, 'one');
        const end = await killedAtRequest(scene, owner, args, number);
        const before = await keyFiles(owner);
        await owner.tabellion.succeed(args);
        const after = await keyFiles(owner);
        // What was on disk is used; nothing is made twice.
        expect(after).toHaveLength(2);
        expect(after).toEqual(expect.arrayContaining(before));
        expect(await listTargets(owner, gun)).toEqual([listRow('1', 'one')]);
        if (end === 'killed') continue;
        expect(number).toBeGreaterThan(5);
        break;
      }
    });

    test('at each request of a later publish: nothing is lost or done twice', async () => {
      const gun = 'localhost:5000/killed/later';
      const owner = await proxied('owner');
      await owner.notary.succeed(['init', gun, '-p']);
      for (let number = 1; ; number += 1) {
        const args = signArguments(`${gun}:${number}`, 'x');
        const end = await killedAtRequest(scene, owner, args, number);
        // Whatever was left behind, the trust folder loads, for notary too, without any repair.
        const listed = await listTargets(owner, gun);
        expect(listed.length).toBeGreaterThanOrEqual(number - 1);
        const offline = await verifyTag(owner, `${gun}:${number}`, '--offline');
        expect([0, 3]).toContain(offline.exitCode);
        await owner.tabellion.succeed(args);
        if (end === 'killed') continue;
        expect(number).toBeGreaterThan(4);
        break;
      }
      const { listed, tabellion } = await freshReading(scene, gun);
      const targets = tabellion.roles.find(({ role }) => role === 'targets');
      // One version for each tag: a publish that had arrived was not done again.
      expect(targets?.version).toBe(2 + listed.length);
    });

    test('when its publish has arrived, unknown to itself: run again, there is nothing to do', async () => {
      const gun = 'localhost:5000/killed/arrived';
      const owner = await proxied('owner');
      const first = signArguments(`${gun}:1`, 'one');
      await killedAfterPublish(owner, first);
      const keys = await keyFiles(owner);
      const second = signArguments(`${gun}:2`, 'two');
      for (const args of [first, second]) {
        if (args === second) await killedAfterPublish(owner, args);
        const again = (await owner.tabellion.json(args)) as { repositories: SignReport[] };
        expect(again.repositories).toMatchObject([
          { initialised: false, createdKeys: [], tags: [{ status: 'already-signed' }] },
        ]);
      }
      expect(await keyFiles(owner)).toEqual(keys);
      const { listed, tabellion } = await freshReading(scene, gun);
      expect(listed).toHaveLength(2);
      expect(tabellion.roles.find(({ role }) => role === 'targets')?.version).toBe(3);
    });

    test.concurrent('its lock is taken over after a while, without a word', async () => {
      const gun = 'localhost:5000/killed/lock';
      const owner = await proxied('owner');
      await owner.notary.succeed(['init', gun, '-p']);
      const args = signArguments(`${gun}:1`, 'one');
      const killer = new AbortController();
      const remove = scene.proxy.fault(/^POST /, () => {
        killer.abort();
        return { hang: true };
      });
      await owner.tabellion.run(args, { signal: killer.signal });
      remove();
      const [reader, again] = await Promise.all([
        owner.tabellion.run(['inspect', gun]),
        owner.tabellion.run(args),
      ]);
      // Who only looks does not wait for it.
      for (const { code, stderr } of [reader, again]) {
        // Reminders are about keys.
        const words = stderr.split('\n').filter(line => !line.startsWith('reminder: '));
        expect({ code, words }).toEqual({ code: 0, words: [''] });
      }
    });

    test.concurrent('at any change in the trust folder: run again, everything is whole', async () => {
      const gun = 'localhost:5000/killed/writing';
      const template = await scene.person('template');
      await signTag(template, `${gun}:0`, 'zero', '--signer', 'alice');
      let kills = 0;
      // As fast as the machine is, some of these moments lie between two changes of a file.
      for (let wait = 1; wait <= 24; wait += 1) {
        const owner = await scene.person('owner');
        await mkdir(owner.trustDir, { mode: 0o700 });
        await cp(template.trustDir, owner.trustDir, { recursive: true, preserveTimestamps: true });
        const result = await killedAtChange(owner, signArguments(`${gun}:${wait}`, 'x'), wait);
        if (result === 'killed') kills += 1;
        if (wait % 4 !== 0) continue;
        await owner.notary.succeed(['list', gun]);
        await owner.tabellion.succeed(signArguments(`${gun}:${wait}`, 'x'));
        await owner.notary.succeed(addHash(gun, `after-${wait}`, content('n'), '-p'));
        const open = (await folderTree(owner.trustDir)).filter(
          ({ isFolder, mode }) => mode !== (isFolder ? 0o700 : 0o600),
        );
        expect(open).toEqual([]);
      }
      expect(kills).toBeGreaterThan(10);
      await freshReading(scene, gun);
    });

    test('while it makes a new repository: no key is lost, and the folder works', async () => {
      for (let wait = 1; wait <= 8; wait += 1) {
        const gun = `localhost:5000/killed/making-${wait}`;
        const owner = await scene.person('owner');
        await mkdir(owner.trustDir, { mode: 0o700 });
        await killedAtChange(owner, signArguments(`${gun}:1`, 'one'), wait);
        const before = await keyFiles(owner);
        await owner.tabellion.succeed(signArguments(`${gun}:1`, 'one'));
        expect(await keyFiles(owner)).toEqual(expect.arrayContaining(before));
        // All files that were left are keys that open, and no more than one root key was made.
        const listed = await owner.notary.succeed(['key', 'list']);
        expect(listed.match(/^root /gm)).toHaveLength(1);
        expect(await listTargets(owner, gun)).toEqual([listRow('1', 'one')]);
      }
    });

    /** Signs, and is killed as soon as something in the trust folder has changed for the `count`th time. */
    async function killedAtChange(
      person: Person,
      args: string[],
      count: number,
    ): Promise<'killed' | 'done'> {
      const killer = new AbortController();
      let seen = 0;
      const watcher = watch(person.trustDir, { recursive: true }, () => {
        seen += 1;
        if (seen === count) killer.abort();
      });
      try {
        const { signal } = await person.tabellion.run(args, { signal: killer.signal });
        return signal === 'SIGKILL' ? 'killed' : 'done';
      } finally {
        watcher.close();
        await ageLocks(person);
      }
    }
  },
);
