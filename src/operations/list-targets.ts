/** The targets of a repository by name, with the rules of `notary list` and `lookup` (tuf.md 4.6, 4.7). */
import {
  findTarget,
  type SignedTarget,
  listTargets as walkTargets,
} from '../tuf/delegation-walk.ts';
import { TARGETS } from '../tuf/role-name.ts';
import type { Session } from './session.ts';
import { viewOf } from './signed-tags.ts';
import { loadTrustData, type TrustData, type TrustDataOrigin } from './trust-data.ts';

export type { SignedTarget } from '../tuf/delegation-walk.ts';

export interface TargetsRequest {
  /** In the order in which their word counts; default: `targets`, and with it all delegations. */
  readonly roles?: readonly string[];
  readonly offline?: boolean;
  readonly requireFresh?: boolean;
}

export interface ListedTargets {
  /** By name, in the order of its bytes. */
  readonly targets: readonly SignedTarget[];
  readonly origin: TrustDataOrigin;
  readonly warnings: readonly string[];
}

export interface LookedUpTarget {
  readonly target?: SignedTarget;
  readonly origin: TrustDataOrigin;
  readonly warnings: readonly string[];
}

/** All targets that the roles vouch for; the first role that has a name wins, unknown roles have nothing. */
export async function listTargets(
  session: Session,
  gun: string,
  request: TargetsRequest = {},
): Promise<ListedTargets> {
  const { trusted, origin, warnings } = await load(session, gun, request);
  const found = walkTargets(viewOf(trusted), rolesOf(request));
  const targets = [...found.values()].sort((a, b) =>
    Buffer.compare(Buffer.from(a.name, 'utf8'), Buffer.from(b.name, 'utf8')),
  );
  return { targets, origin, warnings };
}

/** The target of one name, from the first role that has it and may sign it. */
export async function lookupTarget(
  session: Session,
  gun: string,
  name: string,
  request: TargetsRequest = {},
): Promise<LookedUpTarget> {
  const { trusted, origin, warnings } = await load(session, gun, request);
  const target = findTarget(viewOf(trusted), name, rolesOf(request));
  return { ...(target === undefined ? {} : { target }), origin, warnings };
}

async function load(session: Session, gun: string, request: TargetsRequest): Promise<TrustData> {
  const access = await session.repositoryByGun(gun);
  const { offline = false, requireFresh = false } = request;
  return await loadTrustData(session, access, { offline, requireFresh });
}

function rolesOf({ roles }: TargetsRequest): readonly string[] {
  return roles === undefined || roles.length === 0 ? [TARGETS] : roles;
}
