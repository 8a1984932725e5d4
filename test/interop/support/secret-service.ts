import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runToSuccess } from './run-program.ts';
import { type Running, track, untrack } from './running.ts';
import { startService } from './service.ts';

/** A D-Bus session of its own, on which the real `gnome-keyring-daemon` keeps secrets in an unlocked collection. */
export interface SecretService extends Running {
  /** What a program needs to find the session, and nothing else. */
  readonly environment: Record<string, string>;
  /** Locks the collection, as when the screen is locked; nobody is there to unlock it. */
  lock(): Promise<void>;
  /** Stops the daemon in its tracks: it takes questions, and gives no answers. */
  freeze(): void;
  thaw(): void;
  /** Kills the daemon. D-Bus starts another one when it is asked again, with a locked collection. */
  kill(): Promise<void>;
  /** How many programs are connected to the session. */
  connections(): Promise<number>;
}

const BUS = ['--dest=org.freedesktop.DBus', '/org/freedesktop/DBus'];
const COLLECTION = '/org/freedesktop/secrets/collection/login';

/** @param folder an empty one, for the collection and the daemon's socket */
export async function startSecretService(folder: string): Promise<SecretService> {
  const runtime = path.join(folder, 'run');
  await mkdir(runtime, { recursive: true, mode: 0o700 });
  const base = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    XDG_RUNTIME_DIR: runtime,
    LC_ALL: 'C.UTF-8',
  };
  const session = await startSession(base);
  const environment = { ...base, DBUS_SESSION_BUS_ADDRESS: session.address };
  const send = async (...args: string[]): Promise<string> =>
    (await runToSuccess('dbus-send', ['--session', '--print-reply', ...args], { env: environment }))
      .stdout;

  const password = path.join(folder, 'login-password');
  await writeFile(password, 'of the collection', { mode: 0o600 });
  const daemon = startService({
    command: 'sh',
    args: [
      '-c',
      `exec gnome-keyring-daemon --foreground --components=secrets --unlock < '${password}'`,
    ],
    env: environment,
    cwd: folder,
  });
  await daemon.ready(async () => {
    const ask = [...BUS, 'org.freedesktop.DBus.NameHasOwner', 'string:org.freedesktop.secrets'];
    return (await send(...ask)).includes('boolean true') || undefined;
  });

  const service: SecretService = {
    name: 'Secret Service',
    environment,
    async lock() {
      const asked = `array:objpath:${COLLECTION}`;
      const method = 'org.freedesktop.Secret.Service.Lock';
      await send('--dest=org.freedesktop.secrets', '/org/freedesktop/secrets', method, asked);
    },
    freeze: () => void process.kill(daemon.pid, 'SIGSTOP'),
    thaw: () => void process.kill(daemon.pid, 'SIGCONT'),
    kill: () => daemon.stop(),
    async connections() {
      const names = await send(...BUS, 'org.freedesktop.DBus.ListNames');
      return [...names.matchAll(/string ":/g)].length;
    },
    async stop() {
      untrack(service);
      await daemon.stop();
      await session.end();
    },
    logs: () => daemon.logs(),
  };
  return track(service);
}

/** A session of `dbus-run-session`, which ends, with all that D-Bus started in it, when its standard input does. */
async function startSession(
  env: Record<string, string>,
): Promise<{ address: string; end(): Promise<void> }> {
  const script = 'printf "%s\\n" "$DBUS_SESSION_BUS_ADDRESS"; exec cat';
  const child = spawn('dbus-run-session', ['--', 'sh', '-c', script], {
    env,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
  const address = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.once('error', reject);
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      if (text.includes('\n')) resolve(text.trim());
    });
    void ended.then(() => reject(new Error('dbus-run-session ended by itself')));
  });
  return {
    address,
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}
