import { chmod, mkdir, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { folderContent, folderTree } from './support/folder-tree.ts';
import { findProgram } from './support/programs.ts';
import { freshReading } from './support/readers.ts';
import { type RunResult, runProgram } from './support/run-program.ts';
import { content, digestFlags, openScene, type Person, type Scene } from './support/scene.ts';
import { TABELLION } from './support/tabellion-cli.ts';
import { signTag, verdictOf, verifyTag } from './support/tags.ts';

const ROLES = ['root', 'targets', 'snapshot', 'timestamp', 'targets/releases', 'targets/alice'];

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'the trust folder',
  () => {
    let scene: Scene;

    beforeAll(async () => {
      scene = await openScene();
    });

    /** Runs Tabellion through another program that changes something about the process and then becomes it. */
    const runThrough = async ({ tabellion }: Person, wrapper: string[], args: string[]) => {
      const [command = '', ...first] = wrapper;
      const all = [...first, process.execPath, TABELLION, ...tabellion.nativeArguments(args)];
      return await runProgram(command, all, { env: tabellion.environment() });
    };

    const metadataFile = ({ trustDir }: Person, gun: string, role: string) =>
      path.join(trustDir, 'tuf', gun, 'metadata', `${role}.json`);

    test.each(['000', '077'])('is for its owner alone, with umask %s', async umask => {
      const gun = `localhost:5000/folder/umask-${umask}`;
      const owner = await scene.person('owner');
      const wrapper = ['sh', '-c', `umask ${umask} && exec "$@"`, 'sh'];
      const commands = [
        ['key', 'generate', 'bob', '--dir', owner.folder],
        ['sign', `${gun}:1`, ...digestFlags(content('one')), '--signer', 'alice'],
        ['sign', `${gun}:2`, ...digestFlags(content('two'))],
        ['revoke', '--yes', `${gun}:1`],
        ['verify', '--no-registry', `${gun}:2`],
        ['inspect', gun],
      ];
      for (const command of commands) {
        expect(await runThrough(owner, wrapper, command)).toMatchObject({ code: 0 });
        const tree = await folderTree(owner.trustDir);
        const open = tree.filter(({ isFolder, mode }) => mode !== (isFolder ? 0o700 : 0o600));
        expect(open).toEqual([]);
      }
      const files = (await folderTree(owner.trustDir)).map(entry => entry.path);
      for (const role of ROLES) expect(files).toContain(`tuf/${gun}/metadata/${role}.json`);
      expect(files.filter(file => file.startsWith('private/'))).toHaveLength(4);
      // What notary and docker would have written there; and of our own, the history and no lock once nothing runs.
      const ours = files.filter(file => !/^(\.|private(\/.*)?|tuf(\/.*)?)$/.test(file));
      const folders = ['.tabellion', '.tabellion/history', '.tabellion/locks'];
      const record = /^\.tabellion\/history\/[0-9a-f]{32}(\/[^/]+\.json)?$/;
      expect(ours.filter(file => !record.test(file))).toEqual(folders);
      const unknown = files.filter(file => /^(tuf|private)\/.*\.(?!json$|key$)[a-z]+$/.test(file));
      expect(unknown).toEqual([]);
    });

    describe('with a damaged cache', () => {
      const gun = 'localhost:5000/folder/damaged';
      let owner: Person;
      beforeAll(async () => {
        owner = await scene.person('owner');
        await signTag(owner, `${gun}:1`, 'one', '--signer', 'alice');
      });

      const reader = async () => {
        const person = await scene.person('reader');
        await person.tabellion.succeed(['inspect', gun]);
        return person;
      };

      const damages: [name: string, damage: (file: string) => Promise<void>][] = [
        ['cut', async file => await truncate(file, 100)],
        [
          'without its last byte',
          async file => await truncate(file, (await readFile(file)).length - 1),
        ],
        ['empty', async file => await truncate(file, 0)],
        ['junk', async file => await writeFile(file, '{"signed":null,"signatures":[]}')],
      ];

      test.each(damages)('root %s: not trusted, and nothing is replaced', async (_name, damage) => {
        const person = await reader();
        await damage(metadataFile(person, gun, 'root'));
        const before = await folderContent(person.trustDir);
        const wanted = {
          exitCode: 3,
          trusted: false,
          error: { code: 'CACHED_ROOT_INVALID', hint: expect.stringContaining('thumbprint') },
        };
        expect(await verifyTag(person, `${gun}:1`)).toMatchObject(wanted);
        expect(await verifyTag(person, `${gun}:1`, '--offline')).toMatchObject(wanted);
        const args = ['sign', `${gun}:2`, ...digestFlags(content('two'))];
        expect(await person.tabellion.run(args)).toMatchObject({
          code: 3,
          stdout: '',
          stderr: expect.stringMatching(
            /^tabellion: The root of \S+ in the trust directory is damaged: .*\n {2}hint: .*\n$/,
          ),
        });
        expect(await folderContent(person.trustDir)).toEqual(before);
      });

      test('any other file damaged: heals itself online', async () => {
        const person = await reader();
        const whole = await folderContent(person.trustDir);
        const others = ROLES.slice(1);
        for (const [index, role] of others.entries()) {
          const [, damage] = damages[index % damages.length] ?? [];
          await damage?.(metadataFile(person, gun, role));
          expect(await folderContent(person.trustDir)).not.toEqual(whole);
          expect(await verifyTag(person, `${gun}:1`)).toMatchObject({ exitCode: 0 });
          expect(await folderContent(person.trustDir)).toEqual(whole);
        }
        for (const [, damage] of damages) {
          for (const role of others) await damage(metadataFile(person, gun, role));
          expect(await verifyTag(person, `${gun}:1`)).toMatchObject({ exitCode: 0 });
          expect(await folderContent(person.trustDir)).toEqual(whole);
        }
        for (const role of others) await truncate(metadataFile(person, gun, role), 100);
        expect(await verifyTag(person, `${gun}:1`, '--offline')).toMatchObject({ exitCode: 3 });
        await person.tabellion.succeed(['inspect', gun]);
        await person.notary.succeed(['list', gun]);
      });

      test('signing heals it too', async () => {
        for (const role of ROLES.slice(1)) await truncate(metadataFile(owner, gun, role), 50);
        await signTag(owner, `${gun}:3`, 'three');
        expect(await verifyTag(owner, `${gun}:3`, '--offline')).toMatchObject({ exitCode: 0 });
        await freshReading(scene, gun);
      });

      test('a missing file is fetched again; offline, it is said which one is missing', async () => {
        const person = await reader();
        await rm(metadataFile(person, gun, 'targets/alice'));
        await rm(metadataFile(person, gun, 'snapshot'));
        const verdict = await verifyTag(person, `${gun}:1`, '--offline');
        expect(verdict).toMatchObject({ exitCode: 3, error: { code: 'CACHE_INCOMPLETE' } });
        expect(verdict.error?.message).toContain('snapshot');
        expect(await verifyTag(person, `${gun}:1`)).toMatchObject({ exitCode: 0 });
      });
    });

    test('another program’s leftovers in it do no harm', async () => {
      const gun = 'localhost:5000/folder/leftovers';
      const owner = await scene.person('owner');
      await signTag(owner, `${gun}:1`, 'one');
      const metadata = path.dirname(metadataFile(owner, gun, 'root'));
      await writeFile(path.join(metadata, 'root.json.bak'), 'x');
      await mkdir(path.join(metadata, 'targets'));
      // A delegation that is no longer one: notary leaves the file for ever.
      await writeFile(path.join(metadata, 'targets', 'gone.json'), '{}');
      await mkdir(path.join(owner.trustDir, 'private', 'root_keys'));
      await writeFile(path.join(owner.trustDir, 'private', 'notes.txt'), 'x');
      await signTag(owner, `${gun}:2`, 'two');
      expect(await verifyTag(owner, `${gun}:2`, '--offline')).toMatchObject({ exitCode: 0 });
      expect(await readdir(metadata)).toContain('root.json.bak');
    });

    describe('that cannot be written', () => {
      /** Root may write everywhere, unless it gives that right up. */
      const unprivileged =
        process.getuid?.() === 0
          ? [
              ...['setpriv', '--bounding-set=-dac_override,-dac_read_search'],
              '--inh-caps=-dac_override,-dac_read_search',
            ]
          : ['env'];

      const readOnly = async (person: Person) => {
        const tree = await folderTree(person.trustDir);
        for (const { path: name, isFolder } of tree.reverse()) {
          await chmod(path.join(person.trustDir, name), isFolder ? 0o500 : 0o400);
        }
        return async () => {
          for (const { path: name, isFolder } of tree.reverse()) {
            await chmod(path.join(person.trustDir, name), isFolder ? 0o700 : 0o600);
          }
        };
      };

      test('verifies all the same, and says that it stored nothing', async ({ skip }) => {
        if (findProgram(unprivileged[0] ?? '') === undefined)
          skip('needs setpriv when run by root');
        const gun = 'localhost:5000/folder/read-only';
        const owner = await scene.person('owner');
        await signTag(owner, `${gun}:1`, 'one');
        const person = await scene.person('reader');
        await person.tabellion.succeed(['inspect', gun]);
        // The cache is older than the server's data, so that there is something to store.
        await signTag(owner, `${gun}:2`, 'two');
        const stale = metadataFile(person, gun, 'timestamp');
        await utimes(stale, new Date(), new Date(Date.now() - 3_600_000));
        const restore = await readOnly(person);
        const before = await folderContent(person.trustDir);
        const run = (...args: string[]): Promise<RunResult> =>
          runThrough(person, unprivileged, args);

        const verify = ['verify', '--no-registry', '--json'];
        const online = verdictOf(await run(...verify, `${gun}:2`));
        expect(online).toMatchObject({ exitCode: 0, trusted: true, trustData: { from: 'server' } });
        expect(online.warnings).toEqual([
          expect.stringMatching(/^The verified trust data could not be stored: /),
        ]);
        const text = await run('verify', '--no-registry', `${gun}:2`);
        expect(text).toMatchObject({ code: 0, stderr: '' });
        expect(text.stdout).toContain('warning: The verified trust data could not be stored');
        expect(verdictOf(await run(...verify, '--offline', `${gun}:1`))).toMatchObject({
          exitCode: 0,
          trustData: { from: 'cache' },
          warnings: [],
        });
        expect(await run('inspect', gun)).toMatchObject({ code: 0 });
        const sign = await run('sign', `${gun}:3`, ...digestFlags(content('three')));
        expect(sign).toMatchObject({ code: 1, stdout: '' });
        expect(sign.stderr).toMatch(/^tabellion: .*could not be (written|created)/);
        expect(await folderContent(person.trustDir)).toEqual(before);
        await restore();
      });

      test('and has nothing in it: verifies by trust on first use', async ({ skip }) => {
        if (findProgram(unprivileged[0] ?? '') === undefined)
          skip('needs setpriv when run by root');
        const gun = 'localhost:5000/folder/read-only-empty';
        const owner = await scene.person('owner');
        await signTag(owner, `${gun}:1`, 'one');
        const person = await scene.person('reader');
        await mkdir(person.trustDir, { mode: 0o500 });
        const args = ['verify', '--no-registry', '--json', `${gun}:1`];
        const verdict = verdictOf(await runThrough(person, unprivileged, args));
        expect(verdict).toMatchObject({ exitCode: 0, trusted: true });
        expect(verdict.warnings).toHaveLength(1);
      });
    });
  },
);
