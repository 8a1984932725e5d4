import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parseEncryptedPrivateKey } from '../../src/crypto/encrypted-private-key.ts';
import { decodePem, encodePem } from '../../src/crypto/pem.ts';
import { keyId, readPublicKeyPem } from '../../src/crypto/public-key.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { PASSPHRASES } from './support/passphrases.ts';
import { freshReading } from './support/readers.ts';
import { runToSuccess } from './support/run-program.ts';
import { addHash, content, openScene, type Person, type Scene } from './support/scene.ts';
import { signTag } from './support/tags.ts';

/** The rounds that people get, not the few of other tests. */
const STRONG = { env: { TABELLION_KDF_ROUNDS: '' } };

interface StoredKey {
  id: string;
  role: string;
  path: string;
}

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'strong key files and Ed25519 keys',
  () => {
    let scene: Scene;

    beforeAll(async () => {
      scene = await openScene();
    });

    const keysOf = async ({ tabellion }: Person): Promise<StoredKey[]> =>
      ((await tabellion.json(['key', 'list'])) as { keys: StoredKey[] }).keys;

    const strengthOf = async (file: string) => {
      const block = decodePem(await readFile(file));
      const { iterations, salt, prf } = parseEncryptedPrivateKey(block?.bytes ?? new Uint8Array());
      return { iterations, salt: salt.length, prf };
    };

    test('hardened files: notary publishes with them, docker signs with them, openssl opens them', async () => {
      const gun = 'localhost:5000/hard/app';
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun, '-p']);
      await owner.docker.succeed(['trust', 'key', 'generate', 'bob', '--dir', owner.folder]);
      // A key in the old encryption of OpenSSL, as Notary still reads it.
      const dek = await legacyKey(owner, 'dora');

      const report = (await owner.tabellion.json(['key', 'harden', '--all', '--yes'], STRONG)) as {
        keys: { status: string }[];
      };
      expect(report.keys.map(({ status }) => status)).toEqual(Array(5).fill('hardened'));
      const keys = await keysOf(owner);
      for (const key of keys) {
        expect(await strengthOf(key.path)).toEqual({
          iterations: 1_300_000,
          salt: 16,
          prf: 'sha1',
        });
      }
      const files = await Promise.all(keys.map(key => readFile(key.path, 'utf8')));

      // docker opens the targets and the snapshot key, to add a signer; notary these and the signer's.
      const bob = ['--key', path.join(owner.folder, 'bob.pub'), 'bob', gun];
      await owner.docker.succeed(['trust', 'signer', 'add', ...bob]);
      await owner.notary.succeed(addHash(gun, 'v1', content('one')));
      const roles = ['targets/bob', 'targets/releases'].flatMap(role => ['-r', role]);
      await owner.notary.succeed(addHash(gun, 'v2', content('two'), ...roles));
      await owner.notary.succeed(['publish', gun]);
      const reading = await freshReading(scene, gun);
      expect(reading.listed.map(({ name }) => name).sort()).toEqual(['v1', 'v2']);
      expect(reading.docker.SignedTags.map(({ Signers }) => Signers)).toEqual([
        ['Repo Admin'],
        ['bob'],
      ]);
      // What the old programs did with them has not weakened them.
      expect(await Promise.all(keys.map(key => readFile(key.path, 'utf8')))).toEqual(files);

      for (const { id, role, path: file } of keys.filter(one =>
        ['root', 'dora'].includes(one.role),
      )) {
        await opensslOpens(owner, file, id, role);
      }
      expect(keys.map(({ id }) => id)).toContain(dek);
      // The proof of notary that the converted key opens: it encrypts it anew, and weakly.
      await owner.notary.succeed(['key', 'passwd', dek]);
      expect((await owner.tabellion.json(['key', 'check', dek])) as object).toMatchObject({
        keys: [{ id: dek, role: 'dora', opens: true, signs: true, strength: 'weak' }],
      });
    });

    test('an Ed25519 key of a signer: notary and Tabellion publish with it, docker shows it', async () => {
      const gun = 'localhost:5000/hard/eddy';
      const [owner, eddy] = [await scene.person('owner'), await scene.person('eddy')];
      await signTag(owner, `${gun}:v1`, 'one');
      const generate = ['key', 'generate', 'eddy', '--algorithm', 'ed25519', '--dir', eddy.folder];
      const { id, publicKeyFile } = (await eddy.tabellion.json(generate)) as {
        id: string;
        publicKeyFile: string;
      };
      // Their readers of public keys know no Ed25519, which is why Tabellion adds the key.
      const roles = ['targets/eddy', 'targets/releases'];
      const refused = await owner.notary.run([
        'delegation',
        'add',
        gun,
        ...roles.slice(0, 1),
        publicKeyFile,
        '--all-paths',
      ]);
      expect(refused.code).toBe(1);
      await owner.tabellion.succeed(['signer', 'add', 'eddy', gun, '--key', publicKeyFile]);

      const asNotary = roles.flatMap(role => ['-r', role]);
      await eddy.notary.succeed(addHash(gun, 'v2', content('two'), ...asNotary, '-p'));
      await signTag(eddy, `${gun}:v3`, 'three');
      const reading = await freshReading(scene, gun);
      expect(reading.docker.Signers).toEqual([{ Name: 'eddy', Keys: [{ ID: id }] }]);
      expect(reading.docker.SignedTags.map(({ Signers }) => Signers)).toEqual([
        ['Repo Admin'],
        ['eddy'],
        ['eddy'],
      ]);
      expect(await methodOf(gun, 'targets/eddy')).toBe('eddsa');
      expect(await eddy.tabellion.json(['key', 'check', id])).toMatchObject({
        keys: [{ opens: true, signs: true }],
      });
    });

    test('an Ed25519 repository key: rotated to, and notary publishes with it', async () => {
      const gun = 'localhost:5000/hard/targets';
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun, '-p']);
      const flags = ['--role', 'targets', '--repository', gun, '--algorithm', 'ed25519'];
      const { id, file } = (await owner.tabellion.json(['key', 'generate', ...flags])) as {
        id: string;
        file: string;
      };
      await owner.tabellion.succeed(['key', 'rotate', gun, 'targets', '--key', file, '--yes']);
      await owner.notary.succeed(addHash(gun, 'v1', content('one'), '-p'));
      await signTag(owner, `${gun}:v2`, 'two');
      const reading = await freshReading(scene, gun);
      expect(reading.listed.map(({ name }) => name).sort()).toEqual(['v1', 'v2']);
      expect(reading.docker.AdministrativeKeys).toContainEqual({
        Name: 'Repository',
        Keys: [{ ID: id }],
      });
      expect(await methodOf(gun, 'targets')).toBe('eddsa');

      const root = ['key', 'generate', '--role', 'root', '--algorithm', 'ed25519'];
      expect((await owner.tabellion.run(root)).code).toBe(2);
      const forRoot = ['key', 'rotate', gun, 'root', '--key', file, '--yes'];
      expect((await owner.tabellion.run(forRoot)).code).toBe(4);
      await freshReading(scene, gun);
    });

    const methodOf = async (gun: string, role: string): Promise<string> => {
      const file = await scene.server.metadata(gun, `${role}.json`);
      return JSON.parse(file.toString('utf8')).signatures[0].method;
    };

    /** Puts a key into the store whose file has the encryption of old OpenSSL. @returns its ID */
    async function legacyKey(owner: Person, role: string): Promise<string> {
      const env = { PATH: process.env.PATH ?? '', PASS: PASSPHRASES.delegation };
      const inFolder = { env, cwd: owner.folder };
      const made = ['ecparam', '-genkey', '-noout', '-name', 'prime256v1', '-out', 'plain.pem'];
      await runToSuccess('openssl', made, inFolder);
      const sealed = [
        'ec',
        '-in',
        'plain.pem',
        '-aes256',
        '-passout',
        'env:PASS',
        '-out',
        'dek.pem',
      ];
      await runToSuccess('openssl', sealed, inFolder);
      const imported = ['key', 'import', path.join(owner.folder, 'plain.pem'), '-r', role];
      await owner.notary.succeed(imported);
      const key = (await keysOf(owner)).find(one => one.role === role);
      const block = decodePem(await readFile(path.join(owner.folder, 'dek.pem')));
      if (key === undefined || block === undefined) throw new Error('no key was made');
      const headers: [string, string][] = [...block.headers, ['role', role]];
      await writeFile(key.path, encodePem({ ...block, headers }), { mode: 0o600 });
      return key.id;
    }

    /** With the headers taken away, which OpenSSL does not read. */
    async function opensslOpens(owner: Person, file: string, id: string, role: string) {
      const block = decodePem(await readFile(file));
      if (block === undefined) throw new Error(`${id} is no PEM`);
      const bare = path.join(owner.folder, 'bare.pem');
      await writeFile(bare, encodePem({ label: block.label, headers: [], bytes: block.bytes }));
      const known: Record<string, string> = { ...PASSPHRASES };
      const env = { PATH: process.env.PATH ?? '', PASS: known[role] ?? PASSPHRASES.delegation };
      const flags = ['pkey', '-in', bare, '-passin', 'env:PASS', '-pubout', '-outform', 'PEM'];
      const { stdout } = await runToSuccess('openssl', flags, { env, cwd: owner.folder });
      expect(keyId(readPublicKeyPem(stdout, new Date()))).toBe(id);
    }
  },
);
