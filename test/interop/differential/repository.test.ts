import { KNOWN_DIFFERENCES } from './known-differences.ts';
import { describeScenarios } from './run-scenarios.ts';
import { REPOSITORY_SCENARIOS } from './scenarios/all.ts';
import { NOTARY, TABELLION_NOTARY } from './side.ts';

describeScenarios('notary and tabellion notary, on repositories', REPOSITORY_SCENARIOS, {
  programs: [NOTARY, TABELLION_NOTARY],
  known: KNOWN_DIFFERENCES,
});
