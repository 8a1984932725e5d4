import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { GLOBAL_OPTIONS_NOTE } from '../help-text.ts';
import { addKeyCheck } from './key-check.ts';
import { addKeyExport } from './key-export.ts';
import { addKeyGenerate } from './key-generate.ts';
import { addKeyHarden } from './key-harden.ts';
import { addKeyImport } from './key-import.ts';
import { addKeyList } from './key-list.ts';
import { addKeyPasswd } from './key-passwd.ts';
import { addKeyRemove } from './key-remove.ts';
import { addKeyRotate } from './key-rotate.ts';

/** `tabellion key …` */
export function addKey(program: Command, action: Action): void {
  const key = program
    .command('key')
    .usage('<command> [options]')
    .summary('make, carry and remove signing keys')
    .description('Looks after the private keys of the trust directory.')
    .addHelpText('after', `\n${GLOBAL_OPTIONS_NOTE}`);
  addKeyList(key, action);
  addKeyGenerate(key, action);
  addKeyImport(key, action);
  addKeyExport(key, action);
  addKeyCheck(key, action);
  addKeyHarden(key, action);
  addKeyPasswd(key, action);
  addKeyRemove(key, action);
  addKeyRotate(key, action);
}
