import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeWithPeers } from '../support/describe-with-peers.ts';
import { type Arena, type ArenaOptions, openArena } from './arena.ts';
import { compare, complaints } from './compare.ts';
import type { KnownDifference } from './known-differences.ts';
import type { Scenario } from './scenario.ts';

/** With it, what the first program did in each scenario, and all differences, are written to this folder. */
const TRANSCRIPTS = process.env.TABELLION_TRANSCRIPTS;

/** For the longest scenario on a machine that does much else; alone it takes ten seconds. */
const TIMEOUT_MS = 600_000;

/** A group of tests, one for each scenario: both programs do the same, but for the known differences. */
export function describeScenarios(
  name: string,
  scenarios: readonly Scenario[],
  options: ArenaOptions & { known: readonly KnownDifference[] },
): void {
  describeWithPeers(['notary', 'notary-server', 'notary-signer', 'openssl'], name, () => {
    let arena: Arena;
    beforeAll(async () => {
      const token = scenarios.some(({ server }) => server === 'token');
      arena = await openArena({ ...options, token });
    });
    test.concurrent.each(scenarios)('$name', { timeout: TIMEOUT_MS }, async scenario => {
      const comparison = await compare(scenario, arena.contestants(scenario), arena.workspace);
      if (TRANSCRIPTS !== undefined) {
        await mkdir(TRANSCRIPTS, { recursive: true });
        await writeFile(path.join(TRANSCRIPTS, `${scenario.name}.txt`), comparison.transcript);
        const differences = JSON.stringify(comparison.differences, null, 1);
        await writeFile(path.join(TRANSCRIPTS, `${scenario.name}.differences.json`), differences);
      }
      const found = complaints(comparison, scenario.name, options.known);
      if (found.length > 0) expect.fail(`${found.length} found\n\n${found.join('\n\n')}`);
    });
  });
}
