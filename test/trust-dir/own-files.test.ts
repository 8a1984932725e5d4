import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OperationError } from '../../src/errors.ts';
import { OwnFiles } from '../../src/trust-dir/own-files.ts';
import { expectFailure } from '../support/expect-failure.ts';

describe('a record of Tabellion’s own', () => {
  let folder: string;
  let own: OwnFiles;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tabellion-own-'));
    own = new OwnFiles(folder);
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('is read back, for the owner alone', async () => {
    expect(await own.read('a/b.json')).toBeUndefined();
    await own.write('a/b.json', { n: 1 });
    expect(await own.read('a/b.json')).toEqual({ n: 1 });
    expect((await stat(own.path('a/b.json'))).mode & 0o777).toBe(0o600);
    expect((await stat(own.path('a'))).mode & 0o777).toBe(0o700);
  });

  test('that is damaged is an error, and stays', async () => {
    await own.write('b.json', {});
    await writeFile(own.path('b.json'), '{"n":');
    await expectFailure(own.read('b.json'), OperationError, 'RECORD_DAMAGED');
    expect(await readFile(own.path('b.json'), 'utf8')).toBe('{"n":');
  });

  test('is removed, and removed again', async () => {
    await own.write('c.json', {});
    await own.remove('c.json');
    await own.remove('c.json');
    expect(await own.read('c.json')).toBeUndefined();
  });
});
