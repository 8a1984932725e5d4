import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { runProgram } from './support/run-program.ts';
import { addHash, content, openScene, type Person, type Scene } from './support/scene.ts';

describeWithPeers(
  ['docker', 'notary', 'notary-server', 'notary-signer'],
  'what docker trust gets wrong, and the dialect does not',
  () => {
    let scene: Scene;
    let guns = 0;

    beforeAll(async () => {
      scene = await openScene();
    });

    /** A repository made by the real docker with the signers alice and bob, and a tag that both signed. */
    async function repository(): Promise<{ gun: string; owner: Person }> {
      guns += 1;
      const gun = `localhost:5000/mended/${guns}`;
      const owner = await scene.person('owner');
      for (const name of ['alice', 'bob']) {
        await owner.docker.succeed(['trust', 'key', 'generate', name, '--dir', owner.folder]);
        const file = path.join(owner.folder, `${name}.pub`);
        await owner.docker.succeed(['trust', 'signer', 'add', '--key', file, name, gun]);
      }
      const roles = 'targets/alice,targets/bob,targets/releases';
      await owner.notary.succeed(addHash(gun, 'v1', content('one'), '-r', roles, '-p'));
      return { gun, owner };
    }

    test('signer remove removes one of two signers, and the tags stay', async () => {
      const { gun, owner } = await repository();
      const real = await owner.docker.run(['trust', 'signer', 'remove', 'alice', gun]);
      expect(real.code).toBe(0);
      expect((await owner.docker.inspect(gun))[0]?.Signers).toHaveLength(2);
      const ours = await owner.tabellion.dockerTrust(['signer', 'remove', 'alice', gun]);
      expect(ours).toMatchObject({
        code: 0,
        stdout: `Removing signer "alice" from ${gun}...\nSuccessfully removed alice from ${gun}\n\n`,
      });
      const reader = await scene.person('reader');
      expect(await reader.docker.inspect(gun)).toMatchObject([
        { SignedTags: [{ SignedTag: 'v1', Signers: ['bob'] }], Signers: [{ Name: 'bob' }] },
      ]);
      // The last one goes only when somebody says so.
      const nobody = await owner.tabellion.dockerTrust(['signer', 'remove', 'bob', gun]);
      expect(nobody.code).toBe(1);
      expect(nobody.stdout).toContain('Removing this signer will make');
      const no = await owner.tabellion.dockerTrust(['signer', 'remove', 'bob', gun], {
        stdin: 'n\n',
      });
      expect(no.code).toBe(0);
      expect((await owner.docker.inspect(gun))[0]?.Signers).toHaveLength(1);
      const forced = await owner.tabellion.dockerTrust(['signer', 'remove', '-f', 'bob', gun]);
      expect(forced.code).toBe(0);
      expect(forced.stderr).toContain('no longer trusted: v1');
      expect((await owner.docker.inspect(gun))[0]?.Signers).toEqual([]);
    });

    test('revoke also takes what the repository key signed', async () => {
      const { gun, owner } = await repository();
      await owner.notary.succeed(addHash(gun, 'admin', content('two'), '-p'));
      const real = await owner.docker.run(['trust', 'revoke', `${gun}:admin`]);
      expect(real.code).toBe(0);
      expect((await owner.docker.inspect(`${gun}:admin`))[0]?.SignedTags).toHaveLength(1);
      const ours = await owner.tabellion.dockerTrust(['revoke', `${gun}:admin`]);
      expect(ours).toMatchObject({
        code: 0,
        stdout: `Successfully deleted signature for ${gun}:admin\n`,
      });
      expect((await owner.docker.inspect(`${gun}:admin`))[0]?.SignedTags).toEqual([]);
    });

    test('key load stores an encrypted key', async () => {
      const { owner } = await repository();
      const source = await scene.person('source');
      await source.notary.succeed([
        'key',
        'generate',
        '-r',
        'dave',
        '-o',
        path.join(source.folder, 'dave'),
      ]);
      const file = path.join(source.folder, 'dave-key.pem');
      const ours = await owner.tabellion.dockerTrust(['key', 'load', file, '--name', 'dave']);
      expect(ours).toMatchObject({ code: 0, stderr: '' });
      const { keys } = (await owner.tabellion.json(['key', 'list'])) as {
        keys: { role: string }[];
      };
      expect(keys.map(({ role }) => role)).toContain('dave');
    });

    test('sign without a daemon takes the digest that pulls take', async () => {
      const { gun, owner } = await repository();
      await owner.notary.succeed(addHash(gun, 'v1', content('other'), '-r', 'targets', '-p'));
      const ours = await owner.tabellion.dockerTrust(['sign', `${gun}:v1`]);
      expect(ours.code).toBe(0);
      expect(ours.stdout).toBe(
        [
          `Signing and pushing trust metadata for ${gun}:v1`,
          `Existing signatures for tag v1 digest ${content('one').hex} from:`,
          'alice, bob',
          `Successfully signed ${gun}:v1`,
          '',
        ].join('\n'),
      );
      const [found] = await owner.docker.inspect(`${gun}:v1`);
      expect(found?.SignedTags.map(({ Digest }) => Digest)).toEqual([content('one').hex]);
    });

    test('docker runs it as a plugin', async () => {
      const { gun, owner } = await repository();
      const { dockerConfigDir } = owner.docker.options;
      const status = await owner.tabellion.raw(['plugin', 'install', '--json']);
      expect(JSON.parse(status.stdout)).toMatchObject({
        plugins: [{ name: 'tabellion', status: 'installed' }, { name: 'trust' }],
      });
      const real = await owner.docker.run(['trust', 'inspect', '--pretty', gun]);
      const plugin = await owner.docker.run(['tabellion', 'inspect', '--pretty', gun]);
      expect(plugin).toMatchObject({ code: 0, stdout: real.stdout, stderr: '' });
      expect(await owner.docker.run(['tabellion', 'sign', '--bogus'])).toMatchObject({ code: 125 });
      const { stdout } = await owner.docker.run(['help', 'tabellion']);
      expect(stdout).toContain('Usage:  docker tabellion COMMAND');
      // Docker hands its own options on as words, before the plugin's name.
      const env = { ...owner.docker.environment(), DOCKER_CONFIG: '/nowhere' };
      const elsewhere = await runProgram(
        'docker',
        ['--config', dockerConfigDir, '-l', 'error', 'tabellion', 'inspect', '--pretty', gun],
        { env },
      );
      expect(elsewhere).toMatchObject({ code: 0, stdout: real.stdout });
      const removed = await owner.tabellion.raw(['plugin', 'remove']);
      expect(removed.stdout).toContain('removed ');
      expect((await owner.docker.run(['tabellion', 'inspect', gun])).code).not.toBe(0);
      const folder = path.join(dockerConfigDir, 'cli-plugins');
      await mkdir(folder, { recursive: true });
      await writeFile(path.join(folder, 'docker-tabellion'), '#!/bin/sh\n', { mode: 0o755 });
      const refused = await owner.tabellion.raw(['plugin', 'install']);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('it was not replaced');
    });
  },
);
