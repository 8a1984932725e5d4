/** Hardens one key on a disk that breaks; a child process, to be killed. Its argument is a {@link Task} as JSON. */
import { EnvironmentPassphrases } from '../../src/keys/environment-passphrases.ts';
import { hardenKey } from '../../src/keys/harden-key.ts';
import { KeyStore } from '../../src/keys/key-store.ts';
import { writeFileAtomic } from '../../src/trust-dir/atomic-file.ts';
import { breakFileSystem } from '../trust-dir/faulty-file-system.ts';

export interface Task {
  readonly privateDir: string;
  readonly id: string;
  readonly passphrase: string;
  readonly iterations: number;
  /** The change on disk that breaks; 0 for none. */
  readonly breakAt: number;
  /** `kill`, or the code of an error. */
  readonly how: string;
}

const task: Task = JSON.parse(process.argv[2] ?? '');
const store = new KeyStore({
  privateDir: task.privateDir,
  passphrases: [new EnvironmentPassphrases({ NOTARY_TARGETS_PASSPHRASE: task.passphrase })],
  writeFile: writeFileAtomic,
  encryption: { iterations: task.iterations, saltBytes: 16 },
});
breakFileSystem({ at: task.breakAt, how: task.how, calls: 0 });
const outcome = await hardenKey(store, task.id).then(
  () => 'done',
  (error: Error) => error.message,
);
process.stdout.write(outcome);
