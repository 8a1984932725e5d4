import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { OperationError } from '../../src/errors.ts';
import { RepositoryLock } from '../../src/trust-dir/repository-lock.ts';
import { expectFailure } from '../support/expect-failure.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabellion-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const newLock = () => new RepositoryLock(folder, 'app', { waitMs: 0, staleMs: 2000 });

async function lockFolder(): Promise<string> {
  const name = (await readdir(folder)).find(entry => entry.endsWith('.lock'));
  if (name === undefined) throw new Error('nothing is locked');
  return join(folder, name);
}

function signal(): { given: Promise<void>; give: () => void } {
  let give = () => {};
  const given = new Promise<void>(resolve => {
    give = resolve;
  });
  return { given, give };
}

it('a holder that lost its lock does not take it from the one that has it now', async () => {
  const stale = signal();
  const taken = signal();
  const leave = signal();
  // Made here, so that it does not join the first holder's call.
  const second = stale.given.then(() =>
    newLock().run(async held => {
      taken.give();
      await leave.given;
      await held.check();
    }),
  );
  const first = newLock().run(async held => {
    // As after a suspension for a minute.
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(await lockFolder(), longAgo, longAgo);
    stale.give();
    await taken.given;
    await held.check();
  });
  await expectFailure(first, OperationError, 'LOCK_LOST');
  await expectFailure(
    newLock().run(async () => {}),
    OperationError,
    'REPOSITORY_LOCKED',
  );
  leave.give();
  await second;
  expect(await readdir(folder)).toEqual([]);
});

it('that is held is waited for, and the wait is told once, with who holds it', async () => {
  const told: string[] = [];
  const waiting = signal();
  const taken = signal();
  const first = newLock().run(async () => {
    taken.give();
    await waiting.given;
  });
  await taken.given;
  const patient = new RepositoryLock(folder, 'app', { waitMs: 60_000, staleMs: 60_000 }, holder => {
    told.push(holder);
    // Only now can the other one have it.
    waiting.give();
  });
  await patient.run(async () => {});
  await first;
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(new RegExp(`^process ${process.pid} on |^it left no name$`));
});
