import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { cancelledJson, cancelledLines } from '../reports/ceremony-records-report.ts';

const DESCRIPTION = `Forgets a request that was made on this machine: no answer to it is published
from here any more. Nothing on the server changes; keys that were made for it
stay.`;

/** `tabellion ceremony cancel` */
export function addCeremonyCancel(ceremony: Command, action: Action): void {
  ceremony
    .command('cancel')
    .summary('forget a request')
    .description(DESCRIPTION)
    .argument('<id>', 'the request, as “ceremony list” shows it')
    .addHelpText('after', examples(['tabellion ceremony cancel 68fec96250298503', 'never mind']))
    .action(
      action<[string], object>(async (context, _options, id) => {
        const { cancelCeremony } = await import('../../operations/ceremony/records.ts');
        const record = await context.withSession(session => cancelCeremony(session, id));
        context.display.result({
          json: () => cancelledJson(record),
          text: () => cancelledLines(record),
          brief: () => [record.id],
        });
        return EXIT.done;
      }),
    );
}
