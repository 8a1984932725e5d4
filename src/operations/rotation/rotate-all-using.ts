/**
 * Replacing one key in every repository that trusts it. What was done is noted after each: run again, it carries on
 * where it stopped and rotates nowhere twice.
 */
import { OperationError } from '../../errors.ts';
import { damagedRecord } from '../../trust-dir/own-files.ts';
import { ROOT } from '../../tuf/role-name.ts';
import type { Session } from '../session.ts';
import { hasFailed } from './failed-rotation.ts';
import { type KeyUse, type KeyUsers, keyUsers } from './key-users.ts';
import { pendingRotations } from './pending.ts';
import {
  type RepositoryRotation,
  type RotationReport,
  rotateSeveral,
  rotationReport,
  type SeveralRotations,
} from './rotate-several.ts';

export interface AllUsingRequest
  extends Pick<SeveralRotations, 'role' | 'dryRun' | 'request' | 'onDone'> {
  /** An ID of the key, or a beginning of it. */
  readonly key: string;
  /** Told which repositories will be rotated, before the first is. */
  readonly onFound?: (found: FoundUsers) => Promise<void> | void;
}

export interface FoundUsers {
  readonly keyId: string;
  readonly repositories: readonly string[];
  /** Done by an earlier run. */
  readonly doneBefore: readonly string[];
}

export interface AllUsingReport extends RotationReport {
  readonly keyId: string;
  /** Repositories that an earlier run has done. */
  readonly doneBefore: readonly string[];
  /** Where the key is trusted for something else, and stays so. */
  readonly otherUses: readonly KeyUse[];
  /** Repositories that could not be read and, as far as is known, do not use the key. */
  readonly unchecked: readonly { readonly repository: string; readonly message: string }[];
}

interface Job {
  readonly startedAt: string;
  /** Repositories that are done. */
  readonly done: string[];
  /** Of a root key: what it is replaced by, everywhere the same. */
  newKeys: string[];
}

const SCHEMA = 1;
const FOLDER = 'rotations/all-using';

/**
 * Rotates a role in every repository of this machine in which a key signs for it.
 * @throws OperationError `KEY_NOT_USED` when there is none; UsageError, KeyError of {@link keyUsers}
 */
export async function rotateAllUsing(
  session: Session,
  { key, role, dryRun = false, request, onDone, onFound }: AllUsingRequest,
): Promise<AllUsingReport> {
  const users = await keyUsers(session, key, await noted(session, role));
  const { keyId } = users;
  const name = `${FOLDER}/${keyId}-${role}.json`;
  const job = (await readJob(session, name)) ?? {
    startedAt: session.now.toISOString(),
    done: [],
    newKeys: [],
  };
  const repositories = [
    ...(await publishedUnnoted(session, users, role)),
    ...users.uses.flatMap(use => (use.role === role ? [use.repository] : [])),
  ];
  const otherUses = users.uses.filter(use => use.role !== role);
  const doneBefore = job.done.filter(gun => !repositories.includes(gun));
  const failures: RepositoryRotation[] = users.unverified
    .filter(({ suspected, repository }) => suspected && !job.done.includes(repository))
    .map(({ repository, error, exitCode }) => ({
      ...{ repository, server: '', role, createdKeys: [] },
      ...{ error, exitCode },
    }));
  if (repositories.length + failures.length + doneBefore.length === 0)
    throw notUsed(keyId, role, otherUses);
  await onFound?.({ keyId, repositories, doneBefore });
  const save = async (): Promise<void> => {
    if (!dryRun) await session.trustDir.own.write(name, { schemaVersion: SCHEMA, keyId, ...job });
  };
  await save();
  const report = await rotateSeveral(session, {
    role,
    dryRun,
    repositories,
    isOneOfSeveral: true,
    request: async gun => {
      const wanted = await request(gun);
      const isGiven = (wanted.keyFiles ?? []).length + (wanted.keyIds ?? []).length > 0;
      // One root key for all that were under one root key.
      return role === ROOT && !isGiven ? { ...wanted, keyIds: job.newKeys } : wanted;
    },
    onDone: async rotation => {
      if (!hasFailed(rotation) && !dryRun) {
        if (role === ROOT) job.newKeys = rotation.newKeys.map(({ id }) => id);
        job.done.push(rotation.repository);
        await save();
      }
      await onDone?.(rotation);
    },
  });
  const all = [...report.repositories, ...failures];
  if (!dryRun && !all.some(hasFailed)) await session.trustDir.own.remove(name);
  return {
    ...rotationReport(role, dryRun, all),
    keyId,
    doneBefore,
    otherUses,
    unchecked: users.unverified
      .filter(({ suspected }) => !suspected)
      .map(({ repository, error }) => ({ repository, message: error.message })),
  };
}

/** Repositories in which an earlier run replaced the key, and was cut short before it could note that. */
async function publishedUnnoted(
  session: Session,
  { keyId, present }: KeyUsers,
  role: string,
): Promise<string[]> {
  const pending = await pendingRotations(session, [...present.keys()], role);
  return pending
    .filter(({ repository, oldKeys, newKeys }) => {
      const ids =
        present.get(repository)?.flatMap(use => (use.role === role ? [use.id] : [])) ?? [];
      const isDone = ids.length === newKeys.length && ids.every(id => newKeys.includes(id));
      return oldKeys.includes(keyId) && isDone;
    })
    .map(({ repository }) => repository);
}

/** IDs of the keys of runs that were cut short: nothing else may know of them any more. */
async function noted(session: Session, role: string): Promise<string[]> {
  const names = await session.trustDir.own.list(FOLDER);
  return names.flatMap(name => {
    const [, id, of] = /^([0-9a-f]{64})-([a-z]+)\.json$/.exec(name) ?? [];
    return id === undefined || of !== role ? [] : [id];
  });
}

async function readJob(session: Session, name: string): Promise<Job | undefined> {
  const value = await session.trustDir.own.read(name);
  if (value === undefined) return undefined;
  const { schemaVersion, startedAt, done, newKeys } = value as Record<string, unknown>;
  if (
    schemaVersion !== SCHEMA ||
    typeof startedAt !== 'string' ||
    !isTexts(done) ||
    !isTexts(newKeys)
  )
    throw damagedRecord(session.trustDir.own.path(name));
  return { startedAt, done, newKeys };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string');
}

function notUsed(keyId: string, role: string, otherUses: readonly KeyUse[]): OperationError {
  const [first] = otherUses;
  return new OperationError(
    'KEY_NOT_USED',
    `No repository of this machine has ${keyId} as its ${role} key`,
    {
      hint:
        first === undefined
          ? 'Repositories that this machine has never read are not known to it: name them.'
          : `It signs as ${first.role} in ${first.repository}${otherUses.length === 1 ? '' : ' and elsewhere'}: name that role, or use “tabellion signer rotate”.`,
      details: { keyId, uses: otherUses },
    },
  );
}
