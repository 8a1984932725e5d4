import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OperationError } from '../../src/errors.ts';
import {
  type BackupNote,
  backedUpKeys,
  noteBackups,
  readBackupNotes,
} from '../../src/trust-dir/backup-record.ts';
import { OwnFiles } from '../../src/trust-dir/own-files.ts';
import { expectFailure } from '../support/expect-failure.ts';

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)];

const note = (day: number, file: string, keyIds: string[]): BackupNote => ({
  createdAt: `2026-11-0${day}T00:00:00.000Z`,
  file,
  sha256: `${day}`.repeat(64),
  keyIds,
});

describe('the record of backups', () => {
  let folder: string;
  let own: OwnFiles;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tabellion-backup-record-'));
    own = new OwnFiles(folder);
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('tells the newest backup of each key', async () => {
    expect(await backedUpKeys(own)).toEqual(new Map());
    const [old, young] = [note(1, '/b/1', [A, B]), note(3, '/b/3', [A])];
    await noteBackups(own, [young]);
    await noteBackups(own, [old]);
    expect(await readBackupNotes(own)).toEqual([old, young]);
    expect(await backedUpKeys(own)).toEqual(
      new Map([
        [A, young],
        [B, old],
      ]),
    );
  });

  test('forgets a backup whose file was replaced', async () => {
    await noteBackups(own, [note(1, '/b/1', [A, B])]);
    await noteBackups(own, [note(2, '/b/1', [A])]);
    expect([...(await backedUpKeys(own)).keys()]).toEqual([A]);
  });

  test('loses nothing that is added at the same time', async () => {
    await Promise.all([1, 2, 3, 4].map(day => noteBackups(own, [note(day, `/b/${day}`, [A])])));
    expect(await readBackupNotes(own)).toHaveLength(4);
  });

  test('that is not what was written is an error', async () => {
    await own.write('backups.json', { version: 1, backups: [{ file: 1 }] });
    await expectFailure(backedUpKeys(own), OperationError, 'RECORD_DAMAGED');
  });
});
