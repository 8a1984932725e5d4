import type { KnownDifference } from './known-differences.ts';

/** All of them: nothing else may differ, and each of them must. */
export const DOCKER_TRUST_DIFFERENCES: readonly KnownDifference[] = [];
