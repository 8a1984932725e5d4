import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { GLOBAL_OPTIONS_NOTE } from '../help-text.ts';
import { addSignerAdd } from './signer-add.ts';
import { addSignerList } from './signer-list.ts';
import { addSignerRemove } from './signer-remove.ts';
import { addSignerRotate } from './signer-rotate.ts';

/** `tabellion signer …` */
export function addSigner(program: Command, action: Action): void {
  const signer = program
    .command('signer')
    .usage('<command> [options]')
    .summary('say whose signatures Docker takes')
    .description('Says whose signatures Docker takes, in one or several repositories.')
    .addHelpText('after', `\n${GLOBAL_OPTIONS_NOTE}`);
  addSignerList(signer, action);
  addSignerAdd(signer, action);
  addSignerRemove(signer, action);
  addSignerRotate(signer, action);
}
