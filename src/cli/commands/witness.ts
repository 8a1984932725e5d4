import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { witnessBrief, witnessJson, witnessLines } from '../reports/witness-report.ts';

const DESCRIPTION = `Signs what a role holds once more with your key: after the key that had signed
it was removed, or before it expires. You vouch for all of it: look first.`;

/** `tabellion witness` */
export function addWitness(program: Command, action: Action): void {
  program
    .command('witness')
    .summary('sign again what a role holds')
    .description(DESCRIPTION)
    .argument('<image>', 'the repository')
    .argument('<role...>', 'roles, such as alice, releases or targets')
    .option('--dry-run', 'show what would be signed, publish nothing')
    .addHelpText(
      'after',
      examples(
        ['tabellion witness --dry-run reg.example/app releases', 'what does it hold?'],
        ['tabellion witness reg.example/app releases', 'sign it'],
      ),
    )
    .action(
      action<[string, string[]], { dryRun?: boolean }>(async (context, options, image, roles) => {
        const { witnessRoles } = await import('../../operations/witness.ts');
        const { repositoryName } = await import('../../operations/images.ts');
        const gun = repositoryName(image);
        const { dryRun = false } = options;
        const report = await context.withSession(session =>
          witnessRoles(session, gun, { roles, dryRun }),
        );
        const { display } = context;
        display.result({
          json: () => witnessJson(report),
          text: () => witnessLines(report, display.paint),
          brief: () => witnessBrief(report),
          warnings: report.warnings,
        });
        return EXIT.done;
      }),
    );
}
