import type { Command } from 'commander';
import { OperationError, UsageError } from '../../errors.ts';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import {
  keyRemoveBrief,
  keyRemoveJson,
  keyRemoveLines,
  keyRemoveWarnings,
} from '../reports/key-remove-report.ts';

interface Options {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

const DESCRIPTION = `Removes a private key from the trust directory, for good. It says which
repositories still need the key, and asks; without a terminal --yes is needed.
Copy the key out first: tabellion key export`;

/** `tabellion key remove` */
export function addKeyRemove(key: Command, action: Action): void {
  key
    .command('remove')
    .summary('remove a key for good')
    .description(DESCRIPTION)
    .argument('<key-id>', 'the key, by its ID or the first 7 digits or more')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'say what needs the key, remove nothing')
    .addHelpText(
      'after',
      examples(
        ['tabellion key remove --dry-run 135a78a586dd', 'is it still needed?'],
        ['tabellion key remove --yes 135a78a586dd', 'in a script'],
      ),
    )
    .action(
      action<[string], Options>(async (context, options, given) => {
        const { yes = false, dryRun = false } = options;
        const { display, prompts } = context;
        if (!yes && !dryRun && prompts === undefined) {
          throw new UsageError(
            'CONFIRMATION_NEEDED',
            'Removing a key needs a confirmation, and nobody can be asked here',
            { hint: 'Add --yes, or --dry-run to see what needs the key.' },
          );
        }
        const { removeKey } = await import('../../operations/keys/remove-key.ts');
        const { resolveKeyIds } = await import('../../operations/keys/key-id.ts');
        const report = await context.withSession(async session => {
          const [id = given] = await resolveKeyIds(session, [given]);
          if (!yes && !dryRun) {
            const plan = await removeKey(session, { id, dryRun: true });
            display.error(...keyRemoveLines(plan, display.errorPaint));
            for (const warning of keyRemoveWarnings(plan)) display.warn(warning);
            if (!(await prompts?.confirm('Remove this key for good?'))) {
              throw new OperationError('DECLINED', 'The key was not removed');
            }
          }
          return removeKey(session, { id, dryRun });
        });
        display.result({
          json: () => keyRemoveJson(report),
          text: () => keyRemoveLines(report, display.paint),
          brief: () => keyRemoveBrief(report),
          warnings: yes || dryRun ? keyRemoveWarnings(report) : [],
        });
        return EXIT.done;
      }),
    );
}
