import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { decodeCeremony, encodeCeremony, encodeRequest } from '../../src/ceremony/ceremony-file.ts';
import { ceremonyParts } from '../../src/ceremony/ceremony-text.ts';
import { generatePrivateKey } from '../../src/crypto/private-key.ts';
import { keyId } from '../../src/crypto/public-key.ts';
import { type KeyThumbprints, keyThumbprints } from '../../src/crypto/thumbprint.ts';
import {
  KeyError,
  OperationError,
  TabellionError,
  TrustError,
  UsageError,
} from '../../src/errors.ts';
import { applyCeremony } from '../../src/operations/ceremony/apply.ts';
import { newRoot } from '../../src/operations/ceremony/new-root.ts';
import { cancelCeremony, listCeremonies } from '../../src/operations/ceremony/records.ts';
import {
  type RequestCeremony,
  requestCeremony,
  type WrittenRequest,
} from '../../src/operations/ceremony/request.ts';
import { scanCeremony } from '../../src/operations/ceremony/scan.ts';
import {
  mergeCeremonies,
  type SignCeremonyRequest,
  showCeremony,
  signCeremony,
} from '../../src/operations/ceremony/sign.ts';
import { certifiedKey } from '../../src/operations/initialise-repository.ts';
import { rotateKey } from '../../src/operations/rotation/rotate.ts';
import { setOwnPin } from '../../src/operations/thumbprints/own-pins.ts';
import { decodeRoot } from '../../src/tuf/decode.ts';
import { encodeFile } from '../../src/tuf/encode.ts';
import { openEnvelope } from '../../src/tuf/envelope.ts';
import { proposeRoot, rootMessage } from '../../src/tuf/root-proposal.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { DAY, it, type Machine, NOBODY, NOW, type Scene } from '../support/trust-scene.ts';

const GUN = 'localhost:5000/team/app';

/** A machine that publishes, and safes that reach no server. */
class Ceremony {
  readonly online: Machine;
  readonly safe: Machine;
  private files = 0;

  constructor(online: Machine, safe: Machine) {
    this.online = online;
    this.safe = safe;
  }

  static async open(scene: Scene): Promise<Ceremony> {
    return new Ceremony(await scene.machine(), await scene.machine({ server: NOBODY }));
  }

  /** A repository whose root key is in the safe. */
  static async withRepository(scene: Scene): Promise<Ceremony> {
    const ceremony = await Ceremony.open(scene);
    const certificate = await ceremony.newRoot();
    const file = await ceremony.request({ kind: 'init', certificateFiles: [certificate] });
    await ceremony.apply(await ceremony.sign(file));
    return ceremony;
  }

  path(name = 'file'): string {
    this.files += 1;
    return join(this.online.home, `${this.files}-${name}`);
  }

  async newRoot(safe = this.safe, gun = GUN, key?: string): Promise<string> {
    const output = this.path('root.pem');
    const request = { repositories: [gun], output, ...(key === undefined ? {} : { key }) };
    await safe.run(session => newRoot(session, request));
    return output;
  }

  async request(request: Partial<RequestCeremony>, machine = this.online): Promise<string> {
    return (await this.requested(request, machine)).file;
  }

  async requested(
    request: Partial<RequestCeremony>,
    machine = this.online,
  ): Promise<WrittenRequest> {
    const output = this.path('request.tbr');
    const whole = { kind: 'rotate' as const, repositories: [GUN], output, ...request };
    const role = whole.kind === 'rotate' ? { role: 'targets', ...request } : {};
    const made = await machine.run(session => requestCeremony(session, { ...whole, ...role }));
    if (made.dryRun) throw new Error('a dry run');
    return made;
  }

  async sign(
    file: string,
    safe = this.safe,
    options: Partial<SignCeremonyRequest> = {},
  ): Promise<string> {
    const output = this.path('answer.tbr');
    await safe.run(session => signCeremony(session, { files: [file], output, ...options }));
    return output;
  }

  async apply(...files: string[]) {
    return await this.online.run(session => applyCeremony(session, { files }));
  }

  async show(file: string, safe = this.safe) {
    return await safe.run(session => showCeremony(session, [file]));
  }

  /** The same file with something changed in it and a checksum that fits. */
  async altered(file: string, change: (request: Buffer) => Buffer): Promise<string> {
    const { requestBytes, signatures } = await decodeCeremony(await readFile(file));
    const output = this.path('altered.tbr');
    await writeFile(output, await encodeCeremony(change(Buffer.from(requestBytes)), signatures));
    return output;
  }
}

describe.concurrent('a ceremony', () => {
  it('makes a repository and renews its root', async ({ scene }) => {
    const ceremony = await Ceremony.withRepository(scene);
    expect(await scene.versions(GUN)).toEqual({ root: 1, targets: 1, snapshot: 1 });
    expect(await ceremony.online.keyRoles()).toEqual(['targets']);
    expect(await ceremony.safe.keyRoles()).toEqual(['root']);
    scene.clock = new Date(NOW.getTime() + 1000 * DAY);
    await ceremony.apply(await ceremony.sign(await ceremony.request({ kind: 'renew-root' })));
    const { root } = await scene.trusted(GUN);
    expect(root.metadata.version).toBe(2);
    expect(root.metadata.expires).toBe('2039-08-16T00:00:00Z');
  });

  it('follows no root but the one that was pinned by its thumbprint where it is signed', async ({
    scene,
  }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const pin = (certificates: readonly KeyThumbprints[]) =>
      ceremony.safe.run(session =>
        setOwnPin(session.trustDir.own, {
          ...{ repository: GUN, server: scene.server.url, pinnedAt: '2026-11-22T00:00:00Z' },
          certificates,
        }),
      );
    const request = await ceremony.request({
      kind: 'rotate-root',
      certificateFiles: [await ceremony.newRoot()],
    });
    const other = certifiedKey(generatePrivateKey('ecdsa'), GUN, NOW);
    await pin([keyThumbprints(other)]);
    await expectFailure(ceremony.sign(request), TrustError, 'PIN_MISMATCH');
    // The new root need not be pinned yet: it is what is agreed to here.
    const { certificates } = (await scene.trusted(GUN)).root;
    await pin(certificates.map(({ key }) => keyThumbprints(key)));
    await ceremony.apply(await ceremony.sign(request));
    expect((await scene.trusted(GUN)).root.metadata.version).toBe(2);
  });

  it('goes from an expired root to a new one', async ({ scene }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const [key] = await ceremony.safe.keyFiles();
    scene.clock = new Date(NOW.getTime() + 1000 * DAY);
    await ceremony.online.signOne(`${GUN}:1`);
    scene.clock = new Date(NOW.getTime() + 2000 * DAY);
    await ceremony.online.signOne(`${GUN}:2`);
    scene.clock = new Date(NOW.getTime() + 3000 * DAY);
    await ceremony.online.signOne(`${GUN}:3`);
    scene.clock = new Date(NOW.getTime() + 3651 * DAY);
    await expectFailure(scene.trusted(GUN), TrustError, 'ROOT_CERTIFICATE_INVALID');
    await expectFailure(
      ceremony.request({ kind: 'renew-root' }),
      TrustError,
      'ROOT_CERTIFICATE_INVALID',
    );
    // A new certificate of the same key: one key signs for the old root and for the new one.
    const certificateFiles = [await ceremony.newRoot(ceremony.safe, GUN, key?.id)];
    const request = await ceremony.request({ kind: 'rotate-root', certificateFiles });
    await ceremony.apply(await ceremony.sign(request));
    expect((await scene.trusted(GUN)).root.metadata.version).toBe(2);
  });

  it('gives a new repository key, whose private half was here before the request', async ({
    scene,
  }) => {
    const ceremony = await Ceremony.withRepository(scene);
    await ceremony.online.signOne(`${GUN}:1`);
    const requested = await ceremony.requested({});
    const [key] = requested.createdKeys;
    expect(requested.repositories[0]?.changes[0]?.added).toMatchObject([{ id: key?.id }]);
    expect((await ceremony.online.keyFiles()).map(({ id }) => id)).toContain(key?.id);
    const report = await ceremony.apply(await ceremony.sign(requested.file));
    expect(report.repositories).toMatchObject([
      { status: 'published', versions: { root: 2, targets: 3 } },
    ]);
    expect(Object.keys(await scene.tags(GUN, 'targets'))).toEqual(['1']);
    // Without that key nothing is published.
    const next = await ceremony.requested({});
    await rm(next.createdKeys[0]?.file ?? '');
    const answer = await ceremony.sign(next.file);
    const posts = scene.posts().length;
    await expectFailure(ceremony.apply(answer), KeyError, 'KEY_MISSING');
    expect(scene.posts()).toHaveLength(posts);
  });

  it('gives the snapshot to a key here, the server, and the timestamp another key', async ({
    scene,
  }) => {
    const ceremony = await Ceremony.withRepository(scene);
    for (const [role, more] of [
      ['snapshot', {}],
      ['timestamp', {}],
      ['snapshot', { serverManaged: true }],
    ] as const)
      await ceremony.apply(await ceremony.sign(await ceremony.request({ role, ...more })));
    expect(await scene.versions(GUN)).toEqual({ root: 4, targets: 1, snapshot: 4 });
    await ceremony.online.signOne(`${GUN}:1`);
  });

  it('gathers signatures in any order, in one file or in several', async ({ scene }) => {
    const ceremony = await Ceremony.open(scene);
    const safes = [ceremony.safe, await scene.machine({ server: NOBODY })];
    const certificateFiles: string[] = [];
    for (const safe of safes) certificateFiles.push(await ceremony.newRoot(safe));
    const [a, b] = safes as [Machine, Machine];
    const request = await ceremony.requested({ kind: 'init', certificateFiles, threshold: 2 });
    expect(request.repositories[0]?.warnings).toEqual([
      expect.stringContaining('need the signatures of all its 2 keys'),
    ]);
    const { file } = request;
    const answers = [await ceremony.sign(file, b), await ceremony.sign(file, a)];
    const merged = ceremony.path('merged.tbr');
    const view = await a.run(session => mergeCeremonies(session, answers, merged));
    expect(view.complete).toBe(true);
    // One after the other makes the same signers.
    const passedOn = await ceremony.show(await ceremony.sign(answers[1] ?? '', b));
    expect(passedOn.repositories[0]?.signers).toEqual(view.repositories[0]?.signers);
    await expectFailure(ceremony.apply(file), OperationError, 'CEREMONY_INCOMPLETE');
    await ceremony.apply(...answers);
    expect((await scene.trusted(GUN)).root.metadata.roles.get('root')?.threshold).toBe(2);
    // One new key is too few where two must sign: none is made.
    const both = await scene.machine();
    for (const safe of [a, b]) await both.takeKey(safe, 'root');
    const keys = await both.keyFiles();
    const rotated = both.run(session => rotateKey(session, GUN, { role: 'root' }));
    await expectFailure(rotated, OperationError, 'ROTATION_THRESHOLD');
    expect(await both.keyFiles()).toEqual(keys);
    // Answers to different requests are not mixed.
    const other = await ceremony.request({});
    await expectFailure(ceremony.apply(...answers, other), OperationError, 'CEREMONY_MIXED');
  });

  it('travels as the text of QR codes', async ({ scene }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const file = await ceremony.request({});
    const parts = ceremonyParts(await readFile(file));
    expect(parts.length).toBeLessThan(16);
    const scanned = ceremony.path('scanned.tbr');
    const told: number[] = [];
    async function* lines() {
      yield '';
      for (const part of [...parts].reverse()) yield part;
      yield 'what follows is not read';
    }
    await scanCeremony(lines(), scanned, missing => told.push(missing.length));
    expect(told.at(-1)).toBe(0);
    expect(await readFile(scanned)).toEqual(await readFile(file));
    await ceremony.apply(await ceremony.sign(scanned));
  });
});

describe.concurrent('the machine in the safe', () => {
  it('needs nothing but its key, and leaves nothing but what it remembers', async ({ scene }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const before = scene.requests().length;
    const file = await ceremony.request({});
    const asked = scene.requests().length;
    await ceremony.show(file);
    await ceremony.sign(file);
    expect(scene.requests()).toHaveLength(asked);
    expect(asked).toBeGreaterThan(before);
    const names = [...(await ceremony.safe.everything()).keys()].filter(name =>
      /\.\w+$/.test(name),
    );
    expect(names.filter(name => !name.endsWith('.key') && !name.endsWith('.docker'))).toEqual([
      '.docker/trust/.tabellion',
      '.docker/trust/.tabellion/ceremony-seen.json',
    ]);
  });

  it('signs no second story: no older root, no other one of the same version', async ({
    scene,
  }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const first = await ceremony.request({});
    const rival = await ceremony.request({});
    await ceremony.sign(first);
    // The same again is no harm.
    await ceremony.sign(first);
    await expectFailure(ceremony.sign(rival), TrustError, 'CEREMONY_FORKED');
    expect((await ceremony.show(rival)).refusal).toMatchObject({ code: 'CEREMONY_FORKED' });
    const told = await ceremony.sign(rival, ceremony.safe, { newHistory: true });
    await ceremony.apply(told);
    const next = await ceremony.sign(await ceremony.request({}));
    await expectFailure(ceremony.sign(rival), TrustError, 'CEREMONY_STALE');
    await ceremony.apply(next);
  });

  it('signs no second story while another process signs the first', async ({ scene }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const rivals = [await ceremony.request({}), await ceremony.request({})];
    const ends = await Promise.allSettled(rivals.map(file => ceremony.sign(file)));
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(ends).toContainEqual(
      expect.objectContaining({ reason: expect.objectContaining({ code: 'CEREMONY_FORKED' }) }),
    );
  });

  it('notices a root that does not come from the one that it signed', async ({ scene }) => {
    const ceremony = await Ceremony.withRepository(scene);
    // Elsewhere, the same repository with the same root key was made otherwise.
    const other = await scene.machine();
    const rival = new Ceremony(other, await scene.machine({ server: NOBODY }));
    await rival.safe.takeKey(ceremony.safe, 'root');
    const [key] = await rival.safe.keyFiles();
    const certificateFiles = [await rival.newRoot(rival.safe, GUN, key?.id)];
    await ceremony.online.run(async session =>
      (await session.repositoryByGun(GUN)).remote.deleteRepository(),
    );
    const made = await rival.request({ kind: 'init', certificateFiles });
    await rival.apply(await rival.sign(made));
    const file = await rival.request({});
    await expectFailure(ceremony.sign(file), TrustError, 'CEREMONY_FORKED');
  });

  it('follows a root that other holders have signed since', async ({ scene }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const another = await scene.machine({ server: NOBODY });
    await another.takeKey(ceremony.safe, 'root');
    for (const safe of [another, another, ceremony.safe])
      await ceremony.apply(await ceremony.sign(await ceremony.request({}), safe));
  });

  it('tells of a present root that names its key beside another, and that only the other signed', async ({
    scene,
  }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const file = await ceremony.request({});
    const { request } = await decodeCeremony(await readFile(file));
    const [asked] = request.repositories;
    if (asked?.base === undefined) throw new Error('no present root');
    const root = decodeRoot(openEnvelope(asked.base, 'root').signed);
    const own = (root.roles.get('root')?.keyIds ?? []).flatMap(id => root.keys.get(id) ?? []);
    const [thief, targets] = [generatePrivateKey('ecdsa'), generatePrivateKey('ecdsa')];
    const beside = certifiedKey(thief, GUN, NOW);
    const present = {
      ...proposeRoot(root, { role: 'root', keys: [...own, beside], threshold: 1 }, NOW),
      version: root.version,
    };
    const message = rootMessage(present);
    const signature = { keyId: keyId(beside), ...thief.sign(message) };
    const next = proposeRoot(present, { role: 'targets', keys: [targets.publicKey] }, NOW);
    const forged = await encodeRequest({
      ...request,
      repositories: [
        {
          ...asked,
          base: encodeFile(Buffer.from(message).toString('utf8'), [signature]),
          proposed: rootMessage(next),
        },
      ],
    });
    const forgedFile = ceremony.path('forged.tbr');
    await writeFile(forgedFile, await encodeCeremony(forged, []));

    const unknowing = await scene.machine({ server: NOBODY });
    await unknowing.takeKey(ceremony.safe, 'root');
    expect((await ceremony.show(forgedFile, unknowing)).notSignedHere).toEqual([GUN]);
    expect((await ceremony.show(file, unknowing)).notSignedHere).toEqual([]);
    const remembering = await ceremony.show(forgedFile);
    expect(remembering.refusal).toMatchObject({ code: 'CEREMONY_FORKED' });
    const answer = { files: [forgedFile], output: ceremony.path('answer.tbr') };
    const signed = await unknowing.run(session => signCeremony(session, answer));
    expect(signed.notSignedHere).toEqual([GUN]);
  });

  it('signs only what was shown', async ({ scene }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const { file, fingerprint } = await ceremony.requested({});
    await copyFile(await ceremony.request({}), file);
    await expectFailure(
      ceremony.sign(file, ceremony.safe, { fingerprint }),
      OperationError,
      'CEREMONY_CHANGED',
    );
  });

  it('without any of the keys, after its time, or over a file that is there, signs nothing', async ({
    scene,
  }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const file = await ceremony.request({});
    await expectFailure(
      ceremony.sign(file, await scene.machine({ server: NOBODY })),
      KeyError,
      'KEY_MISSING',
    );
    await expectFailure(
      ceremony.sign(file, ceremony.safe, { output: await ceremony.newRoot() }),
      OperationError,
      'FILE_EXISTS',
    );
    scene.clock = new Date(NOW.getTime() + 90 * DAY);
    await expectFailure(ceremony.sign(file), OperationError, 'CEREMONY_EXPIRED');
    await expectFailure(ceremony.apply(file), OperationError, 'CEREMONY_EXPIRED');
  });

  it('does not lose what it remembers to a damaged record', async ({ scene }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const file = await ceremony.request({});
    const record = join(ceremony.safe.trustDir, '.tabellion', 'ceremony-seen.json');
    for (const text of ['', '{}', '{"schemaVersion":1,"repositories":{"x":{}}}']) {
      await writeFile(record, text);
      await expectFailure(ceremony.sign(file), OperationError, 'RECORD_DAMAGED');
    }
  });
});

describe.concurrent('an answer', () => {
  it('is refused when it is stale, replayed, or not for this machine or server', async ({
    scene,
  }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const [stale, good] = [await ceremony.request({}), await ceremony.request({})];
    const answer = await ceremony.sign(stale);
    const used = await ceremony.sign(good, ceremony.safe, { newHistory: true });
    await ceremony.apply(used);
    await expectFailure(ceremony.apply(answer), OperationError, 'CEREMONY_STALE');
    await expectFailure(ceremony.apply(used), OperationError, 'CEREMONY_REPLAYED');
    const stranger = await scene.machine();
    await expectFailure(
      stranger.run(session => applyCeremony(session, { files: [answer] })),
      OperationError,
      'CEREMONY_UNKNOWN',
    );
    const { url } = await scene.proxy();
    await expectFailure(
      ceremony.online
        .with({ server: url })
        .run(session => applyCeremony(session, { files: [answer] })),
      OperationError,
      'CEREMONY_OTHER_SERVER',
    );
  });

  it('to a request that was given up is refused; what waits is listed', async ({ scene }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const { file, id, createdKeys } = await ceremony.requested({});
    const answer = await ceremony.sign(file);
    const listed = await ceremony.online.run(listCeremonies);
    const states = listed.map(record => record.repositories[0]?.state);
    expect(states.sort()).toEqual(['published', 'waiting']);
    const cancelled = await ceremony.online.run(session => cancelCeremony(session, id));
    expect(cancelled.createdKeys).toMatchObject([{ id: createdKeys[0]?.id, role: 'targets' }]);
    await expectFailure(ceremony.apply(answer), OperationError, 'CEREMONY_UNKNOWN');
    for (const unknown of [id, '../ceremony-seen', ''])
      await expectFailure(
        ceremony.online.run(session => cancelCeremony(session, unknown)),
        OperationError,
        'CEREMONY_UNKNOWN',
      );
    expect(await ceremony.online.run(listCeremonies)).toHaveLength(1);
  });

  it('that was published before the machine could note it counts as published', async ({
    scene,
  }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const requested = await ceremony.requested({});
    const record = join(
      ceremony.online.trustDir,
      '.tabellion',
      'ceremonies',
      `${requested.id}.json`,
    );
    const before = await readFile(record);
    const answer = await ceremony.sign(requested.file);
    await ceremony.apply(answer);
    await writeFile(record, before);
    const posts = scene.posts().length;
    const { repositories } = await ceremony.apply(answer);
    expect(repositories).toMatchObject([{ status: 'already-published' }]);
    expect(scene.posts()).toHaveLength(posts);
  });

  it('with any byte of its request changed is refused, though its checksum fits; nothing is published', async ({
    scene,
  }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const request = await ceremony.request({});
    const answer = await ceremony.sign(request);
    const posts = scene.posts().length;
    const { requestBytes, signatures } = await decodeCeremony(await readFile(answer));
    const file = ceremony.path('altered.tbr');
    const codes = new Set<string>();
    await ceremony.online.run(async session => {
      // All bytes but those of the roots, and some of these: a file for each takes its time.
      const inRoots = (index: number) => index > 250 && index < requestBytes.length - 100;
      for (let index = 0; index < requestBytes.length; index += inRoots(index) ? 16 : 1) {
        const altered = Buffer.from(requestBytes);
        altered[index] = (altered[index] ?? 0) ^ 0x01;
        await writeFile(file, await encodeCeremony(altered, signatures));
        codes.add(await codeOf(applyCeremony(session, { files: [file] })));
      }
    });
    expect([...codes].sort()).toEqual([
      'CEREMONY_ALTERED',
      'CEREMONY_MALFORMED',
      'CEREMONY_UNKNOWN',
    ]);
    expect(scene.posts()).toHaveLength(posts);
    await ceremony.apply(answer);
  }, 60_000);

  it('with any byte of a signature changed is refused, though its checksum fits', async ({
    scene,
  }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const answer = await ceremony.sign(await ceremony.request({}));
    const { requestBytes, signatures } = await decodeCeremony(await readFile(answer));
    const [signature] = signatures;
    if (signature === undefined) throw new Error('no signature');
    const file = ceremony.path('altered.tbr');
    const codes = new Set<string>();
    await ceremony.online.run(async session => {
      for (let index = 0; index < signature.signature.length; index++) {
        const bytes = Buffer.from(signature.signature);
        bytes[index] = (bytes[index] ?? 0) ^ 0x01;
        await writeFile(
          file,
          await encodeCeremony(requestBytes, [{ ...signature, signature: bytes }]),
        );
        codes.add(await codeOf(applyCeremony(session, { files: [file] })));
      }
      for (const change of [{ keyId: 'ab'.repeat(32) }, { method: 'eddsa' }, { method: '' }]) {
        await writeFile(file, await encodeCeremony(requestBytes, [{ ...signature, ...change }]));
        codes.add(await codeOf(applyCeremony(session, { files: [file] })));
      }
    });
    expect([...codes]).toEqual(['CEREMONY_SIGNATURE_INVALID']);
  });

  it('of an altered request that was signed all the same is refused at home', async ({ scene }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const request = await ceremony.request({});
    // Another date of making: nothing that the safe could know.
    const altered = await ceremony.altered(request, bytes => {
      const at = bytes.indexOf('2026-11-22T00:00:00Z');
      bytes.write('2026-11-21', at);
      return bytes;
    });
    expect((await ceremony.show(altered)).fingerprint).not.toBe(
      (await ceremony.show(request)).fingerprint,
    );
    const answer = await ceremony.sign(altered);
    await expectFailure(ceremony.apply(answer), TrustError, 'CEREMONY_ALTERED');
  });
});

describe.concurrent('a request', () => {
  it('in the safe never does more than fail when any byte of it was changed', async ({ scene }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const request = await ceremony.request({});
    const { requestBytes } = await decodeCeremony(await readFile(request));
    const { fingerprint } = await ceremony.show(request);
    const file = ceremony.path('altered.tbr');
    await ceremony.safe.run(async session => {
      for (let index = 0; index < requestBytes.length; index += 16) {
        const altered = Buffer.from(requestBytes);
        altered[index] = (altered[index] ?? 0) ^ 0x04;
        try {
          await writeFile(file, await encodeCeremony(altered, []));
          // What can still be shown is another request, and says so.
          expect((await showCeremony(session, [file])).fingerprint).not.toBe(fingerprint);
        } catch (error) {
          expect(error, `byte ${index}`).toBeInstanceOf(TabellionError);
        }
      }
    });
  }, 60_000);

  it('is not made when it could not be carried out; then there is no key and no file', async ({
    scene,
  }) => {
    const ceremony = await Ceremony.withRepository(scene);
    const certificate = await ceremony.newRoot();
    const foreign = await ceremony.newRoot(ceremony.safe, 'localhost:5000/other');
    const output = ceremony.path('no.tbr');
    const refused: [Partial<RequestCeremony>, typeof UsageError | typeof TrustError, string][] = [
      [{ kind: 'rotate', role: 'root' }, UsageError, 'OPTIONS_CONFLICT'],
      [{ kind: 'rotate', role: 'targets/a' }, UsageError, 'ROTATION_NOT_ALLOWED'],
      [{ role: 'targets', serverManaged: true }, UsageError, 'ROTATION_NOT_ALLOWED'],
      [{ kind: 'rotate-root' }, UsageError, 'OPTIONS_CONFLICT'],
      [{ certificateFiles: [certificate] }, UsageError, 'OPTIONS_CONFLICT'],
      [{ threshold: 2 }, UsageError, 'OPTIONS_CONFLICT'],
      [{ kind: 'renew-root', threshold: 2 }, TrustError, 'THRESHOLD_UNATTAINABLE'],
      [
        { kind: 'add-root-key', certificateFiles: [certificate], threshold: 3 },
        TrustError,
        'THRESHOLD_UNATTAINABLE',
      ],
      [{ repositories: [GUN, 'localhost:5000/none'] }, TrustError, 'NO_TRUST_DATA'],
    ];
    const keys = await ceremony.online.keyRoles();
    for (const [request, kind, code] of refused)
      await expectFailure(ceremony.request({ ...request, output }), kind, code);
    await expectFailure(
      ceremony.request({ kind: 'rotate-root', certificateFiles: [foreign], output }),
      KeyError,
      'CERTIFICATE_UNACCEPTABLE',
    );
    await expectFailure(
      ceremony.request({ kind: 'init', certificateFiles: [certificate], output }),
      OperationError,
      'REPOSITORY_EXISTS',
    );
    await expectFailure(ceremony.request({ output: certificate }), OperationError, 'FILE_EXISTS');
    expect(await ceremony.online.keyRoles()).toEqual(keys);
    await expect(readFile(output)).rejects.toThrow();
    await mkdir(output);
  });
});

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (error instanceof TabellionError) return error.code;
    throw error;
  }
}
