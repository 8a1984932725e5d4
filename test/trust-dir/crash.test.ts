import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TrustDir } from '../../src/trust-dir/trust-dir.ts';
import { bundleProgram } from '../support/bundle-program.ts';

const GUN = 'localhost:5000/team/app';
const OLD = {
  root: 'old root',
  targets: 'old targets',
  timestamp: 'old',
  'targets/gone': 'old gone',
};
const NEW = {
  root: 'new root',
  targets: 'new targets',
  'targets/alice/ci': 'new ci',
  snapshot: 'new snapshot',
  timestamp: 'new',
};

let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-crash-'));
  program = await bundleProgram(new URL('./writer-program.ts', import.meta.url), folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const bytes = (files: Record<string, string>) =>
  new Map(Object.entries(files).map(([role, text]) => [role, Buffer.from(text)]));

async function contents(trustDir: string): Promise<Record<string, string>> {
  const all = await new TrustDir(trustDir).repository(GUN).readAll();
  return Object.fromEntries([...all].map(([role, data]) => [role, Buffer.from(data).toString()]));
}

async function onDisk(trustDir: string): Promise<Record<string, string>> {
  const top = join(trustDir, 'tuf', ...GUN.split('/'));
  const found = await readdir(top, { recursive: true, withFileTypes: true });
  const files = found.filter(entry => entry.isFile());
  return Object.fromEntries(
    await Promise.all(
      files.map(async entry => {
        const path = join(entry.parentPath, entry.name);
        const name = path.slice(top.length + 1).replaceAll('\\', '/');
        return [name, await readFile(path, 'utf8')] as const;
      }),
    ),
  );
}

const inMetadata = (files: Record<string, string>) =>
  Object.fromEntries(Object.entries(files).map(([role, text]) => [`metadata/${role}.json`, text]));

/** Runs the writer; undefined when it was killed. */
async function run(task: object): Promise<Record<string, unknown> | undefined> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, JSON.stringify(task)], (error, stdout, stderr) => {
      if (error?.signal === 'SIGKILL') resolve(undefined);
      else if (error) reject(new Error(stderr));
      else resolve(JSON.parse(stdout));
    });
  });
}

describe('a process that is killed while it replaces metadata', () => {
  it('leaves all of the old or all of the new data, at every change on disk', async () => {
    const seen = { old: 0, new: 0 };
    const killedAt = async (breakAt: number): Promise<boolean> => {
      const trustDir = join(folder, `kill-${breakAt}`);
      await new TrustDir(trustDir).repository(GUN).replace(bytes(OLD));
      const task = { trustDir, gun: GUN, task: 'replace', files: NEW, remove: ['targets/gone'] };
      if ((await run({ ...task, breakAt })) !== undefined) return false;

      // While the dead process's lock still stands, readers see through what it left.
      const found = await contents(trustDir);
      const state = found.root === OLD.root ? 'old' : 'new';
      seen[state]++;
      expect(found).toEqual(state === 'old' ? OLD : NEW);

      // Without that lock, the next holder tidies up: other programs find the same.
      await rm(join(trustDir, '.tabellion'), { recursive: true, force: true });
      await new TrustDir(trustDir).repository(GUN).withLock(async () => {});
      expect(await onDisk(trustDir)).toEqual(inMetadata(state === 'old' ? OLD : NEW));
      return true;
    };
    let at = 1;
    while ((await Promise.all([killedAt(at), killedAt(at + 1)])).every(Boolean)) at += 2;
    expect(seen.old).toBeGreaterThan(10);
    expect(seen.new).toBeGreaterThan(10);
  }, 120_000);

  it('leaves a lock that the next one takes over', async () => {
    const trustDir = join(folder, 'stale');
    const child = spawn(process.execPath, [
      program,
      JSON.stringify({ trustDir, gun: GUN, task: 'hold' }),
    ]);
    await once(child.stdout, 'data');
    const times = { waitMs: 10_000, staleMs: 2000 };
    const repository = new TrustDir(trustDir, { lockTimes: times }).repository(GUN);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await repository.replace(bytes(NEW));
    expect(await contents(trustDir)).toEqual(NEW);
  });
});

describe('a disk that fills up', () => {
  it('is reported, and leaves the old data and no rest, or the new data', async () => {
    const trustDir = join(folder, 'full');
    const task = {
      trustDir,
      gun: GUN,
      task: 'fill',
      old: OLD,
      files: NEW,
      remove: ['targets/gone'],
    };
    const result = await run(task);
    const runs = result?.runs as { code: string; files: object; leftOver: string[] }[];
    const failed = runs.filter(({ files }) => 'targets/gone' in files);
    expect(failed.length).toBeGreaterThan(10);
    for (const { code, files, leftOver } of failed) {
      expect({ code, files, leftOver }).toEqual({ code: 'DISK_FULL', files: OLD, leftOver: [] });
    }
    for (const { files } of runs.slice(failed.length)) expect(files).toEqual(NEW);
    expect(runs.length).toBeGreaterThan(failed.length);
  }, 60_000);
});

describe('two processes', () => {
  it('never lose each other’s update, and a reader never sees half of one', async () => {
    const trustDir = join(folder, 'two');
    const task = { trustDir, gun: GUN, task: 'count', times: 15 };
    let running = true;
    const done = Promise.all([run(task), run(task)]).finally(() => {
      running = false;
    });
    let reads = 0;
    while (running) {
      const numbers = new Set(Object.values(await contents(trustDir)));
      expect(numbers.size).toBeLessThanOrEqual(1);
      reads++;
    }
    await done;
    expect(reads).toBeGreaterThan(5);
    expect(await contents(trustDir)).toEqual({ root: '30', targets: '30', timestamp: '30' });
  }, 60_000);

  it('stage changes side by side, each whole and under a name of its own', async () => {
    const trustDir = join(folder, 'stagers');
    const task = { trustDir, gun: GUN, task: 'stage', times: 10 };
    await Promise.all([run(task), run(task)]);
    const changes = await new TrustDir(trustDir).repository(GUN).changelist.list();
    expect(changes).toHaveLength(20);
    expect(changes.filter(staged => staged.problem)).toEqual([]);
    const stamps = changes.map(staged => staged.name.slice(0, 20));
    expect(new Set(stamps).size).toBe(20);
  }, 60_000);

  it('names the one who holds the lock when the wait is over', async () => {
    const trustDir = join(folder, 'held');
    const child = spawn(process.execPath, [
      program,
      JSON.stringify({ trustDir, gun: GUN, task: 'hold' }),
    ]);
    try {
      await once(child.stdout, 'data');
      const times = { waitMs: 100, staleMs: 10_000 };
      const repository = new TrustDir(trustDir, { lockTimes: times }).repository(GUN);
      await expect(repository.replace(bytes(NEW))).rejects.toMatchObject({
        code: 'REPOSITORY_LOCKED',
        message: expect.stringContaining(`process ${child.pid} on `),
      });
      expect(await repository.read('root')).toBeUndefined();
      // Another repository is free.
      await new TrustDir(trustDir).repository(`${GUN}/metadata`).replace(bytes(NEW));
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
});
