import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { shownBrief, shownJson, shownLines, shownWarnings } from '../reports/ceremony-report.ts';
import { ceremonyCodes } from './ceremony-codes.ts';

const DESCRIPTION = `Tells what a request would change, in words: keys that come and go, how many
must sign, until when, by whose signatures. The present root is verified before.
It needs no network and no key.`;

/** `tabellion ceremony show` */
export function addCeremonyShow(ceremony: Command, action: Action): void {
  ceremony
    .command('show')
    .summary('tell what a request would change')
    .description(DESCRIPTION)
    .argument('<file...>', 'the request, or answers to it')
    .option('--qr', 'show the first file as QR codes too')
    .addHelpText('after', examples(['tabellion ceremony show r.tbr', 'before you sign it']))
    .action(
      action<[string[]], { qr?: boolean }>(async (context, options, files) => {
        const { showCeremony } = await import('../../operations/ceremony/sign.ts');
        const report = await context.withSession(session => showCeremony(session, files));
        const codes = options.qr === true ? await ceremonyCodes(files) : undefined;
        const { display, host } = context;
        display.result({
          json: () => shownJson(report, codes),
          text: () => shownLines(report, codes, display.paint, host.now()),
          brief: () => shownBrief(report, codes),
          warnings: shownWarnings(report),
        });
        return EXIT.done;
      }),
    );
}
