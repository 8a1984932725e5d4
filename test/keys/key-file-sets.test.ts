import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyError } from '../../src/errors.ts';
import { putKeyFiles } from '../../src/keys/put-key-files.ts';
import { removeKeyFiles } from '../../src/keys/remove-key-files.ts';
import { writeFileAtomic } from '../../src/trust-dir/atomic-file.ts';
import { expectFailure } from '../support/expect-failure.ts';

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)] as const;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-key-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('putting several key files', () => {
  it('does not take the place of one that has just been made', async () => {
    const path = join(folder, `${B}.key`);
    await writeFile(path, 'of another process');
    const files = [
      { id: A, text: 'one' },
      { id: B, text: 'two' },
    ];
    await expectFailure(putKeyFiles(folder, writeFileAtomic, files), KeyError, 'KEY_EXISTS');
    expect(await readdir(folder)).toEqual([`${B}.key`]);
    expect(await readFile(path, 'utf8')).toBe('of another process');
  });

  it('brings back what it has replaced', async () => {
    const path = join(folder, `${A}.key`);
    await writeFile(path, 'before');
    const files = [
      { id: A, text: 'after', before: Buffer.from('before') },
      { id: B, text: 'new' },
    ];
    const failing: typeof writeFileAtomic = async (file, text, options) => {
      if (file.includes(B)) throw new KeyError('DISK', 'the disk is full');
      await writeFileAtomic(file, text, options);
    };
    await expectFailure(putKeyFiles(folder, failing, files), KeyError, 'DISK');
    expect(await readFile(path, 'utf8')).toBe('before');
    expect(await readdir(folder)).toEqual([`${A}.key`]);
  });
});

describe('removing the files of a key', () => {
  it('removes all', async () => {
    await mkdir(join(folder, 'root_keys'));
    const paths = [join(folder, `${A}.key`), join(folder, 'root_keys', `${A}_root.key`)];
    for (const path of paths) await writeFile(path, 'a key');
    await removeKeyFiles(A, paths);
    expect(await readdir(folder, { recursive: true })).toEqual(['root_keys']);
  });

  it('removes none when one cannot be removed', async () => {
    const path = join(folder, `${A}.key`);
    await writeFile(path, 'a key');
    const removing = removeKeyFiles(A, [path, join(folder, 'gone', `${A}.key`)]);
    await expectFailure(removing, KeyError, 'KEY_NOT_REMOVED');
    expect(await readFile(path, 'utf8')).toBe('a key');
    expect(await readdir(folder)).toEqual([`${A}.key`]);
  });
});
