import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { examples } from '../help-text.ts';
import { imageSource, SOURCE_FORMS, type SourceOptions } from '../image-source.ts';
import { optionValue, repeatedValue, wholeNumber } from '../option-values.ts';
import { GENERATE_PASSPHRASE } from '../passphrase-options.ts';
import { showReminders } from '../reminders.ts';
import {
  signBrief,
  signErrors,
  signJson,
  signLines,
  signOutcome,
  signWarnings,
} from '../reports/sign-report.ts';

interface Options extends SourceOptions {
  readonly role?: string[];
  readonly signer?: string;
  readonly dryRun?: boolean;
}

const DESCRIPTION = `Signs image tags. The digest comes from the registry, from an image on disk, or
from you; no Docker daemon is needed. Tags of one repository are
published together or not at all. A repository that is new is initialised.`;

/** `tabellion sign` */
export function addSign(program: Command, action: Action): void {
  program
    .command('sign')
    .summary('sign image tags')
    .description(DESCRIPTION)
    .argument('<image:tag...>', 'the tags to sign')
    .option('--from <source>', SOURCE_FORMS, optionValue('--from'))
    .option('--preserve-digests', 'trust that the push will leave its digests alone')
    .option('--digest <digest>', 'sha256:… of the manifest, with --size', optionValue('--digest'))
    .option('--size <bytes>', 'its length', wholeNumber('--size', 1, Number.MAX_SAFE_INTEGER))
    .option('--role <role>', 'sign into this role only; may be repeated', repeatedValue('--role'))
    .option(
      '--signer <name>',
      'sign as this signer, made if the repository is new',
      optionValue('--signer'),
    )
    .option(...GENERATE_PASSPHRASE)
    .option('--dry-run', 'show what would be signed, publish nothing')
    .addHelpText(
      'after',
      examples(
        [
          'tabellion sign reg.example/app:1.2 reg.example/app:latest',
          'what the registry has, both tags at once',
        ],
        [
          'tabellion sign --from oci:build/image reg.example/app:1.2',
          'an image that is not pushed yet',
        ],
      ),
    )
    .action(
      action<[string[]], Options>(async (context, options, images) => {
        const source = imageSource(options);
        const { sign } = await import('../../operations/sign.ts');
        const report = await context.withSession(session =>
          sign(session, {
            images,
            ...(source === undefined ? {} : { source }),
            ...(options.role === undefined ? {} : { roles: options.role }),
            ...(options.signer === undefined ? {} : { signer: options.signer }),
            dryRun: options.dryRun ?? false,
          }),
        );
        context.display.result({
          json: () => signJson(report),
          text: () => signLines(report, context.display.paint),
          brief: () => signBrief(report),
          warnings: signWarnings(report),
        });
        if (context.display.options.quiet && !context.display.options.json)
          context.display.error(...signErrors(report));
        showReminders(context.display, report.reminders);
        return signOutcome(report);
      }),
    );
}
