import { cp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { freshReading, listTargets, NOTHING_BUT_REMINDERS } from './support/readers.ts';
import {
  addHash,
  content,
  digestFlags,
  openScene,
  type Person,
  type Scene,
} from './support/scene.ts';
import { signTag, verifyTag } from './support/tags.ts';

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'several processes sign into one repository at once',
  () => {
    let scene: Scene;

    beforeAll(async () => {
      scene = await openScene();
    });

    const run = ({ tabellion }: Person, image: string) =>
      tabellion.run(['sign', image, ...digestFlags(content(image))]);

    /** Somebody else with copies of the same private keys. */
    async function withKeysOf(other: Person, name: string): Promise<Person> {
      const person = await scene.person(name);
      await mkdir(person.trustDir, { mode: 0o700 });
      const [from, to] = [other.trustDir, person.trustDir].map(dir => path.join(dir, 'private'));
      await cp(from as string, to as string, { recursive: true, mode: 0 });
      return person;
    }

    const tags = ['1', '2', '3', '4'];
    const names = async (gun: string) =>
      (await freshReading(scene, gun)).listed.map(({ name }) => name);

    describe.each(['local', 'server'])('snapshot key: %s', snapshot => {
      const make = async (gun: string) => {
        const owner = await scene.person('owner');
        await owner.notary.succeed(['init', gun, '-p']);
        if (snapshot === 'server')
          await owner.notary.succeed(['key', 'rotate', gun, 'snapshot', '-r']);
        return owner;
      };

      test('in one trust folder', async () => {
        const gun = `localhost:5000/concurrent/shared-${snapshot}`;
        const owner = await make(gun);
        const results = await Promise.all(tags.map(tag => run(owner, `${gun}:${tag}`)));
        expect(results).toMatchObject(tags.map(() => ({ code: 0, stderr: NOTHING_BUT_REMINDERS })));
        expect(await names(gun)).toEqual(tags);
        for (const tag of tags) {
          expect(await verifyTag(owner, `${gun}:${tag}`, '--offline')).toMatchObject({
            exitCode: 0,
          });
        }
      });

      test('on several machines', async () => {
        const gun = `localhost:5000/concurrent/machines-${snapshot}`;
        const owner = await make(gun);
        const people = [owner, await withKeysOf(owner, 'two'), await withKeysOf(owner, 'three')];
        const results = await Promise.all(
          people.map((person, index) => run(person, `${gun}:${tags[index]}`)),
        );
        expect(results).toMatchObject(
          people.map(() => ({ code: 0, stderr: NOTHING_BUT_REMINDERS })),
        );
        expect(await names(gun)).toEqual(tags.slice(0, 3));
      });
    });

    test('a new repository, in one trust folder', async () => {
      const gun = 'localhost:5000/concurrent/new';
      const owner = await scene.person('owner');
      const results = await Promise.all(tags.slice(0, 2).map(tag => run(owner, `${gun}:${tag}`)));
      expect(results).toMatchObject([
        { code: 0, stderr: NOTHING_BUT_REMINDERS },
        { code: 0, stderr: NOTHING_BUT_REMINDERS },
      ]);
      expect(await names(gun)).toEqual(['1', '2']);
      // One repository has one set of keys.
      const keys = (await owner.notary.succeed(['key', 'list'])).match(/[0-9a-f]{64}/g);
      expect(keys).toHaveLength(2);
    });

    test('a lost race is run again on the newest state', async () => {
      const gun = 'localhost:5000/concurrent/race';
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun, '-p']);
      const rival = await withKeysOf(owner, 'rival');
      const slow = await scene.person('slow', { server: scene.proxy.url });
      const slowOwner = { ...slow, tabellion: slow.tabellion.with({ trustDir: owner.trustDir }) };
      scene.proxy.clear();
      // Twice somebody else is quicker between our look and our publish.
      let raced = 0;
      scene.proxy.fault(
        /^POST /,
        async (_request, forward) => {
          raced += 1;
          const flags = raced === 1 ? ['-p'] : ['-r', 'targets', '-p'];
          await rival.notary.succeed(addHash(gun, `rival-${raced}`, content('r'), ...flags));
          return await forward();
        },
        { times: 2 },
      );
      const report = await signTag(slowOwner, `${gun}:ours`, 'ours');
      expect(report.tags).toMatchObject([{ status: 'signed' }]);
      expect(scene.proxy.log().filter(line => line.startsWith('POST'))).toHaveLength(3);
      expect(await names(gun)).toEqual(['ours', 'rival-1', 'rival-2']);
    });

    test('one who always loses says so in the end, and has changed nothing', async () => {
      const gun = 'localhost:5000/concurrent/loser';
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun, '-p']);
      const rival = await withKeysOf(owner, 'rival');
      const slow = await scene.person('slow', { server: scene.proxy.url });
      const slowOwner = { ...slow, tabellion: slow.tabellion.with({ trustDir: owner.trustDir }) };
      scene.proxy.clear();
      let raced = 0;
      const stop = scene.proxy.fault(/^POST /, async (_request, forward) => {
        raced += 1;
        await rival.notary.succeed(addHash(gun, `rival-${raced}`, content('r'), '-p'));
        return await forward();
      });
      const result = await run(slowOwner, `${gun}:ours`);
      stop();
      expect(result).toMatchObject({ code: 1, stdout: '' });
      expect(result.stderr).toMatch(/^tabellion: .*\n( {2}hint: .*\n)?$/);
      const listed = (await listTargets(owner, gun)).map(({ name }) => name);
      expect(listed).not.toContain('ours');
      expect(listed).toHaveLength(raced);
      expect((await run(slowOwner, `${gun}:ours`)).code).toBe(0);
      await freshReading(scene, gun);
    });

    test('a new repository on two machines: one makes it, the other is told', async () => {
      const gun = 'localhost:5000/concurrent/two-makers';
      const [first, second] = [
        await scene.person('first'),
        await scene.person('second', { server: scene.proxy.url }),
      ];
      scene.proxy.clear();
      scene.proxy.fault(
        /^POST /,
        async (_request, forward) => {
          await signTag(first, `${gun}:1`, 'one');
          return await forward();
        },
        { times: 1 },
      );
      const args = ['sign', `${gun}:2`, ...digestFlags(content('two'))];
      const result = await second.tabellion.run([...args, '--json']);
      expect(result).toMatchObject({ code: 1, stderr: NOTHING_BUT_REMINDERS });
      const [report] = JSON.parse(result.stdout).repositories;
      expect(report).toMatchObject({ initialised: false, error: { code: 'REPOSITORY_EXISTS' } });
      // Its root was never published, so that it may never be mistaken for the one that is.
      expect(await second.tabellion.run([...args, '--quiet'])).toMatchObject({
        code: 3,
        stdout: '',
        stderr: expect.stringMatching(/^tabellion: .*another root/),
      });
      await rm(path.join(second.trustDir, 'tuf'), { recursive: true });
      expect(await verifyTag(second, `${gun}:1`)).toMatchObject({ exitCode: 0 });
      expect(await names(gun)).toEqual(['1']);
    });
  },
);
