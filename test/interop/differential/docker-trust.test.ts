import { DOCKER_TRUST, TABELLION_DOCKER_TRUST } from './docker-programs.ts';
import { DOCKER_TRUST_DIFFERENCES } from './known-docker-differences.ts';
import { describeScenarios } from './run-scenarios.ts';
import { dockerInspect, dockerKeys, dockerRevoke, dockerUsage } from './scenarios/docker-trust.ts';

const SCENARIOS = [dockerUsage, dockerKeys, dockerInspect, dockerRevoke];

describeScenarios('docker trust and tabellion docker-trust', SCENARIOS, {
  programs: [DOCKER_TRUST, TABELLION_DOCKER_TRUST],
  known: DOCKER_TRUST_DIFFERENCES,
});
