import { chmod, cp, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { folderContent } from './support/folder-tree.ts';
import { PASSPHRASES } from './support/passphrases.ts';
import { NOTHING_BUT_REMINDERS } from './support/readers.ts';
import type { RunResult } from './support/run-program.ts';
import {
  content,
  digestFlags,
  openScene,
  type Person,
  type Scene,
  served,
} from './support/scene.ts';
import { signTag, verifyTag } from './support/tags.ts';

/** One sentence on standard error, and perhaps what to do next. */
const ONE_MESSAGE = /^tabellion: [^\n]+\n( {2}hint: [^\n]+\n)?$/;

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'bad input to the command',
  () => {
    const gun = 'localhost:5000/bad/app';
    let scene: Scene;
    let owner: Person;
    let targetsKey: { id: string; file: string };

    beforeAll(async () => {
      scene = await openScene();
      owner = await scene.person('owner');
      const { createdKeys } = await signTag(owner, `${gun}:1`, 'one');
      targetsKey = createdKeys.find(({ role }) => role === 'targets') ?? { id: '', file: '' };
    });

    const sign = (image: string) => ['sign', image, ...digestFlags(content(`of ${image}`))];

    /** Nothing but one message on standard error, with no secret in it. */
    const expectRefusal = (result: RunResult, code: number, ...says: (string | RegExp)[]) => {
      expect(result).toMatchObject({ code, stdout: '' });
      expect(result.stderr).toMatch(ONE_MESSAGE);
      for (const what of says) expect(result.stderr).toMatch(what);
      for (const secret of Object.values(PASSPHRASES)) expect(result.stderr).not.toContain(secret);
      expect(result.stderr).not.toContain('wrong-passphrase');
    };

    /** The same refusal as a document, for programs. */
    const expectRefusalDocument = (result: RunResult, code: number, error: string) => {
      expect(result).toMatchObject({ code, stderr: '' });
      expect(JSON.parse(result.stdout)).toMatchObject({ schemaVersion: 1, error: { code: error } });
    };

    /** Whatever was tried, nothing has come of it. */
    const nothingPublished = async (attempt: () => Promise<void>) => {
      const before = await folderContent(owner.trustDir);
      const { version } = await served(scene.server, gun, 'timestamp');
      await attempt();
      expect((await served(scene.server, gun, 'timestamp')).version).toBe(version);
      expect(await folderContent(owner.trustDir)).toEqual(before);
    };

    /** A copy of the owner, to be damaged. */
    const copyOfOwner = async () => {
      const copy = await scene.person('copy');
      await mkdir(copy.trustDir, { mode: 0o700 });
      await cp(owner.trustDir, copy.trustDir, { recursive: true });
      const keyFile = path.join(copy.trustDir, 'private', path.basename(targetsKey.file));
      return { copy, keyFile };
    };

    describe('passphrases', () => {
      const variables = /DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE and NOTARY_TARGETS_PASSPHRASE/;

      test('wrong: names the key and the variables that were tried', async () => {
        const { tabellion } = owner;
        const wrong = tabellion.with({ passphrases: { targets: 'wrong-passphrase' } });
        await nothingPublished(async () => {
          const result = await wrong.run(sign(`${gun}:2`));
          expectRefusal(
            result,
            4,
            targetsKey.id,
            /Wrong passphrase for the targets key/,
            variables,
          );
          const json = await wrong.run([...sign(`${gun}:2`), '--json']);
          expectRefusalDocument(json, 4, 'KEY_PASSPHRASE_WRONG');
        });
      });

      test('none, and nobody to ask: names the variable to set', async () => {
        const without = owner.tabellion.with({ passphrases: null });
        await nothingPublished(async () => {
          const result = await without.run(sign(`${gun}:2`));
          expectRefusal(result, 4, targetsKey.id, /Set DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE/);
          const json = await without.run([...sign(`${gun}:2`), '--json']);
          expectRefusalDocument(json, 4, 'KEY_PASSPHRASE_MISSING');
          expectRefusal(await without.run(['revoke', '--yes', `${gun}:1`]), 4, targetsKey.id);
        });
      });

      test('none for a new repository: no key is made, nothing is left behind', async () => {
        const person = await scene.person('newcomer');
        const without = person.tabellion.with({ passphrases: null });
        const image = 'localhost:5000/bad/new:1';
        const said = /Set DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE or NOTARY_ROOT_PASSPHRASE/;
        expectRefusal(await without.run(sign(image)), 4, said);
        expectRefusal(await without.run(['key', 'generate', 'alice', '--dir', person.folder]), 4);
        const files = [...(await folderContent(person.trustDir)).keys()];
        expect(files.filter(file => !file.startsWith('.tabellion/'))).toEqual([]);
        expect(await readdir(person.folder)).not.toContain('alice.pub');
      });

      test('is not asked for what needs no key', async () => {
        const without = { ...owner, tabellion: owner.tabellion.with({ passphrases: null }) };
        expect(await verifyTag(without, `${gun}:1`)).toMatchObject({ exitCode: 0 });
        expect(await without.tabellion.run(sign(`${gun}:1`))).toMatchObject({ code: 4 });
        const same = await signTag(without, `${gun}:1`, 'one');
        expect(same.tags).toMatchObject([{ status: 'already-signed' }]);
        expect(await without.tabellion.run(['key', 'list'])).toMatchObject({ code: 0 });
      });

      test('notary’s variables alone do, and docker’s alone', async () => {
        const names = { notary: /^NOTARY_/, docker: /^DOCKER_CONTENT_TRUST_.*PASSPHRASE$/ };
        for (const [family, pattern] of Object.entries(names)) {
          const env = Object.entries(owner.tabellion.environment()).filter(([name]) =>
            pattern.test(name),
          );
          const one = owner.tabellion.with({ passphrases: null, env: Object.fromEntries(env) });
          expect(await one.run(sign(`${gun}:${family}`))).toMatchObject({
            code: 0,
            stderr: NOTHING_BUT_REMINDERS,
          });
        }
      });
    });

    describe('key files', () => {
      test('with the role header of another key', async () => {
        const { copy, keyFile } = await copyOfOwner();
        const text = await readFile(keyFile, 'utf8');
        // Its passphrase is now looked for where a root key’s is.
        await writeFile(keyFile, text.replace('role: targets', 'role: root'));
        const result = await copy.tabellion.run(sign(`${gun}:2`));
        expectRefusal(result, 4, targetsKey.id, /DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE/);
        // The role decides on nothing else: with the right passphrase it signs, as with notary.
        const env = { NOTARY_ROOT_PASSPHRASE: PASSPHRASES.targets };
        const able = { ...copy, tabellion: copy.tabellion.with({ env }) };
        const report = await signTag(able, `${gun}:header`, 'header');
        expect(report.tags).toMatchObject([{ status: 'signed', roles: ['targets'] }]);
        await writeFile(keyFile, text.replace('role: targets', 'role: \u001b[31mred'));
        const odd = await copy.tabellion.run(['key', 'list']);
        expect(odd.stdout).not.toContain('\u001b[31mred');
      });

      test.each([
        ['cut', async (file: string) => await truncate(file, 200)],
        ['empty', async (file: string) => await truncate(file, 0)],
        [
          'with the content of another key',
          async (file: string) => {
            const folder = path.dirname(file);
            const others = (await readdir(folder)).filter(name => name !== path.basename(file));
            const other = await readFile(path.join(folder, others[0] ?? ''), 'utf8');
            await writeFile(file, other);
          },
        ],
        ['of a certificate', async (file: string) => await cp(scene.ca.certificateFile, file)],
      ])('%s', async (_name, damage) => {
        const { copy, keyFile } = await copyOfOwner();
        await damage(keyFile);
        await nothingPublished(async () => {
          expectRefusal(await copy.tabellion.run(sign(`${gun}:2`)), 4, targetsKey.id);
        });
        expect(await verifyTag(copy, `${gun}:1`)).toMatchObject({ exitCode: 0 });
        expect(await copy.tabellion.run(['key', 'list'])).toMatchObject({ code: 0 });
      });

      test('that others can read are reported', async () => {
        const { copy, keyFile } = await copyOfOwner();
        await chmod(keyFile, 0o644);
        const { stdout } = await copy.tabellion.run(['key', 'list']);
        expect(stdout).toMatch(/0644|others/);
      });

      test('that are not here', async () => {
        const stranger = await scene.person('stranger');
        await nothingPublished(async () => {
          const result = await stranger.tabellion.run(sign(`${gun}:2`));
          expectRefusal(result, 4, targetsKey.id, /which this machine does not have/);
          const revoke = await stranger.tabellion.run(['revoke', '--yes', `${gun}:1`]);
          expect(revoke).toMatchObject({ code: 1, stderr: '' });
          expect(revoke.stdout).toContain('1 is still trusted through targets');
        });
      });

      test('of a snapshot that the server does not sign', async () => {
        const local = 'localhost:5000/bad/local-snapshot';
        const { notary } = owner;
        await notary.succeed(['init', local, '-p']);
        const { copy } = await copyOfOwner();
        const folder = path.join(copy.trustDir, 'private');
        let snapshotKey = '';
        for (const name of await readdir(folder)) {
          if (!(await readFile(path.join(folder, name), 'utf8')).includes('role: snapshot'))
            continue;
          snapshotKey = name.replace('.key', '');
          await truncate(path.join(folder, name), 0);
        }
        const damaged = await copy.tabellion.run(sign(`${local}:1`));
        expectRefusal(damaged, 4, snapshotKey);
        await rm(path.join(folder, `${snapshotKey}.key`));
        const missing = await copy.tabellion.run(sign(`${local}:1`));
        expectRefusal(missing, 4, snapshotKey, /neither this machine nor the server/);
        expect((await served(scene.server, local, 'targets')).version).toBe(2);
      });
    });

    describe('references', () => {
      const hostile = [
        '../../evil',
        'localhost:5000/../evil:1',
        'localhost:5000/a/../../../evil:1',
        'localhost:5000//evil:1',
        '/etc/passwd:1',
        'localhost:5000/evil\\..\\x:1',
        'localhost:5000/a\u001b[31mb:1',
        'localhost:5000/a\nb:1',
        'localhost:5000/é:1',
        'https://localhost:5000/evil:1',
        'localhost:5000/evil:..',
        'localhost:5000/evil@sha256:12',
        `localhost:5000/${'a'.repeat(300)}:1`,
        '',
        '.',
        '..',
      ];

      test.each(hostile)('hostile: %j', async reference => {
        const person = await scene.person('victim');
        const commands = [['inspect', reference], ['verify', reference], sign(reference)];
        for (const command of reference.startsWith('..') ? commands : commands.slice(0, 1)) {
          const result = await person.tabellion.run(command);
          expectRefusal(result, 2, /reference|repository/);
          // Nothing that a terminal would obey.
          expect(result.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
        }
        expect(await folderContent(person.folder)).toEqual(await onlyCa(person));
      });

      test('in capitals', async () => {
        const reference = 'localhost:5000/bad/App:1';
        for (const command of [['verify', reference], ['inspect', reference], sign(reference)]) {
          expectRefusal(await owner.tabellion.run(command), 2, /must be lowercase/);
        }
        const json = await owner.tabellion.run(['verify', '--json', reference]);
        expectRefusalDocument(json, 2, 'REFERENCE_INVALID');
      });

      test('without a tag, or with a digest where a tag is needed', async () => {
        expectRefusal(await owner.tabellion.run(sign(gun)), 2, /names no tag/);
        const digest = `${gun}@sha256:${'0'.repeat(64)}`;
        expectRefusal(await owner.tabellion.run(sign(digest)), 2, /names a digest/);
        expectRefusal(await owner.tabellion.run(['verify', gun]), 2, /neither a tag nor a digest/);
      });

      test('of a tag, a digest or a repository that is not signed', async () => {
        const unsigned = [
          [`${gun}:none`, 'NOT_SIGNED'],
          [`${gun}@sha256:${'0'.repeat(64)}`, 'NOT_SIGNED'],
          ['localhost:5000/bad/none:1', 'NO_TRUST_DATA'],
        ];
        for (const [image = '', code] of unsigned) {
          expect(await verifyTag(owner, image)).toMatchObject({
            exitCode: 3,
            trusted: false,
            error: { code },
          });
          const quiet = ['verify', '--quiet', '--no-registry', image];
          expectRefusal(await owner.tabellion.run(quiet), 3, image);
        }
        expectRefusal(await owner.tabellion.run(['inspect', 'localhost:5000/bad/none']), 3);
        expect(
          await scene.server.get('/v2/localhost:5000/bad/none/_trust/tuf/root.json'),
        ).toMatchObject({
          status: 404,
        });
      });

      test('several of which one is not signed: each has its verdict, and the worst decides', async () => {
        const images = [`${gun}:1`, `${gun}:none`, 'localhost:5000/bad/none:1'];
        const args = ['verify', '--no-registry', '--json', ...images];
        const result = await owner.tabellion.run(args);
        expect(result.code).toBe(3);
        const { images: verdicts } = JSON.parse(result.stdout);
        expect(verdicts.map((verdict: { exitCode: number }) => verdict.exitCode)).toEqual([
          0, 3, 3,
        ]);
        const quiet = await owner.tabellion.run(['verify', '--no-registry', '--quiet', ...images]);
        expect(quiet.stdout).toBe(`${gun}@${content('one').digest}\n`);
      });
    });

    test.each([
      [[], /tabellion/],
      [['frobnicate'], /frobnicate/],
      [['verify', '--frobnicate', 'app:1'], /--frobnicate/],
      [['sign', 'app:1', '--digest', 'sha256:12', '--size', '1'], /64 lower-case hexadecimal/],
      [['sign', 'app:1', '--digest', `sha256:${'0'.repeat(64)}`], /--size is missing/],
      [['sign', 'app:1', '--size', '-1'], /--size/],
      [['sign', 'app:1', '--from', 'ftp:x'], /“ftp:x” is not an image source/],
      [['verify', '--offline', '--require-fresh', 'app:1'], /exclude each other/],
      [['sign', 'app:1', '--signer', 'Alice'], /Alice/],
      [['revoke', 'app:1'], /confirmation/],
      [['key', 'generate', '../evil'], /cannot be the name of a signer/],
      [['inspect', 'app', '--server', 'http://localhost:1'], /https/],
      [['inspect', 'app', '--server', 'nonsense'], /server/],
    ])('not understood: %j', async (args, says) => {
      const person = await scene.person('typist');
      const result = await person.tabellion.raw(args);
      expect(result.code).toBe(2);
      expect(result.stderr).toMatch(says);
      expect(await folderContent(person.trustDir)).toEqual(new Map());
    });

    /** What the harness itself lays into a home. */
    async function onlyCa({ folder }: Person): Promise<Map<string, string>> {
      const all = await folderContent(folder);
      return new Map([...all].filter(([name]) => /^docker\/tls\/[^/]+\/ca\.crt$/.test(name)));
    }
  },
);
