/**
 * A process that makes or restores a backup; its one argument is a JSON object. It is killed at its n-th change on disk;
 * or else copies a folder at each change, as a kill would leave it, and prints how many there were.
 */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { createBackup } from '../../../src/operations/backup/create-backup.ts';
import { restoreBackup } from '../../../src/operations/backup/restore-backup.ts';
import { openSession } from '../../../src/operations/session.ts';
import { breakFileSystem } from '../../trust-dir/faulty-file-system.ts';

interface Task {
  readonly task: 'create' | 'restore';
  readonly trustDir: string;
  readonly file: string;
  readonly passphrase: string;
  readonly replace?: boolean;
  readonly only?: string[];
  readonly breakAt?: number;
  /** Where copies of `watched` go, each into a folder that is named by the number of the change. */
  readonly states?: string;
  readonly watched?: string;
}

const {
  task,
  trustDir,
  file,
  passphrase,
  replace = false,
  only = [],
  breakAt = 0,
  states = '',
  watched = '',
}: Task = JSON.parse(process.argv[2] ?? '{}');
const session = await openSession({
  env: {},
  home: trustDir,
  trustDir,
  now: () => new Date('2026-11-23T00:00:00Z'),
  log: () => {},
  progress: () => {},
});
const copy = (at: number): void => {
  cpSync(watched, join(states, String(at)), { recursive: true, preserveTimestamps: true });
};
const isWatched = states !== '';
const state = breakFileSystem({
  at: breakAt,
  how: 'kill',
  calls: 0,
  ...(isWatched ? { look: copy } : {}),
});
if (task === 'create') {
  const shares = { threshold: 2, count: 2 };
  const cost = { logN: 1, r: 1, p: 1 };
  await createBackup(session, { file, passphrase, overwrite: true, cost, shares });
} else {
  await restoreBackup(session, { file, secret: { passphrase }, replace, only });
}
await session.close();
process.stdout.write(String(state.calls));
