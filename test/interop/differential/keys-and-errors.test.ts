import { KNOWN_DIFFERENCES } from './known-differences.ts';
import { describeScenarios } from './run-scenarios.ts';
import { KEY_AND_ERROR_SCENARIOS } from './scenarios/all.ts';
import { NOTARY, TABELLION_NOTARY } from './side.ts';

describeScenarios('notary and tabellion notary, on keys and in trouble', KEY_AND_ERROR_SCENARIOS, {
  programs: [NOTARY, TABELLION_NOTARY],
  known: KNOWN_DIFFERENCES,
});
