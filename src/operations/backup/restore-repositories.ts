/**
 * Trust data and staged changes out of a backup. What a machine has seen of a repository is its protection against
 * older versions, and the root that it trusts is its anchor: no backup takes either back.
 */

import type { RepositoryDir } from '../../trust-dir/repository-dir.ts';
import { ROOT } from '../../tuf/role-name.ts';
import type { Session } from '../session.ts';
import type { RepositoryContent } from './contents.ts';
import type { InventoryRepository } from './inventory.ts';
import type { OpenedBackup } from './open-backup.ts';
import type { RestoreAction } from './restore-keys.ts';
import type { RestoreSelection } from './restore-selection.ts';
import { describeMetadata } from './role-holders.ts';

export interface RestoredRepository {
  readonly gun: string;
  readonly action: RestoreAction;
  readonly reason?: string;
  /** Staged changes that are put back, and those that are not because the repository is in use here. */
  readonly changes: { readonly restored: number; readonly kept: number };
}

/** @param write false only tells what would be done */
export async function restoreRepositories(
  session: Session,
  { inventory, contents, createdAt }: OpenedBackup,
  { wantsRepository }: RestoreSelection,
  { replace, write }: { replace: boolean; write: boolean },
): Promise<RestoredRepository[]> {
  const done: RestoredRepository[] = [];
  for (const [index, content] of contents.repositories.entries()) {
    if (!wantsRepository(content.gun)) continue;
    const total = contents.repositories.length;
    session.progress({ message: 'restoring trust data', done: index, total });
    const dir = session.trustDir.repository(content.gun);
    const work = async () => {
      const plan = await planRepository(dir, content, replace);
      if (write)
        await restore(
          dir,
          content,
          plan,
          checkedAt(session, inventory.repositories[index], createdAt),
        );
      return plan.report;
    };
    done.push(write ? await dir.withLock(work) : await work());
  }
  return done;
}

interface Plan {
  readonly report: RestoredRepository;
  readonly changes: readonly string[];
}

async function planRepository(
  dir: RepositoryDir,
  { gun, metadata, changes }: RepositoryContent,
  replace: boolean,
): Promise<Plan> {
  const here = await dir.readAll();
  const verdict = judge(here, metadata, replace);
  const staged = await dir.changelist.readFiles();
  const lacking = changes.filter(({ name, bytes }) => !same(staged.get(name), bytes));
  // Changes that are gone from a repository in use were published or withdrawn: they must not come back by themselves.
  const restored = lacking.filter(({ name }) => replace || (!here.has(ROOT) && !staged.has(name)));
  const counts = { restored: restored.length, kept: lacking.length - restored.length };
  return {
    report: { gun, ...verdict, changes: counts },
    changes: restored.map(({ name }) => name),
  };
}

function judge(
  here: ReadonlyMap<string, Uint8Array>,
  backup: ReadonlyMap<string, Uint8Array>,
  replace: boolean,
): { action: RestoreAction; reason?: string } {
  if ([...backup].every(([role, bytes]) => same(here.get(role), bytes))) return { action: 'same' };
  const newer = [...here].find(([role, bytes]) => {
    const old = backup.get(role);
    return old !== undefined && !same(old, bytes) && isNewer(role, bytes, old);
  });
  if (newer !== undefined) {
    return { action: 'kept', reason: `its ${newer[0]} metadata here is newer` };
  }
  if (!here.has(ROOT)) return { action: 'restored' };
  if (replace) return { action: 'replaced' };
  return {
    action: 'kept',
    reason: same(here.get(ROOT), backup.get(ROOT))
      ? 'there is trust data of it here already'
      : 'another root is trusted here',
  };
}

/** One whose version cannot be told is not thrown away for an older one. */
function isNewer(role: string, here: Uint8Array, backup: Uint8Array): boolean {
  const version = (bytes: Uint8Array) => describeMetadata(role, bytes).version;
  return (version(here) ?? 0) > (version(backup) ?? 0);
}

/** Changes first: only a repository without a root takes them, so that a run that was killed can be repeated. */
async function restore(
  dir: RepositoryDir,
  { metadata, changes }: RepositoryContent,
  plan: Plan,
  time: Date,
): Promise<void> {
  for (const { name, bytes } of changes) {
    if (plan.changes.includes(name)) await dir.changelist.restore(name, bytes);
  }
  const { action } = plan.report;
  if (action === 'restored' || action === 'replaced') {
    await dir.replace(metadata, { checkedAt: time });
  }
}

/** Restored data is as old as it was: nobody has asked the server since. */
function checkedAt(
  session: Session,
  listed: InventoryRepository | undefined,
  createdAt: string,
): Date {
  const time = new Date(listed?.checkedAt ?? createdAt);
  return time > session.now ? session.now : time;
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}
