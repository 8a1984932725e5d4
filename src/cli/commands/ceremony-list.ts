import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { recordsBrief, recordsJson, recordsLines } from '../reports/ceremony-records-report.ts';

/** `tabellion ceremony list` */
export function addCeremonyList(ceremony: Command, action: Action): void {
  ceremony
    .command('list')
    .summary('show the requests made here')
    .description('Shows the requests that were made on this machine, and what became of them.')
    .addHelpText('after', examples(['tabellion ceremony list', 'what is still open?']))
    .action(
      action<[], object>(async context => {
        const { listCeremonies } = await import('../../operations/ceremony/records.ts');
        const records = await context.withSession(session => listCeremonies(session));
        const { display, host } = context;
        display.result({
          json: () => recordsJson(records),
          text: () => recordsLines(records, display.paint, host.now()),
          brief: () => recordsBrief(records),
        });
        return EXIT.done;
      }),
    );
}
