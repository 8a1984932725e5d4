import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { GLOBAL_OPTIONS_NOTE } from '../help-text.ts';
import { addCeremonyApply } from './ceremony-apply.ts';
import { addCeremonyCancel } from './ceremony-cancel.ts';
import { addCeremonyList } from './ceremony-list.ts';
import { addCeremonyMerge } from './ceremony-merge.ts';
import { addCeremonyNewRoot } from './ceremony-new-root.ts';
import { addCeremonyRequest } from './ceremony-request.ts';
import { addCeremonyScan } from './ceremony-scan.ts';
import { addCeremonyShow } from './ceremony-show.ts';
import { addCeremonySign } from './ceremony-sign.ts';
import { addCeremonyStatus } from './ceremony-status.ts';

const DESCRIPTION = `Keeps the root key offline: a request is written where you publish, signed where
the root key lies, and published back where it was written.`;

/** `tabellion ceremony …` */
export function addCeremony(program: Command, action: Action): void {
  const ceremony = program
    .command('ceremony')
    .usage('<command> [options]')
    .summary('sign with root keys that are kept offline')
    .description(DESCRIPTION)
    .addHelpText('after', `\n${GLOBAL_OPTIONS_NOTE}`);
  addCeremonyNewRoot(ceremony, action);
  addCeremonyRequest(ceremony, action);
  addCeremonyShow(ceremony, action);
  addCeremonySign(ceremony, action);
  addCeremonyStatus(ceremony, action);
  addCeremonyMerge(ceremony, action);
  addCeremonyApply(ceremony, action);
  addCeremonyScan(ceremony, action);
  addCeremonyList(ceremony, action);
  addCeremonyCancel(ceremony, action);
}
