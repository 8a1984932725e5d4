import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { makeRootCertificate } from '../../src/crypto/certificate.ts';
import { generatePrivateKey } from '../../src/crypto/private-key.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { listRow } from './support/expected-rows.ts';
import { freshReading, listTargets } from './support/readers.ts';
import { runToSuccess } from './support/run-program.ts';
import { addHash, content, openScene, type Person, type Scene } from './support/scene.ts';

interface Report {
  delegations: {
    role: string;
    status: string;
    addedKeys: string[];
    removedKeys: string[];
    addedPaths: string[];
    removedPaths: string[];
    keysLeft: number;
  }[];
  resigned: string[];
  lostTargets: string[];
  alteredTargets: string[];
  versions: Record<string, number>;
  warnings: string[];
}

interface List {
  delegations: {
    role: string;
    paths: string[];
    threshold: number;
    keys: { id: string; certificate?: { commonName: string; problem?: string } }[];
    version?: number;
    targets?: number;
    problem?: string;
  }[];
}

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'delegations by Tabellion',
  () => {
    let scene: Scene;
    let guns = 0;

    beforeAll(async () => {
      scene = await openScene();
    });

    /** An empty repository, whose snapshot notary signs, or the server. */
    async function repository(snapshot: 'local' | 'server' = 'local') {
      guns += 1;
      const gun = `localhost:5000/delegations/${guns}`;
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun]);
      await owner.notary.succeed(['publish', gun]);
      if (snapshot === 'server')
        await owner.notary.succeed(['key', 'rotate', gun, 'snapshot', '-r']);
      return { gun, owner };
    }

    /** A new key of somebody, and the file with its public half. */
    async function signerKey(person: Person, name: string) {
      await person.tabellion.succeed(['key', 'generate', name, '--dir', person.folder]);
      const file = path.join(person.folder, `${name}.pub`);
      const keys = (await person.tabellion.json(['key', 'list'])) as {
        keys: { id: string; role: string }[];
      };
      const id = keys.keys.findLast(({ role }) => role === name)?.id ?? '';
      return { file, id };
    }

    /** A certificate for the key of an OpenSSL key file. */
    async function certificate(person: Person, name: string, days: number) {
      const key = path.join(person.folder, `${name}.key`);
      const file = path.join(person.folder, `${name}.crt`);
      const options = { env: { PATH: process.env.PATH ?? '' }, cwd: person.folder };
      await runToSuccess(
        'openssl',
        ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'].concat([
          '-keyout',
          key,
          '-out',
          file,
          '-days',
          String(days),
          '-subj',
          `/CN=${name}`,
        ]),
        options,
      );
      return { key, file };
    }

    const run = async (person: Person, ...args: string[]) =>
      (await person.tabellion.json(['delegation', ...args])) as Report;
    const list = async (person: Person, gun: string) =>
      ((await person.tabellion.json(['delegation', 'list', gun])) as List).delegations;

    test('bare keys, certificates, several keys, paths and nested roles, as notary reads them', async () => {
      const { gun, owner } = await repository();
      const alice = await signerKey(owner, 'alice');
      const other = await signerKey(owner, 'other');
      const cert = await certificate(owner, 'carol', 30);
      const added = await run(owner, 'add', gun, 'alice', alice.file, other.file, '--all-paths');
      expect(added.versions).toEqual({ targets: 3, snapshot: 3 });
      expect(added.delegations).toEqual([
        {
          role: 'targets/alice',
          status: 'added',
          addedKeys: expect.arrayContaining([alice.id, other.id]),
          removedKeys: [],
          addedPaths: [''],
          removedPaths: [],
          keysLeft: 2,
        },
      ]);
      const nested = await run(
        owner,
        'add',
        gun,
        'alice/ci',
        cert.file,
        '--path',
        'v1',
        '--path',
        'v2',
      );
      expect(nested.versions).toEqual({ 'targets/alice': 1, snapshot: 4 });
      const shown = await owner.notary.succeed(['delegation', 'list', gun]);
      const lines = shown.split('\n').map(line => line.trim().split(/ {2,}/));
      expect(lines).toContainEqual(['targets/alice', '"" <all paths>', expect.any(String), '1']);
      expect(lines).toContainEqual(['targets/alice/ci', 'v1', expect.any(String), '1']);
      expect(await list(owner, gun)).toMatchObject([
        { role: 'targets/alice', paths: [''], threshold: 1, version: 1, targets: 0 },
        {
          role: 'targets/alice/ci',
          paths: ['v1', 'v2'],
          keys: [{ certificate: { commonName: 'carol' } }],
        },
      ]);

      await owner.notary.succeed(['key', 'import', cert.key, '-r', 'carol']);
      await owner.notary.succeed(
        addHash(gun, 'v1.0', content('one'), '-r', 'targets/alice/ci', '-p'),
      );
      await owner.notary.succeed(addHash(gun, 'w', content('two'), '-r', 'targets/alice', '-p'));
      const rows = [
        listRow('v1.0', 'one', 'targets/alice/ci'),
        listRow('w', 'two', 'targets/alice'),
      ];
      expect((await freshReading(scene, gun)).listed).toEqual(rows);

      // Again: nothing changes, nothing is published.
      const again = await run(owner, 'add', gun, 'targets/alice', alice.file, '--all-paths');
      expect(again).toMatchObject({ delegations: [], versions: {} });

      // A path goes, and with it what was signed there.
      const cut = await run(owner, 'remove', gun, 'alice/ci', '--path', 'v1', '--yes');
      expect(cut.lostTargets).toEqual(['v1.0']);
      expect((await freshReading(scene, gun)).listed).toEqual([
        listRow('w', 'two', 'targets/alice'),
      ]);
      const none = await run(owner, 'remove', gun, 'alice/ci', '--all-paths', '--yes');
      expect(none.delegations).toMatchObject([{ removedPaths: ['v2'] }]);
      expect(await owner.notary.succeed(['delegation', 'list', gun])).not.toContain('v2');
    });

    test('an expired certificate is refused, as notary refuses it, and nothing is published', async () => {
      const { gun, owner } = await repository();
      const cert = await certificate(owner, 'new', 1);
      const old = path.join(owner.folder, 'old.crt');
      const key = generatePrivateKey('ecdsa');
      const notBefore = new Date('2010-01-01T00:00:00Z');
      await writeFile(old, makeRootCertificate({ key, gun: 'old', notBefore }));
      const theirs = await owner.notary.run([
        'delegation',
        'add',
        gun,
        'targets/x',
        old,
        '--all-paths',
      ]);
      expect(theirs.code).toBe(1);
      const ours = await owner.tabellion.run(['delegation', 'add', gun, 'x', old, '--all-paths']);
      expect(ours.code).toBe(4);
      expect(ours.stderr).toMatch(/expired/);
      for (const args of [
        ['add', gun, 'x'],
        ['add', gun, 'X', cert.file, '--all-paths'],
        ['add', gun, 'none/below', cert.file, '--all-paths'],
        ['add', gun, 'x', '--path', 'a'],
        ['remove', gun, 'nobody', '--yes'],
      ])
        expect((await owner.tabellion.run(['delegation', ...args])).code).toBeGreaterThan(0);
      expect(await list(owner, gun)).toEqual([]);
    });

    test('a key that goes: what it signed is signed again by one that is left, else by witness', async () => {
      const { gun, owner } = await repository();
      const [alice, other] = [await signerKey(owner, 'alice'), await signerKey(owner, 'other')];
      await run(owner, 'add', gun, 'alice', alice.file, '--all-paths');
      await owner.notary.succeed(addHash(gun, 'v1', content('one'), '-r', 'targets/alice', '-p'));
      await run(owner, 'add', gun, 'alice', other.file);
      const swapped = await run(owner, 'remove', gun, 'alice', alice.id.slice(0, 7), '--yes');
      expect(swapped).toMatchObject({ resigned: ['targets/alice'], lostTargets: [] });
      expect(swapped.versions).toEqual({ targets: 5, 'targets/alice': 2, snapshot: 6 });
      const rows = [listRow('v1', 'one', 'targets/alice')];
      expect((await freshReading(scene, gun)).listed).toEqual(rows);

      // The same with the other key elsewhere: nobody vouches for it until its owner does.
      await run(owner, 'add', gun, 'alice', alice.file);
      const home = path.join(owner.trustDir, 'private', `${alice.id}.key`);
      await rename(home, path.join(owner.folder, 'alice.key'));
      const lost = await run(owner, 'remove', gun, 'alice', other.id, '--yes');
      expect(lost).toMatchObject({ resigned: [], lostTargets: ['v1'] });
      expect(lost.warnings.join()).toContain('witness');
      expect((await freshReading(scene, gun)).listed).toEqual([]);
      expect(await list(owner, gun)).toMatchObject([{ problem: expect.any(String), version: 2 }]);
      const without = await owner.tabellion.run(['witness', gun, 'alice']);
      expect(without.code).toBe(4);
      await rename(path.join(owner.folder, 'alice.key'), home);
      const dry = await owner.tabellion.succeed(['witness', gun, 'alice', '--dry-run']);
      expect(dry).toContain('it holds v1');
      const witnessed = await owner.tabellion.json(['witness', gun, 'alice']);
      expect(witnessed).toMatchObject({ versions: { 'targets/alice': 3 } });
      expect((await freshReading(scene, gun)).listed).toEqual(rows);
      await owner.notary.succeed(['witness', gun, 'targets/alice', '-p']);
      expect((await freshReading(scene, gun)).listed).toEqual(rows);
    });

    test('the last key: it asks, warns, and notary shows the empty role', async () => {
      const { gun, owner } = await repository();
      const alice = await signerKey(owner, 'alice');
      await run(owner, 'add', gun, 'alice', alice.file, '--all-paths');
      await owner.notary.succeed(addHash(gun, 'v1', content('one'), '-r', 'targets/alice', '-p'));
      const unasked = await owner.tabellion.run(['delegation', 'remove', gun, 'alice', alice.id]);
      expect(unasked.code).toBe(2);
      const dry = await owner.tabellion.run([
        'delegation',
        'remove',
        gun,
        'alice',
        alice.id,
        '--dry-run',
      ]);
      expect(dry.stdout).toContain('would be trusted no more: v1');
      expect(dry.stdout).toContain('no key is left');
      expect(dry.stderr).toContain('has no key left');
      expect(await list(owner, gun)).toMatchObject([{ keys: [{ id: alice.id }] }]);
      await run(owner, 'remove', gun, 'alice', alice.id, '--yes');
      expect(await list(owner, gun)).toMatchObject([{ keys: [], problem: expect.any(String) }]);
      expect(await owner.notary.succeed(['delegation', 'list', gun])).toContain('targets/alice');
      const unknown = await owner.tabellion.run([
        'delegation',
        'remove',
        gun,
        'alice',
        alice.id,
        '--yes',
      ]);
      expect(unknown.code).toBe(1);
      expect(unknown.stderr).toContain('is not one of the keys of targets/alice');
    });

    test('purge takes a key from every delegation', async () => {
      const { gun, owner } = await repository();
      const [bad, good] = [await signerKey(owner, 'bad'), await signerKey(owner, 'good')];
      await run(owner, 'add', gun, 'a', bad.file, good.file, '--all-paths');
      await run(owner, 'add', gun, 'b', bad.file, '--all-paths');
      await run(owner, 'add', gun, 'a/c', bad.file, good.file, '--all-paths');
      const dry = await run(owner, 'purge', gun, bad.id.slice(0, 12), '--dry-run');
      expect(dry.versions).toEqual({});
      const purged = await run(owner, 'purge', gun, bad.id.slice(0, 12), '--yes');
      expect(purged.delegations.map(({ role, keysLeft }) => [role, keysLeft])).toEqual([
        ['targets/a', 1],
        ['targets/a/c', 1],
        ['targets/b', 0],
      ]);
      expect(await owner.notary.succeed(['delegation', 'list', gun])).not.toContain(bad.id);
      const gone = await owner.tabellion.run(['delegation', 'purge', gun, bad.id, '--yes']);
      expect(gone.code).toBe(1);
    });

    test.each(['local', 'server'] as const)(
      'a role that comes back brings nothing back: snapshot %s',
      async snapshot => {
        const { gun, owner } = await repository(snapshot);
        const alice = await signerKey(owner, 'alice');
        await run(owner, 'add', gun, 'alice', alice.file, '--all-paths');
        await owner.notary.succeed(
          addHash(gun, 'evil', content('evil'), '-r', 'targets/alice', '-p'),
        );
        const removed = await run(owner, 'remove', gun, 'alice', '--yes');
        expect(removed.lostTargets).toEqual(['evil']);
        const warned = removed.warnings.some(text => text.includes('brings its 1 target back'));
        expect(warned).toBe(snapshot === 'server');
        expect((await freshReading(scene, gun)).listed).toEqual([]);

        const back = await run(owner, 'add', gun, 'alice', alice.file, '--all-paths');
        expect(back.versions['targets/alice']).toBe(snapshot === 'server' ? 2 : undefined);
        expect(back.warnings.join().includes('were emptied')).toBe(snapshot === 'server');
        expect((await freshReading(scene, gun)).listed).toEqual([]);
        await owner.tabellion.succeed([
          ...['sign', `${gun}:good`, '--role', 'alice'],
          ...['--digest', content('good').digest, '--size', String(content('good').size)],
        ]);
        const rows = [listRow('good', 'good', 'targets/alice')];
        expect(await listTargets(await scene.person('reader'), gun)).toEqual(rows);
      },
    );

    test('a role that comes back without its private key is warned about', async () => {
      const { gun, owner } = await repository('server');
      const alice = await signerKey(owner, 'alice');
      await run(owner, 'add', gun, 'alice', alice.file, '--all-paths');
      await owner.notary.succeed(addHash(gun, 'old', content('old'), '-r', 'targets/alice', '-p'));
      await run(owner, 'remove', gun, 'alice', '--yes');
      await rename(
        path.join(owner.trustDir, 'private', `${alice.id}.key`),
        path.join(owner.folder, 'alice.key'),
      );
      const back = await run(owner, 'add', gun, 'alice', alice.file, '--all-paths');
      expect(back.warnings.join()).toContain('its old targets (old) are trusted again');
    });

    test('private key files and foreign PEM are refused as keys', async () => {
      const { gun, owner } = await repository();
      const cert = await certificate(owner, 'carol', 3);
      const junk = path.join(owner.folder, 'junk.pem');
      await writeFile(junk, 'no PEM at all');
      const before = await readdir(path.join(owner.trustDir, 'private'));
      for (const file of [cert.key, junk, path.join(owner.folder, 'absent.pem')]) {
        const refused = await owner.tabellion.run([
          'delegation',
          'add',
          gun,
          'x',
          file,
          '--all-paths',
        ]);
        expect(refused.code).toBe(4);
        expect(refused.stderr).toContain(file);
        expect(refused.stderr).not.toContain(
          (await readFile(cert.key, 'utf8')).split('\n')[1] as string,
        );
      }
      expect(await readdir(path.join(owner.trustDir, 'private'))).toEqual(before);
    });
  },
);
