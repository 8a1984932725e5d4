import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBackup } from '../../../src/operations/backup/create-backup.ts';
import { openBackup } from '../../../src/operations/backup/open-backup.ts';
import { restoreBackup } from '../../../src/operations/backup/restore-backup.ts';
import { decodeShare } from '../../../src/operations/backup/shares.ts';
import { openSession, type Session } from '../../../src/operations/session.ts';
import { stageRemoval } from '../../../src/operations/stage.ts';
import { TrustDir } from '../../../src/trust-dir/trust-dir.ts';
import { bundleProgram } from '../../support/bundle-program.ts';
import { Scene } from '../../support/trust-scene.ts';
import { backUp, CHEAP, contentsOf, PASSPHRASE } from './backup-scene.ts';

const APP = 'localhost:5000/app';
const NEW_PASSPHRASE = 'a passphrase of the newer one';
const RECORD = '.tabellion/backups.json';

let folder: string;
let program: string;
/** A trust directory with everything that there can be, and a backup of it. */
let source: string;
let backup: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-killed-backup-'));
  program = await bundleProgram(new URL('./backup-program.ts', import.meta.url), folder);
  source = join(folder, 'source');
  backup = join(folder, 'old.backup');
  const scene = await Scene.open('killed backup');
  try {
    const machine = await scene.machine({ trustDir: source });
    await machine.signOne(`${APP}:1`);
    await machine.run(session => stageRemoval(session, APP, { name: '1' }));
    await rm(join(source, '.tabellion'), { recursive: true, force: true });
    await new TrustDir(source).own.write('pins/a.json', { pin: 1 });
    await backUp(machine, backup);
    await rm(join(source, RECORD));
  } finally {
    await scene.close();
  }
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Whether the program came to its end. */
async function ends(task: object): Promise<boolean> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, JSON.stringify(task)], (error, stdout, stderr) => {
      if (error?.signal === 'SIGKILL') resolve(false);
      else if (error) reject(new Error(stderr));
      else resolve(stdout === 'done');
    });
  });
}

/** Runs the work with a kill at each change in turn, two at a time, until it comes to its end. */
async function killedEverywhere(check: (at: number) => Promise<boolean>): Promise<number> {
  let at = 1;
  for (;;) {
    const [one, two] = await Promise.all([check(at), check(at + 1)]);
    if (!one) return at - 1;
    if (!two) return at;
    at += 2;
  }
}

/** What counts in a trust directory: without the record of backups, and what was not finished. */
async function withoutRecord(trustDir: string): Promise<Record<string, string>> {
  const files = Object.entries(await contentsOf(trustDir));
  return Object.fromEntries(
    files.filter(([name]) => name !== RECORD && !/\/\.[^/]*\.tmp$/.test(name)),
  );
}

/** The lock of a dead process holds for a while; nobody waits for that here. */
async function unlock(trustDir: string): Promise<void> {
  await rm(join(trustDir, '.tabellion', 'locks'), { recursive: true, force: true });
}

async function inSession<T>(trustDir: string, work: (session: Session) => Promise<T>): Promise<T> {
  const [now, nothing] = [() => new Date('2026-11-23T00:00:00Z'), () => {}];
  const options = { env: {}, home: trustDir, trustDir, now, log: nothing, progress: nothing };
  return work(await openSession(options));
}

describe('a process that is killed at any change on disk', () => {
  test('while it makes a backup harms neither the one before nor the trust directory', async () => {
    const before = await withoutRecord(source);
    const old = await readFile(backup);
    const seen = { old: 0, new: 0 };
    const kills = await killedEverywhere(async at => {
      const place = join(folder, `create-${at}`);
      const trustDir = join(place, 'trust');
      await cp(source, trustDir, { recursive: true, preserveTimestamps: true });
      const file = join(place, 'kept.backup');
      await cp(backup, file);
      const task = { task: 'create', trustDir, file, passphrase: NEW_PASSPHRASE };
      const wasKilled = !(await ends({ ...task, breakAt: at }));

      expect(await withoutRecord(trustDir)).toEqual(before);
      if ((await readFile(file)).equals(old)) {
        seen.old += 1;
      } else {
        seen.new += 1;
        await openBackup(file, { passphrase: NEW_PASSPHRASE });
        // Whoever is to open it later has what that takes.
        const names = (await readdir(place)).filter(name => name.includes('.share-'));
        const texts = await Promise.all(names.map(name => readFile(join(place, name), 'utf8')));
        await openBackup(file, { shares: texts.map(text => decodeShare(text)) });
      }
      if (wasKilled) {
        await unlock(trustDir);
        const again = { file, passphrase: NEW_PASSPHRASE, overwrite: true, cost: CHEAP };
        await inSession(trustDir, session => createBackup(session, again));
        await openBackup(file, { passphrase: NEW_PASSPHRASE });
      }
      await rm(place, { recursive: true });
      return wasKilled;
    });
    expect(kills).toBeGreaterThan(10);
    expect(seen.old).toBeGreaterThan(5);
    expect(seen.new).toBeGreaterThan(2);
  }, 240_000);

  test('while it restores leaves whole files, and a second run completes it', async () => {
    const wanted = await withoutRecord(source);
    const kills = await killedEverywhere(async at => {
      const place = join(folder, `restore-${at}`);
      const trustDir = join(place, 'trust');
      const task = { task: 'restore', trustDir, file: backup, passphrase: PASSPHRASE };
      const wasKilled = !(await ends({ ...task, breakAt: at }));

      const found = await contentsOf(trustDir);
      for (const [name, content] of Object.entries(found)) {
        // What is not in its place yet has a name that nobody reads.
        if (name !== RECORD && !/\/\.[^/]*$|\.tabellion-/.test(name)) {
          expect({ name, content }).toEqual({ name, content: wanted[name] });
        }
      }
      if (wasKilled) {
        await unlock(trustDir);
        const again = { file: backup, secret: { passphrase: PASSPHRASE } };
        await inSession(trustDir, session => restoreBackup(session, again));
      }
      expect(await withoutRecord(trustDir)).toEqual(wanted);
      await rm(place, { recursive: true });
      return wasKilled;
    });
    expect(kills).toBeGreaterThan(30);
  }, 240_000);

  test('while it replaces a key has the old one or the new one in its place, and loses neither', async () => {
    const name = Object.keys(await contentsOf(source)).find(path => path.startsWith('private/'));
    const key = name ?? '';
    const wanted = await readFile(join(source, key), 'utf8');
    const other = wanted.replace('role: ', 'role: other-');
    await killedEverywhere(async at => {
      const trustDir = join(folder, `replace-${at}`);
      await cp(source, trustDir, { recursive: true });
      await writeFile(join(trustDir, key), other);
      const only = [basename(key, '.key')];
      const task = { task: 'restore', trustDir, file: backup, passphrase: PASSPHRASE, only };
      const wasKilled = !(await ends({ ...task, replace: true, breakAt: at }));
      const files = Object.entries(await contentsOf(trustDir));
      const here = await readFile(join(trustDir, key), 'utf8');
      expect([wanted, other]).toContain(here);
      const kept = files.filter(([path, content]) => content === other && !path.endsWith('.tmp'));
      expect(kept.map(([path]) => dirname(path))[0]).toMatch(/private|replaced-keys/);
      await rm(trustDir, { recursive: true });
      return wasKilled;
    });
  }, 240_000);
});
