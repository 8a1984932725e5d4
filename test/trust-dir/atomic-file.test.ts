import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeFileAtomic } from '../../src/trust-dir/atomic-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-atomic-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('writeFileAtomic', () => {
  it('replaces a file, for the owner alone unless told', async () => {
    const path = join(folder, 'a');
    await writeFile(path, 'old', { mode: 0o644 });
    await writeFileAtomic(path, 'new');
    await writeFileAtomic(join(folder, 'b'), Buffer.from('public'), { mode: 0o640 });
    expect(await readFile(path, 'utf8')).toBe('new');
    expect(await readdir(folder)).toEqual(['a', 'b']);
    if (process.platform === 'win32') return;
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'b'))).mode & 0o777).toBe(0o640);
  });

  it('names the file it could not write, and leaves no temporary one', async () => {
    const path = join(folder, 'a');
    await mkdir(join(path, 'full'), { recursive: true });
    await expect(writeFileAtomic(path, 'x')).rejects.toMatchObject({
      code: 'FILE_NOT_WRITABLE',
      message: expect.stringContaining(path),
      details: { path },
    });
    expect(await readdir(folder)).toEqual(['a']);
    await expect(writeFileAtomic(join(folder, 'none', 'b'), 'x')).rejects.toMatchObject({
      code: 'FILE_NOT_WRITABLE',
      message: expect.stringContaining('its folder does not exist'),
    });
  });
});
