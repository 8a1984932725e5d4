import { chmod, copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { decodePrivateKeyPem, inspectPrivateKeyPem } from '../../src/crypto/private-key-pem.ts';
import { readVector, vectorPath } from '../support/fixtures.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { freshReading } from './support/readers.ts';
import { addHash, content, openScene, type Person, type Scene } from './support/scene.ts';
import { signTag } from './support/tags.ts';

/** The passphrases of the vectors' key store. */
const VECTOR_PASSPHRASES = {
  root: 'root-pass-1',
  targets: 'targets-pass-1',
  snapshot: 'snapshot-pass-1',
  delegation: 'delegation-pass-1',
};

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'keys on their way between notary, docker trust and Tabellion',
  () => {
    let scene: Scene;

    beforeAll(async () => {
      scene = await openScene();
    });

    /** The key files of somebody, by name. */
    const keyFiles = async ({ trustDir }: Person): Promise<Record<string, string>> => {
      const folder = path.join(trustDir, 'private');
      const names = (await readdir(folder).catch(() => [])).sort();
      const texts = await Promise.all(names.map(name => readFile(path.join(folder, name), 'utf8')));
      return Object.fromEntries(names.map((name, index) => [name, texts[index] ?? '']));
    };

    /** A file of the vectors in somebody's home, for them alone. */
    const given = async ({ folder }: Person, vector: string): Promise<string> => {
      const file = path.join(folder, path.basename(vector));
      await copyFile(vectorPath(`keys/${vector}`), file);
      await chmod(file, 0o600);
      return file;
    };

    /** Lets the real notary decrypt a key and encrypt it anew, under the ID that it computes. */
    const notaryOpens = async ({ notary }: Person, id: string, passphrase: string) => {
      const env = {
        NOTARY_ROOT_PASSPHRASE: passphrase,
        NOTARY_TARGETS_PASSPHRASE: passphrase,
        NOTARY_SNAPSHOT_PASSPHRASE: passphrase,
        NOTARY_DELEGATION_PASSPHRASE: passphrase,
      };
      const said = await notary.succeed(['key', 'passwd', id], { env });
      expect(said).toContain(`Successfully updated passphrase for key ID: ${id}`);
    };

    /** A repository with a signer, made by Tabellion; all its keys are the owner's. */
    const repository = async (gun: string): Promise<Person> => {
      const owner = await scene.person('owner');
      await signTag(owner, `${gun}:v1`, 'one', '--signer', 'alice');
      return owner;
    };

    test('the export of Tabellion is that of notary, and every program imports it', async () => {
      const gun = 'localhost:5000/exchange/ours';
      const owner = await repository(gun);
      const ours = await owner.tabellion.succeed(['key', 'export']);
      expect(ours).toBe(await owner.notary.succeed(['key', 'export']));
      const bundle = path.join(owner.folder, 'bundle.pem');
      await owner.tabellion.succeed(['key', 'export', '-o', bundle]);
      expect(await readFile(bundle, 'utf8')).toBe(ours);
      const expected = await keyFiles(owner);

      const [withNotary, withDocker, withTabellion] = [
        await scene.person('with-notary'),
        await scene.person('with-docker'),
        await scene.person('with-tabellion'),
      ];
      await withNotary.notary.succeed(['key', 'import', bundle]);
      await withDocker.docker.succeed(['trust', 'key', 'load', bundle]);
      await withTabellion.tabellion.succeed(['key', 'import', bundle]);
      for (const person of [withNotary, withDocker, withTabellion]) {
        expect(await keyFiles(person)).toEqual(expected);
      }
      // Each publishes with what it imported.
      await withNotary.notary.succeed(addHash(gun, 'v2', content('two'), '-p'));
      const keys = await scene.person('bob');
      await keys.tabellion.succeed(['key', 'generate', 'bob', '--dir', keys.folder]);
      const bob = path.join(keys.folder, 'bob.pub');
      await withDocker.docker.succeed(['trust', 'signer', 'add', '--key', bob, 'bob', gun]);
      await signTag(withTabellion, `${gun}:v3`, 'three', '--signer', 'alice');
      const { docker, listed } = await freshReading(scene, gun);
      expect(docker.Signers.map(({ Name }) => Name).sort()).toEqual(['alice', 'bob']);
      expect(listed.map(({ name }) => name)).toEqual(expect.arrayContaining(['v1', 'v2', 'v3']));
    });

    test('the export of notary goes into Tabellion, by repository and by ID as well', async () => {
      const gun = 'localhost:5000/exchange/theirs';
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun, '-p']);
      await owner.notary.succeed(['init', `${gun}2`, '-p']);
      const bundle = path.join(owner.folder, 'bundle.pem');
      await owner.notary.succeed(['key', 'export', '-o', bundle]);
      const other = await scene.person('other');
      const report = await other.tabellion.json(['key', 'import', bundle]);
      expect(report).toMatchObject({ complete: true });
      expect(await keyFiles(other)).toEqual(await keyFiles(owner));
      await signTag(other, `${gun}:v1`, 'one', '--role', 'targets');

      // notary honours the first only.
      const flags = ['--repository', gun, '--repository', `${gun}2`];
      const both = await owner.tabellion.succeed(['key', 'export', ...flags]);
      const [first, second] = [
        await owner.notary.succeed(['key', 'export', '--gun', gun]),
        await owner.notary.succeed(['key', 'export', '--gun', `${gun}2`]),
      ];
      expect(both.length).toBe(first.length + second.length);
      const reader = await scene.person('reader');
      const part = path.join(reader.folder, 'part.pem');
      await writeFile(part, both, { mode: 0o600 });
      await reader.notary.succeed(['key', 'import', part]);
      expect(Object.keys(await keyFiles(reader))).toHaveLength(4);
    });

    test.each([
      ['import/ec-plain-sec1.pem', VECTOR_PASSPHRASES.delegation],
      ['import/rsa2048-plain-pkcs8.pem', VECTOR_PASSPHRASES.delegation],
      ['import/ed25519-notary-96.pem', VECTOR_PASSPHRASES.delegation],
      ['import/export-bundle.pem', undefined],
    ])('%s becomes with Tabellion what it becomes with notary', async (vector, passphrase) => {
      const [ours, theirs] = [await scene.person('ours'), await scene.person('theirs')];
      const { notary } = theirs;
      const file = await given(ours, vector);
      const tabellion = ours.tabellion.with({ passphrases: VECTOR_PASSPHRASES });
      await tabellion.succeed(['key', 'import', file], {
        // Docker's variables go first, and know one passphrase for all but root.
        env: { DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: '' },
      });
      await notary.with({ passphrases: VECTOR_PASSPHRASES }).succeed(['key', 'import', file]);
      const [mine, other] = [await keyFiles(ours), await keyFiles(theirs)];
      expect(Object.keys(mine)).toEqual(Object.keys(other));
      if (passphrase === undefined) expect(mine).toEqual(other);
      for (const [name, text] of Object.entries(mine)) {
        const facts = ({ label, headers, iterations }: NonNullable<Info>) => ({
          label,
          headers,
          iterations,
        });
        const [one, two] = [inspectPrivateKeyPem(text), inspectPrivateKeyPem(other[name] ?? '')];
        if (one === undefined || two === undefined) throw new Error('no PEM');
        expect(facts(one)).toEqual(facts(two));
        if (passphrase !== undefined) {
          await notaryOpens(ours, name.replace(/\.key$/, ''), passphrase);
        }
      }
    });

    test.each([
      ['import/ec-dek-aes128-no-path.pem', 'variant-pass-1'],
      ['import/generate-o-key.pem', 'delegation-pass-1'],
    ])('%s, which notary refuses and docker loses', async (vector, passphrase) => {
      const [ours, theirs] = [await scene.person('ours'), await scene.person('theirs')];
      const file = await given(ours, vector);
      const passphrases = { root: passphrase, targets: passphrase, delegation: passphrase };
      const refused = await theirs.notary.with({ passphrases }).run(['key', 'import', file]);
      expect(refused.code).toBe(1);
      const load = ['trust', 'key', 'load', file];
      const lost = await theirs.docker.with({ passphrases }).run(load);
      expect(lost).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('Successfully imported key'),
      });
      expect(await keyFiles(theirs)).toEqual({});

      const tabellion = ours.tabellion.with({ passphrases });
      const report = (await tabellion.json(['key', 'import', file])) as ImportJson;
      const block = report.files[0]?.blocks[0];
      expect(block).toMatchObject({ status: 'stored', verified: true });
      await notaryOpens(ours, block?.id ?? '', passphrase);
    });

    test.each([
      ['ec-dek-aes256', 'legacy'],
      ['ec-dek-aes128', 'legacy'],
      ['ec-dek-des3', 'legacy'],
      ['rsa-dek-aes256', 'legacy'],
      ['ec-plain', 'legacy'],
      ['rsa-plain', 'legacy'],
      ['prf-hmac-sha256', 'bad'],
      ['aes-128-cbc', 'bad'],
      ['scrypt', 'bad'],
      ['pbes1-3des', 'bad'],
      ['ed25519-rfc8410', 'bad'],
    ])('notary opens %s (%s) once Tabellion has imported it', async (name, kind) => {
      const person = await scene.person('somebody');
      const files = await readdir(vectorPath(`keys/${kind}`));
      const file = files.find(one => one.startsWith(`${name}.`)) ?? '';
      const passphrase = kind === 'legacy' ? 'legacy-pass-1' : 'variant-pass-1';
      const passphrases = { root: passphrase, targets: passphrase, delegation: passphrase };
      const tabellion = person.tabellion.with({ passphrases });
      await tabellion.succeed(['key', 'import', await given(person, `${kind}/${file}`)]);
      const id = file.split('.')[1] ?? '';
      expect(Object.keys(await keyFiles(person))).toEqual([`${id}.key`]);
      await notaryOpens(person, id, passphrase);
    });

    test('a new passphrase opens the key for notary and docker, and keeps its strength', async () => {
      const gun = 'localhost:5000/exchange/passwd';
      const owner = await repository(gun);
      const report = (await owner.tabellion.json(['key', 'list'])) as {
        keys: { id: string; role: string }[];
      };
      const id = report.keys.find(({ role }) => role === 'targets')?.id ?? '';
      const file = path.join(owner.trustDir, 'private', `${id}.key`);
      const fresh = 'a passphrase of today';
      await owner.tabellion.succeed(['key', 'passwd', id], {
        env: { TABELLION_NEW_PASSPHRASE: fresh },
      });
      const wrong = await owner.notary.run(addHash(gun, 'v2', content('two'), '-p'));
      expect(wrong.code).toBe(1);
      await owner.notary.succeed(['reset', gun, '--all']);
      const notary = owner.notary.with({ passphrases: { targets: fresh } });
      await notary.succeed(addHash(gun, 'v2', content('two'), '-p'));
      const bob = await scene.person('bob');
      await bob.tabellion.succeed(['key', 'generate', 'bob', '--dir', bob.folder]);
      const add = ['trust', 'signer', 'add', '--key', path.join(bob.folder, 'bob.pub'), 'bob', gun];
      // docker has one variable for all keys but root.
      await owner.docker.with({ passphrases: { targets: fresh } }).succeed(add);
      // And back: notary changes it, Tabellion opens it.
      await notaryOpens(owner, id, fresh);
      expect(decodePrivateKeyPem(await readFile(file), fresh).id).toBe(id);

      const strong = 'cd5f459c1577fae71bad8328436bf74c370e5a6ffa3053f3affa69fe8e1a50f6';
      const strongFile = path.join(owner.trustDir, 'private', `${strong}.key`);
      await writeFile(strongFile, readVector(`keys/variants/iter-600000.${strong}.key`), {
        mode: 0o600,
      });
      const tabellion = owner.tabellion.with({
        passphrases: { targets: 'variant-pass-1', delegation: 'variant-pass-1' },
      });
      await tabellion.succeed(['key', 'passwd', strong.slice(0, 7)], {
        env: { TABELLION_NEW_PASSPHRASE: fresh },
      });
      expect(inspectPrivateKeyPem(await readFile(strongFile))?.iterations).toBe(600_000);
      await notaryOpens(owner, strong, fresh);
    });

    test('a key that is removed is gone for notary too', async () => {
      const gun = 'localhost:5000/exchange/remove';
      const owner = await repository(gun);
      const { neededBy, id } = (await owner.tabellion.json([
        'key',
        'remove',
        '--yes',
        (await keyOf(owner, 'targets')).slice(0, 10),
      ])) as { id: string; neededBy: object[] };
      expect(neededBy).toEqual([
        { repository: gun, role: 'targets', threshold: 1, otherKeysHere: 0 },
      ]);
      expect(await owner.notary.succeed(['key', 'list'])).not.toContain(id);
    });

    test('what would do harm is refused, where notary does it', async () => {
      const [ours, theirs] = [await scene.person('ours'), await scene.person('theirs')];
      const id = '81becb51554f3355ac59c9d32ce1425b67a06aa151154acc99b17ebc8933b161';
      const other = 'ab'.repeat(32);
      const rsa = readVector(`keys/store/${id}.key`).toString('utf8');
      const lie = path.join(ours.folder, 'lie.pem');
      await writeFile(lie, rsa.replace('role:', `path: ${other}\nrole:`), { mode: 0o600 });
      await theirs.notary.succeed(['key', 'import', lie]);
      expect(Object.keys(await keyFiles(theirs))).toEqual([`${other}.key`]);
      const tabellion = ours.tabellion.with({
        passphrases: { targets: 'delegation-pass-1', delegation: 'delegation-pass-1' },
      });
      const refused = await tabellion.run(['key', 'import', lie]);
      expect(refused.code).toBe(4);
      expect(refused.stdout).toContain(id);
      expect(refused.stdout).toContain(other);
      const pub = path.join(ours.folder, 'pub.pem');
      const text = readVector('keys/docker/carol.pub').toString('utf8');
      await writeFile(pub, text.replace('role:', `path: ${other}\nrole:`), { mode: 0o600 });
      expect((await ours.tabellion.run(['key', 'import', pub])).code).toBe(4);
      expect(await keyFiles(ours)).toEqual({});
    });

    const keyOf = async ({ tabellion }: Person, role: string): Promise<string> => {
      const { keys } = (await tabellion.json(['key', 'list'])) as {
        keys: { id: string; role: string }[];
      };
      return keys.find(key => key.role === role)?.id ?? '';
    };
  },
);

type Info = ReturnType<typeof inspectPrivateKeyPem>;

interface ImportJson {
  files: { blocks: { id?: string; status: string }[] }[];
}
