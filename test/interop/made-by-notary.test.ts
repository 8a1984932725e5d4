import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeWithPeers } from './support/describe-with-peers.ts';
import type { DockerTrustInspection } from './support/docker-trust.ts';
import { dockerTag, listRow } from './support/expected-rows.ts';
import { freshReading, listTargets, readingOf } from './support/readers.ts';
import {
  addHash,
  content,
  digestFlags,
  openScene,
  type Person,
  type Scene,
  served,
} from './support/scene.ts';
import { signTag, verifyTag } from './support/tags.ts';

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'a repository made by notary or docker',
  () => {
    let scene: Scene;

    beforeAll(async () => {
      scene = await openScene();
    });

    /** The public file of a key that docker makes and stores. */
    const signerKey = async (person: Person, name: string) => {
      await person.docker.succeed(['trust', 'key', 'generate', name, '--dir', person.folder]);
      return path.join(person.folder, `${name}.pub`);
    };

    test('with a local snapshot key: Tabellion verifies, signs, revokes, and signs the snapshot', async () => {
      const gun = 'localhost:5000/notary/local-snapshot';
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun, '-p']);
      await owner.notary.succeed(addHash(gun, '1.0', content('one'), '-p'));
      expect(await verifyTag(await scene.person(), `${gun}:1.0`)).toMatchObject({
        exitCode: 0,
        digest: content('one').digest,
        size: content('one').size,
        signedBy: [{ name: 'Repo Admin', role: 'targets' }],
      });
      const before = (await served(scene.server, gun, 'snapshot')).version;
      const report = await signTag(owner, `${gun}:1.1`, 'two');
      expect(report).toMatchObject({ initialised: false, createdKeys: [] });
      expect(report.versions).toMatchObject({ snapshot: before + 1 });
      const reading = await freshReading(scene, gun);
      expect(reading.listed).toEqual([listRow('1.0', 'one'), listRow('1.1', 'two')]);
      expect(await readingOf(owner, gun)).toEqual(reading);

      // notary goes on from there: unsigned by anybody else, its snapshot lists what Tabellion wrote.
      await owner.notary.succeed(addHash(gun, '1.2', content('three'), '-p'));
      await owner.notary.succeed(['publish', gun]);
      await freshReading(scene, gun);
      await owner.tabellion.succeed(['revoke', '--yes', `${gun}:1.0`]);
      expect((await freshReading(scene, gun)).listed).toEqual([
        listRow('1.1', 'two'),
        listRow('1.2', 'three'),
      ]);
    });

    test('with a snapshot key on the server', async () => {
      const gun = 'localhost:5000/notary/server-snapshot';
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun]);
      await owner.notary.succeed(['publish', gun]);
      await owner.notary.succeed(['key', 'rotate', gun, 'snapshot', '-r']);
      await owner.notary.succeed(addHash(gun, '1.0', content('one'), '-p'));
      const report = await signTag(owner, `${gun}:1.1`, 'two');
      expect(Object.keys(report.versions)).toEqual(['targets']);
      const reading = await freshReading(scene, gun);
      expect(reading.listed).toEqual([listRow('1.0', 'one'), listRow('1.1', 'two')]);
      await owner.notary.succeed(addHash(gun, '1.2', content('three'), '-p'));
      expect((await freshReading(scene, gun)).listed).toHaveLength(3);
    });

    test('a tag that was staged with notary stays staged, and is published by notary', async () => {
      const gun = 'localhost:5000/notary/staged';
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun, '-p']);
      await owner.notary.succeed(addHash(gun, '1.0', content('one')));
      const report = await signTag(owner, `${gun}:1.1`, 'two');
      expect(report.warnings).toEqual([expect.stringContaining('1 change staged with notary')]);
      expect((await freshReading(scene, gun)).listed).toEqual([listRow('1.1', 'two')]);
      // Unlike docker's, Tabellion's look at the repository loses nothing.
      await owner.tabellion.succeed(['inspect', gun]);
      await owner.notary.succeed(['publish', gun]);
      expect((await freshReading(scene, gun)).listed).toHaveLength(2);
    });

    test('with delegations, nested and with paths', async () => {
      const gun = 'localhost:5000/notary/delegations';
      const owner = await scene.person('owner');
      const [alice, ci] = [await signerKey(owner, 'alice'), await signerKey(owner, 'ci')];
      const delegate = (role: string, ...more: string[]) =>
        owner.notary.succeed(['delegation', 'add', gun, role, ...more]);
      await owner.notary.succeed(['init', gun, '-p']);
      await delegate('targets/releases', alice, '--paths', 'v', '-p');
      await delegate('targets/alice', alice, ci, '--all-paths', '-p');
      await delegate('targets/alice/ci', ci, '--paths', 'v1,nightly', '-p');
      await owner.notary.succeed(
        addHash(gun, 'v1.0', content('one'), '-r', 'targets/releases', '-r', 'targets/alice', '-p'),
      );
      await owner.notary.succeed(
        addHash(gun, 'nightly', content('two'), '-r', 'targets/alice/ci', '-p'),
      );
      await owner.notary.succeed(
        addHash(gun, 'elsewhere', content('three'), '-r', 'targets/alice', '-p'),
      );
      const consumer = await scene.person('consumer');
      expect(await verifyTag(consumer, `${gun}:v1.0`)).toMatchObject({
        exitCode: 0,
        signedBy: [{ name: 'releases' }, { name: 'alice' }],
      });
      for (const tag of ['nightly', 'elsewhere']) {
        expect(await verifyTag(consumer, `${gun}:${tag}`)).toMatchObject({
          exitCode: 3,
          trusted: false,
          error: { code: 'NOT_RELEASED' },
        });
      }
      await freshReading(scene, gun);

      const report = await signTag(owner, `${gun}:v1.1`, 'four');
      expect(report.tags[0]?.roles.sort()).toEqual(['targets/alice', 'targets/releases']);
      await freshReading(scene, gun);
      const nested = await signTag(owner, `${gun}:v1.2`, 'five', '--role', 'targets/alice/ci');
      expect(nested.versions).toMatchObject({ 'targets/alice/ci': 2 });
      const reading = await freshReading(scene, gun);
      expect(reading.docker.SignedTags).toEqual([
        dockerTag('v1.0', 'one', 'alice'),
        dockerTag('v1.1', 'four', 'alice'),
      ]);
      expect(reading.docker.Signers.map(({ Name }) => Name)).toEqual(['alice/ci', 'alice']);
      expect(reading.listed).toEqual([
        listRow('elsewhere', 'three', 'targets/alice'),
        listRow('nightly', 'two', 'targets/alice/ci'),
        listRow('v1.0', 'one', 'targets/releases'),
        listRow('v1.1', 'four', 'targets/releases'),
        listRow('v1.2', 'five', 'targets/alice/ci'),
      ]);
      // Revoked from every role that holds it: docker would have left it in alice/ci.
      await owner.tabellion.succeed(['revoke', '--yes', `${gun}:nightly`, `${gun}:v1.1`]);
      const names = (await freshReading(scene, gun)).listed.map(({ name }) => name);
      expect(names).toEqual(['elsewhere', 'v1.0', 'v1.2']);
      await owner.notary.succeed(addHash(gun, '9', content('six'), '-p'));
      await owner.notary.succeed(['witness', gun, 'targets/alice', 'targets/releases', '-p']);
      expect(await readingOf(owner, gun)).toEqual(await freshReading(scene, gun));
    });

    test('with a delegation that nobody can vouch for any more', async () => {
      const gun = 'localhost:5000/notary/invalid';
      const owner = await scene.person('owner');
      const [alice, bob] = [await signerKey(owner, 'alice'), await signerKey(owner, 'bob')];
      const delegate = (role: string, key: string) =>
        owner.notary.succeed(['delegation', 'add', gun, role, key, '--all-paths', '-p']);
      await owner.notary.succeed(['init', gun, '-p']);
      await delegate('targets/releases', alice);
      await delegate('targets/alice', alice);
      const roles = ['-r', 'targets/releases', '-r', 'targets/alice'];
      await owner.notary.succeed(addHash(gun, 'v1', content('one'), ...roles, '-p'));
      // Replace alice's key by bob's in one role: what alice signed there no longer counts.
      await delegate('targets/alice', bob);
      const listed = await owner.notary.succeed(['delegation', 'list', gun]);
      const keyId = /targets\/releases +"" <all paths> +([0-9a-f]{64})/.exec(listed)?.[1] ?? '';
      await owner.notary.succeed(['delegation', 'remove', gun, 'targets/alice', keyId, '-p']);
      const reading = await freshReading(scene, gun);
      expect(reading.docker.SignedTags).toEqual([dockerTag('v1', 'one')]);
      expect(reading.tabellion.warnings).toEqual([
        expect.stringContaining('targets/alice was left aside'),
      ]);
      // Adding to it would drop what it holds: it must be adopted first, and goes on from its version.
      const refused = await owner.tabellion.run([
        'sign',
        `${gun}:v2`,
        ...digestFlags(content('two')),
      ]);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toContain('targets/alice is not trusted as it stands');
      expect(await freshReading(scene, gun)).toEqual(reading);
      await owner.tabellion.succeed(['witness', gun, 'targets/alice']);
      const report = await signTag(owner, `${gun}:v2`, 'two');
      expect(report.versions).toMatchObject({ 'targets/alice': 3, 'targets/releases': 2 });
      const mended = await freshReading(scene, gun);
      expect(mended.tabellion.warnings).toEqual([]);
      expect(mended.docker.SignedTags).toContainEqual(dockerTag('v2', 'two', 'alice'));
    });

    test('a delegation that was removed and added again', async () => {
      const gun = 'localhost:5000/notary/again';
      const owner = await scene.person('owner');
      const alice = await signerKey(owner, 'alice');
      const add = () =>
        owner.notary.succeed([
          'delegation',
          'add',
          gun,
          'targets/alice',
          alice,
          '--all-paths',
          '-p',
        ]);
      await owner.notary.succeed(['init', gun, '-p']);
      await add();
      for (const name of ['v1', 'v2']) {
        const flags = ['-r', 'targets/alice', '-p'];
        await owner.notary.succeed(addHash(gun, name, content(name), ...flags));
      }
      await owner.notary.succeed(['delegation', 'remove', gun, 'targets/alice', '--yes', '-p']);
      await add();
      // notary itself can never publish this role again: it would begin with version 1.
      const report = await signTag(owner, `${gun}:v3`, 'three', '--role', 'alice');
      expect(report.versions).toMatchObject({ 'targets/alice': 3 });
      await freshReading(scene, gun);
      expect(await listTargets(owner, gun)).toEqual([listRow('v3', 'three', 'targets/alice')]);
      await owner.notary.succeed(addHash(gun, 'v4', content('four'), '-r', 'targets/alice', '-p'));
      expect((await freshReading(scene, gun)).listed).toHaveLength(2);
    });

    test('a tag that two roles sign with two digests', async () => {
      const gun = 'localhost:5000/notary/conflict';
      const owner = await scene.person('owner');
      const alice = await signerKey(owner, 'alice');
      await owner.notary.succeed(['init', gun, '-p']);
      await owner.notary.succeed(addHash(gun, '1.0', content('one'), '-p'));
      const delegation = ['targets/releases', alice, '--all-paths', '-p'];
      await owner.notary.succeed(['delegation', 'add', gun, ...delegation]);
      const roles = ['-r', 'targets/releases', '-p'];
      await owner.notary.succeed(addHash(gun, '1.0', content('two'), ...roles));
      // notary takes the one, docker the other: nobody may rely on either.
      const verdict = await verifyTag(owner, `${gun}:1.0`);
      expect(verdict).toMatchObject({ exitCode: 3, error: { code: 'TAG_CONFLICT' } });
      for (const text of ['one', 'two'])
        expect(verdict.error?.message).toContain(content(text).hex);
      const [theirs] = await owner.docker.inspect(gun);
      const [ours] = (await owner.tabellion.json(['inspect', gun])) as [DockerTrustInspection];
      const digests = ({ SignedTags }: DockerTrustInspection) =>
        SignedTags.map(({ Digest }) => Digest).sort();
      expect(theirs && digests(theirs)).toEqual(digests(ours));
      // Signed again it is one everywhere, since the key of targets is here too.
      await signTag(owner, `${gun}:1.0`, 'three');
      expect((await freshReading(scene, gun)).docker.SignedTags).toEqual([
        dockerTag('1.0', 'three'),
      ]);
      expect(await verifyTag(owner, `${gun}:1.0`)).toMatchObject({ exitCode: 0 });
    });

    test('after rotations of targets, snapshot, timestamp and root', async () => {
      const gun = 'localhost:5000/notary/rotated';
      const owner = await scene.person('owner');
      const late = await scene.person('late');
      await owner.notary.succeed(['init', gun, '-p']);
      await owner.notary.succeed(addHash(gun, '1.0', content('one'), '-p'));
      await readingOf(late, gun);
      const rotations = [['targets'], ['snapshot'], ['timestamp', '-r'], ['root'], ['root']];
      for (const args of rotations) {
        await owner.notary.succeed(['key', 'rotate', gun, ...args], { stdin: 'y\n' });
      }
      // The cached root is five versions old; Tabellion is the first to follow.
      expect(await verifyTag(late, `${gun}:1.0`)).toMatchObject({ exitCode: 0 });
      const fresh = await freshReading(scene, gun);
      expect(await readingOf(late, gun)).toEqual(fresh);
      expect(fresh.tabellion.roles.find(({ role }) => role === 'root')).toMatchObject({
        version: 1 + rotations.length,
      });
      // The person who rotated signs on with Tabellion, by the keys that notary made.
      await signTag(owner, `${gun}:1.1`, 'two');
      await freshReading(scene, gun);
      await owner.notary.succeed(['key', 'rotate', gun, 'snapshot', '-r']);
      await owner.notary.succeed(['key', 'rotate', gun, 'root'], { stdin: 'y\n' });
      await signTag(owner, `${gun}:1.2`, 'three');
      const last = await freshReading(scene, gun);
      expect(last.listed.map(({ name }) => name)).toEqual(['1.0', '1.1', '1.2']);
      expect(await readingOf(late, gun)).toEqual(last);
    });

    test('made by docker', async () => {
      const gun = 'localhost:5000/docker/app';
      const owner = await scene.person('owner');
      const alice = await signerKey(owner, 'alice');
      await owner.docker.succeed(['trust', 'signer', 'add', '--key', alice, 'alice', gun]);
      expect((await freshReading(scene, gun)).docker.SignedTags).toEqual([]);
      const report = await signTag(owner, `${gun}:1.0`, 'one');
      expect(report.tags[0]?.roles.sort()).toEqual(['targets/alice', 'targets/releases']);
      await freshReading(scene, gun);
      const bob = await signerKey(owner, 'bob');
      await owner.docker.succeed(['trust', 'signer', 'add', '--key', bob, 'bob', gun]);
      await owner.docker.succeed(['trust', 'sign', `${gun}:1.0`]);
      await signTag(owner, `${gun}:1.1`, 'two', '--signer', 'bob');
      const reading = await freshReading(scene, gun);
      expect(reading.docker.SignedTags).toEqual([
        dockerTag('1.0', 'one', 'alice', 'bob'),
        dockerTag('1.1', 'two', 'bob'),
      ]);
      expect(await verifyTag(owner, `${gun}:1.1`)).toMatchObject({
        signedBy: [{ name: 'releases' }, { name: 'bob' }],
      });
      const oneTag = await owner.docker.inspect(`${gun}:1.1`);
      const [{ tabellion: _, ...ours }] = (await owner.tabellion.json([
        'inspect',
        `${gun}:1.1`,
      ])) as [{ tabellion: unknown }];
      expect(ours).toEqual(oneTag[0]);
    });
  },
);
