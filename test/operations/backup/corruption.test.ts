import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { OperationError, TabellionError } from '../../../src/errors.ts';
import { encodeCbor } from '../../../src/operations/backup/backup-cbor.ts';
import {
  BACKUP_LIMIT,
  MAGIC,
  readBackupHeader,
  sealBackup,
} from '../../../src/operations/backup/backup-file.ts';
import { type BackupContents, contentsToCbor } from '../../../src/operations/backup/contents.ts';
import type { BackupInventory } from '../../../src/operations/backup/inventory.ts';
import { openBackup, openBackupBytes } from '../../../src/operations/backup/open-backup.ts';
import { passphraseSlot, type ScryptCost } from '../../../src/operations/backup/seal.ts';
import { decodeShare } from '../../../src/operations/backup/shares.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { it, type Machine, type Scene } from '../../support/trust-scene.ts';
import { backUp, CHEAP, PASSPHRASE } from './backup-scene.ts';

const SECRET = { passphrase: PASSPHRASE };
const EMPTY: BackupContents = { keys: [], repositories: [], records: [] };
const KEY = new Uint8Array(32).fill(1);

async function smallBackup(scene: Scene, machine?: Machine): Promise<Buffer> {
  const owner = machine ?? (await scene.machine());
  await owner.signOne('localhost:5000/a:1');
  const file = join(scene.folder, 'small.backup');
  await backUp(owner, file);
  return readFile(file);
}

/** A backup with this in it, properly sealed: by somebody who knows its passphrase. */
async function sealed(contents: BackupContents, cost: ScryptCost = CHEAP): Promise<Uint8Array> {
  const random = (count: number) => new Uint8Array(count).fill(2);
  const slot = await passphraseSlot(KEY, PASSPHRASE, CHEAP, random);
  const inventory: BackupInventory = {
    keys: contents.keys.map(({ file }) => ({
      id: 'x',
      file,
      role: '',
      encrypted: true,
      modifiedAt: '2026-11-22T00:00:00.000Z',
      trustedBy: [],
    })),
    repositories: contents.repositories.map(({ gun }) => ({ gun, metadata: [], changes: 0 })),
    records: contents.records.map(({ name }) => ({ name, size: 0 })),
  };
  const header = {
    createdAt: '2026-11-22T00:00:00.000Z',
    inventory,
    nonce: new Uint8Array(12),
    slots: [{ ...slot, cost }],
  };
  return sealBackup(header, KEY, encodeCbor(contentsToCbor(contents)));
}

describe('a corrupted backup', () => {
  it('is refused, whichever byte is another one', async ({ scene }) => {
    const bytes = await smallBackup(scene);
    await openBackupBytes('whole', bytes, SECRET);
    const accepted: number[] = [];
    const codes = new Map<string, number>();
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      // Every bit of it changes at one place or another.
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const error: unknown = await openBackupBytes('changed', changed, SECRET).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error === undefined) accepted.push(at);
      else if (error instanceof TabellionError)
        codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
      else throw error;
    }
    expect(accepted).toEqual([]);
    expect([...codes.keys()].sort()).toEqual([
      'BACKUP_DAMAGED',
      'BACKUP_PASSPHRASE_WRONG',
      'BACKUP_UNRECOGNISED',
    ]);
    // Only what wraps the key cannot be told from a wrong passphrase: salt, nonce, wrapped key, cost.
    expect(codes.get('BACKUP_PASSPHRASE_WRONG')).toBeLessThan(2 * 120);
  }, 120_000);

  it('is refused, wherever it is cut, and with something behind it', async ({ scene }) => {
    const bytes = await smallBackup(scene);
    const step = Math.ceil(bytes.length / 300);
    for (let length = 0; length < bytes.length; length += step) {
      const cut = openBackupBytes('cut', bytes.subarray(0, length), SECRET);
      await expect(cut).rejects.toBeInstanceOf(OperationError);
    }
    const longer = openBackupBytes('long', Buffer.concat([bytes, Buffer.alloc(1)]), SECRET);
    await expectFailure(longer, OperationError, 'BACKUP_DAMAGED');
  });

  it('of shares is refused as well', async ({ scene }) => {
    const machine = await scene.machine();
    await machine.signOne('localhost:5000/a:1');
    const file = join(scene.folder, 'shares.backup');
    const { shareFiles } = await backUp(machine, file, { shares: { threshold: 2, count: 3 } });
    const texts = await Promise.all(shareFiles.map(path => readFile(path, 'utf8')));
    const shares = texts.map(text => decodeShare(text));
    const secret = { shares: [shares[2], shares[0]].filter(share => share !== undefined) };
    expect((await openBackup(file, secret)).inventory.keys).toHaveLength(2);
    await openBackup(file, SECRET);
    const bytes = await readFile(file);
    for (let at = 0; at < bytes.length; at += 7) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 0x80;
      await expect(openBackupBytes('changed', changed, secret)).rejects.toThrow();
    }
  });
});

describe('a file that is no backup of ours', () => {
  it('of a newer version is refused with a sentence', async ({ scene }) => {
    const bytes = await smallBackup(scene);
    bytes[MAGIC.length] = 2;
    const file = join(scene.folder, 'newer.backup');
    // All that a newer version promises is its first bytes.
    await writeFile(file, bytes.subarray(0, MAGIC.length + 1));
    for (const reading of [openBackup(file, SECRET), readBackupHeader(file)]) {
      const error = await expectFailure(reading, OperationError, 'BACKUP_VERSION_UNKNOWN');
      expect(error.message).toBe(
        `${file} was made by a newer Tabellion: this one reads version 1 of backups only`,
      );
    }
  });

  it('is told by its first bytes, however large it is', async ({ scene }) => {
    const file = join(scene.folder, 'large');
    const handle = await open(file, 'w');
    await handle.truncate(BACKUP_LIMIT * 4);
    await expectFailure(readBackupHeader(file), OperationError, 'BACKUP_UNRECOGNISED');
    await handle.write(Buffer.concat([MAGIC, Buffer.from([1])]), 0);
    await handle.close();
    await expectFailure(readBackupHeader(file), OperationError, 'BACKUP_TOO_LARGE');
    const folder = readBackupHeader(scene.folder);
    await expectFailure(folder, OperationError, 'FILE_NOT_REGULAR');
    const missing = readBackupHeader(join(scene.folder, 'none'));
    await expectFailure(missing, OperationError, 'FILE_NOT_READABLE');
  });

  it.for<[string, ScryptCost]>([
    ['memory', { logN: 24, r: 64, p: 1 }],
    ['much memory', { logN: 21, r: 8, p: 1 }],
    ['work', { logN: 20, r: 8, p: 8 }],
    ['nothing', { logN: 0, r: 8, p: 1 }],
    ['numbers', { logN: 4_000_000_000, r: 4_000_000_000, p: 4_000_000_000 }],
  ])('that wants absurd %s for its passphrase is refused', async ([, cost]) => {
    const bytes = await sealed(EMPTY, cost);
    const opening = openBackupBytes('bomb', bytes, SECRET);
    const error = await expectFailure(opening, OperationError, 'BACKUP_DAMAGED');
    expect(error.message).toMatch(/absurd memory or time/);
  });

  it.for<[string, BackupContents]>([
    ['../evil.key', { ...EMPTY, keys: [{ file: '../evil.key', bytes: KEY }] }],
    ['/etc/evil.key', { ...EMPTY, keys: [{ file: '/etc/evil.key', bytes: KEY }] }],
    ['a\\..\\b.key', { ...EMPTY, keys: [{ file: 'a\\..\\b.key', bytes: KEY }] }],
    ['evil', { ...EMPTY, keys: [{ file: 'evil', bytes: KEY }] }],
    ['two', { ...EMPTY, keys: [1, 2].map(() => ({ file: 'a.key', bytes: KEY })) }],
    ['a record ..', { ...EMPTY, records: [{ name: 'x/../../y', bytes: KEY }] }],
    ['a lock', { ...EMPTY, records: [{ name: 'locks/x.lock', bytes: KEY }] }],
    ['GUN ../..', repository('../..')],
    ['GUN a//b', repository('a//b')],
    ['role ../root', repository('a', { metadata: new Map([['../root', KEY]]) })],
    ['change a/b', repository('a', { changes: [{ name: '../x', bytes: KEY }] })],
  ])('with a name like %s is refused', async ([, contents]) => {
    const opening = openBackupBytes('hostile', await sealed(contents), SECRET);
    const error = await expectFailure(opening, OperationError, 'BACKUP_DAMAGED');
    expect(error.message).toMatch(/a name in it/);
  });
});

function repository(
  gun: string,
  parts: Partial<BackupContents['repositories'][number]> = {},
): BackupContents {
  return { ...EMPTY, repositories: [{ gun, metadata: new Map(), changes: [], ...parts }] };
}
