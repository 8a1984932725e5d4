import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { optionValue } from '../option-values.ts';
import { mergedLines, statusBrief, statusJson } from '../reports/ceremony-report.ts';

const DESCRIPTION = `Puts the signatures of several answers to one request into one file. “ceremony
apply” does the same by itself.`;

/** `tabellion ceremony merge` */
export function addCeremonyMerge(ceremony: Command, action: Action): void {
  ceremony
    .command('merge')
    .summary('put signatures together')
    .description(DESCRIPTION)
    .argument('<file...>', 'answers to one request')
    .requiredOption('-o, --output <file>', 'where the whole goes', optionValue('--output'))
    .addHelpText('after', examples(['tabellion ceremony merge a.tbr b.tbr -o all.tbr', 'of two']))
    .action(
      action<[string[]], { output: string }>(async (context, { output }, files) => {
        const { mergeCeremonies } = await import('../../operations/ceremony/sign.ts');
        const report = await context.withSession(session =>
          mergeCeremonies(session, files, output),
        );
        const { display } = context;
        display.result({
          json: () => ({ ...statusJson(report), file: output }),
          text: () => mergedLines(report, output, display.paint),
          brief: () => statusBrief(report),
        });
        return EXIT.done;
      }),
    );
}
