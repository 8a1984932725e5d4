import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { GLOBAL_OPTIONS_NOTE } from '../help-text.ts';
import { addDelegationAdd } from './delegation-add.ts';
import { addDelegationList } from './delegation-list.ts';
import { addDelegationPurge } from './delegation-purge.ts';
import { addDelegationRemove } from './delegation-remove.ts';

/** `tabellion delegation …` */
export function addDelegation(program: Command, action: Action): void {
  const delegation = program
    .command('delegation')
    .usage('<command> [options]')
    .summary('say who else may sign in a repository')
    .description('Lets others sign in a repository, with keys of their own, and stops them.')
    .addHelpText('after', `\n${GLOBAL_OPTIONS_NOTE}`);
  addDelegationList(delegation, action);
  addDelegationAdd(delegation, action);
  addDelegationRemove(delegation, action);
  addDelegationPurge(delegation, action);
}
