import { copyFile, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { listRow } from './support/expected-rows.ts';
import { freshReading, readingOf } from './support/readers.ts';
import { runProgram } from './support/run-program.ts';
import { addHash, content, openScene, type Person, type Scene } from './support/scene.ts';
import { signTag, verifyTag } from './support/tags.ts';

interface Envelope {
  signed: {
    version: number;
    expires: string;
    roles: Record<string, { keyids: string[]; threshold: number }>;
  };
  signatures: { keyid: string }[];
}

/** Nobody is here: a machine without a network has no server to reach. */
const NO_SERVER = 'https://localhost:1';

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'a root key that is kept offline',
  () => {
    let scene: Scene;

    beforeAll(async () => {
      scene = await openScene();
    });

    const rootOf = async (gun: string): Promise<Envelope> =>
      JSON.parse((await scene.server.metadata(gun, 'root.json')).toString('utf8'));

    /** A machine in a safe: it shares nothing with the others and reaches nobody. */
    const safe = (name: string) => scene.person(name, { server: NO_SERVER });

    /** Carries a file from one machine to another, as on a stick. */
    async function carry(from: Person, name: string, to: Person, as = name): Promise<string> {
      await copyFile(path.join(from.folder, name), path.join(to.folder, as));
      return path.join(to.folder, as);
    }

    const at = ({ folder }: Person, name: string) => path.join(folder, name);

    /** Lets the machine in the safe make a root key, and carries its certificates out. */
    async function newRoot(holder: Person, online: Person, name: string, ...guns: string[]) {
      await holder.tabellion.succeed(['ceremony', 'new-root', ...guns, '-o', at(holder, name)]);
      return await carry(holder, name, online);
    }

    const request = async (online: Person, name: string, ...args: string[]) =>
      await online.tabellion.json(['ceremony', 'request', ...args, '-o', at(online, name)]);

    /** Carries a request into the safe, has it signed under another name, and carries the answer out. */
    async function signIn(holder: Person, online: Person, name: string, answer: string) {
      const file = await carry(online, name, holder);
      await holder.tabellion.succeed(['ceremony', 'sign', file, '-y', '-o', at(holder, answer)]);
      return await carry(holder, answer, online);
    }

    const refused = async ({ tabellion }: Person, ...args: string[]) => {
      const { code, stdout } = await tabellion.run(['ceremony', ...args, '--json']);
      return { code, error: JSON.parse(stdout).error.code };
    };

    const apply = async (online: Person, ...files: string[]) =>
      await online.tabellion.json(['ceremony', 'apply', ...files, '--yes']);

    /** Everybody reads the same, with old caches and with none; the machine without the root key still publishes. */
    async function everybodyFollows(gun: string, online: Person, tag: string, ...old: Person[]) {
      await online.notary.succeed(addHash(gun, tag, content(tag), '-p'));
      const reading = await freshReading(scene, gun);
      expect(reading.listed).toContainEqual(listRow(tag, tag));
      for (const person of old)
        expect((await readingOf(person, gun)).listed).toEqual(reading.listed);
      const [first] = old;
      if (first !== undefined)
        expect(await verifyTag(first, `${gun}:${tag}`)).toMatchObject({ trusted: true });
      return reading;
    }

    const keyFiles = async ({ trustDir }: Person) =>
      (await readdir(path.join(trustDir, 'private')).catch(() => [])).sort();

    test('a life: made, given a new repository key, a new date and a new root key', async () => {
      const gun = 'localhost:5000/ceremony/life';
      const [online, a, b] = [await scene.person('online'), await safe('a'), await safe('b')];

      // The first root.
      const certificate = await newRoot(a, online, 'a.pem', gun);
      const made = await request(online, 'init.tbr', 'init', gun, '--certificate', certificate);
      expect(made).toMatchObject({ createdKeys: [{ role: 'targets' }], complete: false });
      expect(await keyFiles(online)).toHaveLength(1);
      // Nothing is there before it is signed.
      expect((await scene.server.get(`/v2/${gun}/_trust/tuf/root.json`)).status).toBe(404);
      expect(await refused(online, 'apply', at(online, 'init.tbr'), '-y')).toEqual({
        code: 1,
        error: 'CEREMONY_INCOMPLETE',
      });
      const answer = await signIn(a, online, 'init.tbr', 'init-signed.tbr');
      expect(await apply(online, answer)).toMatchObject({
        repositories: [{ status: 'published', versions: { root: 1, targets: 1 } }],
      });
      const consumer = await scene.person('consumer');
      await everybodyFollows(gun, online, '1', consumer);

      // A new repository key, by the option of the command that everybody knows.
      const rotation = ['key', 'rotate', gun, 'targets', '--offline-root', at(online, 'r.tbr')];
      const asked = await online.tabellion.json(rotation);
      const shown = await a.tabellion.succeed([
        'ceremony',
        'show',
        await carry(online, 'r.tbr', a),
      ]);
      const fingerprint = await runProgram(
        'openssl',
        ['x509', '-in', certificate, '-noout', '-fingerprint', '-sha256'],
        { env: { PATH: process.env.PATH ?? '' } },
      );
      const [, hex = ''] = fingerprint.stdout.trim().split('=');
      expect(shown.replaceAll(/\s/g, '')).toContain(hex.replaceAll(':', '').toLowerCase());
      expect(shown).toContain('replaces the repository key');
      expect(shown).toContain('root version 1 → 2');
      const signed = await signIn(a, online, 'r.tbr', 'r-signed.tbr');
      expect(await apply(online, signed)).toMatchObject({
        fingerprint: (asked as { fingerprint: string }).fingerprint,
        repositories: [{ status: 'published', versions: { root: 2, targets: 3 } }],
      });
      await everybodyFollows(gun, online, '2', consumer);

      // A later date.
      const before = (await rootOf(gun)).signed;
      await request(online, 'renew.tbr', 'renew-root', gun);
      await apply(online, await signIn(a, online, 'renew.tbr', 'renewed.tbr'));
      const renewed = (await rootOf(gun)).signed;
      expect(renewed.roles).toEqual(before.roles);
      expect(renewed.version).toBe(3);
      await everybodyFollows(gun, online, '3', consumer);

      // A root key of the other safe: both sign, one after the other, in whatever order.
      const next = await newRoot(b, online, 'b.pem', gun);
      const rotate = ['key', 'rotate', gun, 'root', '--key', next, '--offline-root'];
      await online.tabellion.succeed([...rotate, at(online, 'root.tbr')]);
      const half = await signIn(b, online, 'root.tbr', 'half.tbr');
      const status = await online.tabellion.run(['ceremony', 'status', half, '--json']);
      expect(status.code).toBe(1);
      expect(JSON.parse(status.stdout).repositories[0].signers).toMatchObject([
        { by: 'proposed', missing: 0 },
        { by: 'current', missing: 1 },
      ]);
      const both = await signIn(a, online, 'half.tbr', 'both.tbr');
      await apply(online, both);
      const [newId, oldId] = (await rootOf(gun)).signatures.map(({ keyid }) => keyid);
      expect((await rootOf(gun)).signed.roles.root?.keyids).toEqual([newId]);
      expect(oldId).toBe(before.roles.root?.keyids[0]);
      const reading = await everybodyFollows(gun, online, '4', consumer);
      expect(reading.docker.AdministrativeKeys).toContainEqual({
        Name: 'Root',
        Keys: [{ ID: newId }],
      });

      // The machine that publishes has never had a root key, and the safes nothing but their own.
      for (const name of await keyFiles(online)) {
        const text = await readFile(path.join(online.trustDir, 'private', name), 'utf8');
        expect(text).toContain('role: targets');
      }
      for (const holder of [a, b]) {
        expect(await keyFiles(holder)).toHaveLength(1);
        expect((await readdir(holder.trustDir)).sort()).toEqual(['.tabellion', 'private']);
      }
      // What was signed is good for one use.
      expect(await refused(online, 'apply', both, '-y')).toEqual({
        code: 1,
        error: 'CEREMONY_REPLAYED',
      });
    });

    test('two of three root keys: what the real programs make of it', async () => {
      const gun = 'localhost:5000/ceremony/threshold';
      const online = await scene.person('online');
      const safes = [await safe('a'), await safe('b'), await safe('c')];
      const [a, b, c] = safes as [Person, Person, Person];
      const certificates: string[] = [];
      for (const [index, holder] of safes.entries())
        certificates.push(await newRoot(holder, online, `${index}.pem`, gun));
      const flags = certificates.flatMap(file => ['--certificate', file]);
      const wanted = ['request', 'init', gun, ...flags, '-o', at(online, 'no.tbr')];
      expect(await refused(online, ...wanted, '--threshold', '4')).toEqual({
        code: 3,
        error: 'THRESHOLD_UNATTAINABLE',
      });
      expect(await keyFiles(online)).toEqual([]);
      await request(online, 'init.tbr', 'init', gun, ...flags, '--threshold', '2');
      // Both sign the request itself, each for itself; apply puts the two together.
      const answers = [
        await signIn(c, online, 'init.tbr', 'c.tbr'),
        await signIn(a, online, 'init.tbr', 'a.tbr'),
      ];
      for (const answer of answers)
        expect((await refused(online, 'apply', answer, '-y')).error).toBe('CEREMONY_INCOMPLETE');
      await apply(online, ...answers);
      const root = await rootOf(gun);
      expect(root.signed.roles.root?.threshold).toBe(2);
      expect(root.signatures).toHaveLength(2);
      const consumer = await scene.person('consumer');
      const reading = await everybodyFollows(gun, online, '1', consumer);
      expect(
        reading.docker.AdministrativeKeys.find(({ Name }) => Name === 'Root')?.Keys,
      ).toHaveLength(3);
      await signTag(online, `${gun}:2`, 'two');

      // notary with one of the root keys changes nothing; with two it does, except for the root itself.
      const give = async (holder: Person) => {
        for (const name of await keyFiles(holder))
          await copyFile(
            path.join(holder.trustDir, 'private', name),
            path.join(online.trustDir, 'private', name),
          );
      };
      const toServer = ['key', 'rotate', gun, 'snapshot', '-r'];
      await give(a);
      expect(await online.notary.run(toServer)).toMatchObject({
        code: 1,
        stdout: expect.stringContaining('found 1 of 2 needed keys'),
      });
      expect((await rootOf(gun)).signed.version).toBe(1);
      await give(b);
      await online.notary.succeed(toServer);
      expect(await rootOf(gun)).toMatchObject({
        signed: { version: 2, roles: { root: { threshold: 2 } } },
        signatures: [{}, {}],
      });
      const rotateRoot = await online.notary.run(['key', 'rotate', gun, 'root'], {
        stdin: 'yes\n',
      });
      expect(rotateRoot).toMatchObject({
        code: 1,
        stdout: expect.stringContaining('found 1 of 2 needed keys - 0 other possible keys'),
      });
      await everybodyFollows(gun, online, '3', consumer);
    });

    test('refused: stale, for another server, by another machine, signed by nobody; the rest goes on', async () => {
      const guns = ['one', 'two', 'three'].map(name => `localhost:5000/ceremony/many/${name}`);
      const [first = '', second = '', third = ''] = guns;
      const [online, a] = [await scene.person('online'), await safe('a')];
      const certificates = await newRoot(a, online, 'a.pem', ...guns);
      await request(online, 'init.tbr', 'init', ...guns, '--certificate', certificates);
      await apply(online, await signIn(a, online, 'init.tbr', 'init-signed.tbr'));
      // All three in one request; the root of one changes meanwhile, and the request is stale for that one.
      await request(online, 'r.tbr', 'rotate', ...guns);
      const answer = await signIn(a, online, 'r.tbr', 'r-signed.tbr');
      await request(online, 'renew.tbr', 'renew-root', second);
      // The safe has signed root 2 of it, and signs no other one unless it is told.
      const file = await carry(online, 'renew.tbr', a);
      expect(await refused(a, 'sign', file, '-y')).toEqual({ code: 3, error: 'CEREMONY_FORKED' });
      await a.tabellion.succeed(['ceremony', 'sign', file, '-y', '--new-history']);
      await apply(online, await carry(a, 'renew.tbr', online, 'renewed.tbr'));

      const stranger = await scene.person('stranger');
      expect(await refused(stranger, 'apply', answer, '-y')).toEqual({
        code: 1,
        error: 'CEREMONY_UNKNOWN',
      });
      const elsewhere = online.tabellion.with({ server: scene.proxy.url });
      const wrong = await elsewhere.run(['ceremony', 'apply', answer, '-y', '--json']);
      expect(JSON.parse(wrong.stdout).repositories).toMatchObject(
        guns.map(() => ({ status: 'failed', error: { code: 'CEREMONY_OTHER_SERVER' } })),
      );
      expect(await refused(stranger, 'sign', answer, '-y')).toEqual({
        code: 4,
        error: 'KEY_MISSING',
      });

      const run = await online.tabellion.run(['ceremony', 'apply', answer, '-y', '--json']);
      expect(run.code).toBe(1);
      expect(JSON.parse(run.stdout)).toMatchObject({
        summary: { succeeded: 2, failed: 1 },
        repositories: [
          { repository: first, status: 'published' },
          { repository: second, status: 'failed', error: { code: 'CEREMONY_STALE' } },
          { repository: third, status: 'published' },
        ],
      });
      // Run again, it knows what was done.
      const again = await online.tabellion.run(['ceremony', 'apply', answer, '-y', '--json']);
      expect(JSON.parse(again.stdout).repositories).toMatchObject([
        { status: 'already-published' },
        { status: 'failed' },
        { status: 'already-published' },
      ]);
      for (const gun of guns) await everybodyFollows(gun, online, '1');
    });
  },
);
