/** Signing again what a role holds: when its signatures no longer hold, or to renew its expiry (tuf.md 5.3). */
import { applyChange } from '../tuf/apply-change.ts';
import { witness } from '../tuf/change.ts';
import { TARGETS } from '../tuf/role-name.ts';
import { fullRoleName } from './delegations/delegation.ts';
import { loadForChange } from './load-for-change.ts';
import { keyRing, publishChanges } from './publish.ts';
import type { Session } from './session.ts';
import { stagedChangesWarning } from './staged-changes.ts';

export interface WitnessedRole {
  readonly role: string;
  readonly status: 'signed' | 'would-sign';
  /** Why its file was not trusted before. */
  readonly problem?: string;
  /** The names that are vouched for with it. */
  readonly targets: readonly string[];
}

export interface WitnessReport {
  readonly repository: string;
  readonly server: string;
  readonly dryRun: boolean;
  readonly roles: readonly WitnessedRole[];
  readonly versions: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
}

/**
 * Signs roles again with the content that they have, whoever put it there, and publishes them.
 * @throws OperationError `ROLE_UNKNOWN`, `ROLE_UNSIGNED`, `ROLE_UNSIGNABLE`; KeyError, TrustError, ConnectionError
 */
export async function witnessRoles(
  session: Session,
  gun: string,
  request: { readonly roles: readonly string[]; readonly dryRun?: boolean },
): Promise<WitnessReport> {
  const { dryRun = false } = request;
  const names = [
    ...new Set(request.roles.map(role => (role === TARGETS ? role : fullRoleName(role)))),
  ];
  const changes = names.map(witness);
  const access = await session.repositoryByGun(gun);
  const work = async (): Promise<WitnessReport> => {
    const { repository } = await loadForChange(session, access, { initialiseIfUnknown: false }, []);
    const warnings = await stagedChangesWarning(access.dir);
    const status = dryRun ? 'would-sign' : 'signed';
    const roles = names.map((role): WitnessedRole => {
      const problem = repository.invalid.get(role)?.reason.message;
      const content = repository.view(role) ?? repository.invalid.get(role)?.metadata;
      const targets = [...(content?.targets.keys() ?? [])].sort();
      return { role, status, ...(problem === undefined ? {} : { problem }), targets };
    });
    const about = { repository: gun, server: access.server, dryRun, roles };
    if (dryRun) {
      const trial = repository.copy();
      const ring = await keyRing(session);
      for (const change of changes) await applyChange(trial, change, ring);
      return { ...about, versions: {}, warnings: [...warnings, ...trial.warnings] };
    }
    const published = await publishChanges(session, access, async () => ({ changes }), repository);
    return {
      ...about,
      versions: published.versions,
      warnings: [...warnings, ...published.warnings],
    };
  };
  return dryRun ? await work() : await access.dir.withLock(work);
}
