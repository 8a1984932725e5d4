import { copyFile, mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { dockerTag, listRow } from './support/expected-rows.ts';
import { startNotary } from './support/notary-service.ts';
import { dockerText, freshReading, listTargets, readingOf } from './support/readers.ts';
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
  'a repository made by Tabellion',
  () => {
    let scene: Scene;

    beforeAll(async () => {
      scene = await openScene();
    });

    /** Files of somebody's private keys. */
    const privateKeys = async ({ trustDir }: Person) =>
      (await readdir(path.join(trustDir, 'private'))).sort();

    test('without a signer: all three programs publish from one trust folder', async () => {
      const gun = 'localhost:5000/tabellion/plain';
      const owner = await scene.person('owner');
      const both = ['sign', `${gun}:1.0`, `${gun}:1.1`, ...digestFlags(content('one'))];
      await owner.tabellion.succeed(both);
      // What docker would have sent: root 1, targets 2; two tags are one publish.
      for (const [role, version] of Object.entries({ root: 1, targets: 2, snapshot: 1 })) {
        expect(await served(scene.server, gun, role)).toMatchObject({ version });
      }
      const first = await freshReading(scene, gun);
      expect(first.listed).toEqual([listRow('1.0', 'one'), listRow('1.1', 'one')]);
      expect(first.docker.SignedTags).toEqual([dockerTag('1.0', 'one'), dockerTag('1.1', 'one')]);
      expect(first.docker.Signers).toEqual([]);
      const [rootKeys, repositoryKeys] = first.docker.AdministrativeKeys;
      // Docker's snapshot key is the server's: a root and a targets key are all that lies here.
      expect(await privateKeys(owner)).toHaveLength(2);
      expect(await privateKeys(owner)).toContain(`${repositoryKeys?.Keys[0]?.ID}.key`);
      const { roles } = await served(scene.server, gun, 'root');
      expect(rootKeys?.Keys).toEqual([{ ID: (roles as Roles).root.keyids[0] }]);

      await owner.notary.succeed(addHash(gun, '2.0', content('two'), '-p'));
      await owner.notary.succeed(['remove', gun, '1.1', '-p']);
      await signTag(owner, `${gun}:3.0`, 'three');
      const second = await freshReading(scene, gun);
      expect(second.listed).toEqual([
        listRow('1.0', 'one'),
        listRow('2.0', 'two'),
        listRow('3.0', 'three'),
      ]);
      expect(await readingOf(owner, gun)).toEqual(second);

      await owner.tabellion.succeed(['revoke', '--yes', `${gun}:2.0`]);
      await freshReading(scene, gun);
      await owner.docker.succeed(['trust', 'revoke', '--yes', `${gun}:1.0`]);
      await owner.docker.succeed(['trust', 'sign', `${gun}:3.0`]);
      expect((await freshReading(scene, gun)).listed).toEqual([listRow('3.0', 'three')]);
      expect(await verifyTag(owner, `${gun}:1.0`)).toMatchObject({
        exitCode: 3,
        error: { code: 'NOT_SIGNED' },
      });
      expect(await privateKeys(owner)).toHaveLength(2);
    });

    test('with a signer: docker adds another, and both sign', async () => {
      const gun = 'localhost:5000/tabellion/signer';
      const owner = await scene.person('owner');
      const report = await signTag(owner, `${gun}:1.0`, 'one', '--signer', 'alice');
      expect(report).toMatchObject({ initialised: true, signer: 'alice' });
      expect(report.createdKeys.map(({ role }) => role).sort()).toEqual([
        'alice',
        'root',
        'targets',
      ]);
      const first = await freshReading(scene, gun);
      expect(first.docker.SignedTags).toEqual([dockerTag('1.0', 'one', 'alice')]);
      const aliceKey = report.createdKeys.find(({ role }) => role === 'alice')?.id;
      expect(first.docker.Signers).toEqual([{ Name: 'alice', Keys: [{ ID: aliceKey }] }]);
      const delegations = await owner.notary.succeed(['delegation', 'list', gun]);
      for (const role of ['alice', 'releases']) {
        expect(delegations).toMatch(new RegExp(`targets/${role} +"" <all paths> +${aliceKey} +1`));
      }

      await owner.docker.succeed(['trust', 'key', 'generate', 'bob', '--dir', owner.folder]);
      const bobFile = path.join(owner.folder, 'bob.pub');
      await owner.docker.succeed(['trust', 'signer', 'add', '--key', bobFile, 'bob', gun]);
      await freshReading(scene, gun);
      const again = await signTag(owner, `${gun}:1.1`, 'two');
      expect(again.tags[0]?.roles.sort()).toEqual([
        'targets/alice',
        'targets/bob',
        'targets/releases',
      ]);
      await owner.docker.succeed(['trust', 'sign', `${gun}:1.0`]);
      const second = await freshReading(scene, gun);
      expect(second.docker.SignedTags).toEqual([
        dockerTag('1.0', 'one', 'alice', 'bob'),
        dockerTag('1.1', 'two', 'alice', 'bob'),
      ]);
      expect(second.docker.Signers.map(({ Name }) => Name)).toEqual(['bob', 'alice']);

      await owner.tabellion.succeed(['revoke', '--yes', `${gun}:1.0`]);
      expect((await freshReading(scene, gun)).docker.SignedTags).toEqual([
        dockerTag('1.1', 'two', 'alice', 'bob'),
      ]);
      await owner.docker.succeed(['trust', 'revoke', '--yes', gun]);
      expect((await freshReading(scene, gun)).docker.SignedTags).toEqual([]);
    });

    test('many tags in docker’s order, and several images in one call', async () => {
      const gun = 'localhost:5000/tabellion/order';
      const owner = await scene.person('owner');
      const tags = ['x001', 'rc10', 'a_1', 'v1.10', '10', '009', 'V1', 'x1', 'rc2', 'v1.9', '9']
        .concat(['a-1', '09', 'rc1a', 'a.1', 'latest', '1.0-beta.2', '1.0-beta.10', '1.0', '1.0.0'])
        .concat(['x01y', 'x1y', 'x1z', 'x01a', '0', '00', '20260101', 'A'.repeat(128)]);
      const images = tags.map(name => `${gun}:${name}`);
      await owner.tabellion.succeed(['sign', ...images, ...digestFlags(content('one'))]);
      // One publish for all of them.
      expect(await served(scene.server, gun, 'targets')).toMatchObject({ version: 2 });
      const { docker } = await freshReading(scene, gun);
      expect(docker.SignedTags).toHaveLength(tags.length);
      const some = [`${gun}:latest`, gun, `${gun}:none`, `${gun}:v1.9`];
      const theirs = await owner.docker.succeed(['trust', 'inspect', ...some]);
      const ours = (await owner.tabellion.json(['inspect', ...some])) as { tabellion: unknown }[];
      expect(dockerText(ours.map(({ tabellion: _, ...members }) => members))).toBe(theirs);
    });

    test.each([
      ['by itself', { signer: false }],
      ['through its signer', { keyAlgorithm: 'ed25519' as const }],
    ])('on a server that signs with Ed25519, %s', async (_how, options) => {
      const gun = 'localhost:5000/tabellion/other-server';
      const other = await startNotary({
        ca: scene.ca,
        ...options,
        gunPrefixes: ['localhost:5000/tabellion/'],
      });
      const [owner, reader] = [
        await scene.person('owner', { server: other.url }),
        await scene.person('reader', { server: other.url }),
      ];
      await signTag(owner, `${gun}:1`, 'one', '--signer', 'alice');
      await owner.notary.succeed(['key', 'rotate', gun, 'timestamp', '-r']);
      await signTag(owner, `${gun}:2`, 'two');
      expect((await readingOf(reader, gun)).docker.SignedTags).toEqual([
        dockerTag('1', 'one', 'alice'),
        dockerTag('2', 'two', 'alice'),
      ]);
      const elsewhere = 'localhost:5000/elsewhere/app:1';
      const refused = await reader.tabellion.run(['sign', elsewhere, ...digestFlags(content('x'))]);
      expect(refused).toMatchObject({ code: expect.toBeOneOf([1, 3, 5]), stdout: '' });
      expect(refused.stderr).toMatch(/^tabellion: .*\n( {2}hint: .*\n)?$/);
      await other.stop();
    });

    test('a signer who has nothing but the own key publishes with either program', async () => {
      const gun = 'localhost:5000/tabellion/colleague';
      const owner = await scene.person('owner');
      const { createdKeys } = await signTag(owner, `${gun}:1.0`, 'one', '--signer', 'alice');
      const file = createdKeys.find(({ role }) => role === 'alice')?.file ?? '';
      const alice = await scene.person('alice');
      const folder = path.join(alice.trustDir, 'private');
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await copyFile(file, path.join(folder, path.basename(file)));

      await signTag(alice, `${gun}:1.1`, 'two');
      await freshReading(scene, gun);
      const roles = ['-r', 'targets/releases', '-r', 'targets/alice'];
      await alice.notary.succeed(addHash(gun, '1.2', content('three'), ...roles, '-p'));
      await signTag(alice, `${gun}:1.3`, 'four');
      const reading = await freshReading(scene, gun);
      expect(reading.docker.SignedTags).toEqual([
        dockerTag('1.0', 'one', 'alice'),
        dockerTag('1.1', 'two', 'alice'),
        dockerTag('1.2', 'three', 'alice'),
        dockerTag('1.3', 'four', 'alice'),
      ]);
      expect(await served(scene.server, gun, 'targets')).toMatchObject({ version: 2 });
    });

    test('delegated in by notary, with paths and below a delegation', async () => {
      const gun = 'localhost:5000/tabellion/delegated';
      const owner = await scene.person('owner');
      await signTag(owner, `${gun}:1.0`, 'one');
      const keys = new Map<string, string>();
      for (const name of ['carol', 'ci']) {
        await owner.tabellion.succeed(['key', 'generate', name, '--dir', owner.folder]);
        keys.set(name, path.join(owner.folder, `${name}.pub`));
      }
      const carol = keys.get('carol') ?? '';
      const ci = keys.get('ci') ?? '';
      const delegate = (role: string, key: string, ...flags: string[]) =>
        owner.notary.succeed(['delegation', 'add', gun, role, key, ...flags]);
      await delegate('targets/releases', carol, '--all-paths');
      await delegate('targets/carol', carol, '--paths', 'v1,nightly');
      await owner.notary.succeed(['publish', gun]);
      await delegate('targets/carol/ci', ci, '--paths', 'nightly-');
      await owner.notary.succeed(['publish', gun]);
      await freshReading(scene, gun);

      // By default the direct delegations that may sign the name.
      expect((await signTag(owner, `${gun}:v1.1`, 'two')).tags[0]?.roles.sort()).toEqual([
        'targets/carol',
        'targets/releases',
      ]);
      await freshReading(scene, gun);
      expect((await signTag(owner, `${gun}:2.0`, 'three')).tags[0]?.roles).toEqual([
        'targets/releases',
      ]);
      await freshReading(scene, gun);
      await signTag(owner, `${gun}:nightly-1`, 'four', '--role', 'carol/ci');
      const reading = await freshReading(scene, gun);
      expect(reading.listed).toEqual([
        listRow('1.0', 'one'),
        listRow('2.0', 'three', 'targets/releases'),
        listRow('nightly-1', 'four', 'targets/carol/ci'),
        listRow('v1.1', 'two', 'targets/releases'),
      ]);
      expect(reading.docker.SignedTags).toEqual([
        dockerTag('1.0', 'one'),
        dockerTag('2.0', 'three'),
        dockerTag('v1.1', 'two', 'carol'),
      ]);
      expect(reading.tabellion.signers.map(({ name, paths }) => [name, paths])).toEqual([
        ['carol', ['v1', 'nightly']],
        ['carol/ci', ['nightly-']],
      ]);
      expect(await verifyTag(owner, `${gun}:nightly-1`)).toMatchObject({
        exitCode: 3,
        error: { code: 'NOT_RELEASED' },
      });
      const outside = ['sign', `${gun}:2.1`, ...digestFlags(content('five')), '--role', 'carol/ci'];
      const refused = await owner.tabellion.run(outside);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('targets/carol/ci may not sign “2.1”');

      // notary signs on where Tabellion left off, in the nested role too, and removes what Tabellion signed.
      const nested = ['-r', 'targets/carol/ci'];
      await owner.notary.succeed(addHash(gun, 'nightly-2', content('six'), ...nested, '-p'));
      await owner.notary.succeed(['remove', gun, 'nightly-1', ...nested, '-p']);
      expect(await listTargets(owner, gun, '-r', 'targets/carol/ci')).toEqual([
        listRow('nightly-2', 'six', 'targets/carol/ci'),
      ]);
      await freshReading(scene, gun);
      await owner.notary.succeed(['delegation', 'remove', gun, 'targets/carol', '--yes']);
      await owner.notary.succeed(['publish', gun]);
      await signTag(owner, `${gun}:v1.2`, 'seven');
      expect((await freshReading(scene, gun)).docker.Signers).toEqual([]);
    });

    test('rotated by notary: Tabellion signs on after each rotation, and old consumers follow', async () => {
      const gun = 'localhost:5000/tabellion/rotated';
      const owner = await scene.person('owner');
      await signTag(owner, `${gun}:1.0`, 'one', '--signer', 'alice');
      // One consumer looks after every rotation, the other only at the end.
      const [regular, rare] = [await scene.person('regular'), await scene.person('rare')];
      for (const consumer of [regular, rare]) await readingOf(consumer, gun);

      const rotations: [args: string[], snapshotIsOurs: boolean][] = [
        [['targets'], false],
        [['snapshot'], true],
        [['timestamp', '-r'], true],
        [['root'], true],
        [['snapshot', '-r'], false],
        [['root'], false],
        [['targets'], false],
      ];
      let number = 0;
      for (const [args, snapshotIsOurs] of rotations) {
        number += 1;
        await owner.notary.succeed(['key', 'rotate', gun, ...args], { stdin: 'y\n' });
        const report = await signTag(owner, `${gun}:1.${number}`, `image ${number}`);
        expect(report.tags[0]).toMatchObject({ status: 'signed' });
        // Whose key it is decides who signs the snapshot.
        expect('snapshot' in report.versions).toBe(snapshotIsOurs);
        const fresh = await freshReading(scene, gun);
        expect(fresh.docker.SignedTags).toHaveLength(number + 1);
        expect(await readingOf(regular, gun)).toEqual(fresh);
        expect(await verifyTag(regular, `${gun}:1.${number}`)).toMatchObject({ exitCode: 0 });
      }
      expect(await verifyTag(rare, `${gun}:1.${number}`)).toMatchObject({ exitCode: 0 });
      expect(await readingOf(rare, gun)).toEqual(await freshReading(scene, gun));
      expect(await served(scene.server, gun, 'root')).toMatchObject({
        version: 1 + rotations.length,
      });
    });
  },
);

interface Roles {
  root: { keyids: string[] };
}
