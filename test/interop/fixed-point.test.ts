/** What Tabellion writes must survive being parsed and written again by Go: else one publish of notary bricks the repository. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { keyRing } from '../../src/operations/publish.ts';
import { loadTrustData } from '../../src/operations/trust-data.ts';
import {
  addTarget,
  type Change,
  createDelegation,
  deleteDelegation,
  removeTarget,
  updateDelegation,
} from '../../src/tuf/change.ts';
import { listTargets } from '../../src/tuf/delegation-walk.ts';
import { encodeFile, encodeTargets, signedMessage } from '../../src/tuf/encode.ts';
import { initialise } from '../../src/tuf/initialise.ts';
import { Repository } from '../../src/tuf/repository.ts';
import { signRepository } from '../../src/tuf/sign-repository.ts';
import type { Target } from '../../src/tuf/target.ts';
import { describeWithPeers } from './support/describe-with-peers.ts';
import { publish, trustedSet, withLibrary } from './support/library.ts';
import { freshReading } from './support/readers.ts';
import { addHash, content, openScene, type Person, type Scene } from './support/scene.ts';

const SEED = 20_261_121;
const RUNS = 5;

/** Characters that JSON writers, path handling or sorting are known to treat in their own way. */
const ODD = [...'<>&"\'\\/ %*?:{}[],#~|$`\u007f\u0080\u00a0éßž漢😀𝒳']
  .concat(['\u2028', '\u2029', '\uff5e', '\ufffd', '\ufeff', '\u0301', '\u200b', '\u202e'])
  .concat(['\ue000', '\ud7ff', '\u{10ffff}', '\\u003c', '&lt;', '\\n']);

const oddText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...ODD),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter(isPrintable),
    fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }),
  ),
  minLength: 1,
  maxLength: 24,
});

const targetName = fc.oneof(
  { weight: 8, arbitrary: oddText },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...['__proto__', 'constructor', 'toString', 'length', 'targets', 'root', '..', '../../x'],
      ...['.', '/', '-', '--', '0', '00', '1e3', '-0', 'null', 'a'.repeat(3000)],
    ),
  },
);

/** Text that custom data may hold: the five characters are refused there, see tuf.md 1.7. */
const customText = oddText.filter(text => !/[<>&\u2028\u2029]/.test(text));
const custom = fc.letrec(tie => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.maxSafeInteger(),
    fc.constantFrom(0, -0, 2 ** 53 - 1, -(2 ** 53 - 1), true, false),
    customText,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(customText, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value as fc.Arbitrary<NonNullable<Target['custom']>>;

const digest = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map(digest => Buffer.from(digest).toString('base64'));

const target: fc.Arbitrary<Target> = fc.record(
  {
    length: fc.oneof(fc.nat(), fc.constantFrom(0, 1, 2 ** 53 - 1)),
    hashes: fc.oneof(
      { weight: 3, arbitrary: fc.record({ sha256: digest(32) }) },
      { weight: 1, arbitrary: fc.record({ sha256: digest(32), sha512: digest(64) }) },
      { weight: 1, arbitrary: fc.record({ sha512: digest(64) }) },
    ) as fc.Arbitrary<Target['hashes']>,
    custom,
  },
  { requiredKeys: ['length', 'hashes'] },
);

const ROLES = ['targets', 'targets/releases', 'targets/odd', 'targets/odd/nested'];

interface Signing {
  name: string;
  target: Target;
  roles: string[];
}

/** Three rounds of names to sign, no name twice. */
const rounds: fc.Arbitrary<Signing[][]> = fc
  .uniqueArray(
    fc.record({
      name: targetName,
      target,
      roles: fc.subarray(ROLES, { minLength: 1 }),
      round: fc.nat(2),
    }),
    { selector: ({ name }) => name, minLength: 12, maxLength: 40 },
  )
  .map(all => [0, 1, 2].map(round => all.filter(signing => signing.round === round)));

describeWithPeers(
  ['notary', 'notary-server', 'notary-signer', 'docker', 'openssl'],
  'what Tabellion writes is a fixed point of Go',
  () => {
    let scene: Scene;
    let repositories = 0;

    beforeAll(async () => {
      scene = await openScene();
    });

    /** A repository of somebody new, made by notary, with keys for the delegations of {@link ROLES} and `targets/plain`. */
    async function repositoryWithDelegations(
      snapshot: 'local' | 'server',
      paths: readonly string[] = [],
    ): Promise<{ owner: Person; gun: string }> {
      repositories += 1;
      const gun = `localhost:5000/fixed-point/${repositories}`;
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', gun, '-p']);
      if (snapshot === 'server')
        await owner.notary.succeed(['key', 'rotate', gun, 'snapshot', '-r']);
      const [one, two] = await withLibrary(owner, gun, async session => {
        const keys = await session.keys();
        return [await keys.generate({ role: 'one' }), await keys.generate({ role: 'two' })];
      });
      const delegate = (role: string, ...keys: (typeof one)[]) =>
        createDelegation(role, {
          threshold: 1,
          addKeys: keys.map(key => (key as NonNullable<typeof one>).publicKey),
          addPaths: ['', ...paths],
        });
      await publish(owner, gun, [
        delegate('targets/releases', one),
        delegate('targets/odd', one, two),
        delegate('targets/odd/nested', two),
        delegate('targets/plain', two),
      ]);
      return { owner, gun };
    }

    /** notary publishes what has nothing to do with the files of Tabellion: it parses and re-hashes all of them. */
    const unrelated: ((owner: Person, gun: string) => Promise<unknown>)[] = [
      ({ notary }, gun) => notary.succeed(['publish', gun]),
      ({ notary }, gun) => notary.succeed(addHash(gun, 'unrelated', content('u'), '-p')),
      ({ notary }, gun) =>
        notary.succeed(addHash(gun, 'unrelated', content('u'), '-r', 'targets/plain', '-p')),
    ];

    /** Everybody can read the repository, and finds exactly what was signed. */
    async function checkReaders(gun: string, signed: ReadonlyMap<string, Signing>): Promise<void> {
      const reading = await freshReading(scene, gun);
      const released = [...signed.values()].filter(({ roles }) => roles.some(isReleasing));
      const names = reading.docker.SignedTags.map(({ SignedTag }) => SignedTag);
      expect(names.filter(name => name !== 'unrelated').sort()).toEqual(
        released.map(({ name }) => name).sort(),
      );
      const reader = await scene.person('library-reader');
      const trusted = await trustedSet(reader, gun);
      const found = listTargets(role => trusted.targets.get(role)?.metadata);
      found.delete('unrelated');
      const expected = [...signed.values()].map(
        ({ name, target: { custom: data, ...known }, roles }) =>
          [
            name,
            {
              role: roles[0] ?? '',
              name,
              // What was JSON is JSON again: -0 is 0 there.
              target: { ...known, ...(data === undefined ? {} : { custom: plain(data) }) },
            },
          ] as const,
      );
      expect(new Map([...found].sort(byName))).toEqual(new Map([...expected].sort(byName)));
      // notary finds each by its name: as many as there is time for, the oddest first.
      const asked = [...signed.values()]
        .filter(({ name, target: { hashes } }) => name.length < 100 && hashes.sha256 !== undefined)
        .sort((a, b) => Buffer.byteLength(b.name) - Buffer.byteLength(a.name))
        .slice(0, 4);
      for (const {
        name,
        target: { hashes, length },
      } of asked) {
        const hex = Buffer.from(hashes.sha256 ?? '', 'base64').toString('hex');
        const answer = await reader.notary.succeed(['lookup', gun, '--', name]);
        expect(answer).toBe(`${name} sha256:${hex} ${length}\n`);
      }
    }

    describe.each(['local', 'server'] as const)('snapshot key: %s', snapshot => {
      test('whatever is signed, everybody reads it after unrelated publishes of notary', async () => {
        const property = fc.asyncProperty(
          rounds,
          fc.array(oddText, { maxLength: 3 }),
          async (batches, paths) => {
            const { owner, gun } = await repositoryWithDelegations(snapshot, paths);
            const signed = new Map<string, Signing>();
            for (const [round, batch] of batches.entries()) {
              const changes = batch.flatMap(({ name, target: what, roles }) =>
                roles.map(role => addTarget(role, name, what)),
              );
              for (const signing of batch) signed.set(signing.name, signing);
              // From the second round on, something signed before goes again.
              const [gone] =
                round === 0 ? [] : [...signed.values()].filter(s => !batch.includes(s));
              if (gone !== undefined) {
                signed.delete(gone.name);
                changes.push(...gone.roles.map(role => removeTarget(role, gone.name)));
              }
              const published = await publish(owner, gun, changes);
              expect(published.warnings).toEqual([]);
              await unrelated[0]?.(owner, gun);
              await unrelated[1 + (round % 2)]?.(owner, gun);
            }
            await checkReaders(gun, signed);
          },
        );
        await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: true });
      });

      test('delegations that lost their paths, keys or roles', async () => {
        const { owner, gun } = await repositoryWithDelegations(snapshot, ['<', 'é"\\', '\u2028']);
        const trusted = await trustedSet(owner, gun);
        const { keys } = trusted.keysFor('targets/odd');
        const batches: Change[][] = [
          [addTarget('targets/odd/nested', '<', { length: 1, hashes: hashesOf('one') })],
          [updateDelegation('targets/plain', { clearPaths: true })],
          [updateDelegation('targets/odd', { removePaths: ['', '<'] })],
          // `keyids` becomes null.
          [updateDelegation('targets/plain', { removeKeys: [...keys.keys()] })],
          [updateDelegation('targets/odd', { removeKeys: [...keys.keys()].slice(0, 1) })],
          // `roles` becomes null, first of a delegation, then of targets.
          [deleteDelegation('targets/odd/nested')],
          ['plain', 'odd', 'releases'].map(name => deleteDelegation(`targets/${name}`)),
          [addTarget('targets', '&', { length: 1, hashes: hashesOf('two') })],
        ];
        for (const batch of batches) {
          await publish(owner, gun, batch);
          await owner.notary.succeed(['publish', gun]);
          await freshReading(scene, gun);
        }
        await owner.notary.succeed(addHash(gun, 'last', content('last'), '-p'));
        expect((await freshReading(scene, gun)).listed.map(({ name }) => name)).toEqual([
          '&',
          'last',
        ]);
      });

      test('a root that Tabellion renews', async () => {
        const gun = `localhost:5000/fixed-point/renewed-${snapshot}`;
        const owner = await scene.person('owner');
        await publishWithOldRoot(owner, gun, snapshot);
        const early = await scene.person('early');
        const cached = await trustedSet(early, gun);
        expect(cached.root.metadata.version).toBe(1);

        const name = 'renewed <&>\u2028';
        await publish(owner, gun, [
          addTarget('targets', name, { length: 3, hashes: hashesOf(name) }),
        ]);
        for (const publishMore of unrelated.slice(0, 2)) {
          await publishMore(owner, gun);
          await freshReading(scene, gun);
        }
        const renewed = await trustedSet(early, gun);
        expect(renewed.root.metadata.version).toBe(2);
        const years = new Date(renewed.root.metadata.expires).getUTCFullYear();
        expect(years - new Date().getUTCFullYear()).toBeGreaterThanOrEqual(9);
        // Rotations by notary on top of it, and Tabellion on top of these.
        await owner.notary.succeed(['key', 'rotate', gun, 'root'], { stdin: 'y\n' });
        await owner.notary.succeed(['key', 'rotate', gun, 'targets']);
        await publish(owner, gun, [removeTarget('targets', name)]);
        await unrelated[0]?.(owner, gun);
        await freshReading(scene, gun);
        expect((await trustedSet(early, gun)).root.metadata.version).toBe(4);
      });
    });

    test('names and custom data that Go wrote: Tabellion reads them and signs them again', async () => {
      const gun = 'localhost:5000/fixed-point/by-notary';
      const owner = await scene.person('owner');
      // Dates get the zone of the machine, and nanoseconds.
      const notary = owner.notary.with({ env: { TZ: 'Asia/Kolkata' } });
      await notary.succeed(['init', gun, '-p']);
      const names = ['a<b>&c', 'é 漢 😀', '\u2028\u2029', '"\\', '\u007f\u0080', '__proto__', '--'];
      const customFile = path.join(owner.folder, 'custom.json');
      await writeFile(customFile, '{"a": [1, {"b":"\u00e9"}], "n": -12, "t": true}');
      for (const name of names) {
        const { hex } = content(name);
        const flags = ['--sha256', hex, '--custom', customFile];
        await notary.succeed(['addhash', ...flags, '--', gun, name, '3']);
      }
      await notary.succeed(['publish', gun]);
      const before = await trustedSet(owner, gun);
      expect([...(before.targets.get('targets')?.metadata.targets.keys() ?? [])].sort()).toEqual(
        [...names].sort(),
      );
      await publish(owner, gun, [
        addTarget('targets', 'ours', { length: 3, hashes: hashesOf('ours') }),
        removeTarget('targets', '"\\'),
      ]);
      await notary.succeed(['publish', gun]);
      const { listed } = await freshReading(scene, gun);
      expect(listed.map(({ name }) => name)).toContain('ours');
      const after = (await trustedSet(owner, gun)).targets.get('targets')?.metadata.targets;
      expect(after?.size).toBe(names.length);
      expect(after?.get('a<b>&c')?.custom).toEqual({ a: [1, { b: 'é' }], n: -12, t: true });
    });

    test.each([
      ['\u0000', 'TARGET_NAME_INVALID'],
      ['a\nb', 'TARGET_NAME_INVALID'],
      ['\u001f', 'TARGET_NAME_INVALID'],
      ['\ud800', 'TARGET_NAME_INVALID'],
      ['', 'TARGET_NAME_INVALID'],
    ])('a name that Go cannot write is refused: %j', async (name, code) => {
      const gun = 'localhost:5000/fixed-point/refused';
      const owner = await scene.person('owner');
      await owner.notary.succeed(['init', `${gun}/${repositories++}`, '-p']);
      const add = addTarget('targets', name, { length: 1, hashes: hashesOf('x') });
      await expect(publish(owner, `${gun}/${repositories - 1}`, [add])).rejects.toMatchObject({
        code,
      });
    });

    test('a file of somebody else that is no fixed point survives Tabellion, and breaks under notary', async () => {
      const { owner, gun } = await repositoryWithDelegations('local');
      await withLibrary(owner, gun, async (session, access) => {
        const ring = await keyRing(session);
        const { trusted } = await loadTrustData(session, access, { forWrite: true });
        const repository = Repository.fromTrusted(trusted);
        repository.edit('targets/plain', metadata => ({ ...metadata, version: 1 }));
        const edited = repository.roles.get('targets/plain');
        if (edited === undefined) throw new Error('no targets/plain');
        // As toISOString writes it: Go drops the last zero of the fraction.
        const expires = '2028-01-01T00:00:00.120Z';
        const message = signedMessage(encodeTargets({ ...edited.metadata, expires }));
        const [keyId = ''] = repository.keysFor('targets/plain').roleKeys.keyIds ?? [];
        const signer = await ring.signer(keyId);
        const signature = await signer.sign(Buffer.from(message, 'utf8'));
        const bytes = encodeFile(message, [{ keyId, ...signature }]);
        repository.roles.set('targets/plain', { ...edited, bytes, dirty: false });
        const { files } = await signRepository(repository, ring, session.now);
        await access.remote.publish(new Map([...files, ['targets/plain', bytes]]));
      });
      await freshReading(scene, gun);
      // Tabellion lists the bytes that are there, not what it would have written.
      await publish(owner, gun, [
        addTarget('targets', 'v1', { length: 1, hashes: hashesOf('v1') }),
      ]);
      expect((await freshReading(scene, gun)).docker.SignedTags).toHaveLength(1);
      // The control of all tests of this file: the same with notary is what they would have seen.
      await owner.notary.succeed(['publish', gun]);
      const reader = await scene.person('reader');
      expect(await reader.notary.run(['list', gun])).toMatchObject({ code: 1 });
      expect(await reader.docker.run(['trust', 'inspect', gun])).toMatchObject({ code: 1 });
      const ours = await reader.tabellion.run(['inspect', gun]);
      expect(ours.code).not.toBe(0);
      expect(ours.stderr).toContain('targets/plain');
    });

    /** A repository made by Tabellion whose root expires in five months, so that it is renewed at once. */
    async function publishWithOldRoot(owner: Person, gun: string, snapshot: 'local' | 'server') {
      await withLibrary(owner, gun, async (session, access) => {
        const day = 24 * 60 * 60 * 1000;
        const past = new Date(session.now.getTime() - (3650 - 150) * day);
        const keys = await session.keys();
        const { makeRootCertificate } = await import('../../src/crypto/certificate.ts');
        const root = await keys.generate({ role: 'root' });
        const targets = await keys.generate({ role: 'targets', gun });
        const local = await keys.generate({ role: 'snapshot', gun });
        const pem = makeRootCertificate({ key: root, gun, notBefore: past });
        const made = initialise(gun, {
          root: { keytype: 'ecdsa-x509', publicBytes: Buffer.from(pem, 'utf8') },
          targets: targets.publicKey,
          snapshot:
            snapshot === 'local' ? local.publicKey : await access.remote.publicKey('snapshot'),
          timestamp: await access.remote.publicKey('timestamp'),
        });
        const ring = await keyRing(session);
        const rootBytes = (await signRepository(made, ring, past)).files.get('root');
        const published = new Repository({
          gun,
          root: made.root,
          rootBytes,
          targets: [['targets', { ...only(made.roles.get('targets')), dirty: true }]],
          unpublished: true,
        });
        const withoutRoot = {
          has: async (id: string) => id !== root.id && (await ring.has(id)),
          signer: ring.signer,
        };
        const { files } = await signRepository(published, withoutRoot, session.now);
        await access.remote.publish(files);
      });
    }
  },
);

function only<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('absent');
  return value;
}

function isReleasing(role: string): boolean {
  return role === 'targets' || role === 'targets/releases';
}

function isPrintable(text: string): boolean {
  return !/[\u0000-\u001f]/.test(text) && text.isWellFormed();
}

function hashesOf(text: string): { sha256: string } {
  return { sha256: Buffer.from(content(text).hex, 'hex').toString('base64') };
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
