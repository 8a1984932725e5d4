import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import { type ConfirmationOptions, confirmed, requireConfirmation } from '../confirmation.ts';
import type { Action } from '../context.ts';
import { examples } from '../help-text.ts';
import {
  keyHardenBrief,
  keyHardenErrors,
  keyHardenJson,
  keyHardenLines,
  keyHardenQuestion,
} from '../reports/key-harden-report.ts';

interface Options extends ConfirmationOptions {
  readonly all?: boolean;
}

const DESCRIPTION = `Encrypts key files anew as strongly as new ones are, under the passphrases and
headers that they have; Notary and Docker still read them. A copy of each old
file is kept until the new one has been read back and opened.`;

/** `tabellion key harden` */
export function addKeyHarden(key: Command, action: Action): void {
  key
    .command('harden')
    .summary('encrypt old key files more strongly')
    .description(DESCRIPTION)
    .argument('[key-id...]', 'keys, by ID or its first 7 digits or more')
    .option('--all', 'every key')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'say which files are weak, change nothing')
    .addHelpText(
      'after',
      examples(
        ['tabellion key harden --all', 'whatever is weak'],
        ['tabellion key harden --yes 135a78a586dd', 'one key, in a script'],
      ),
    )
    .action(
      action<[string[]], Options>(async (context, options, given) => {
        if ((options.all === true) === given.length > 0) {
          throw new UsageError('KEYS_MISSING', 'Which keys? Name them, or give --all', {
            hint: 'See what there is with: tabellion key list',
          });
        }
        requireConfirmation(context, options, 'Encrypting keys anew');
        const { hardenKeys } = await import('../../operations/keys/key-harden.ts');
        const { resolveKeyIds } = await import('../../operations/keys/key-id.ts');
        const { display } = context;
        const report = await context.withSession(async session => {
          const ids = options.all === true ? undefined : await resolveKeyIds(session, given);
          return confirmed(
            context,
            options,
            dryRun => hardenKeys(session, { dryRun, ...(ids === undefined ? {} : { ids }) }),
            plan => ({
              lines: keyHardenLines(plan, display.errorPaint),
              warnings: [],
              question: keyHardenQuestion(plan),
            }),
          );
        });
        display.result({
          json: () => keyHardenJson(report),
          text: () => [
            ...keyHardenLines(report, display.paint),
            ...(options.dryRun === true ? ['dry run: nothing was changed'] : []),
          ],
          brief: () => keyHardenBrief(report),
        });
        if (display.options.quiet && !display.options.json)
          display.error(...keyHardenErrors(report));
        return report.exitCode;
      }),
    );
}
