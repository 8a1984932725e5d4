import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { GLOBAL_OPTIONS_NOTE } from '../help-text.ts';
import { addBackupCreate } from './backup-create.ts';
import { addBackupRestore } from './backup-restore.ts';
import { addBackupShow } from './backup-show.ts';
import { addBackupVerify } from './backup-verify.ts';

/** `tabellion backup …` */
export function addBackup(program: Command, action: Action): void {
  const backup = program
    .command('backup')
    .usage('<command> [options]')
    .summary('seal keys and trust data in one file, and restore them')
    .description('Makes, checks and restores sealed backups of the trust directory.')
    .addHelpText('after', `\n${GLOBAL_OPTIONS_NOTE}`);
  addBackupCreate(backup, action);
  addBackupShow(backup, action);
  addBackupVerify(backup, action);
  addBackupRestore(backup, action);
}
