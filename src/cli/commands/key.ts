import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { GLOBAL_OPTIONS_NOTE } from '../help-text.ts';
import { addKeyGenerate } from './key-generate.ts';
import { addKeyList } from './key-list.ts';

/** `tabellion key …` */
export function addKey(program: Command, action: Action): void {
  const key = program
    .command('key')
    .usage('<command> [options]')
    .summary('list and make signing keys')
    .description('Lists and makes the private keys of the trust directory.')
    .addHelpText('after', `\n${GLOBAL_OPTIONS_NOTE}`);
  addKeyList(key, action);
  addKeyGenerate(key, action);
}
