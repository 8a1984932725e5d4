import { readdir, utimes } from 'node:fs/promises';
import path from 'node:path';
import type { Person, Scene } from './scene.ts';

/** As if a minute had passed: then the lock of a dead process is taken over. */
export async function ageLocks({ trustDir }: Person): Promise<void> {
  const folder = path.join(trustDir, '.tabellion', 'locks');
  const then = new Date(Date.now() - 60_000);
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.endsWith('.lock')) await utimes(path.join(folder, name), then, then);
  }
}

/**
 * Runs a command behind the proxy, and kills it (SIGKILL) while the request with this number (from 1) waits for its
 * answer. The server has done what was asked for when `isDone` says so, else it never hears of it.
 */
export async function killedAtRequest(
  { proxy }: Scene,
  person: Person,
  args: readonly string[],
  number: number,
  isDone: 'before' | 'after' = 'before',
): Promise<'killed' | 'done'> {
  const killer = new AbortController();
  let seen = 0;
  const remove = proxy.fault(/./, async (_request, forward) => {
    seen += 1;
    if (seen < number) return await forward();
    if (isDone === 'after') await forward();
    killer.abort();
    return { hang: true } as const;
  });
  const result = await person.tabellion.run(args, { signal: killer.signal });
  remove();
  await ageLocks(person);
  if (result.signal === 'SIGKILL') return 'killed';
  if (result.code !== 0) throw new Error(`exit ${result.code}: ${result.stderr}`);
  return 'done';
}
