import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { findProgram } from './programs.ts';
import { type Running, track, untrack } from './running.ts';

const KEPT_LOG = 256 * 1024;

export interface ServiceOptions {
  command: string;
  args: readonly string[];
  /** Exactly these variables: nothing is inherited. */
  env: Record<string, string>;
  cwd: string;
}

/** A server program that runs until it is stopped. */
export interface Service extends Running {
  readonly pid: number;
  /** True once the program has ended, for whatever reason. */
  readonly ended: boolean;
  /** Everything on its standard output and error, at most the last 256 KiB. */
  logs(): string;
  /**
   * Asks `probe` again and again until it gives a value other than undefined.
   * @throws ServiceEndedError when the program ends first; Error when `timeoutMs` (default 30,000) have passed.
   */
  ready<T>(probe: () => T | undefined | Promise<T | undefined>, timeoutMs?: number): Promise<T>;
  /** Kills the program and waits for its end. The servers keep nothing that would have to be written. */
  stop(): Promise<void>;
}

/** A server program ended although it should run. */
export class ServiceEndedError extends Error {
  readonly addressInUse: boolean;

  constructor(name: string, logs: string) {
    super(`${name} ended by itself:\n${logs.slice(-4000)}`);
    this.name = 'ServiceEndedError';
    this.addressInUse = /address already in use|EADDRINUSE/.test(logs);
  }
}

/** Starts a server program. It does not wait: see {@link Service.ready}. */
export function startService(options: ServiceOptions): Service {
  // `setpriv` lets the kernel end the server when this process is killed and cannot run its exit handlers.
  const guard = process.platform === 'linux' ? findProgram('setpriv') : undefined;
  const [command, args] =
    guard === undefined
      ? [options.command, options.args]
      : [guard, ['--pdeathsig', 'KILL', '--', options.command, ...options.args]];
  const child: ChildProcess = spawn(command, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  const append = (chunk: Buffer) => {
    log = (log + chunk.toString('utf8')).slice(-KEPT_LOG);
  };
  child.stdout?.on('data', append);
  child.stderr?.on('data', append);
  let ended = false;
  const end = new Promise<void>(resolve => {
    const finish = () => {
      ended = true;
      process.off('exit', kill);
      resolve();
    };
    child.once('error', error => {
      log += `${error.message}\n`;
      finish();
    });
    child.once('close', finish);
  });
  const kill = () => {
    child.kill('SIGKILL');
  };
  process.on('exit', kill);

  const service: Service = {
    name: options.command,
    pid: child.pid ?? -1,
    get ended() {
      return ended;
    },
    logs: () => log,
    async ready(probe, timeoutMs = 30_000) {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        if (ended) throw new ServiceEndedError(options.command, log);
        const value = await probe();
        // An answer counts only while ours runs: another program may sit on the port.
        if (value !== undefined && !ended) return value;
        if (Date.now() > deadline) {
          throw new Error(`${options.command} was not ready within ${timeoutMs} ms:\n${log}`);
        }
        await Promise.race([end, delay(10)]);
      }
    },
    async stop() {
      untrack(service);
      kill();
      await end;
    },
  };
  return track(service);
}

const handedOut = new Set<number>();

/** A TCP port of 127.0.0.1 that nobody listens on right now, and that this process was not given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await new Promise<number>((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
      });
    });
    if (!handedOut.has(port)) {
      handedOut.add(port);
      return port;
    }
  }
}

/**
 * Runs `start`, and runs it again (with other ports) when a server found its port taken: between asking
 * for a free port and listening on it, another program may take it.
 */
export async function retryOnTakenPort<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof ServiceEndedError && error.addressInUse) || attempt === 5) throw error;
    }
  }
}
