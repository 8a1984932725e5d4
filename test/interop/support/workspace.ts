import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Running, track, untrack } from './running.ts';

export interface Workspace extends Running {
  readonly path: string;
}

/** A temporary folder that is removed with everything in it when it is stopped. */
export async function makeWorkspace(): Promise<Workspace> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tabellion-interop-'));
  const workspace: Workspace = {
    name: folder,
    path: folder,
    async stop() {
      untrack(workspace);
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
  return track(workspace);
}
