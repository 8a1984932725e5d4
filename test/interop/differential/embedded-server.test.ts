/** `tabellion notary` with Tabellion's own server beside `notary` with the real one. */
import { KNOWN_DIFFERENCES } from './known-differences.ts';
import { describeScenarios } from './run-scenarios.ts';
import { EMBEDDED_SERVER_SCENARIOS } from './scenarios/all.ts';
import { NOTARY, TABELLION_NOTARY } from './side.ts';

describeScenarios('everything on the embedded server', EMBEDDED_SERVER_SCENARIOS, {
  programs: [NOTARY, TABELLION_NOTARY],
  secondServer: 'embedded',
  known: KNOWN_DIFFERENCES,
});
