import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newRecord, RecoveryRecords } from '../../../src/operations/recover/record.ts';
import { OwnFiles } from '../../../src/trust-dir/own-files.ts';

const NOW = new Date('2026-11-26T13:45:00Z');
const CASE = { kind: 'root', reason: 'lost', keyId: '1a2b3c4d'.repeat(8) } as const;

describe('the record of a recovery', () => {
  let folder: string;
  let records: RecoveryRecords;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tabellion-record-'));
    records = new RecoveryRecords(new OwnFiles(folder));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const record = (id: string) =>
    newRecord(id, NOW, {
      case: CASE,
      options: { checkRegistry: true, drop: [], dropSigners: [] },
      repositories: [],
      rootKeysBefore: [],
      steps: ['backup', 'report'],
    });

  it('is read as it was written, and listed by time', async () => {
    const id = await records.newId(NOW, CASE);
    expect(id).toBe('20261126-134500-root-1a2b3c4');
    await records.write(record(id));
    // A second one in the same second has a name of its own.
    expect(await records.newId(NOW, CASE)).toBe(`${id}-2`);
    await records.write(record('20251126-134500-root-1a2b3c4'));
    expect(await records.read(id)).toEqual(record(id));
    expect((await records.list()).map(one => one.id)).toEqual(['20251126-134500-root-1a2b3c4', id]);
  });

  it('that was damaged, or comes from a newer program, is not guessed at', async () => {
    const id = await records.newId(NOW, CASE);
    await records.write(record(id));
    const file = join(folder, '.tabellion', 'recoveries', `${id}.json`);
    for (const [text, code] of [
      ['{"version":1', 'RECORD_DAMAGED'],
      [JSON.stringify({ ...record(id), steps: undefined }), 'RECORD_DAMAGED'],
      [JSON.stringify({ ...record(id), version: 2 }), 'RECORD_TOO_NEW'],
    ] as const) {
      await writeFile(file, text);
      await expect(records.read(id)).rejects.toMatchObject({ code });
    }
  });

  it.each(['../x', 'A', '', 'none'])('is not looked for outside its folder: “%s”', async id => {
    await expect(records.read(id)).rejects.toMatchObject({ code: 'RECOVERY_UNKNOWN' });
  });
});
