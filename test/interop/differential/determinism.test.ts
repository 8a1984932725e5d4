/** The comparison itself: the real program must not differ from the real program. */
import { describeScenarios } from './run-scenarios.ts';
import { ALL_SCENARIOS } from './scenarios/all.ts';
import { delegations } from './scenarios/delegations.ts';
import { keyImport } from './scenarios/keys.ts';
import { rotation } from './scenarios/rotation.ts';
import { NOTARY } from './side.ts';

/** All of them take half a minute: for whoever changes a scenario or the normaliser. */
const SCENARIOS = process.env.TABELLION_ALL_SCENARIOS
  ? ALL_SCENARIOS
  : [delegations, keyImport, rotation];

describeScenarios('notary and notary', SCENARIOS, { programs: [NOTARY, NOTARY], known: [] });
