import type { FailedRotation, RepositoryRotation } from './rotate-several.ts';

/** Whether nothing was done. In a file of its own: reports ask it, and must not load what rotating takes. */
export function hasFailed(rotation: RepositoryRotation): rotation is FailedRotation {
  return 'error' in rotation;
}
