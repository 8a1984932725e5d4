/** Rotating keys in several repositories, one after another: what fails in one keeps none of the others. */
import { TabellionError } from '../../errors.ts';
import { type Failure, failureOf } from '../failure.ts';
import type { CreatedKey } from '../initialise-repository.ts';
import type { Session } from '../session.ts';
import { type KeyRotation, type RotateKeyRequest, rotateKey } from './rotate.ts';

/** A repository in which nothing was done. */
export interface FailedRotation {
  readonly repository: string;
  readonly server: string;
  readonly role: string;
  readonly createdKeys: readonly CreatedKey[];
  readonly error: Failure;
  readonly exitCode: number;
}

export type RepositoryRotation = KeyRotation | FailedRotation;

export interface RotationReport {
  readonly role: string;
  readonly dryRun: boolean;
  readonly repositories: readonly RepositoryRotation[];
  readonly summary: { readonly succeeded: number; readonly failed: number };
}

export interface SeveralRotations {
  readonly role: string;
  readonly dryRun?: boolean;
  /** GUNs, in this order. */
  readonly repositories: readonly string[];
  /** Whether a failure in the only one is reported like one of several, not thrown. */
  readonly isOneOfSeveral?: boolean;
  /** What to do in one repository, asked for when its turn comes; undefined passes it over. */
  readonly request: (gun: string) => Promise<Omit<RotateKeyRequest, 'role' | 'dryRun'>>;
  /** Told each result as it is there. */
  readonly onDone?: (rotation: RepositoryRotation) => Promise<void> | void;
}

/** @throws what a rotation throws, for a single repository */
export async function rotateSeveral(
  session: Session,
  { role, dryRun = false, repositories, isOneOfSeveral, request, onDone }: SeveralRotations,
): Promise<RotationReport> {
  const guns = [...new Set(repositories)];
  const done: RepositoryRotation[] = [];
  for (const [index, gun] of guns.entries()) {
    session.progress({ message: `rotating in ${gun}`, done: index, total: guns.length });
    const created: CreatedKey[] = [];
    let result: RepositoryRotation;
    try {
      const wanted = await request(gun);
      result = await rotateKey(session, gun, {
        ...wanted,
        role,
        dryRun,
        created: wanted.created ?? created,
      });
    } catch (error) {
      const isAlone = guns.length === 1 && isOneOfSeveral !== true;
      if (!(error instanceof TabellionError) || isAlone) throw error;
      result = await failed(session, gun, role, created, error);
    }
    done.push(result);
    await onDone?.(result);
  }
  return rotationReport(role, dryRun, done);
}

export function rotationReport(
  role: string,
  dryRun: boolean,
  repositories: readonly RepositoryRotation[],
): RotationReport {
  const count = repositories.filter(({ exitCode }) => exitCode !== 0).length;
  const summary = { succeeded: repositories.length - count, failed: count };
  return { role, dryRun, repositories, summary };
}

async function failed(
  session: Session,
  repository: string,
  role: string,
  createdKeys: readonly CreatedKey[],
  error: TabellionError,
): Promise<FailedRotation> {
  const server = await session.repositoryByGun(repository).then(
    access => access.server,
    () => '',
  );
  const { exitCode } = error;
  return { repository, server, role, createdKeys, error: failureOf(error), exitCode };
}
