import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { sha256Hex } from '../../../src/crypto/digest.ts';
import { keyThumbprints } from '../../../src/crypto/thumbprint.ts';
import { withAnswers } from '../../../src/operations/recover/record.ts';
import { runRecovery } from '../../../src/operations/recover/recovery.ts';
import { rootIds } from '../../../src/operations/recover/root-keys.ts';
import { readOwnPins, setOwnPin } from '../../../src/operations/thumbprints/own-pins.ts';
import type { ProviderId } from '../../../src/registry/providers.ts';
import { addTarget } from '../../../src/tuf/change.ts';
import {
  content,
  DAY,
  it,
  MANIFEST,
  type Machine,
  PASSPHRASES,
  type Scene,
} from '../../support/trust-scene.ts';
import { begin, carryOn } from './support/recovering.ts';

const HOST = 'reg.example';
const GUNS = ['a', 'b', 'c'].map(name => `${HOST}/lost/${name}`);
const OTHER = 'other.example/kept';

/** Somebody with three repositories under one root, and one under another. */
async function owner(scene: Scene): Promise<{ machine: Machine; rootId: string }> {
  const machine = await scene.machine();
  for (const [index, gun] of GUNS.entries()) {
    await machine.signOne([`${gun}:1`, `${gun}:2`], {
      as: content(`image ${index}`),
      ...(index === 0 ? { signer: 'alice' } : {}),
    });
  }
  const custom = { hashes: { sha256: Buffer.from(content('c').hex, 'hex').toString('base64') } };
  await machine.publish(
    GUNS[1] ?? '',
    addTarget('targets', 'custom', { ...custom, length: 3, custom: { built: 'by hand' } }),
  );
  const [root] = (await machine.keyFiles()).filter(({ role }) => role === 'root');
  const other = await scene.machine();
  await other.signOne(`${OTHER}:1`);
  await machine.takeKey(other, 'root');
  await machine.takeKey(other, 'targets');
  await machine.load(OTHER);
  return { machine, rootId: root?.id ?? '' };
}

async function lose(machine: Machine, rootId: string): Promise<void> {
  await machine.run(async session => {
    await (await session.keys()).remove(rootId);
  });
}

/** What counts of the end: the same whatever happened on the way. */
async function end(scene: Scene, machine: Machine): Promise<unknown> {
  const tags = await Promise.all(
    GUNS.map(async gun => ({
      targets: await scene.tags(gun, 'targets'),
      releases: await scene.tags(gun, 'targets/releases'),
      signer: await scene.tags(gun, 'targets/alice'),
    })),
  );
  const roots = (await machine.keyFiles()).filter(({ role }) => role === 'root');
  return { tags, roots: roots.length, roles: await machine.keyRoles() };
}

describe('a lost root key', () => {
  it('ends with all tags signed again, and nothing of another root touched', async ({ scene }) => {
    const { machine, rootId } = await owner(scene);
    const before = await end(scene, machine);
    const kept = await machine.keyFiles();
    const keptMetadata = await readFile(machine.cacheFile(OTHER, 'root'), 'utf8');
    await lose(machine, rootId);
    const record = await begin(machine);
    expect(record.case).toEqual({ kind: 'root', reason: 'lost', keyId: rootId });
    const done = await carryOn(machine, record);
    expect(done).toMatchObject({ state: 'done' });
    expect(done.repositories.map(({ stage }) => stage)).toEqual([
      'verified',
      'verified',
      'verified',
    ]);
    expect(await end(scene, machine)).toEqual(before);
    const custom = (await scene.trusted(GUNS[1] ?? '')).targets.get('targets')?.metadata.targets;
    expect(custom?.get('custom')?.custom).toEqual({ built: 'by hand' });
    // Every root is the new one; the other owner's is what it was.
    for (const gun of GUNS) {
      expect((await scene.versions(gun)).root).toBe(1);
    }
    expect(await readFile(machine.cacheFile(OTHER, 'root'), 'utf8')).toBe(keptMetadata);
    const after = new Map((await machine.keyFiles()).map(({ id, text }) => [id, text]));
    const others = kept.filter(({ role }) => role === 'alice');
    for (const { id, text } of others) expect(after.get(id)).toBe(text);
    const aside = await readdir(
      join(machine.trustDir, '.tabellion', 'recoveries', done.id, 'aside'),
      { recursive: true },
    );
    expect(aside.filter(name => name.endsWith('root.json'))).toHaveLength(3);
    expect(aside.filter(name => name.endsWith('.key'))).toHaveLength(3);
    const report = await readFile(
      join(machine.trustDir, '.tabellion', 'recoveries', done.id, 'report.md'),
      'utf8',
    );
    expect(report).toContain(done.newRootKeyId);
  });

  it('stopped after any write and resumed, has the same end', { timeout: 120_000 }, async ({
    scene,
  }) => {
    const { machine, rootId } = await owner(scene);
    const before = await end(scene, machine);
    await lose(machine, rootId);
    let record = await begin(machine);
    const { id } = record;
    const deletions: boolean[] = [];
    for (let stop = 1; record.state !== 'done'; stop += 1) {
      try {
        record = await carryOn(machine, record, {
          saved: written => {
            deletions.push(
              written.backup !== undefined ||
                !scene.requests().some(line => line.startsWith('DELETE')),
            );
            if (written.revision >= stop) throw new Error('stopped here');
          },
        });
      } catch (error) {
        expect(String(error)).toContain('stopped here');
        record = { ...record, revision: stop };
      }
      expect(stop).toBeLessThan(60);
    }
    expect(record.id).toBe(id);
    expect(await end(scene, machine)).toEqual(before);
    expect(deletions).not.toContain(false);
    // Each repository was made once.
    expect(scene.requests().filter(line => line.startsWith('DELETE'))).toHaveLength(3);
  });

  it.for<ProviderId>(['docker-hub'])(
    'waits where %s has to act, and carries on when it has',
    async (provider, { scene }) => {
      const { machine, rootId } = await owner(scene);
      const before = await end(scene, machine);
      await lose(machine, rootId);
      const waiting = await carryOn(machine, await begin(machine, { provider }));
      expect(waiting.state).toBe('waiting');
      expect(waiting.repositories[0]?.problem?.code).toBe('RECOVERY_WAITING');
      expect(await carryOn(machine, waiting)).toMatchObject({ state: 'waiting' });
      expect(scene.requests().filter(line => line.startsWith('DELETE'))).toEqual([]);
      const support = await scene.machine();
      for (const gun of GUNS) {
        await support.run(async session => {
          await (await session.repositoryByGun(gun)).remote.deleteRepository();
        });
      }
      expect(await carryOn(machine, waiting)).toMatchObject({ state: 'done' });
      expect(await end(scene, machine)).toEqual(before);
    },
  );

  it('under which somebody else’s tags may be: only what was known before comes back', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    const [gun = ''] = GUNS;
    await machine.signOne([`${gun}:1`, `${gun}:2`]);
    const trustedSince = new Date(scene.clock.getTime() + 1000).toISOString();
    scene.clock = new Date(scene.clock.getTime() + DAY);
    const thief = await scene.machine();
    await thief.takeKey(machine, 'targets');
    await thief.signOne(`${gun}:evil`, { as: content('evil') });
    await thief.signOne(`${gun}:2`, { as: content('evil too') });
    const loss = { reason: 'compromised', path: 'anew', keep: 'known', trustedSince } as const;
    const done = await carryOn(machine, await begin(machine, loss));
    expect(done.state).toBe('done');
    expect(await scene.tags(gun, 'targets')).toEqual({ '1': content('one').hex });
    // The leaked key is aside, and the thief's other key signs nothing any more.
    expect(done.keysSetAside).toContain(done.case.keyId);
    const failed = await thief.signOne(`${gun}:more`).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(Error);
  });

  it('where content trust is switched off for a whole registry: other roots’ repositories come back under their own', async ({
    scene,
  }) => {
    const { machine, rootId } = await owner(scene);
    const own = `${HOST}/theirs/app`;
    const other = await scene.machine();
    await other.signOne(`${own}:1`);
    const theirRoot = await machine.takeKey(other, 'root');
    await machine.load(own);
    await lose(machine, rootId);
    const record = await begin(machine, { provider: 'azure', key: rootId });
    expect(record.repositories.filter(({ under }) => under === 'collateral')).toMatchObject([
      { gun: own, oldRootKeys: [theirRoot] },
    ]);
    const waiting = await carryOn(machine, record);
    for (const gun of [...GUNS, own]) {
      await other.run(async session => {
        await (await session.repositoryByGun(gun)).remote.deleteRepository();
      });
    }
    expect(await carryOn(machine, waiting)).toMatchObject({ state: 'done' });
    expect(await scene.tags(own, 'targets')).toEqual({ '1': content('one').hex });
    const { root } = await scene.trusted(own);
    expect(rootIds(root.bytes).keyIds).toEqual([theirRoot]);
  });

  it('waits, with a text to send, where the server refuses the deletion', async ({ scene }) => {
    const { machine, rootId } = await owner(scene);
    await lose(machine, rootId);
    const proxy = await scene.proxy();
    const remove = proxy.fault(/^DELETE /, { status: 403, body: '{"errors":[{"code":"DENIED"}]}' });
    const through = machine.with({ server: proxy.url });
    const waiting = await carryOn(through, await begin(through, { provider: 'harbor' }));
    expect(waiting).toMatchObject({ state: 'waiting' });
    expect(waiting.repositories.map(({ stage }) => stage)).toEqual([
      'recorded',
      'recorded',
      'recorded',
    ]);
    const folder = join(machine.trustDir, '.tabellion', 'recoveries', waiting.id);
    const [ticket = ''] = await readdir(folder);
    expect(await readFile(join(folder, ticket), 'utf8')).toContain(GUNS[2]);
    // With another server named, nothing is mixed up.
    await expect(carryOn(machine, waiting)).rejects.toMatchObject({
      code: 'RECOVERY_SERVER_DIFFERS',
    });
    remove();
    expect(await carryOn(through, waiting)).toMatchObject({ state: 'done' });
  });

  it('signs nothing again whose image the registry has lost', async ({ scene }) => {
    const machine = await scene.machine();
    const kept = sha256Hex(Buffer.from(MANIFEST));
    const registry = await scene.registry(tag => (tag === `sha256:${kept}` ? MANIFEST : 404));
    const gun = `${registry.domain}/team/app`;
    await machine.signOne(`${gun}:kept`, {
      as: { hex: kept, digest: `sha256:${kept}`, size: MANIFEST.length },
    });
    await machine.signOne(`${gun}:lost`, { as: content('lost') });
    await machine.loseKey('root');
    const done = await carryOn(machine, await begin(machine, { checkRegistry: true }));
    expect(done.state).toBe('done');
    expect(await scene.tags(gun, 'targets')).toEqual({ kept });
  });

  it('that was pinned: a pin of ours moves, one in a configuration is asked for before anything goes', async ({
    scene,
  }) => {
    const machine = await scene.machine();
    const [gun = ''] = GUNS;
    await machine.signOne(`${gun}:1`);
    const [key] = await machine.run(async session => {
      const access = await session.repositoryByGun(gun);
      const { certificates } = (await scene.trusted(gun)).root;
      await setOwnPin(session.trustDir.own, {
        repository: gun,
        server: access.server,
        pinnedAt: session.now.toISOString(),
        certificates: certificates.map(({ key: certificate }) => keyThumbprints(certificate)),
      });
      return certificates;
    });
    await machine.loseKey('root');
    const pinning = { certs: new Map([[gun, [key?.id ?? '']]]), ca: new Map(), disableTofu: false };
    const pinned = machine.with({ trustPinning: pinning });
    const waiting = await carryOn(pinned, await begin(pinned));
    expect(waiting.repositories[0]).toMatchObject({
      stage: 'found',
      problem: { code: 'RECOVERY_PINNED' },
    });
    expect(scene.requests().filter(line => line.startsWith('DELETE'))).toEqual([]);
    const done = await carryOn(machine, waiting);
    expect(done.state).toBe('done');
    expect((await machine.verify(`${gun}:1`, { requireFresh: true })).trusted).toBe(true);
    const pins = await machine.run(session => readOwnPins(session.trustDir.own));
    expect(pins).toMatchObject([
      {
        repository: gun,
        certificates: [{ keyId: done.repositories[0]?.newRootCertificates?.[0] }],
      },
    ]);
  });

  it('deletes nothing while a key cannot be opened, or no passphrase for a new one is there', async ({
    scene,
  }) => {
    const { machine, rootId } = await owner(scene);
    await lose(machine, rootId);
    const { DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE } = PASSPHRASES;
    const record = await begin(machine);
    for (const [env, code] of [
      [{ DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE }, 'KEY_PASSPHRASE_MISSING'],
      [
        { ...PASSPHRASES, DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE: 'not this one' },
        'KEY_PASSPHRASE_WRONG',
      ],
    ] as const) {
      await expect(carryOn(machine.with({ env }), record)).rejects.toMatchObject({ code });
      record.revision = 1;
    }
    expect(scene.requests().filter(line => line.startsWith('DELETE'))).toEqual([]);
    expect(await carryOn(machine, record)).toMatchObject({ state: 'done' });
  });

  it('goes on without a repository that cannot be verified, if told to, and leaves that one alone', async ({
    scene,
  }) => {
    const { machine, rootId } = await owner(scene);
    await lose(machine, rootId);
    const proxy = await scene.proxy();
    const [broken = '', ...others] = GUNS;
    proxy.fault(new RegExp(`^GET .*/${broken}/_trust/tuf/timestamp`), { status: 500 });
    const through = machine.with({ server: proxy.url });
    const waiting = await carryOn(through, await begin(through));
    expect(waiting.repositories.map(({ stage }) => stage)).toEqual([
      'found',
      'recorded',
      'recorded',
    ]);
    expect(scene.requests().filter(line => line.startsWith('DELETE'))).toEqual([]);
    const done = await through.run(async session => {
      const record = withAnswers(waiting, { skip: [broken], checkRegistry: true });
      return await runRecovery(session, record, { seal: async () => '/sealed' });
    });
    expect(done.state).toBe('done');
    expect(done.repositories.map(({ stage }) => stage)).toEqual(['left', 'verified', 'verified']);
    expect(rootIds((await scene.trusted(broken)).root.bytes).keyIds).toEqual([rootId]);
    expect(() => withAnswers(done, { skip: others, checkRegistry: true })).toThrow(
      expect.objectContaining({ code: 'RECOVERY_SKIP_TOO_LATE' }),
    );
  });

  it('takes in what was signed while it waited; after a leak only what was reviewed', async ({
    scene,
  }) => {
    const [gun = ''] = GUNS;
    for (const reason of ['lost', 'compromised'] as const) {
      const machine = await scene.machine();
      await machine.signOne(`${gun}:1`);
      if (reason === 'lost') await machine.loseKey('root');
      const record = await begin(machine, { provider: 'docker-hub', path: 'anew', reason });
      const waiting = await carryOn(machine, record);
      await machine.signOne(`${gun}:later`, { as: content('later') });
      await carryOn(machine, waiting);
      await machine.run(async session => {
        await (await session.repositoryByGun(gun)).remote.deleteRepository();
      });
      expect(await carryOn(machine, waiting)).toMatchObject({ state: 'done' });
      expect(Object.keys(await scene.tags(gun, 'targets'))).toEqual(
        reason === 'lost' ? ['1', 'later'] : ['1'],
      );
      await machine.run(async session => {
        await (await session.repositoryByGun(gun)).remote.deleteRepository();
      });
    }
  });
});
