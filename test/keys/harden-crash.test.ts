import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodePrivateKeyPem, inspectPrivateKeyPem } from '../../src/crypto/private-key-pem.ts';
import { bundleProgram } from '../support/bundle-program.ts';
import { readVector } from '../support/fixtures.ts';
import type { Task } from './hardener-program.ts';

const ID = '135a78a586dd162f7ff73d47589492a38d600f023e0c5da87beb5477640ae5e7';
const PASSPHRASE = 'targets-pass-1';
const ROUNDS = 5000;
const OLD = readVector(`keys/store/${ID}.key`);

let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-harden-'));
  program = await bundleProgram(new URL('./hardener-program.ts', import.meta.url), folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function newStore(name: string): Promise<string> {
  const privateDir = join(folder, name);
  await mkdir(privateDir, { mode: 0o700 });
  await writeFile(join(privateDir, `${ID}.key`), OLD, { mode: 0o600 });
  return privateDir;
}

/** What the program says of itself; undefined when it was killed. */
async function harden(
  privateDir: string,
  { breakAt = 0, how = 'kill' } = {},
): Promise<string | undefined> {
  const task: Task = {
    privateDir,
    id: ID,
    passphrase: PASSPHRASE,
    iterations: ROUNDS,
    breakAt,
    how,
  };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, JSON.stringify(task)], (error, stdout, stderr) => {
      if (error?.signal === 'SIGKILL') resolve(undefined);
      else if (error) reject(new Error(stderr));
      else resolve(stdout);
    });
  });
}

/** Opens the key as any other program would, and tells which file it is. */
async function stateOf(privateDir: string): Promise<'old' | 'new'> {
  const text = await readFile(join(privateDir, `${ID}.key`));
  expect(decodePrivateKeyPem(text, PASSPHRASE).id).toBe(ID);
  return inspectPrivateKeyPem(text)?.iterations === ROUNDS ? 'new' : 'old';
}

/** What other programs take for keys. */
const keyFiles = async (privateDir: string) =>
  (await readdir(privateDir)).filter(name => name.endsWith('.key') && !name.startsWith('.'));

describe('hardening a key', () => {
  it('killed at any change on disk, leaves a key that opens, and the next run ends the work', async () => {
    const seen = { old: 0, new: 0 };
    const killedAt = async (breakAt: number): Promise<boolean> => {
      const privateDir = await newStore(`kill-${breakAt}`);
      if ((await harden(privateDir, { breakAt })) !== undefined) return false;
      seen[await stateOf(privateDir)]++;
      expect(await keyFiles(privateDir)).toEqual([`${ID}.key`]);

      expect(await harden(privateDir)).toBe('done');
      expect(await stateOf(privateDir)).toBe('new');
      const left = (await readdir(privateDir)).filter(name => name.endsWith('.before'));
      expect(left).toEqual([]);
      return true;
    };
    let at = 1;
    while ((await Promise.all([killedAt(at), killedAt(at + 1)])).every(Boolean)) at += 2;
    expect(seen.old).toBeGreaterThanOrEqual(7);
    expect(seen.new).toBeGreaterThanOrEqual(1);
  }, 120_000);

  it.each(['ENOSPC', 'EIO', 'EACCES'])(
    'leaves a key that opens when the disk says %s',
    async how => {
      for (let breakAt = 1; ; breakAt++) {
        const privateDir = await newStore(`${how}-${breakAt}`);
        const outcome = await harden(privateDir, { breakAt, how });
        await stateOf(privateDir);
        expect(await harden(privateDir)).toBe('done');
        expect((await readdir(privateDir)).sort()).toEqual([`${ID}.key`]);
        if (outcome === 'done') break;
      }
    },
    120_000,
  );
});
