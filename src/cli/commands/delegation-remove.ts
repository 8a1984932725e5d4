import { type Command, Option } from 'commander';
import { printable } from '../../crypto/printable.ts';
import { type ConfirmationOptions, confirmed, requireConfirmation } from '../confirmation.ts';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { repeatedValue } from '../option-values.ts';
import { delegationBrief, delegationJson, delegationLines } from '../reports/delegation-report.ts';

interface Options extends ConfirmationOptions {
  readonly path?: string[];
  readonly allPaths?: boolean;
}

const DESCRIPTION = `Takes keys or paths from a delegation; with neither, removes it with all below.
What a removed key alone had signed is signed again by a key that is left, if it
is here. It names the tags that nobody vouches for any more, and asks.`;

/** `tabellion delegation remove` */
export function addDelegationRemove(delegation: Command, action: Action): void {
  delegation
    .command('remove')
    .summary('stop somebody from signing')
    .description(DESCRIPTION)
    .argument('<image>', 'the repository')
    .argument('<role>', 'the role')
    .argument('[key-id...]', 'keys to take away, by 7 digits or more')
    .addOption(
      new Option('--path <prefix>', 'a path to take away; may be repeated').argParser(
        repeatedValue('--path'),
      ),
    )
    .option('--all-paths', 'take all its paths away')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'show what would change, publish nothing')
    .addHelpText(
      'after',
      examples(
        ['tabellion delegation remove reg.example/app alice', 'the whole role'],
        ['tabellion delegation remove reg.example/app alice 135a78a586dd', 'one of its keys'],
      ),
    )
    .action(
      action<[string, string, string[]], Options>(async (context, options, image, role, keys) => {
        const { path: paths = [], allPaths = false } = options;
        const { fullRoleName, removeDelegation } = await import(
          '../../operations/delegations/delegation.ts'
        );
        const { repositoryName } = await import('../../operations/images.ts');
        const gun = repositoryName(image);
        const full = fullRoleName(role);
        const isWhole = keys.length + paths.length === 0 && !allPaths;
        requireConfirmation(context, options, 'Removing a delegation');
        const { display } = context;
        const report = await context.withSession(session =>
          confirmed(
            context,
            options,
            dryRun => removeDelegation(session, gun, { role: full, keys, paths, allPaths, dryRun }),
            plan => ({
              lines: delegationLines(plan, display.errorPaint),
              warnings: plan.warnings,
              question: isWhole ? `Remove ${printable(full)}?` : `Change ${printable(full)}?`,
            }),
          ),
        );
        display.result({
          json: () => delegationJson(report),
          text: () => delegationLines(report, display.paint),
          brief: () => delegationBrief(report),
          warnings: report.warnings,
        });
        return EXIT.done;
      }),
    );
}
