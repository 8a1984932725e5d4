import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { listRow } from './support/expected-rows.ts';
import { PASSPHRASES } from './support/passphrases.ts';
import { freshReading, readingOf } from './support/readers.ts';
import { addHash, content, openScene, type Person, type Scene } from './support/scene.ts';
import { signTag } from './support/tags.ts';

interface Envelope {
  signed: {
    version: number;
    keys: Record<string, unknown>;
    roles: Record<string, { keyids: string[]; threshold: number }>;
  };
  signatures: { keyid: string }[];
}

interface Rotation {
  oldKeys: { id: string; certificateId?: string; file?: string }[];
  newKeys: { id: string; certificateId?: string; file?: string }[];
  removedKeys: string[];
  createdKeys: { id: string; file: string }[];
  resignedTargets: number;
  versions: Record<string, number>;
  warnings: string[];
}

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'key rotation by Tabellion',
  () => {
    let scene: Scene;
    let guns = 0;

    beforeAll(async () => {
      scene = await openScene();
    });

    const file = async (gun: string, name: string): Promise<Envelope> =>
      JSON.parse((await scene.server.metadata(gun, `${name}.json`)).toString('utf8'));

    const privateKeys = async ({ trustDir }: Person) =>
      (await readdir(path.join(trustDir, 'private'))).map(name => name.replace('.key', '')).sort();

    const rotate = async (person: Person, ...args: string[]): Promise<Rotation> => {
      const report = await person.tabellion.json(['key', 'rotate', ...args, '--yes']);
      const { repositories, removedKeys } = report as {
        repositories: Omit<Rotation, 'removedKeys'>[];
        removedKeys: string[];
      };
      return { ...(repositories[0] as Rotation), removedKeys };
    };

    /** A repository made by notary, with a snapshot key of its own, and people who have read it. */
    async function repository() {
      guns += 1;
      const gun = `localhost:5000/rotation/${guns}`;
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun]);
      await owner.notary.succeed(addHash(gun, '1.0', content('one'), '-p'));
      const consumer = await scene.person('consumer');
      await readingOf(consumer, gun);
      return { gun, owner, consumer };
    }

    /** Everybody still reads the repository, with old caches and with none, and its owner still publishes by notary. */
    async function everybodyFollows(gun: string, owner: Person, ...consumers: Person[]) {
      for (const consumer of consumers)
        expect((await readingOf(consumer, gun)).listed).toEqual([listRow('1.0', 'one')]);
      expect((await freshReading(scene, gun)).listed).toEqual([listRow('1.0', 'one')]);
      await owner.notary.succeed(addHash(gun, '2.0', content('two'), '-p'));
      await signTag(owner, `${gun}:3.0`, 'three');
      const rows = [listRow('1.0', 'one'), listRow('2.0', 'two'), listRow('3.0', 'three')];
      expect((await freshReading(scene, gun)).listed).toEqual(rows);
      for (const consumer of consumers)
        expect((await readingOf(consumer, gun)).listed).toEqual(rows);
    }

    test('targets: root, targets and snapshot go out, staged changes stay, the old key stays', async () => {
      const { gun, owner, consumer } = await repository();
      await owner.notary.succeed(addHash(gun, 'staged', content('staged')));
      const before = await privateKeys(owner);
      const report = await rotate(owner, gun);
      expect(report.versions).toEqual({ root: 2, targets: 3, snapshot: 3 });
      expect(report.resignedTargets).toBe(1);
      expect(report.warnings).toEqual([expect.stringContaining('1 change staged with notary')]);
      const [{ id: oldId = '', file: oldFile = '' } = {}] = report.oldKeys;
      const [{ id: newId = '' } = {}] = report.newKeys;
      expect(await privateKeys(owner)).toEqual([...before, newId].sort());
      expect(await readFile(oldFile, 'utf8')).toContain('role: targets');
      const root = await file(gun, 'root');
      expect(root.signed.roles.targets?.keyids).toEqual([newId]);
      expect(Object.keys(root.signed.keys)).not.toContain(oldId);
      expect((await file(gun, 'targets')).signatures.map(({ keyid }) => keyid)).toEqual([newId]);
      expect(await owner.notary.succeed(['status', gun])).toContain('staged');
      await owner.notary.succeed(['reset', gun, '--all']);
      await everybodyFollows(gun, owner, consumer);
    });

    test('the old file is removed when asked for, after the server has accepted', async () => {
      const { gun, owner, consumer } = await repository();
      const report = await rotate(owner, gun, 'targets', '--old-key', 'remove');
      expect(report.removedKeys).toEqual(report.oldKeys.map(({ id }) => id));
      expect(await privateKeys(owner)).not.toContain(report.oldKeys[0]?.id);
      await everybodyFollows(gun, owner, consumer);
    });

    test('snapshot to the server and back', async () => {
      const { gun, owner, consumer } = await repository();
      const toServer = await rotate(owner, gun, 'snapshot', '--server-managed');
      expect(toServer.versions).toEqual({ root: 2 });
      expect(toServer.createdKeys).toEqual([]);
      expect((await file(gun, 'snapshot')).signed.version).toBe(3);
      const late = await scene.person('late');
      await readingOf(late, gun);
      const back = await rotate(owner, gun, 'snapshot');
      expect(back.versions).toEqual({ root: 3, snapshot: 4 });
      expect((await file(gun, 'snapshot')).signatures.map(({ keyid }) => keyid)).toEqual(
        back.newKeys.map(({ id }) => id),
      );
      await everybodyFollows(gun, owner, consumer, late);
    });

    test('timestamp: the server makes the key, and its version goes on', async () => {
      const { gun, owner, consumer } = await repository();
      const old = await file(gun, 'timestamp');
      const report = await rotate(owner, gun, 'timestamp');
      expect(report.versions).toEqual({ root: 2, snapshot: 3 });
      const made = await file(gun, 'timestamp');
      expect(made.signatures[0]?.keyid).toBe(report.newKeys[0]?.id);
      expect(made.signatures[0]?.keyid).not.toBe(old.signatures[0]?.keyid);
      expect(made.signed.version).toBe(old.signed.version + 1);
      await everybodyFollows(gun, owner, consumer);
    });

    test('root: signed by both, the chain is kept, and caches of every age follow', async () => {
      const { gun, owner, consumer } = await repository();
      const first = await rotate(owner, gun, 'root');
      expect(first.versions).toEqual({ root: 2, snapshot: 3 });
      const second = await file(gun, 'root');
      const certificates = [first.newKeys[0]?.certificateId, first.oldKeys[0]?.certificateId];
      expect(second.signatures.map(({ keyid }) => keyid)).toEqual(certificates);
      expect(Object.keys(second.signed.keys)).toEqual(expect.arrayContaining(certificates));
      const middle = await scene.person('middle');
      await readingOf(middle, gun);
      await owner.notary.succeed(['key', 'rotate', gun, 'timestamp', '-r']);
      expect((await file(gun, 'root')).signatures).toHaveLength(1);
      const last = await rotate(owner, gun, 'root');
      expect(last.oldKeys.map(({ id }) => id)).toEqual(first.newKeys.map(({ id }) => id));
      await rotate(owner, gun, 'snapshot', '--server-managed');
      expect(await privateKeys(owner)).toEqual(
        expect.arrayContaining([first, last].flatMap(({ oldKeys }) => oldKeys.map(key => key.id))),
      );
      await everybodyFollows(gun, owner, consumer, middle);
    });

    test('to given keys, several of them', async () => {
      const { gun, owner, consumer } = await repository();
      const files: string[] = [];
      for (const name of ['a', 'b']) {
        const out = path.join(owner.folder, name);
        // `notary` encrypts these as delegation keys, but reads them back as root keys.
        await owner.notary
          .with({ passphrases: { delegation: PASSPHRASES.root } })
          .succeed(['key', 'generate', '-r', 'targets', '-o', out]);
        files.push(`${out}-key.pem`);
      }
      const report = await rotate(owner, gun, ...files.flatMap(name => ['--key', name]));
      expect(report.newKeys).toHaveLength(2);
      expect(report.createdKeys).toHaveLength(2);
      const root = await file(gun, 'root');
      expect(root.signed.roles.targets?.threshold).toBe(1);
      expect(new Set(root.signed.roles.targets?.keyids)).toEqual(
        new Set(report.newKeys.map(({ id }) => id)),
      );
      const [one] = files;
      const roots = await rotate(owner, gun, 'root', '--key', one ?? '').catch(error => error);
      // It is a targets key already.
      expect(String(roots)).toContain('KEY_EXISTS');
      const out = path.join(owner.folder, 'root');
      await owner.notary
        .with({ passphrases: { delegation: PASSPHRASES.root } })
        .succeed(['key', 'generate', '-r', 'root', '-o', out]);
      const given = await rotate(owner, gun, 'root', '--key', `${out}-key.pem`);
      expect((await file(gun, 'root')).signatures.map(({ keyid }) => keyid)).toEqual([
        given.newKeys[0]?.certificateId,
        given.oldKeys[0]?.certificateId,
      ]);
      expect(await privateKeys(owner)).toContain(given.newKeys[0]?.id);
      await everybodyFollows(gun, owner, consumer);
    });

    test('a repository that was initialised by notary and never published goes out with it', async () => {
      const gun = 'localhost:5000/rotation/unpublished';
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun]);
      const report = await rotate(owner, gun);
      expect(report.versions).toEqual({ root: 2, targets: 2, snapshot: 2 });
      await owner.notary.succeed(addHash(gun, '1.0', content('one'), '-p'));
      expect((await freshReading(scene, gun)).listed).toEqual([listRow('1.0', 'one')]);
    });
  },
);
