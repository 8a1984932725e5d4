import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { optionValue } from '../option-values.ts';
import { GENERATE_PASSPHRASE } from '../passphrase-options.ts';
import { newRootBrief, newRootJson, newRootLines } from '../reports/ceremony-report.ts';

interface Options {
  readonly output: string;
  readonly key?: string;
}

const DESCRIPTION = `Makes a root key on this machine, where it stays, and a file with its
certificate for each repository, to be carried to the machine that publishes. It
needs no network.`;

/** `tabellion ceremony new-root` */
export function addCeremonyNewRoot(ceremony: Command, action: Action): void {
  ceremony
    .command('new-root')
    .summary('make a root key that stays offline')
    .description(DESCRIPTION)
    .argument('<image...>', 'the repositories it shall be for')
    .requiredOption('-o, --output <file>', 'where the certificates go', optionValue('--output'))
    .option('--key <id>', 'a root key that is here, not a new one', optionValue('--key'))
    .option(...GENERATE_PASSPHRASE)
    .addHelpText(
      'after',
      examples(
        ['tabellion ceremony new-root reg.example/app -o app.pem', 'a new root key'],
        [
          'tabellion ceremony new-root reg.example/app -o app.pem --key 1a2b3c4',
          'a new certificate of the same key, before the old one expires',
        ],
      ),
    )
    .action(
      action<[string[]], Options>(async (context, { output, key }, images) => {
        const { newRoot } = await import('../../operations/ceremony/new-root.ts');
        const { repositoryName } = await import('../../operations/images.ts');
        const repositories = images.map(repositoryName);
        const report = await context.withSession(session =>
          newRoot(session, { repositories, output, ...(key === undefined ? {} : { key }) }),
        );
        const { display } = context;
        display.result({
          json: () => newRootJson(report),
          text: () => newRootLines(report, display.paint),
          brief: () => newRootBrief(report),
        });
        return EXIT.done;
      }),
    );
}
