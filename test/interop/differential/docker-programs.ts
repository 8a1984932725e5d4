import { TABELLION } from '../support/tabellion-cli.ts';
import type { Program } from './side.ts';

export const DOCKER_TRUST: Program = { name: 'docker trust', command: ['docker', 'trust'] };
export const TABELLION_DOCKER_TRUST: Program = {
  name: 'tabellion docker-trust',
  command: [process.execPath, TABELLION, 'docker-trust'],
};
