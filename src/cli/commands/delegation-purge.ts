import type { Command } from 'commander';
import { type ConfirmationOptions, confirmed, requireConfirmation } from '../confirmation.ts';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { delegationBrief, delegationJson, delegationLines } from '../reports/delegation-report.ts';

const DESCRIPTION = `Takes keys from every delegation of a repository that can be signed here, for
instance after one was stolen.`;

/** `tabellion delegation purge` */
export function addDelegationPurge(delegation: Command, action: Action): void {
  delegation
    .command('purge')
    .summary('remove keys from all delegations')
    .description(DESCRIPTION)
    .argument('<image>', 'the repository')
    .argument('<key-id...>', 'the keys, by 7 digits or more')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'show what would change, publish nothing')
    .addHelpText(
      'after',
      examples([
        'tabellion delegation purge --dry-run reg.example/app 135a78a586dd',
        'where is the key trusted?',
      ]),
    )
    .action(
      action<[string, string[]], ConfirmationOptions>(async (context, options, image, keys) => {
        const { purgeKeys } = await import('../../operations/delegations/delegation.ts');
        const { repositoryName } = await import('../../operations/images.ts');
        const gun = repositoryName(image);
        requireConfirmation(context, options, 'Purging keys');
        const { display } = context;
        const report = await context.withSession(session =>
          confirmed(
            context,
            options,
            dryRun => purgeKeys(session, gun, { keys, dryRun }),
            plan => ({
              lines: delegationLines(plan, display.errorPaint),
              warnings: plan.warnings,
              question: `Remove ${keys.length === 1 ? 'this key' : 'these keys'} from all delegations?`,
            }),
          ),
        );
        display.result({
          json: () => delegationJson(report),
          text: () => delegationLines(report, display.paint),
          brief: () => delegationBrief(report),
          warnings: report.warnings,
        });
        // A purge that purged nothing where the key is trusted is no success.
        return report.delegations.length === 0 ? EXIT.failed : EXIT.done;
      }),
    );
}
