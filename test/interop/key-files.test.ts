import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { readVector } from '../support/fixtures.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { dockerTag } from './support/expected-rows.ts';
import { freshReading } from './support/readers.ts';
import { runToSuccess } from './support/run-program.ts';
import { addHash, content, openScene, type Person, type Scene, served } from './support/scene.ts';
import { signTag, verifyTag } from './support/tags.ts';

interface ListedKey {
  role: string;
  gun: string;
  id: string;
}

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'key files in a shared trust folder',
  () => {
    let scene: Scene;

    beforeAll(async () => {
      scene = await openScene();
    });

    /** Runs openssl in somebody's home and gives the path of the file it was told to write. */
    const openssl = async (person: Person, file: string, ...args: string[]) => {
      const env = { PATH: process.env.PATH ?? '' };
      await runToSuccess('openssl', [...args, '-out', file], { env, cwd: person.folder });
      return path.join(person.folder, file);
    };

    const tabellionKeys = async ({ tabellion }: Person): Promise<ListedKey[]> => {
      const { keys } = (await tabellion.json(['key', 'list'])) as {
        keys: { id: string; role: string; gun?: string }[];
      };
      return keys.map(({ id, role, gun = '' }) => ({ role, gun: shortGun(gun), id }));
    };

    const notaryKeys = async ({ notary }: Person): Promise<ListedKey[]> => {
      const lines = (await notary.succeed(['key', 'list'])).trim().split('\n').slice(2);
      return lines.map(line => {
        const [, role = '', gun = '', id = ''] =
          /^(.*?) {2,}(\S*) *([0-9a-f]{64})/.exec(line) ?? [];
        return { role, gun, id };
      });
    };

    test('a key that Tabellion makes: docker and notary let it sign, and notary signs with it', async () => {
      const gun = 'localhost:5000/keys/ours';
      const [owner, alice] = [await scene.person('owner'), await scene.person('alice')];
      const made = (await alice.tabellion.json([
        'key',
        'generate',
        'alice',
        '--dir',
        alice.folder,
      ])) as { id: string; publicKeyFile: string };
      expect(made.publicKeyFile).toBe(path.join(alice.folder, 'alice.pub'));
      const add = ['--key', made.publicKeyFile, 'alice', gun];
      await owner.docker.succeed(['trust', 'signer', 'add', ...add]);
      const nested = ['targets/alice/ci', made.publicKeyFile, '--all-paths', '-p'];
      await alice.notary.succeed(['delegation', 'add', gun, ...nested]);
      // docker let the key sign, and notary found the same ID in the file as Tabellion gave it.
      const delegations = await owner.notary.succeed(['delegation', 'list', gun]);
      for (const role of ['alice', 'alice/ci', 'releases']) {
        expect(delegations).toMatch(new RegExp(`targets/${role} .* ${made.id} `));
      }
      const roles = ['targets/releases', 'targets/alice'].flatMap(role => ['-r', role]);
      await alice.notary.succeed(addHash(gun, 'v1', content('one'), ...roles, '-p'));
      await alice.docker.succeed(['trust', 'sign', `${gun}:v1`]);
      await signTag(alice, `${gun}:v2`, 'two');
      const reading = await freshReading(scene, gun);
      expect(reading.docker.SignedTags).toEqual([
        dockerTag('v1', 'one', 'alice'),
        dockerTag('v2', 'two', 'alice'),
      ]);
      expect(reading.docker.Signers).toEqual([
        { Name: 'alice/ci', Keys: [{ ID: made.id }] },
        { Name: 'alice', Keys: [{ ID: made.id }] },
      ]);
    });

    test('keys that docker and notary make: Tabellion initialises, lets sign and signs with them', async () => {
      const gun = 'localhost:5000/keys/theirs';
      const owner = await scene.person('owner');
      const generated = await owner.notary.succeed(['key', 'generate', 'ecdsa']);
      const rootId = /keyID: ([0-9a-f]{64})/i.exec(generated)?.[1] ?? generated;
      await owner.docker.succeed(['trust', 'key', 'generate', 'alice', '--dir', owner.folder]);
      const before = await notaryKeys(owner);
      const report = await signTag(owner, `${gun}:v1`, 'one', '--signer', 'alice');
      expect(report.createdKeys.map(({ role }) => role)).toEqual(['targets']);
      const reading = await freshReading(scene, gun);
      expect(reading.tabellion.roles.find(({ role }) => role === 'root')?.keyIds).toEqual([rootId]);
      const aliceId = before.find(({ role }) => role === 'alice')?.id;
      expect(reading.docker.Signers).toEqual([{ Name: 'alice', Keys: [{ ID: aliceId }] }]);
      // The certificate that Tabellion made around notary's key serves notary for the next root.
      await owner.notary.succeed(['key', 'rotate', gun, 'root'], { stdin: 'y\n' });
      await signTag(owner, `${gun}:v2`, 'two');
      expect((await freshReading(scene, gun)).docker.SignedTags).toHaveLength(2);
    });

    test('notary initialises with the root key that Tabellion made, and rotates away from it', async () => {
      const gun = 'localhost:5000/keys/root';
      const owner = await scene.person('owner');
      const root = ['key', 'generate', '--role', 'root'];
      const { id } = (await owner.tabellion.json(root)) as { id: string };
      await owner.notary.succeed(['init', gun, '-p']);
      expect((await notaryKeys(owner)).filter(({ role }) => role === 'root')).toHaveLength(1);
      const reading = await freshReading(scene, gun);
      expect(reading.tabellion.roles.find(({ role }) => role === 'root')?.keyIds).toEqual([id]);
      await owner.notary.succeed(['key', 'rotate', gun, 'root'], { stdin: 'y\n' });
      await signTag(owner, `${gun}:v1`, 'one');
      await freshReading(scene, gun);
    });

    test('both programs list the same keys', async () => {
      const gun = 'localhost:5000/keys/list';
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun, '-p']);
      await owner.docker.succeed(['trust', 'key', 'generate', 'bob', '--dir', owner.folder]);
      await owner.tabellion.succeed(['key', 'generate', 'alice', '--dir', owner.folder]);
      await owner.tabellion.succeed(['key', 'generate', '--role', 'root']);
      for (const role of ['targets', 'snapshot']) {
        const flags = ['--role', role, '--repository', 'localhost:5000/keys/a-rather-long-name/x'];
        await owner.tabellion.succeed(['key', 'generate', ...flags]);
      }
      await signTag(owner, 'localhost:5000/keys/other:1', 'one', '--signer', 'carol');
      // A key without any header, as openssl makes it: it has no role.
      const key = await openssl(owner, 'ec.pem', 'ecparam', '-genkey', '-noout', '-name', 'P-256');
      await owner.notary.succeed(['key', 'import', key, '-r', 'odd role']);
      const listed = await notaryKeys(owner);
      expect(listed.map(({ role }) => role).sort()).toEqual(
        [
          ...['alice', 'bob', 'carol', 'odd role', 'root', 'root'],
          ...['snapshot', 'snapshot', 'targets', 'targets', 'targets'],
        ].sort(),
      );
      expect(listed.every(({ id }) => /^[0-9a-f]{64}$/.test(id))).toBe(true);
      expect(await tabellionKeys(owner)).toEqual(listed);
    });

    test('keys of every kind that notary takes: both programs sign with them', async () => {
      const gun = 'localhost:5000/keys/kinds';
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun, '-p']);
      const kinds: [name: string, generate: string[], asCertificate: boolean][] = [
        ['rsa', ['genrsa'], false],
        ['rsacert', ['genrsa'], true],
        ['p384', ['ecparam', '-genkey', '-noout', '-name', 'secp384r1'], false],
        ['p521cert', ['ecparam', '-genkey', '-noout', '-name', 'secp521r1'], true],
      ];
      const roles: string[] = [];
      for (const [name, generate, asCertificate] of kinds) {
        const key = await openssl(owner, `${name}.pem`, ...generate);
        const publicFile = asCertificate
          ? await openssl(owner, `${name}.crt`, 'req', '-x509', '-key', key, '-subj', `/CN=${name}`)
          : await openssl(owner, `${name}.pub`, 'pkey', '-pubout', '-in', key);
        await owner.notary.succeed(['key', 'import', key, '-r', name]);
        const flags = [`targets/${name}`, publicFile, '--all-paths'];
        await owner.notary.succeed(['delegation', 'add', gun, ...flags]);
        roles.push(`targets/${name}`);
      }
      await owner.notary.succeed(['publish', gun]);
      // targets by Ed25519, which notary takes in a form of its own; the snapshot by RSA.
      const ed25519 = path.join(owner.folder, 'ed25519.pem');
      await writeFile(ed25519, readVector('keys/import/ed25519-notary-96.pem'), { mode: 0o600 });
      await owner.notary.succeed(['key', 'rotate', gun, 'targets', '-k', ed25519]);
      const rsa = await openssl(owner, 'snapshot.pem', 'genrsa');
      await owner.notary.succeed(['key', 'rotate', gun, 'snapshot', '-k', rsa]);

      const flags = [...roles, 'targets'].flatMap(role => ['--role', role]);
      const report = await signTag(owner, `${gun}:v1`, 'one', ...flags);
      expect(Object.keys(report.versions).sort()).toEqual([...roles, 'snapshot', 'targets'].sort());
      const signers = ['p384', 'p521cert', 'rsa', 'rsacert'];
      const tag = (await freshReading(scene, gun)).docker.SignedTags[0];
      expect([...(tag?.Signers ?? [])].sort()).toEqual(signers);
      const asNotary = [...roles, 'targets'].flatMap(role => ['-r', role]);
      await owner.notary.succeed(addHash(gun, 'v2', content('two'), ...asNotary, '-p'));
      await signTag(owner, `${gun}:v3`, 'three', ...flags);
      const last = await freshReading(scene, gun);
      expect(last.docker.SignedTags.map(({ SignedTag }) => SignedTag)).toEqual(['v1', 'v2', 'v3']);
      expect((await verifyTag(owner, `${gun}:v2`)).signedBy).toHaveLength(roles.length + 1);
      const methods = await Promise.all(
        ['targets', 'snapshot', 'targets/p384'].map(async role => {
          const file = await scene.server.metadata(gun, `${role}.json`);
          return JSON.parse(file.toString('utf8')).signatures[0].method;
        }),
      );
      expect(methods).toEqual(['eddsa', 'rsapss', 'ecdsa']);
    });

    test.each([
      ['rsa', ['genrsa']],
      ['ecdsa P-384', ['ecparam', '-genkey', '-noout', '-name', 'secp384r1']],
    ])('an imported root key of the kind %s', async (kind, generate) => {
      const gun = `localhost:5000/keys/root-${kind.slice(0, 3)}`;
      const owner = await scene.person('owner');
      const key = await openssl(owner, 'root.pem', ...generate);
      await owner.notary.succeed(['key', 'import', key, '-r', 'root']);
      const { createdKeys } = await signTag(owner, `${gun}:v1`, 'one');
      expect(createdKeys.map(({ role }) => role)).toEqual(['targets']);
      const first = await freshReading(scene, gun);
      expect(first.docker.SignedTags).toEqual([dockerTag('v1', 'one')]);
      await owner.notary.succeed(['key', 'rotate', gun, 'timestamp', '-r']);
      await owner.notary.succeed(['key', 'rotate', gun, 'root'], { stdin: 'y\n' });
      await signTag(owner, `${gun}:v2`, 'two');
      expect((await freshReading(scene, gun)).docker.SignedTags).toHaveLength(2);
      expect(await served(scene.server, gun, 'root')).toMatchObject({ version: 3 });
    });

    test('key files are carried to another trust folder, and open there with the same passphrases', async () => {
      const gun = 'localhost:5000/keys/carried';
      const [owner, elsewhere] = [await scene.person('owner'), await scene.person('elsewhere')];
      await signTag(owner, `${gun}:v1`, 'one');
      const exported = path.join(owner.folder, 'exported.pem');
      await owner.notary.succeed(['key', 'export', '-o', exported]);
      await elsewhere.notary.succeed(['key', 'import', exported]);
      const keys = await tabellionKeys(elsewhere);
      expect(keys).toEqual(await tabellionKeys(owner));
      await elsewhere.notary.succeed(['key', 'rotate', gun, 'targets']);
      await signTag(elsewhere, `${gun}:v2`, 'two');
      await elsewhere.notary.succeed(['key', 'rotate', gun, 'root'], { stdin: 'y\n' });
      await signTag(elsewhere, `${gun}:v3`, 'three');
      expect((await freshReading(scene, gun)).docker.SignedTags).toHaveLength(3);
    });
  },
);

/** As `notary key list` cuts it. */
function shortGun(gun: string): string {
  return gun.length > 25 ? `...${gun.slice(-22)}` : gun;
}
