import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { statusBrief, statusJson, statusLines } from '../reports/ceremony-report.ts';

const DESCRIPTION = `Tells which root keys have signed and whose signatures are still missing. Exit 1
as long as any is. Several answers to one request count together.`;

/** `tabellion ceremony status` */
export function addCeremonyStatus(ceremony: Command, action: Action): void {
  ceremony
    .command('status')
    .summary('tell whose signatures are missing')
    .description(DESCRIPTION)
    .argument('<file...>', 'the request, or answers to it')
    .addHelpText('after', examples(['tabellion ceremony status a.tbr b.tbr', 'is it enough?']))
    .action(
      action<[string[]], object>(async (context, _options, files) => {
        const { showCeremony } = await import('../../operations/ceremony/sign.ts');
        const report = await context.withSession(session => showCeremony(session, files));
        const { display } = context;
        display.result({
          json: () => statusJson(report),
          text: () => statusLines(report, display.paint),
          brief: () => statusBrief(report),
        });
        return report.complete ? EXIT.done : EXIT.failed;
      }),
    );
}
