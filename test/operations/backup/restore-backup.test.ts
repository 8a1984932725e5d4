import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import { KeyError, OperationError, UsageError } from '../../../src/errors.ts';
import { encodeCbor } from '../../../src/operations/backup/backup-cbor.ts';
import { sealBackup } from '../../../src/operations/backup/backup-file.ts';
import { contentsToCbor } from '../../../src/operations/backup/contents.ts';
import { openBackup } from '../../../src/operations/backup/open-backup.ts';
import { newContentKey, passphraseSlot } from '../../../src/operations/backup/seal.ts';
import { verifyBackup } from '../../../src/operations/backup/verify-backup.ts';
import { stageRemoval } from '../../../src/operations/stage.ts';
import { backedUpKeys } from '../../../src/trust-dir/backup-record.ts';
import { TrustDir } from '../../../src/trust-dir/trust-dir.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { MemoryKeychain } from '../../support/memory-keychain.ts';
import { DAY, it, type Machine, PASSPHRASES, type Scene } from '../../support/trust-scene.ts';
import { backUp, CHEAP, contentsOf, openToOthers, PASSPHRASE, restoring } from './backup-scene.ts';

const APP = 'localhost:5000/app';
const OTHER = 'localhost:5000/other';
const SECRET = { passphrase: PASSPHRASE };

async function twoRepositories(scene: Scene): Promise<{ machine: Machine; file: string }> {
  const machine = await scene.machine();
  await machine.signOne(`${APP}:1`);
  await machine.signOne(`${OTHER}:1`);
  await machine.verify(`${APP}:1`);
  await new TrustDir(machine.trustDir).own.write('pins/x.json', { pin: 1 });
  return { machine, file: join(machine.home, 'all.backup') };
}

/** Names of records, without the history that every command adds to. */
function named(records: readonly { readonly name: string }[]): string[] {
  return records.map(({ name }) => name).filter(name => !name.startsWith('history/'));
}

describe('a backup', () => {
  it('brings back the whole folder on an empty machine, for its owner alone', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    const before = await contentsOf(machine.trustDir);
    const report = await backUp(machine, file);
    expect(report.skipped).toEqual([]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);

    scene.clock = new Date(scene.clock.getTime() + DAY);
    const fresh = await scene.machine();
    const restored = await restoring(fresh, file);
    expect(restored.keys.map(({ action }) => action)).toEqual(Array(3).fill('restored'));
    const { '.tabellion/backups.json': notes, ...after } = await contentsOf(fresh.trustDir);
    expect(after).toEqual(before);
    expect(await openToOthers(fresh.trustDir)).toEqual([]);
    const backedUp = await backedUpKeys(new TrustDir(fresh.trustDir).own);
    expect([...backedUp.keys()].sort()).toEqual(report.inventory.keys.map(({ id }) => id).sort());

    // It signs with the keys, and what it knew is as old as it was.
    const dirOf = ({ trustDir }: Machine) => new TrustDir(trustDir).repository(APP);
    expect(await dirOf(fresh).checkedAt()).toEqual(await dirOf(machine).checkedAt());
    await fresh.signOne(`${APP}:2`);
    expect(notes).toBeDefined();

    const again = await restoring(await fresh.withEnv({}), file);
    expect(again.keys.map(({ action }) => action)).toEqual(Array(3).fill('same'));
  });

  it('tells without a passphrase what is in it', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    const { inventory } = await backUp(machine, file);
    const root = inventory.keys.find(({ role }) => role === 'root');
    expect(root).toMatchObject({
      algorithm: 'ecdsa',
      encrypted: true,
      iterations: 2048,
      trustedBy: [
        { repository: APP, role: 'root' },
        { repository: OTHER, role: 'root' },
      ],
    });
    expect(inventory.repositories.map(({ gun }) => gun)).toEqual([APP, OTHER]);
    expect(named(inventory.records)).toEqual(['pins/x.json']);
    expect((await openBackup(file, SECRET)).inventory).toEqual(inventory);
  });

  it('of some keys holds these and the repositories that trust them', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    const { inventory } = await backUp(machine, file);
    const key = inventory.keys.find(({ role, gun }) => role === 'targets' && gun === APP);
    const id = key?.id ?? '';
    const some = await backUp(machine, `${file}.2`, { keys: [id] });
    expect(some.inventory).toMatchObject({
      keys: [{ id }],
      repositories: [{ gun: APP }],
      records: [],
    });
    const { inventory: ofRepository } = await backUp(machine, `${file}.3`, { guns: [OTHER] });
    expect(ofRepository.keys.map(({ role }) => role).sort()).toEqual(['root', 'targets']);
    expect(ofRepository.keys.every(({ gun }) => gun !== APP)).toBe(true);
    const unknown = backUp(machine, `${file}.4`, { keys: ['0'.repeat(64)] });
    await expectFailure(unknown, KeyError, 'KEY_NOT_FOUND');
  });

  it('is not written over a file, nor among what it saves', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    await writeFile(file, 'an older backup');
    await expectFailure(backUp(machine, file), OperationError, 'FILE_EXISTS');
    expect(await readFile(file, 'utf8')).toBe('an older backup');
    await backUp(machine, file, { overwrite: true });
    await openBackup(file, SECRET);
    const inside = backUp(machine, join(machine.trustDir, 'private', 'x.key'));
    await expect(inside).rejects.toMatchObject({ code: 'BACKUP_IN_TRUST_DIR' });
    const nowhere = backUp(machine, join(machine.home, 'not-mounted', 'x'));
    await expectFailure(nowhere, OperationError, 'FILE_NOT_WRITABLE');
  });

  it('made twice at once is made once, and what opens it is that one’s', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    const passphrases = ['one passphrase of two', 'another passphrase of two'];
    const ends = await Promise.allSettled(
      passphrases.map(passphrase => backUp(machine, file, { passphrase })),
    );
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(ends).toContainEqual(
      expect.objectContaining({ reason: expect.objectContaining({ code: 'FILE_EXISTS' }) }),
    );
    const winner = passphrases[ends.findIndex(({ status }) => status === 'fulfilled')] ?? '';
    await openBackup(file, { passphrase: winner });
    expect((await readdir(dirname(file))).filter(name => name.endsWith('.tmp'))).toEqual([]);
  });

  it('in the own folder is no part of the next one', async ({ scene }) => {
    const { machine } = await twoRepositories(scene);
    const { own } = new TrustDir(machine.trustDir);
    await backUp(machine, own.path('archive/whole.backup'));
    const archived = own.path('archive/keys.backup');
    await backUp(machine, archived, { keys: 'all', guns: 'all', records: false });
    const { inventory } = await backUp(machine, join(machine.home, 'b'));
    expect(named(inventory.records)).toEqual([
      'archive/keys.backup',
      'backups.json',
      'pins/x.json',
    ]);
  });

  it('has a passphrase that can be typed', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    for (const passphrase of [' '.repeat(20), `${PASSPHRASE}\r`, ` ${PASSPHRASE}`]) {
      const made = backUp(machine, file, { passphrase });
      await expectFailure(made, UsageError, 'BACKUP_PASSPHRASE_PADDED');
    }
  });

  it('whose inventory says something else of a key is refused', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    await backUp(machine, file);
    const { inventory, contents, createdAt } = await openBackup(file, SECRET);
    const [first, ...others] = inventory.keys;
    if (first === undefined) throw new Error('no key');
    const forge = async (id: string) => {
      const { key, nonce } = newContentKey(randomBytes);
      const slots = [await passphraseSlot(key, PASSPHRASE, CHEAP, randomBytes)];
      const forged = { ...inventory, keys: [{ ...first, id }, ...others] };
      const header = { createdAt, inventory: forged, nonce, slots };
      await writeFile(file, sealBackup(header, key, encodeCbor(contentsToCbor(contents))));
      return openBackup(file, SECRET);
    };
    expect((await forge(first.id)).inventory).toEqual(inventory);
    for (const id of ['../../../../out', others[0]?.id ?? '']) {
      await expectFailure(forge(id), OperationError, 'BACKUP_DAMAGED');
    }
  });

  it('is opened by its passphrase alone', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    await backUp(machine, file);
    const wrong = openBackup(file, { passphrase: 'a passphrase of another' });
    await expectFailure(wrong, KeyError, 'BACKUP_PASSPHRASE_WRONG');
    const weak = backUp(machine, `${file}.2`, { passphrase: 'elevenchars' });
    await expect(weak).rejects.toMatchObject({ code: 'BACKUP_PASSPHRASE_WEAK' });
  });
});

describe('restoring', () => {
  it('never replaces a key that differs, unless told, and then keeps it', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    const { inventory } = await backUp(machine, file);
    const root = inventory.keys.find(({ role }) => role === 'root');
    const path = join(machine.trustDir, 'private', root?.file ?? '');
    const saved = await readFile(path, 'utf8');
    const other = saved.replace('role: root', 'role: other');
    await writeFile(path, other);

    const kept = await restoring(machine, file);
    expect(kept.keys.find(({ id }) => id === root?.id)).toMatchObject({ action: 'kept' });
    expect(await readFile(path, 'utf8')).toBe(other);

    const dry = await restoring(machine, file, { replace: true, dryRun: true });
    expect(dry.keys.find(({ id }) => id === root?.id)).toMatchObject({ action: 'replaced' });
    expect(await readFile(path, 'utf8')).toBe(other);

    const { keys } = await restoring(machine, file, { replace: true });
    expect(await readFile(path, 'utf8')).toBe(saved);
    const { replacedFile = '' } = keys.find(({ id }) => id === root?.id) ?? {};
    expect(await readFile(replacedFile, 'utf8')).toBe(other);
  });

  it('does not take another file of a key for the one in the backup', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    const { inventory } = await backUp(machine, file);
    const { id, file: name } = inventory.keys.find(({ role }) => role === 'root') ?? {
      id: '',
      file: '',
    };
    const path = join(machine.trustDir, 'private', name);
    const saved = await readFile(path, 'utf8');
    const aside = join(machine.trustDir, 'private', 'old', `${id}.key`);
    await mkdir(join(machine.trustDir, 'private', 'old'), { mode: 0o700 });
    const rootOf = (keys: readonly { id: string }[]) => keys.find(key => key.id === id);

    // The same key under other headers is here.
    await writeFile(aside, saved.replace('role: root', 'role: other'));
    await rm(path);
    expect(rootOf((await restoring(machine, file)).keys)).toMatchObject({ action: 'same' });

    // Of one that is encrypted in another way nobody knows whether it opens.
    const lines = saved.split('\n');
    const last = lines.length - 3;
    const other = lines.with(
      last,
      `${lines[last]?.startsWith('A') ? 'B' : 'A'}${lines[last]?.slice(1)}`,
    );
    await writeFile(aside, other.join('\n'));
    expect(await readFile(aside, 'utf8')).not.toBe(saved);
    expect(rootOf((await restoring(machine, file)).keys)).toMatchObject({
      action: 'kept',
      reason: expect.stringContaining(aside),
    });
    const forced = await restoring(machine, file, { replace: true });
    expect(rootOf(forced.keys)).toMatchObject({ action: 'restored', path });
    expect(await readFile(path, 'utf8')).toBe(saved);
    expect(await readFile(aside, 'utf8')).toBe(other.join('\n'));
  });

  it('keeps each file of a key that it replaces', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    const folder = join(machine.trustDir, 'private');
    const [{ id } = { id: '' }] = await machine.keyFiles();
    await mkdir(join(folder, 'old'), { mode: 0o700 });
    const paths = [join(folder, `${id}.key`), join(folder, 'old', `${id}.key`)];
    const saved = await readFile(paths[0] ?? '', 'utf8');
    await writeFile(paths[1] ?? '', saved);
    await backUp(machine, file);
    const others = ['a', 'b'].map(name => saved.replace('role: ', `role: ${name}`));
    for (const [index, path] of paths.entries()) await writeFile(path, others[index] ?? '');
    const { keys } = await restoring(machine, file, { replace: true });
    const aside = keys.flatMap(({ replacedFile }) => replacedFile ?? []);
    const kept = await Promise.all(aside.map(path => readFile(path, 'utf8')));
    expect(kept.sort()).toEqual(others);
  });

  it('never takes trust data back to an older version', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    await backUp(machine, file);
    await machine.signOne(`${APP}:2`);
    await machine.verify(`${APP}:2`);
    const newer = await contentsOf(join(machine.trustDir, 'tuf'));
    for (const replace of [false, true]) {
      const { repositories } = await restoring(machine, file, { replace });
      expect(repositories.find(({ gun }) => gun === APP)).toMatchObject({
        action: 'kept',
        reason: expect.stringMatching(/newer/),
      });
    }
    expect(await contentsOf(join(machine.trustDir, 'tuf'))).toEqual(newer);
  });

  it('keeps another root that is trusted here, unless told', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    await backUp(machine, file, { guns: [APP] });
    const stranger = await scene.machine();
    const root = join(stranger.trustDir, 'tuf', APP, 'metadata', 'root.json');
    await stranger.verify(`${APP}:1`);
    const other = (await readFile(root, 'utf8')).replace('"signatures"', '"signatures" ');
    await writeFile(root, other);
    const kept = await restoring(stranger, file);
    expect(kept.repositories).toMatchObject([
      { action: 'kept', reason: 'another root is trusted here' },
    ]);
    expect(await readFile(root, 'utf8')).toBe(other);
    const told = await restoring(stranger, file, { replace: true });
    expect(told.repositories).toMatchObject([{ action: 'replaced' }]);
    expect(await readFile(root, 'utf8')).not.toBe(other);
  });

  it('puts staged changes back, but not into a repository in use', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    await machine.run(session => stageRemoval(session, APP, { name: '1' }));
    await backUp(machine, file);
    const fresh = await scene.machine();
    const first = await restoring(fresh, file, { only: [APP] });
    expect(first.repositories).toMatchObject([{ changes: { restored: 1, kept: 0 } }]);
    const { changelist } = new TrustDir(fresh.trustDir).repository(APP);
    const staged = await changelist.list();
    expect(staged).toHaveLength(1);
    await changelist.remove(staged.map(({ name }) => name));
    const second = await restoring(fresh, file, { only: [APP] });
    expect(second.repositories).toMatchObject([{ changes: { restored: 0, kept: 1 } }]);
    expect(await changelist.list()).toEqual([]);
  });

  it('of a part takes a repository with its keys, or a key', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    const { inventory } = await backUp(machine, file);
    const fresh = await scene.machine();
    const { keys, repositories, records } = await restoring(fresh, file, { only: [APP] });
    expect(keys.map(({ role }) => role)).toContain('root');
    expect(keys.map(({ gun }) => gun)).not.toContain(OTHER);
    expect(repositories.map(({ gun }) => gun)).toEqual([APP]);
    expect(records).toEqual([]);
    const id = inventory.keys.find(({ gun }) => gun === OTHER)?.id ?? '';
    const more = await restoring(fresh, file, { only: [id.slice(0, 8)] });
    expect(more.keys).toMatchObject([{ id, action: 'restored' }]);
    expect(more.repositories).toEqual([]);
    const unknown = restoring(fresh, file, { only: ['no/such'] });
    await expectFailure(unknown, OperationError, 'NOT_IN_BACKUP');
  });

  it('keeps a record that differs, and forgets no backup', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    await backUp(machine, `${file}.1`);
    await backUp(machine, file);
    const { own } = new TrustDir(machine.trustDir);
    await own.write('pins/x.json', { pin: 2 });
    const { records } = await restoring(machine, file);
    expect(named(records.filter(({ action }) => action === 'kept'))).toEqual(['pins/x.json']);
    expect(records.find(({ name }) => name === 'backups.json')).toMatchObject({ action: 'same' });
    expect(await own.read('pins/x.json')).toEqual({ pin: 2 });
  });
});

describe('a trust directory behind a symbolic link', () => {
  it('is backed up, and takes no backup among its keys either', async ({ scene }) => {
    const { machine } = await twoRepositories(scene);
    const link = join(scene.folder, 'link');
    await symlink(machine.trustDir, link);
    const linked = machine.with({ trustDir: link });
    const { own } = new TrustDir(link);
    await backUp(linked, own.path('archive/keys.backup'));
    await openBackup(own.path('archive/keys.backup'), SECRET);
    const inside = backUp(linked, join(link, 'private', 'x.backup'));
    await expect(inside).rejects.toMatchObject({ code: 'BACKUP_IN_TRUST_DIR' });
  });
});

describe('verifying', () => {
  it('opens each key, and signs with it', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    await backUp(machine, file);
    const elsewhere = await scene.machine();
    const whole = await elsewhere.run(session => verifyBackup(session, { file, secret: SECRET }));
    expect(whole.keys.map(({ state }) => state)).toEqual(Array(3).fill('whole'));
    const proven = await elsewhere.run(session =>
      verifyBackup(session, { file, secret: SECRET, unlock: true }),
    );
    expect(proven.keys.map(({ state }) => state)).toEqual(Array(3).fill('proven'));
    expect(proven.sound).toBe(true);
    expect(proven.repositories).toMatchObject([
      { gun: APP, missing: [] },
      { gun: OTHER, missing: [] },
    ]);
    expect(proven.repositories[0]?.roles).toMatchObject([
      { role: 'root', state: 'complete' },
      { role: 'snapshot', state: 'server' },
      { role: 'targets', state: 'complete' },
    ]);
    const wrong = await elsewhere
      .withEnv({ DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE: 'another one' })
      .run(session => verifyBackup(session, { file, secret: SECRET, unlock: true }));
    expect(wrong.keys.filter(({ state }) => state !== 'proven')).toMatchObject([
      { role: 'root', state: 'locked', problem: expect.stringContaining('Wrong passphrase') },
    ]);
  });

  it('leaves what the keychain has for a key, though the backup’s file has another passphrase', async ({
    scene,
  }) => {
    const { machine, file } = await twoRepositories(scene);
    const { inventory } = await backUp(machine, file);
    // Since then the keys have got new passphrases, which are nowhere else.
    const entries = Object.fromEntries(inventory.keys.map(({ id }) => [id, `new one of ${id}`]));
    const keychain = new MemoryKeychain(entries);
    const typed = {
      root: PASSPHRASES.DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE,
      other: PASSPHRASES.DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE,
    };
    const nobody = Object.fromEntries(Object.keys(PASSPHRASES).map(name => [name, '']));
    const { keys } = await machine
      .withEnv(nobody)
      .with({
        openKeychain: async () => keychain,
        askPassphrase: async ({ role }) => (role === 'root' ? typed.root : typed.other),
        askRemember: async () => true,
      })
      .run(session => verifyBackup(session, { file, secret: SECRET, unlock: true }));
    expect(keys.map(({ state }) => state)).toEqual(Array(3).fill('proven'));
    expect(Object.fromEntries(keychain.entries)).toEqual(entries);
  });

  it('names the keys that are missing or bad', async ({ scene }) => {
    const { machine, file } = await twoRepositories(scene);
    const { inventory } = await backUp(machine, file);
    const targets = inventory.keys.find(({ gun }) => gun === APP);
    const path = join(machine.trustDir, 'private', targets?.file ?? '');
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, 200));
    await backUp(machine, file, { overwrite: true });
    const { keys, repositories, sound } = await machine.run(session =>
      verifyBackup(session, { file, secret: SECRET }),
    );
    expect(sound).toBe(false);
    expect(keys.filter(({ state }) => state === 'bad')).toMatchObject([{ id: targets?.id }]);
    expect(repositories[0]).toMatchObject({ gun: APP, missing: ['the repository key'] });
    expect(repositories[1]).toMatchObject({ gun: OTHER, missing: [] });
  });
});
