import { readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { rotateKey } from '../../src/operations/rotation/rotate.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { listRow } from './support/expected-rows.ts';
import { inSession } from './support/open-session.ts';
import { freshReading } from './support/readers.ts';
import { addHash, content, openScene, type Person, type Scene } from './support/scene.ts';
import { signTag } from './support/tags.ts';

const PUBLISH = /^POST .*\/_trust\/tuf\/$/;

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'key rotation that fails',
  () => {
    let scene: Scene;
    let guns = 0;

    beforeAll(async () => {
      scene = await openScene();
    });
    beforeEach(() => scene.proxy.clear());

    const privateKeys = async ({ trustDir }: Person) =>
      (await readdir(path.join(trustDir, 'private')).catch(() => [])).sort();

    /** A repository whose owner reaches the server through the proxy with Tabellion, and past it with notary. */
    async function repository() {
      guns += 1;
      const gun = `localhost:5000/faults/${guns}`;
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun]);
      await owner.notary.succeed(addHash(gun, '1.0', content('one'), '-p'));
      const tabellion = owner.tabellion.with({ server: scene.proxy.url });
      return { gun, owner: { ...owner, tabellion } };
    }

    async function signsAsBefore(gun: string, owner: Person) {
      scene.proxy.clear();
      await signTag(owner, `${gun}:2.0`, 'two');
      const rows = [listRow('1.0', 'one'), listRow('2.0', 'two')];
      expect((await freshReading(scene, gun)).listed).toEqual(rows);
    }

    test('a 503 costs nobody a key: the old one signs on, the new one is named', async () => {
      const { gun, owner } = await repository();
      const before = await privateKeys(owner);
      scene.proxy.fault(PUBLISH, { status: 503 });
      const failed = await owner.tabellion.run([
        'key',
        'rotate',
        gun,
        '--yes',
        '--old-key',
        'remove',
      ]);
      expect(failed.code).toBe(5);
      expect(failed.stderr).toMatch(
        /warning: A new repository key was stored in \S+\.key; the next rotation uses it/,
      );
      const after = await privateKeys(owner);
      expect(after).toEqual(expect.arrayContaining(before));
      expect(after).toHaveLength(before.length + 1);
      await signsAsBefore(gun, owner);
      const again = await owner.tabellion.json(['key', 'rotate', gun, '--yes']);
      expect(again).toMatchObject({ repositories: [{ reusedKeys: true, createdKeys: [] }] });
      expect(await privateKeys(owner)).toEqual(after);
      await signTag(owner, `${gun}:3.0`, 'three');
    });

    test('an answer that is lost is looked for, and the rotation is done', async () => {
      const { gun, owner } = await repository();
      scene.proxy.fault(PUBLISH, async (_request, forward) => {
        expect((await forward()).status).toBe(200);
        return { reset: true };
      });
      const report = await owner.tabellion.json([
        ...['key', 'rotate', gun, '--yes', '--old-key', 'remove'],
      ]);
      expect(report).toMatchObject({
        repositories: [{ versions: { root: 2 }, verifiedAfresh: true }],
        removedKeys: [expect.any(String)],
      });
      await signsAsBefore(gun, owner);
    });

    test('when the server is gone after it took the change, both keys are kept', async () => {
      const { gun, owner } = await repository();
      const before = await privateKeys(owner);
      scene.proxy.fault(PUBLISH, async (_request, forward) => {
        await forward();
        scene.proxy.fault(/^GET /, { reset: true });
        return { reset: true };
      });
      const failed = await owner.tabellion.run([
        ...['key', 'rotate', gun, '--yes', '--old-key', 'remove'],
      ]);
      expect(failed.code).toBe(5);
      expect(await privateKeys(owner)).toHaveLength(before.length + 1);
      expect(await privateKeys(owner)).toEqual(expect.arrayContaining(before));
      await signsAsBefore(gun, owner);
    });

    test('a change that cannot be read back keeps the old key, and says so', async () => {
      const { gun, owner } = await repository();
      const before = await privateKeys(owner);
      scene.proxy.fault(PUBLISH, async (_request, forward) => {
        const answer = await forward();
        scene.proxy.fault(/^GET .*timestamp\.json$/, { status: 500 });
        return { status: answer.status };
      });
      const done = await owner.tabellion.succeed([
        ...['key', 'rotate', gun, '--yes', '--old-key', 'remove', '--json'],
      ]);
      expect(JSON.parse(done)).toMatchObject({ removedKeys: [] });
      expect(done).toContain('was kept: a fresh client could not verify');
      expect(await privateKeys(owner)).toEqual(expect.arrayContaining(before));
      await signsAsBefore(gun, owner);
    });

    test('a server that makes no key costs nothing', async () => {
      const { gun, owner } = await repository();
      const before = await privateKeys(owner);
      scene.proxy.fault(/^POST .*snapshot\.key$/, { status: 503 });
      const args = ['key', 'rotate', gun, 'snapshot', '--server-managed', '--yes'];
      expect((await owner.tabellion.run(args)).code).toBe(5);
      expect(await privateKeys(owner)).toEqual(before);
      await signsAsBefore(gun, owner);
    });

    test.each(['root', 'targets', 'snapshot', 'timestamp'])(
      'of %s without the root key is refused before a key is made',
      async role => {
        const { gun, owner } = await repository();
        const listed = await owner.notary.succeed(['key', 'list']);
        const id = /root\s+([0-9a-f]{64})/.exec(listed)?.[1] ?? '';
        const key = path.join(owner.trustDir, 'private', `${id}.key`);
        await rename(key, `${key}.away`.replace('/private/', '/'));
        const before = await privateKeys(owner);
        const refused = await owner.tabellion.run(['key', 'rotate', gun, role, '--yes']);
        expect(refused.code).toBe(4);
        expect(refused.stderr).toContain(`Signing for root needs the key ${id}`);
        expect(await privateKeys(owner)).toEqual(before);
        expect(scene.proxy.log().filter(line => line.startsWith('POST'))).toEqual([]);
      },
    );

    test('with a wrong passphrase, for an unknown repository, or without an answer: nothing is made', async () => {
      const { gun, owner } = await repository();
      const before = await privateKeys(owner);
      const wrong = owner.tabellion.with({ passphrases: { root: 'not the passphrase' } });
      const locked = await wrong.run(['key', 'rotate', gun, 'root', '--yes']);
      expect(locked.code).toBe(4);
      expect(locked.stderr).toContain('Wrong passphrase for the root key');
      const unknown = await owner.tabellion.run(['key', 'rotate', `${gun}/typo`, '--yes']);
      expect(unknown.code).toBe(3);
      const unasked = await owner.tabellion.run(['key', 'rotate', gun]);
      expect(unasked.code).toBe(2);
      expect(unasked.stderr).toContain('--yes');
      for (const args of [
        [gun, 'targets', '--server-managed'],
        [gun, 'root', '--server-managed'],
        [gun, 'targets/alice'],
        [gun, 'snapshot', '--server-managed', '--key', 'a.pem'],
        [`${gun}:1.0`],
      ])
        expect((await owner.tabellion.run(['key', 'rotate', ...args, '--yes'])).code).toBe(2);
      expect(await privateKeys(owner)).toEqual(before);
      expect(scene.proxy.log().filter(line => line.startsWith('POST'))).toEqual([]);
    });

    test('a dry run checks and changes nothing', async () => {
      const { gun, owner } = await repository();
      const before = await privateKeys(owner);
      const shown = await owner.tabellion.succeed(['key', 'rotate', gun, '--dry-run']);
      expect(shown).toContain('the repository key would be replaced');
      expect(shown).toContain('1 target of the repository would be signed again as it is');
      expect(await privateKeys(owner)).toEqual(before);
      expect(scene.proxy.log().filter(line => line.startsWith('POST'))).toEqual([]);
    });

    test('a lost race is run again with the same new key', async () => {
      const { gun, owner } = await repository();
      const before = await privateKeys(owner);
      scene.proxy.fault(
        PUBLISH,
        async (_request, forward) => {
          await owner.notary.succeed(addHash(gun, '2.0', content('two'), '-p'));
          return await forward();
        },
        { times: 1 },
      );
      const report = await owner.tabellion.json(['key', 'rotate', gun, '--yes']);
      expect(report).toMatchObject({
        repositories: [{ versions: { root: 2, targets: 4, snapshot: 4 } }],
      });
      expect(await privateKeys(owner)).toHaveLength(before.length + 1);
      const rows = [listRow('1.0', 'one'), listRow('2.0', 'two')];
      expect((await freshReading(scene, gun)).listed).toEqual(rows);
    });

    test('with legacy signatures, the root keys of earlier versions sign too', async () => {
      const { gun, owner } = await repository();
      await owner.tabellion.succeed(['key', 'rotate', gun, 'root', '--yes']);
      await owner.tabellion.succeed(['key', 'rotate', gun, 'root', '--yes']);
      const signers = async () => {
        const bytes = await scene.server.metadata(gun, 'root.json');
        return JSON.parse(bytes.toString('utf8')).signatures.length as number;
      };
      expect(await signers()).toBe(2);
      const rotation = { role: 'targets', legacyVersions: -1 };
      await inSession(owner, session => rotateKey(session, gun, rotation));
      expect(await signers()).toBe(3);
      await inSession(owner, session =>
        rotateKey(session, gun, { ...rotation, legacyVersions: 2 }),
      );
      expect(await signers()).toBe(2);
      await inSession(owner, session => rotateKey(session, gun, { role: 'targets' }));
      expect(await signers()).toBe(1);
      expect((await freshReading(scene, gun)).listed).toEqual([listRow('1.0', 'one')]);
    });
  },
);
