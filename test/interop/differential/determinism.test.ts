/** The comparison itself: the real program must not differ from the real program. */
import { describeScenarios } from './run-scenarios.ts';
import { ALL_SCENARIOS } from './scenarios/all.ts';
import { NOTARY } from './side.ts';

describeScenarios('notary and notary', ALL_SCENARIOS, { programs: [NOTARY, NOTARY], known: [] });
