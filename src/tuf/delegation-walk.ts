/**
 * Walking a repository's delegations: who may sign which names, and whose word counts (tuf.md 4).
 */
import type { TargetsMetadata } from './metadata.ts';
import { isWithin, parentRole, TARGETS } from './role-name.ts';
import type { Target } from './target.ts';

/** The loaded file of a targets role, or undefined. */
export type TargetsView = (role: string) => TargetsMetadata | undefined;

export interface SignedTarget {
  readonly role: string;
  readonly name: string;
  readonly target: Target;
}

interface Visit {
  readonly role: string;
  readonly paths: readonly string[];
}

/**
 * The prefixes of names that a role may sign: those of its paths that begin with one that its parent may
 * sign. No intersection is computed; `v` allows `v1`, and `""` everything (tuf.md 4.3).
 */
export function usablePaths(view: TargetsView, role: string): readonly string[] {
  if (role === TARGETS) return [''];
  const parent = parentRole(role);
  const entry = view(parent)?.delegations.roles?.find(({ name }) => name === role);
  return entry === undefined ? [] : allowedPaths(entry.paths, usablePaths(view, parent));
}

/** Whether one of the prefixes covers a name. */
export function covers(paths: readonly string[], name: string): boolean {
  return paths.some(path => name.startsWith(path));
}

/**
 * Roles in the order in which their word counts: breadth first from `targets`, siblings in list order.
 * @param within only this role and those below it
 * @param skip roles that are passed over, with all below them
 */
function* walk(
  view: TargetsView,
  within = TARGETS,
  skip: ReadonlySet<string> = new Set(),
): Generator<Visit> {
  const queue: Visit[] = [{ role: TARGETS, paths: [''] }];
  const seen = new Set<string>();
  for (let visit = queue.shift(); visit !== undefined; visit = queue.shift()) {
    const { role, paths } = visit;
    const metadata = view(role);
    if (metadata === undefined || seen.has(role)) continue;
    seen.add(role);
    // What lies above the wanted role is passed through, even if it is to be skipped.
    if (isWithin(role, within)) {
      if (skip.has(role)) continue;
      yield visit;
    }
    for (const child of metadata.delegations.roles ?? []) {
      if (isWithin(child.name, within) || isWithin(within, child.name)) {
        queue.push({ role: child.name, paths: allowedPaths(child.paths, paths) });
      }
    }
  }
}

/** All targets that the given roles (and those below them) may vouch for; the first to name one wins. */
export function listTargets(
  view: TargetsView,
  roles: readonly string[] = [TARGETS],
): Map<string, SignedTarget> {
  const found = new Map<string, SignedTarget>();
  for (const [role, skip] of withOthersSkipped(roles)) {
    for (const visit of walk(view, role, skip)) {
      for (const [name, target] of view(visit.role)?.targets ?? []) {
        if (!found.has(name) && covers(visit.paths, name))
          found.set(name, { role: visit.role, name, target });
      }
    }
  }
  return found;
}

/** The target of a name, from the first role whose word counts for it. */
export function findTarget(
  view: TargetsView,
  name: string,
  roles: readonly string[] = [TARGETS],
): SignedTarget | undefined {
  for (const [role, skip] of withOthersSkipped(roles)) {
    for (const visit of walk(view, role, skip)) {
      const target = covers(visit.paths, name) ? view(visit.role)?.targets.get(name) : undefined;
      if (target !== undefined) return { role: visit.role, name, target };
    }
  }
  return undefined;
}

/** Every role's entry, for one name or for all, always held to the role's paths. */
export function allSignedTargets(view: TargetsView, name?: string): SignedTarget[] {
  const found: SignedTarget[] = [];
  for (const { role, paths } of walk(view)) {
    const targets = view(role)?.targets ?? new Map<string, Target>();
    const one = name === undefined ? undefined : targets.get(name);
    const entries = name === undefined ? targets : one === undefined ? [] : [[name, one] as const];
    for (const [entry, target] of entries) {
      if (covers(paths, entry)) found.push({ role, name: entry, target });
    }
  }
  return found;
}

function allowedPaths(paths: readonly string[], parentPaths: readonly string[]): string[] {
  return paths.filter(path => covers(parentPaths, path));
}

function* withOthersSkipped(roles: readonly string[]): Generator<[string, Set<string>]> {
  for (const role of roles) yield [role, new Set(roles.filter(other => other !== role))];
}
