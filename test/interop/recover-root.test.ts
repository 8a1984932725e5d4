import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { RecoveryRecord } from '../../src/operations/recover/record.ts';
import { bundleProgram } from '../support/bundle-program.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { ageLocks } from './support/killing.ts';
import { freshReading, listTargets } from './support/readers.ts';
import type { RecoveryOrder } from './support/recovery-program.ts';
import { addHash, content, openScene, type Person, type Scene } from './support/scene.ts';
import { signTag } from './support/tags.ts';

const COUNT = 20;
const BACKUP_PASSPHRASE = 'a passphrase for the backup';

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'the root key is lost',
  () => {
    let scene: Scene;
    let program: string;

    beforeAll(async () => {
      scene = await openScene();
      program = await bundleProgram(
        new URL('support/recovery-program.ts', import.meta.url),
        scene.workspace.path,
      );
    });

    /**
     * Repositories of one root, made by notary but the first, which has a signer. No name begins with another's: the
     * server's memory store deletes by prefix.
     */
    async function repositories(owner: Person, prefix: string, count: number): Promise<string[]> {
      const guns = Array.from(
        { length: count },
        (_, index) => `localhost:5000/${prefix}/r${10 + index}`,
      );
      const [first = ''] = guns;
      await signTag(owner, `${first}:1`, `${first} one`, '--signer', 'alice');
      for (const gun of guns.slice(1)) {
        await owner.notary.succeed(['init', gun]);
        await owner.notary.succeed(addHash(gun, '1', content(`${gun} one`)));
        await owner.notary.succeed(addHash(gun, '2', content(`${gun} two`)));
        await owner.notary.succeed(['publish', gun]);
      }
      // What notary made is known to Tabellion, as after any look at it.
      await owner.tabellion.succeed(['inspect', ...guns]);
      return guns;
    }

    async function keyFiles({ trustDir }: Person): Promise<Map<string, string>> {
      const folder = path.join(trustDir, 'private');
      const names = (await readdir(folder)).filter(name => name.endsWith('.key'));
      return new Map(
        await Promise.all(
          names.map(async name => [name, await readFile(path.join(folder, name), 'utf8')] as const),
        ),
      );
    }

    const roleOf = (text: string) => /^role: (.*)$/m.exec(text)?.[1] ?? '';

    /** Removes the root key of a repository, as if it had never been backed up. */
    async function loseRoot(owner: Person, gun: string): Promise<void> {
      const inventory = (await owner.tabellion.json(['inventory'])) as {
        repositories: { repository: string; rootKeyIds: string[] }[];
      };
      const [id] =
        inventory.repositories.find(({ repository }) => repository === gun)?.rootKeyIds ?? [];
      await rm(path.join(owner.trustDir, 'private', `${id}.key`));
    }

    async function recordOf({ trustDir }: Person): Promise<RecoveryRecord | undefined> {
      const folder = path.join(trustDir, '.tabellion', 'recoveries');
      const [name] = (await readdir(folder).catch(() => [])).filter(file => file.endsWith('.json'));
      return name === undefined
        ? undefined
        : JSON.parse(await readFile(path.join(folder, name), 'utf8'));
    }

    test('with 20 repositories, and the process is killed after every write', {
      timeout: 300_000,
    }, async () => {
      const owner = await scene.person('owner', { server: scene.proxy.url });
      const guns = await repositories(owner, 'killed', COUNT);
      await loseRoot(owner, guns[0] ?? '');
      // Somebody else's repository on another server, with a root of its own.
      const other = await scene.person('other');
      await other.notary.succeed(['init', 'localhost:5000/other/app', '-p']);
      const others = await keyFiles(other);
      for (const [name, text] of others) {
        await writeFile(path.join(owner.trustDir, 'private', name), text, { mode: 0o600 });
      }
      await owner.tabellion
        .with({ server: scene.server.url })
        .succeed(['inspect', 'localhost:5000/other/app']);
      const othersRoot = path.join(
        owner.trustDir,
        'tuf/localhost:5000/other/app/metadata/root.json',
      );
      const rootBefore = await readFile(othersRoot);

      const backedUp: boolean[] = [];
      const remove = scene.proxy.fault(/^DELETE /, async (_request, forward) => {
        backedUp.push((await recordOf(owner))?.backup !== undefined);
        return await forward();
      });
      const children: ChildProcess[] = [];
      const start = (): ChildProcess => {
        const child = fork(program, { env: owner.tabellion.environment(), stdio: 'inherit' });
        children.push(child);
        return child;
      };
      let killed = 0;
      try {
        let waiting = start();
        for (let killAt = 1; ; killAt += 1) {
          const child = waiting;
          waiting = start();
          const order: RecoveryOrder = {
            trustDir: owner.trustDir,
            server: scene.proxy.url,
            caFile: scene.ca.certificateFile,
            home: owner.folder,
            backupPassphrase: BACKUP_PASSPHRASE,
            killAt,
          };
          child.send(order);
          const [code, signal] = await once(child, 'exit');
          if (signal !== 'SIGKILL') {
            expect({ code, signal }).toEqual({ code: 0, signal: null });
            break;
          }
          killed += 1;
          expect((await recordOf(owner))?.revision).toBe(killAt);
          await ageLocks(owner);
        }
      } finally {
        for (const child of children) child.kill('SIGKILL');
        remove();
      }
      // Four writes for each repository, and some more.
      expect(killed).toBeGreaterThan(4 * COUNT);
      expect(backedUp).toEqual(Array.from({ length: COUNT }, () => true));

      const record = await recordOf(owner);
      expect(record).toMatchObject({ state: 'done' });
      expect(new Set(record?.repositories.map(({ stage }) => stage))).toEqual(
        new Set(['verified']),
      );
      for (const gun of guns.slice(1)) {
        expect(
          (await listTargets(owner, gun)).map(({ name, hex, role }) => [name, hex, role]),
        ).toEqual([
          ['1', content(`${gun} one`).hex, 'targets'],
          ['2', content(`${gun} two`).hex, 'targets'],
        ]);
      }
      const first = await freshReading(scene, guns[0] ?? '');
      expect(first.docker.SignedTags).toMatchObject([
        { SignedTag: '1', Digest: content(`${guns[0]} one`).hex, Signers: ['alice'] },
      ]);

      // One new root, made once; the other owner's keys and metadata are what they were.
      const after = await keyFiles(owner);
      for (const [name, text] of others) expect(after.get(name)).toBe(text);
      expect(await readFile(othersRoot)).toEqual(rootBefore);
      const roots = [...after].filter(([, text]) => roleOf(text) === 'root').map(([name]) => name);
      expect(roots).toHaveLength(2);
      expect(roots).toContain(`${record?.newRootKeyId}.key`);
    });

    test('that leaked and is still here: replaced, consumers follow, the thief is shut out', async () => {
      const owner = await scene.person('owner');
      const guns = await repositories(owner, 'leaked', 2);
      const [first = '', second = ''] = guns;
      const consumer = await scene.person('consumer');
      for (const gun of guns) await consumer.notary.succeed(['list', gun]);
      // Whole seconds, and what the owner has just verified is before.
      const since = new Date(Date.now() + 1).toISOString();
      const thief = await scene.person('thief');
      await cp(owner.trustDir, thief.trustDir, { recursive: true });
      await thief.notary.succeed(addHash(second, 'evil', content('evil'), '-p'));
      const ended = await owner.tabellion
        .with({ env: { TABELLION_BACKUP_PASSPHRASE: BACKUP_PASSPHRASE } })
        .run([
          ...['recover', '--compromised', 'root', '--keep', 'known', '--trusted-since', since],
          ...['--no-registry', '--yes', '--json'],
        ]);
      expect(ended.code, ended.stderr).toBe(0);
      const { newRootKeyId, thumbprints } = JSON.parse(ended.stdout);
      // Real programs with the old root in their cache follow.
      expect(await listTargets(consumer, second)).toEqual(await listTargets(owner, second));
      expect((await listTargets(consumer, second)).map(({ name }) => name)).toEqual(['1', '2']);
      const reading = await freshReading(scene, first);
      expect(reading.docker.SignedTags).toMatchObject([{ SignedTag: '1', Signers: ['alice'] }]);
      expect(JSON.stringify(await consumer.docker.inspect(first))).toContain(
        thumbprints[0].certificateId,
      );
      expect([...(await keyFiles(owner)).keys()]).toContain(`${newRootKeyId}.key`);
      for (const args of [
        addHash(second, 'more', content('more'), '-p'),
        ['key', 'rotate', second, 'targets'],
      ])
        expect((await thief.notary.run(args)).code).not.toBe(0);
    });

    test.for(['ibm-cloud', 'azure', 'docker-hub'])(
      'at %s: waits until somebody there has acted, says what to send, and carries on',
      async (provider, { expect: check }) => {
        const owner = await scene.person('owner');
        const guns = await repositories(owner, provider, 2);
        await loseRoot(owner, guns[0] ?? '');
        const tabellion = owner.tabellion.with({
          env: { TABELLION_BACKUP_PASSPHRASE: BACKUP_PASSPHRASE },
        });
        const args = [
          'recover',
          '--lost',
          'root',
          '--provider',
          provider,
          '--no-registry',
          '--yes',
          '--json',
        ];
        const begun = await tabellion.run(args);
        check(begun.code, begun.stderr).toBe(1);
        const waiting = JSON.parse(begun.stdout);
        check(waiting).toMatchObject({ state: 'waiting', waiting: [{ repositories: guns }] });
        const [{ ticketFile }] = waiting.waiting;
        check(await readFile(ticketFile, 'utf8')).toContain(guns[1]);
        // Nothing has changed: what is signed is verified as before.
        for (const gun of guns) check(await listTargets(await scene.person(), gun)).not.toEqual([]);

        // The provider's people.
        for (const gun of guns) await owner.notary.succeed(['delete', gun, '--remote']);
        const ended = await tabellion.run(['recover', '--resume', '--yes', '--json']);
        check(ended.code, ended.stderr).toBe(0);
        check(JSON.parse(ended.stdout)).toMatchObject({ state: 'done', id: waiting.id });
        check(await listTargets(await scene.person(), guns[1] ?? '')).toHaveLength(2);
      },
    );

    test('at Mirantis and a server of one’s own: deleted through the API, in one run', async () => {
      for (const provider of ['msr', 'self-hosted']) {
        const owner = await scene.person('owner');
        const guns = await repositories(owner, provider, 1);
        await loseRoot(owner, guns[0] ?? '');
        const report = path.join(owner.folder, 'report.md');
        const ended = await owner.tabellion
          .with({ env: { TABELLION_BACKUP_PASSPHRASE: BACKUP_PASSPHRASE } })
          .run([
            'recover',
            '--lost',
            'root',
            '--provider',
            provider,
            '--no-registry',
            '--yes',
            '--report',
            report,
          ]);
        expect(ended.code, ended.stderr).toBe(0);
        expect(await readFile(report, 'utf8')).toContain('## New thumbprints');
        expect(await listTargets(await scene.person(), guns[0] ?? '')).not.toEqual([]);
        // Whoever has the old root is told, not misled.
        expect((await owner.notary.run(['list', guns[0] ?? ''])).code).toBe(0);
      }
    });
  },
);
