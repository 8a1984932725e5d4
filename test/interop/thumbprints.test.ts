import { X509Certificate } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { ThumbprintReport } from '../../src/operations/thumbprints/thumbprint.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { runToSuccess } from './support/run-program.ts';
import { addHash, content, openScene, type Person, type Scene } from './support/scene.ts';

const ONE = content('one');

interface Report {
  repositories: ThumbprintReport[];
}

interface RootFile {
  signed: {
    keys: Record<string, { keyval: { public: string } }>;
    roles: Record<string, { keyids: string[] }>;
  };
}

describeWithPeers(['notary', 'notary-server', 'notary-signer', 'openssl'], 'thumbprints', () => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await openScene();
  });

  /** A repository made by the real client. */
  async function repository(gun: string): Promise<Person> {
    const owner = await scene.person('owner');
    await owner.notary.succeed(['init', gun]);
    await owner.notary.succeed(addHash(gun, '1', ONE, '-p'));
    return owner;
  }

  const show = async (person: Person, ...args: string[]): Promise<ThumbprintReport> => {
    const { stdout } = await person.tabellion.run(['thumbprint', ...args, '--json']);
    return (JSON.parse(stdout) as Report).repositories[0] as ThumbprintReport;
  };

  const openssl = async (...args: string[]): Promise<string> =>
    (await runToSuccess('openssl', args, { env: { PATH: process.env.PATH ?? '' } })).stdout.trim();

  test('are what openssl makes of the certificate in root.json, in its own words too', async () => {
    const gun = 'localhost:5000/thumb/openssl';
    await repository(gun);
    const reader = await scene.person('reader');
    const report = await show(reader, gun);
    const root = report.roles.find(({ role }) => role === 'root');
    const [key] = root?.keys ?? [];
    // Taken from the file that the report names, as the registries’ documents tell people to do.
    const { signed } = JSON.parse(
      (await scene.server.metadata(gun, 'root.json')).toString('utf8'),
    ) as RootFile;
    const id = signed.roles.root?.keyids[0] ?? '';
    const pem = Buffer.from(signed.keys[id]?.keyval.public ?? '', 'base64').toString('utf8');
    const work = join(reader.folder, 'openssl');
    await mkdir(work);
    const file = join(work, 'root.crt');
    await writeFile(file, pem);
    const sha256 = await openssl('x509', '-in', file, '-noout', '-fingerprint', '-sha256');
    const sha1 = await openssl('x509', '-in', file, '-noout', '-fingerprint', '-sha1');
    const publicKey = join(work, 'root.pub');
    await writeFile(publicKey, await openssl('x509', '-in', file, '-noout', '-pubkey'));
    const der = join(work, 'root.der');
    await openssl('pkey', '-pubin', '-in', publicKey, '-outform', 'der', '-out', der);
    const digest = await openssl('dgst', '-sha256', '-r', der);
    const hex = (line: string): string =>
      line.replace(/^.*=/, '').replaceAll(':', '').toLowerCase();
    expect(key).toMatchObject({
      keyId: id,
      publicKeySha256: digest.slice(0, 64),
      certificate: {
        sha256: hex(sha256),
        sha1: hex(sha1),
        subject: new X509Certificate(pem).subject,
      },
    });
    expect(root?.file).toBe(
      join(reader.trustDir, 'tuf', ...gun.split('/'), 'metadata', 'root.json'),
    );
    for (const given of [sha256, sha1, digest.slice(0, 64), id, key?.privateKeyId ?? '']) {
      const compared = await reader.tabellion.run(['thumbprint', '--expect', given, gun]);
      expect([given, compared.code]).toEqual([given, 0]);
      // A person sees what was compared, and no more.
      expect(compared.stdout.match(/^[a-z]+$/gm)).toEqual(['root']);
    }
    const wrong = sha256.replace(/..$/, sha256.endsWith('00') ? '01' : '00');
    const refused = await reader.tabellion.run(['thumbprint', '--expect', wrong, gun]);
    expect(refused.code).toBe(3);
    // Both are shown, with a mark under the group that differs.
    expect(refused.stdout).toMatch(/expected .*\n +found .*\n[^\n]*\n/);
    expect(refused.stdout).toContain('^^^^');
  });

  test('pinned keep out a server that presents another root, whoever asks', async () => {
    const gun = 'localhost:5000/thumb/pinned';
    const owner = await repository(gun);
    const reader = await scene.person('reader');
    const before = (await show(reader, gun)).roles[0]?.keys[0]?.certificate?.sha256 ?? '';
    await reader.tabellion.succeed(['thumbprint', '--expect', before, '--pin', gun]);
    await reader.tabellion.succeed(['verify', '--no-registry', `${gun}:1`]);
    // The owner’s rotation is right, but not confirmed here.
    await owner.notary.succeed(['key', 'rotate', gun, 'root'], { stdin: 'yes\n' });
    expect((await reader.tabellion.run(['verify', `${gun}:1`])).code).toBe(3);
    const { roles, error } = await show(reader, gun);
    expect(error?.code).toBe('PIN_MISMATCH');
    const after = roles[0]?.keys[0]?.certificate?.sha256 ?? '';
    await reader.tabellion.succeed(['thumbprint', '--expect', after, '--pin', gun]);
    await reader.tabellion.succeed(['verify', '--no-registry', `${gun}:1`]);
    // Made anew by somebody who has the server’s password, under a root of their own.
    const thief = await scene.person('thief');
    await owner.notary.succeed(['delete', gun, '--remote']);
    await thief.notary.succeed(['init', gun]);
    await thief.notary.succeed(addHash(gun, '1', content('bad'), '-p'));
    const offered = await show(reader, gun);
    expect(offered).toMatchObject({ trusted: false, exitCode: 3 });
    expect(offered.known?.[0]?.certificate?.sha256).toBe(after);
    // Somebody who loses the copy has the pin left, where the real client trusts anything again.
    const { trustDir } = reader;
    await rm(join(trustDir, 'tuf'), { recursive: true });
    expect(await reader.notary.succeed(['list', gun])).toContain(content('bad').hex);
    await rm(join(trustDir, 'tuf'), { recursive: true });
    const { code, stdout } = await reader.tabellion.run(['verify', `${gun}:1`, '--json']);
    expect(code).toBe(3);
    expect(JSON.parse(stdout).images[0].error.code).toBe('PIN_MISMATCH');
    expect((await reader.tabellion.notary(['list', gun])).code).toBe(1);
    await reader.tabellion.succeed(['thumbprint', '--unpin', '--yes', gun]);
    expect((await reader.tabellion.run(['verify', `${gun}:1`])).code).toBe(0);
  });
});
