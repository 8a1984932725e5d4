import type { Command } from 'commander';
import { OperationError, UsageError } from '../../errors.ts';
import type { RevokeReport } from '../../operations/revoke.ts';
import type { Action, CommandContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import {
  revokeBrief,
  revokeJson,
  revokeLines,
  revokeOutcome,
  revokeWarnings,
} from '../reports/revoke-report.ts';

interface Options {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

const DESCRIPTION = `Removes the signatures of tags from every role that holds them and whose key is
here. It fails if a tag stays trusted through a role that cannot be signed here.
Asks before it publishes; without a terminal --yes is needed.`;

/** `tabellion revoke` */
export function addRevoke(program: Command, action: Action): void {
  program
    .command('revoke')
    .summary('remove the signatures of tags')
    .description(DESCRIPTION)
    .argument('<image:tag...>', 'the tags whose signatures go')
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'show what would be removed, publish nothing')
    .addHelpText(
      'after',
      examples(
        ['tabellion revoke --dry-run reg.example/app:1.1', 'which roles hold the tag?'],
        ['tabellion revoke --yes reg.example/app:1.1', 'in a script'],
      ),
    )
    .action(
      action<[string[]], Options>(async (context, options, images) => {
        const { dryRun = false, yes = false } = options;
        const { taggedImages } = await import('../../operations/images.ts');
        // What no answer would make right is not asked about.
        taggedImages(images);
        if (!dryRun && !yes && context.prompts === undefined) {
          throw new UsageError(
            'CONFIRMATION_NEEDED',
            'Revoking needs a confirmation, and nobody can be asked here',
            {
              hint: 'Add --yes, or --dry-run to see what would be removed.',
            },
          );
        }
        const { revoke } = await import('../../operations/revoke.ts');
        const report = await context.withSession(async session => {
          if (dryRun || yes) return revoke(session, { images, dryRun });
          const plan = await revoke(session, { images, dryRun: true });
          if (!somethingToRevoke(plan)) return plan;
          await confirm(context, plan);
          return revoke(session, { images, dryRun: false });
        });
        const { display } = context;
        display.result({
          json: () => revokeJson(report),
          text: () => revokeLines(report, display.paint),
          brief: () => revokeBrief(report),
          warnings: revokeWarnings(report),
        });
        return dryRun ? EXIT.done : revokeOutcome(report);
      }),
    );
}

function somethingToRevoke(plan: RevokeReport): boolean {
  return plan.repositories.some(({ tags }) => tags.some(tag => tag.status !== 'not-signed'));
}

/** Shows the plan and asks; throws when the answer is no. */
async function confirm(context: CommandContext, plan: RevokeReport): Promise<void> {
  const { display, prompts } = context;
  display.error(...revokeLines(plan, display.errorPaint));
  const count = plan.repositories.reduce((sum, { tags }) => sum + tags.length, 0);
  const question = `Revoke ${count === 1 ? 'this tag' : `these ${count} tags`}?`;
  if (!(await prompts?.confirm(question))) {
    throw new OperationError('DECLINED', 'Nothing was revoked');
  }
}
