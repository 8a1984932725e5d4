import type { TestProject } from 'vitest/node';
import { missingPeers, type Peer, peersAreRequired } from './support/programs.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Real programs that this machine lacks. */
    missingPeers: Peer[];
  }
}

/** Finds out once which real programs are here, says loudly which are not, and fails if none may be missing. */
export default function setup(project: TestProject): void {
  const missing = missingPeers();
  project.provide('missingPeers', missing);
  if (missing.length === 0) return;
  const message = `interop: MISSING ${missing.join(', ')} - the tests that need them are skipped`;
  if (peersAreRequired()) {
    throw new Error(`interop: ${missing.join(', ')} not found, and TABELLION_REQUIRE_PEERS is set`);
  }
  console.error(`\n!!! ${message} !!!\n`);
}
