import type { Command } from 'commander';
import { type ConfirmationOptions, confirmed, requireConfirmation } from '../confirmation.ts';
import type { Action } from '../context.ts';
import { examples } from '../help-text.ts';
import {
  appliedBrief,
  appliedJson,
  appliedLines,
  appliedOutcome,
  appliedWarnings,
} from '../reports/ceremony-applied-report.ts';

const DESCRIPTION = `Publishes what was signed, on the machine that made the request: everything is
checked again, then each repository is published in one publish and read back.
Run again, it carries on with those that are left.`;

/** `tabellion ceremony apply` */
export function addCeremonyApply(ceremony: Command, action: Action): void {
  ceremony
    .command('apply')
    .summary('publish what was signed')
    .description(DESCRIPTION)
    .argument('<file...>', 'the answers; their signatures count together')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'check everything, publish nothing')
    .addHelpText('after', examples(['tabellion ceremony apply answer.tbr', 'back from the safe']))
    .action(
      action<[string[]], ConfirmationOptions>(async (context, options, files) => {
        const { applyCeremony } = await import('../../operations/ceremony/apply.ts');
        requireConfirmation(context, options, 'Publishing a new root');
        const { display, host } = context;
        const report = await context.withSession(session =>
          confirmed(
            context,
            options,
            dryRun => applyCeremony(session, { files, dryRun }),
            plan => ({
              lines: appliedLines(plan, display.errorPaint, host.now()),
              warnings: appliedWarnings(plan),
              question: plan.repositories.some(({ status }) => status === 'would-publish')
                ? 'Publish it?'
                : undefined,
            }),
          ),
        );
        display.result({
          json: () => appliedJson(report),
          text: () => appliedLines(report, display.paint, host.now()),
          brief: () => appliedBrief(report),
          warnings: appliedWarnings(report),
        });
        return appliedOutcome(report);
      }),
    );
}
