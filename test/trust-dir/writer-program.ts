/**
 * A process that writes to a trust directory; its one argument is a JSON object. It prints what came of it.
 */
import { readdir } from 'node:fs/promises';
import { TabellionError } from '../../src/errors.ts';
import { TrustDir } from '../../src/trust-dir/trust-dir.ts';
import { breakFileSystem } from './faulty-file-system.ts';

interface Task {
  readonly trustDir: string;
  readonly gun: string;
  readonly task: 'replace' | 'fill' | 'count' | 'hold' | 'stage';
  readonly old?: Record<string, string>;
  readonly files?: Record<string, string>;
  readonly remove?: string[];
  readonly times?: number;
  readonly breakAt?: number;
}

const task: Task = JSON.parse(process.argv[2] ?? '{}');
const disk = breakFileSystem({ at: task.breakAt ?? 0, how: 'kill', calls: 0 });
const repository = new TrustDir(task.trustDir).repository(task.gun);

const bytes = (files: Record<string, string> = {}) =>
  new Map(Object.entries(files).map(([role, text]) => [role, Buffer.from(text)]));

const replace = () => repository.replace(bytes(task.files), { remove: task.remove ?? [] });

/** Replaces once for each change on disk, with no space left at that change, and says what came of each. */
async function fill() {
  const runs: object[] = [];
  for (let at = 1; ; at++) {
    await repository.replace(bytes(task.old), { remove: Object.keys(task.files ?? {}) });
    Object.assign(disk, { at, how: 'ENOSPC', calls: 0 });
    const error = await replace().catch(error => error);
    const broke = disk.calls >= at;
    disk.at = 0;
    if (!broke) return { runs };
    const names = await readdir(repository.folder, { recursive: true });
    const files = await repository.readAll();
    runs.push({
      code: error?.code ?? 'none',
      files: Object.fromEntries([...files].map(([role, data]) => [role, String(data)])),
      leftOver: names.filter(name => name.includes('.tabellion')),
    });
  }
}

/** Adds one to a number that lies in several files. */
async function count() {
  for (let i = 0; i < (task.times ?? 0); i++) {
    await repository.withLock(async () => {
      const number = Number(Buffer.from((await repository.read('root')) ?? '0').toString()) + 1;
      const bytes = Buffer.from(String(number));
      await repository.replace(
        new Map(['root', 'targets', 'timestamp'].map(role => [role, bytes])),
      );
    });
  }
}

async function stage() {
  for (let i = 0; i < (task.times ?? 0); i++) {
    const path = `${process.pid}-${i}`;
    await repository.changelist.add({
      action: 'delete',
      role: 'targets',
      type: 'target',
      path,
      data: null,
    });
  }
}

/** Takes the lock and keeps it until killed. */
async function hold() {
  await repository.withLock(async () => {
    process.stdout.write('held\n');
    await new Promise(resolve => setTimeout(resolve, 60_000));
  });
}

try {
  const result = await { replace, fill, count, hold, stage }[task.task]();
  process.stdout.write(JSON.stringify(result ?? { calls: disk.calls }));
} catch (error) {
  if (!(error instanceof TabellionError)) throw error;
  process.stdout.write(JSON.stringify({ code: error.code, message: error.message }));
}
