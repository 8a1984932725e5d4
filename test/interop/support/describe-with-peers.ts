import { afterAll, beforeAll, beforeEach, describe, inject } from 'vitest';
import { type Peer, peersAreRequired } from './programs.ts';
import { allRunning, type Running, stopAll } from './running.ts';

/** Characters of each server's log that a failed test shows. */
const SHOWN_LOG = 6000;

/**
 * A group of tests that need real programs: skipped when one is absent, unless TABELLION_REQUIRE_PEERS is set;
 * then the absence is a failure. Whatever the group starts is stopped at its end, and the logs of all that runs
 * are shown when one of its tests fails.
 */
export function describeWithPeers(peers: readonly Peer[], name: string, tests: () => void): void {
  const absent = inject('missingPeers').filter(peer => peers.includes(peer));
  if (absent.length > 0 && peersAreRequired()) {
    throw new Error(`"${name}" needs ${absent.join(', ')}, and peers are required here`);
  }
  describe.skipIf(absent.length > 0)(name, () => {
    let before: ReadonlySet<Running> = new Set();
    beforeAll(() => {
      before = new Set(allRunning());
    });
    beforeEach(({ onTestFailed }) => {
      onTestFailed(({ task }) => {
        const logs = allRunning()
          .filter(resource => resource.logs !== undefined)
          .map(resource => `=== ${resource.name}\n${resource.logs?.().slice(-SHOWN_LOG)}`);
        console.error([`Logs when "${task.name}" failed:`, ...logs].join('\n'));
      });
    });
    afterAll(() => stopAll(before));
    tests();
  });
}
