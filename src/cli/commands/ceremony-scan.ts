import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { inputLines } from '../input-lines.ts';
import { optionValue } from '../option-values.ts';
import { scannedBrief, scannedJson, scannedLines } from '../reports/ceremony-report.ts';

const DESCRIPTION = `Makes a ceremony file of the texts of its QR codes, one a line on stdin, in
any order: what a scanner types or a scanner app copies.`;

/** `tabellion ceremony scan` */
export function addCeremonyScan(ceremony: Command, action: Action): void {
  ceremony
    .command('scan')
    .summary('read the text of QR codes')
    .description(DESCRIPTION)
    .requiredOption('-o, --output <file>', 'where the file goes', optionValue('--output'))
    .addHelpText(
      'after',
      examples(['tabellion ceremony scan -o r.tbr < scanned.txt', 'from a file']),
    )
    .action(
      action<[], { output: string }>(async (context, { output }) => {
        const { scanCeremony } = await import('../../operations/ceremony/scan.ts');
        const { display, host } = context;
        if (host.stdin.isTTY === true) display.note('Scan the codes; each is one line.');
        const report = await scanCeremony(inputLines(host.stdin), output, (missing, total) => {
          display.note(
            missing.length === 0
              ? `all ${total} parts are there`
              : `part ${missing.join(', ')} of ${total} to come`,
          );
        });
        display.result({
          json: () => scannedJson(report),
          text: () => scannedLines(report),
          brief: () => scannedBrief(report),
        });
        return EXIT.done;
      }),
    );
}
