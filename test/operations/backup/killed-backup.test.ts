import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
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

/** Runs the program; gives how many changes on disk it made, or undefined when it was killed. */
async function changes(task: object): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, JSON.stringify(task)], (error, stdout, stderr) => {
      if (error?.signal === 'SIGKILL') resolve(undefined);
      else if (error) reject(new Error(stderr));
      else resolve(Number(stdout));
    });
  });
}

interface Work {
  /** Makes what the program works on, in an empty folder. */
  readonly prepare: (place: string) => Promise<unknown>;
  readonly task: (place: string) => object;
  /** @param isWhole the work came to its end */
  readonly check: (place: string, isWhole: boolean) => Promise<void>;
}

/**
 * Checks what is left behind by work that is killed at each of its changes in turn: from one run that copies the folder at
 * each of them, and from real kills at some, which must leave the same.
 */
async function killedEverywhere(name: string, { prepare, task, check }: Work): Promise<number> {
  const begun = async (of: string): Promise<string> => {
    const place = join(folder, `${name}-${of}`);
    await mkdir(place);
    await prepare(place);
    return place;
  };
  const states = join(folder, `${name}-states`);
  const whole = await begun('whole');
  const kills = (await changes({ ...task(whole), states, watched: whole })) ?? 0;
  for (const at of [Math.ceil(kills / 3), kills - 1]) {
    const killed = await begun(`killed-${at}`);
    expect(await changes({ ...task(killed), breakAt: at })).toBeUndefined();
    expect(await outline(killed)).toEqual(await outline(join(states, String(at))));
    await check(killed, false);
  }
  const places = Array.from({ length: kills }, (_, index) => join(states, String(index + 1)));
  const worker = async (): Promise<void> => {
    for (let place = places.pop(); place !== undefined; place = places.pop()) {
      await check(place, false);
    }
  };
  await Promise.all(Array.from({ length: 4 }, worker));
  await check(whole, true);
  return kills;
}

/** The files with their lengths; what is random in their names is left out, and records of absolute paths. */
async function outline(place: string): Promise<[string, number][]> {
  return Object.entries(await contentsOf(place))
    .filter(([name]) => !name.includes(RECORD.slice(0, -'.json'.length)))
    .map(([name, { length }]): [string, number] => [
      name.replace(/\b[0-9a-f]{8,16}\b/g, '#'),
      length,
    ])
    .sort();
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
    const kills = await killedEverywhere('create', {
      prepare: async place => {
        await cp(source, join(place, 'trust'), { recursive: true, preserveTimestamps: true });
        await cp(backup, join(place, 'kept.backup'));
      },
      task: place => ({
        task: 'create',
        trustDir: join(place, 'trust'),
        file: join(place, 'kept.backup'),
        passphrase: NEW_PASSPHRASE,
      }),
      check: async (place, isWhole) => {
        const [trustDir, file] = [join(place, 'trust'), join(place, 'kept.backup')];
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
        if (isWhole) return;
        await unlock(trustDir);
        const again = { file, passphrase: NEW_PASSPHRASE, overwrite: true, cost: CHEAP };
        await inSession(trustDir, session => createBackup(session, again));
        await openBackup(file, { passphrase: NEW_PASSPHRASE });
      },
    });
    expect(kills).toBeGreaterThan(10);
    expect(seen.old).toBeGreaterThan(5);
    expect(seen.new).toBeGreaterThan(2);
  }, 60_000);

  test('while it restores leaves whole files, and a second run completes it', async () => {
    const wanted = await withoutRecord(source);
    const kills = await killedEverywhere('restore', {
      prepare: async () => {},
      task: place => ({
        task: 'restore',
        trustDir: join(place, 'trust'),
        file: backup,
        passphrase: PASSPHRASE,
      }),
      check: async (place, isWhole) => {
        const trustDir = join(place, 'trust');
        for (const [name, content] of Object.entries(await contentsOf(trustDir))) {
          // What is not in its place yet has a name that nobody reads.
          if (name !== RECORD && !/\/\.[^/]*$|\.tabellion-/.test(name)) {
            expect({ name, content }).toEqual({ name, content: wanted[name] });
          }
        }
        if (!isWhole) {
          await unlock(trustDir);
          const again = { file: backup, secret: { passphrase: PASSPHRASE } };
          await inSession(trustDir, session => restoreBackup(session, again));
        }
        expect(await withoutRecord(trustDir)).toEqual(wanted);
      },
    });
    expect(kills).toBeGreaterThan(30);
  }, 60_000);

  test('while it replaces a key has the old one or the new one in its place, and loses neither', async () => {
    const name = Object.keys(await contentsOf(source)).find(path => path.startsWith('private/'));
    const key = name ?? '';
    const wanted = await readFile(join(source, key), 'utf8');
    const other = wanted.replace('role: ', 'role: other-');
    const seen = new Set<string>();
    await killedEverywhere('replace', {
      prepare: async place => {
        await cp(source, join(place, 'trust'), { recursive: true });
        await writeFile(join(place, 'trust', key), other);
      },
      task: place => ({
        task: 'restore',
        trustDir: join(place, 'trust'),
        file: backup,
        passphrase: PASSPHRASE,
        only: [basename(key, '.key')],
        replace: true,
      }),
      check: async place => {
        const files = Object.entries(await contentsOf(join(place, 'trust')));
        const here = await readFile(join(place, 'trust', key), 'utf8');
        expect([wanted, other]).toContain(here);
        seen.add(here);
        const kept = files.filter(([path, content]) => content === other && !path.endsWith('.tmp'));
        expect(kept.map(([path]) => dirname(path))[0]).toMatch(/private|replaced-keys/);
      },
    });
    expect(seen.size).toBe(2);
  }, 60_000);
});
