import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { OperationError, TrustError } from '../../../src/errors.ts';
import { rotateKey } from '../../../src/operations/rotation/rotate.ts';
import { findOwnPin, removeOwnPin } from '../../../src/operations/thumbprints/own-pins.ts';
import {
  type ThumbprintReport,
  type ThumbprintRequest,
  thumbprints,
} from '../../../src/operations/thumbprints/thumbprint.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { it, type Machine, type Scene } from '../../support/trust-scene.ts';

const GUN = 'registry.example.com/team/app';
const IMAGE = `${GUN}:1`;

async function show(machine: Machine, request: ThumbprintRequest = {}): Promise<ThumbprintReport> {
  const [report] = await machine.run(session => thumbprints(session, [GUN], request));
  if (report === undefined) throw new Error('nothing was shown');
  return report;
}

async function signed(scene: Scene): Promise<Machine> {
  const owner = await scene.machine();
  await owner.signOne(IMAGE, { signer: 'alice' });
  return owner;
}

function rootSha256({ roles }: ThumbprintReport): string {
  return roles.find(({ role }) => role === 'root')?.keys[0]?.certificate?.sha256 ?? '';
}

async function rotateRoot(owner: Machine): Promise<void> {
  await owner.run(session => rotateKey(session, GUN, { role: 'root' }));
}

describe.concurrent('thumbprints', () => {
  it('are those of all roles, each with the file that has them', async ({ scene }) => {
    await signed(scene);
    const reader = await scene.machine();
    const report = await show(reader);
    expect(report).toMatchObject({ trusted: true, exitCode: 0, pinned: false, expected: [] });
    const file = (role: string): string => reader.cacheFile(GUN, role);
    expect(report.roles.map(role => [role.role, role.file, role.keys.length])).toEqual([
      ['root', file('root'), 1],
      ['targets', file('root'), 1],
      ['snapshot', file('root'), 1],
      ['timestamp', file('root'), 1],
      ['targets/alice', file('targets'), 1],
      ['targets/releases', file('targets'), 1],
    ]);
    const alice = await show(reader, { roles: ['alice'] });
    expect(alice.roles.map(({ role }) => role)).toEqual(['targets/alice']);
  });

  it('are compared with what is expected of a role, and of no other', async ({ scene }) => {
    await signed(scene);
    const reader = await scene.machine();
    const { roles } = await show(reader);
    const idOf = (name: string): string =>
      roles.find(({ role }) => role === name)?.keys[0]?.privateKeyId ?? '';
    const good = await show(reader, { expected: [idOf('root'), `alice=${idOf('targets/alice')}`] });
    expect(good).toMatchObject({
      exitCode: 0,
      expected: [
        { role: 'root', matched: { kind: 'private-key-id' } },
        { role: 'alice', matched: { kind: 'key-id' } },
      ],
    });
    // A key that stands elsewhere in the repository is not the root's.
    const elsewhere = await show(reader, { expected: [idOf('targets')] });
    expect(elsewhere).toMatchObject({
      exitCode: 3,
      error: { code: 'THUMBPRINT_DIFFERS' },
      expected: [{ elsewhere: ['targets'] }],
    });
    const both = await show(reader, { expected: [idOf('root'), '0'.repeat(64)], pin: true });
    expect(both).toMatchObject({ exitCode: 3, pinned: false });
    expect((await reader.verify(IMAGE)).trusted).toBe(true);
  });

  it('tell what has changed since they were last shown', async ({ scene }) => {
    const owner = await signed(scene);
    const reader = await scene.machine();
    expect((await show(reader)).changes).toBeUndefined();
    expect((await show(reader)).changes?.roles).toEqual([]);
    await owner.run(session => rotateKey(session, GUN, { role: 'targets' }));
    const { changes, trusted } = await show(reader);
    expect(trusted).toBe(true);
    expect(changes).toMatchObject({ since: scene.clock.toISOString() });
    expect(
      changes?.roles.map(({ role, added, removed }) => [role, added.length, removed.length]),
    ).toEqual([['targets', 1, 1]]);
  });
});

describe.concurrent('a pin of one’s own', () => {
  it('holds at every load, until it is moved or taken away', async ({ scene }) => {
    const owner = await signed(scene);
    const reader = await scene.machine();
    const before = rootSha256(await show(reader));
    const set = await show(reader, { expected: [before], pin: true });
    expect(set).toMatchObject({ exitCode: 0, pinned: true, trusted: true });
    expect((await reader.verify(IMAGE)).trusted).toBe(true);
    await rotateRoot(owner);
    // The chain is right, but nobody has confirmed the new root.
    for (const offline of [false, true]) {
      const { trusted, error } = await reader.verify(IMAGE, { offline });
      expect(offline ? [true, undefined] : [false, 'PIN_MISMATCH']).toEqual([trusted, error?.code]);
    }
    const shown = await show(reader);
    expect(shown).toMatchObject({ trusted: false, exitCode: 3, error: { code: 'PIN_MISMATCH' } });
    expect(shown.pin?.certificates[0]?.certificate?.sha256).toBe(before);
    const after = rootSha256(shown);
    expect(after).not.toBe(before);
    // What was shown is what is pinned, and what was expected.
    const stale = await show(reader, { expected: [before], pin: true });
    expect(stale).toMatchObject({ exitCode: 3, pinned: false });
    const other = await show(reader, { pin: true, shown: [] });
    expect(other).toMatchObject({ pinned: false, error: { code: 'CHANGED_SINCE_REVIEW' } });
    expect(await show(reader, { expected: [after], pin: true })).toMatchObject({
      exitCode: 0,
      pinned: true,
      trusted: true,
    });
    expect((await reader.verify(IMAGE)).trusted).toBe(true);
    await rotateRoot(owner);
    expect((await reader.verify(IMAGE)).error?.code).toBe('PIN_MISMATCH');
    const { own } = await reader.run(async session => session.trustDir);
    expect(await removeOwnPin(own, GUN, scene.server.url)).toBe(true);
    expect(await removeOwnPin(own, GUN, scene.server.url)).toBe(false);
    expect((await reader.verify(IMAGE)).trusted).toBe(true);
  });

  it('goes with a root that its holder publishes', async ({ scene }) => {
    const owner = await signed(scene);
    await show(owner, { pin: true });
    const { own } = await owner.run(async session => session.trustDir);
    const before = await findOwnPin(own, GUN, scene.server.url);
    await rotateRoot(owner);
    const after = await findOwnPin(own, GUN, scene.server.url);
    expect(after?.certificates[0]?.keyId).not.toBe(before?.certificates[0]?.keyId);
    await owner.signOne(`${GUN}:2`);
    expect((await owner.verify(`${GUN}:2`)).trusted).toBe(true);
  });

  it('keeps out a repository made anew, and both roots are shown', async ({ scene }) => {
    const owner = await signed(scene);
    const reader = await scene.machine();
    const before = rootSha256(await show(reader, { pin: true }));
    await owner.run(async session => {
      await (await session.repositoryByGun(GUN)).remote.deleteRepository();
    });
    const thief = await scene.machine();
    await thief.signOne(IMAGE);
    const shown = await show(reader);
    expect(shown).toMatchObject({ trusted: false, exitCode: 3 });
    expect(rootSha256(shown)).not.toBe(before);
    expect(shown.known?.[0]?.certificate?.sha256).toBe(before);
    // Not even when asked: the old root does not lead there.
    expect(await show(reader, { pin: true })).toMatchObject({ pinned: false, exitCode: 3 });
    // A machine without a copy has nothing but the pin to go by.
    const fresh = await scene.machine();
    const { own } = await reader.run(async session => session.trustDir);
    const pins = await own.read('pins.json');
    await fresh.run(session => session.trustDir.own.write('pins.json', pins as object));
    expect((await fresh.verify(IMAGE)).error?.code).toBe('PIN_MISMATCH');
    await expectFailure(fresh.signOne(`${GUN}:2`), TrustError, 'PIN_MISMATCH');
  });

  it('is for one server, and binds beside those of the configuration', async ({ scene }) => {
    await signed(scene);
    const reader = await scene.machine();
    await show(reader, { pin: true });
    const proxy = await scene.proxy();
    const elsewhere = reader.with({ server: proxy.url });
    const { own } = await reader.run(async session => session.trustDir);
    expect(await findOwnPin(own, GUN, proxy.url)).toBeUndefined();
    expect(await findOwnPin(own, GUN, `${scene.server.url}/`)).toBeDefined();
    expect((await elsewhere.verify(IMAGE)).trusted).toBe(true);
    // No trust on first use is needed where somebody has confirmed the root.
    await reader.notaryConfig({ trust_pinning: { disable_tofu: true } });
    expect((await reader.verify(IMAGE)).trusted).toBe(true);
    await reader.notaryConfig({ trust_pinning: { certs: { [GUN]: ['0'.repeat(64)] } } });
    expect((await reader.verify(IMAGE)).error?.code).toBe('PIN_MISMATCH');
  });

  it('that cannot be read lets nothing through', async ({ scene }) => {
    await signed(scene);
    const reader = await scene.machine();
    await show(reader, { pin: true });
    const file = join(reader.trustDir, '.tabellion', 'pins.json');
    for (const text of ['', '{}', '{"version":1,"pins":[{}]}', '{"version":2,"pins":[]}']) {
      await writeFile(file, text);
      expect((await reader.verify(IMAGE)).trusted).toBe(false);
      await expectFailure(reader.load(GUN), OperationError, 'RECORD_DAMAGED');
    }
  });
});
