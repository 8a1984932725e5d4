import type { Command } from 'commander';
import { printable } from '../../crypto/printable.ts';
import { type ConfirmationOptions, confirmed, requireConfirmation } from '../confirmation.ts';
import type { Action } from '../context.ts';
import { examples } from '../help-text.ts';
import {
  signerBrief,
  signerJson,
  signerLines,
  signerOutcome,
  signerWarnings,
} from '../reports/signer-report.ts';

const DESCRIPTION = `Keeps somebody from signing, and takes their keys out of the released tags too.
What only they had signed for release is signed again by a key that is left, if
it is here. It names the tags that nobody vouches for any more, and asks.`;

/** `tabellion signer remove` */
export function addSignerRemove(signer: Command, action: Action): void {
  signer
    .command('remove')
    .summary('stop somebody from signing')
    .description(DESCRIPTION)
    .argument('<name>', "the signer's name")
    .argument('<image...>', 'the repositories')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'show what would change, publish nothing')
    .addHelpText(
      'after',
      examples([
        'tabellion signer remove --dry-run alice reg.example/app',
        'what would that do to the tags?',
      ]),
    )
    .action(
      action<[string, string[]], ConfirmationOptions>(async (context, options, name, images) => {
        const { removeSigner } = await import('../../operations/signers/signer-remove.ts');
        const { repositoryName } = await import('../../operations/images.ts');
        const repositories = images.map(repositoryName);
        requireConfirmation(context, options, 'Removing a signer');
        const { display } = context;
        const report = await context.withSession(session =>
          confirmed(
            context,
            options,
            dryRun => removeSigner(session, { name, repositories, dryRun }),
            plan => ({
              lines: signerLines(plan, display.errorPaint),
              warnings: signerWarnings(plan),
              question: plan.summary.succeeded === 0 ? undefined : `Remove ${printable(name)}?`,
            }),
          ),
        );
        display.result({
          json: () => signerJson(report),
          text: () => signerLines(report, display.paint),
          brief: () => signerBrief(report),
          warnings: signerWarnings(report),
        });
        return signerOutcome(report);
      }),
    );
}
