/**
 * Breaks the file system under a program: at its n-th change of anything on disk, the process is killed, or
 * the call fails with an error of the system.
 */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

type Call = (...args: unknown[]) => Promise<unknown>;

export interface Breakage {
  /** The change that breaks, counted from 1; 0 for none. */
  at: number;
  /** `kill`, or the code of an error. */
  how: string;
  /** Changes so far. */
  calls: number;
  /**
   * Called at every change, when all is on disk that a kill at that change would leave there: a kill loses nothing that
   * the system has taken over, so one run shows what many kills would.
   */
  look?: (at: number) => void;
}

/** From now on, every change on disk is counted, and may break. */
export function breakFileSystem(state: Breakage): Breakage {
  const disk = fs as unknown as Record<string, Call>;

  /** @param halfway does a part, and gives the arguments for the rest */
  const wrap = (
    name: string,
    call: Call,
    halfway?: (args: unknown[]) => Promise<unknown[]>,
  ): Call => {
    return async (...args) => {
      const isRead = name === 'open' && args[1] !== 'wx';
      if (!isRead) state.calls++;
      const { calls: at, look } = state;
      if (isRead || (look === undefined && at !== state.at)) return call(...args);
      const rest = (await halfway?.(args)) ?? args;
      if (look !== undefined) {
        look(at);
        return call(...rest);
      }
      if (state.how === 'kill') {
        process.kill(process.pid, 'SIGKILL');
        return new Promise(() => {});
      }
      throw Object.assign(new Error(`${state.how}: ${name}`), { code: state.how });
    };
  };

  for (const name of ['open', 'mkdir', 'rename', 'unlink', 'rm', 'rmdir', 'utimes', 'writeFile']) {
    const call = disk[name] as Call;
    disk[name] = wrap(name, call.bind(fs));
  }
  const open = disk.open as Call;
  disk.open = async (...args) => {
    const handle = (await open(...args)) as Record<string, Call>;
    const write = (handle.writeFile as Call).bind(handle);
    // A write that breaks has written half.
    handle.writeFile = wrap('write', write, async ([given]) => {
      const bytes = given as Uint8Array;
      const half = Math.floor(bytes.length / 2);
      await write(bytes.slice(0, half));
      return [bytes.slice(half)];
    });
    handle.sync = wrap('sync', (handle.sync as Call).bind(handle));
    return handle;
  };
  syncBuiltinESMExports();
  return state;
}
