import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { hardenKeys } from '../../src/operations/keys/key-harden.ts';
import { listKeys } from '../../src/operations/keys/key-list.ts';
import type { Reminder } from '../../src/operations/reminders.ts';
import { noteBackups } from '../../src/trust-dir/backup-record.ts';
import { TrustDir } from '../../src/trust-dir/trust-dir.ts';
import { content, DAY, it, type Machine } from '../support/trust-scene.ts';

const APP = 'localhost:5000/app';
const OTHER = 'localhost:5000/other';

const kinds = (reminders: readonly Reminder[]) => reminders.map(({ kind }) => kind);

const listing = (machine: Machine) => machine.run(session => listKeys(session));
const signing = (machine: Machine, tag: string) =>
  machine.sign([`${APP}:${tag}`], { as: content(tag) });

async function idOf(machine: Machine, role: string): Promise<string> {
  return (await machine.keyFiles()).find(key => key.role === role)?.id ?? '';
}

async function backUp(machine: Machine, keyIds: string[]): Promise<void> {
  const note = {
    createdAt: '2026-11-01T00:00:00.000Z',
    file: '/mnt/usb/backup.cbor',
    sha256: 'a'.repeat(64),
    keyIds,
  };
  await noteBackups(new TrustDir(machine.trustDir).own, [note]);
}

describe('reminders', () => {
  it('are of root keys without backup and of weak files, in one line each', async ({ scene }) => {
    const machine = await scene.machine();
    const { reminders } = await signing(machine, '1');
    const root = await idOf(machine, 'root');
    const targets = await idOf(machine, 'targets');
    expect(reminders).toEqual([
      {
        kind: 'no-backup',
        message: `The root key ${root.slice(0, 12)} has no backup on record; make one with: tabellion backup create FILE`,
        keyIds: [root],
      },
      {
        kind: 'weak-key',
        message: expect.stringMatching(
          /^2 key files \(.*\) are weakly encrypted; mend them with: tabellion key harden --all$/,
        ),
        keyIds: [root, targets],
      },
    ]);
    expect((await machine.inspect(APP)).reminders).toEqual(reminders);
    expect((await listing(machine)).reminders).toEqual(reminders);

    await machine
      .withEnv({ TABELLION_KDF_ROUNDS: '1300000' })
      .run(session => hardenKeys(session, { ids: [targets] }));
    await backUp(machine, [root, targets]);
    const [left, ...others] = (await signing(machine, '2')).reminders;
    expect(others).toEqual([]);
    expect(left).toMatchObject({ kind: 'weak-key', keyIds: [root] });
    expect(left?.message).toContain(`tabellion key harden ${root.slice(0, 12)}`);
    const listed = await listing(machine);
    expect(listed.keys.map(({ role, strength }) => [role, strength])).toEqual([
      ['root', 'weak'],
      ['targets', 'strong'],
    ]);
    expect(listed.keys[0]).toMatchObject({
      backedUpAt: '2026-11-01T00:00:00.000Z',
      certifiedAt: '2026-11-22T00:00:00.000Z',
      trustedBy: [{ repository: APP, role: 'root' }],
    });
  });

  it('are of the repositories at hand only, but in the list of all keys', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${OTHER}:1`, { signer: 'alice' });
    const reader = await scene.machine();
    await reader.takeKey(machine, 'alice');
    await signing(machine, '1');
    // Nobody who only reads is reminded of keys that are not theirs.
    expect((await reader.inspect(APP)).reminders).toEqual([]);
    expect(kinds((await reader.inspect(OTHER)).reminders)).toEqual(['weak-key']);
    expect(kinds((await listing(reader)).reminders)).toEqual(['weak-key']);
  });

  it('are of metadata near its end, to who can sign it anew', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne(`${APP}:1`, { signer: 'alice' });
    await backUp(machine, [await idOf(machine, 'root')]);
    expect(kinds((await listing(machine)).reminders)).toEqual(['weak-key']);
    // Delegations and targets hold three years; half a year before that end it is time.
    scene.clock = new Date(scene.clock.getTime() + (3 * 365 - 100) * DAY);
    const { reminders } = await machine.sign([`${APP}:2`], {
      as: content('two'),
      roles: ['targets/alice'],
    });
    expect(kinds(reminders)).toEqual(['weak-key', 'near-expiry']);
    expect(reminders[1]?.message).toContain(`of ${APP} expire`);
    for (const role of ['targets', 'alice']) await machine.loseKey(role);
    expect(kinds((await listing(machine)).reminders)).not.toContain('near-expiry');
  });

  it('never keep a command from its work', async ({ scene }) => {
    const machine = await scene.machine();
    await signing(machine, '1');
    await mkdir(join(machine.trustDir, '.tabellion'), { recursive: true });
    await writeFile(join(machine.trustDir, '.tabellion', 'backups.json'), 'no JSON');
    const { repositories, reminders } = await signing(machine, '2');
    expect(repositories).toMatchObject([{ exitCode: 0 }]);
    expect(kinds(reminders)).toEqual(['no-record', 'weak-key']);
    const withoutKeys = machine.withEnv({ TABELLION_KDF_ROUNDS: 'many' });
    expect(await withoutKeys.inspect(APP)).toMatchObject({ exitCode: 0, reminders: [] });
  });
});
