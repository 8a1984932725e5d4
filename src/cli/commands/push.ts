import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import type { Action } from '../context.ts';
import { examples } from '../help-text.ts';
import { SOURCE_FORMS, storedSource } from '../image-source.ts';
import { optionValue, repeatedValue, wholeNumber } from '../option-values.ts';
import { GENERATE_PASSPHRASE } from '../passphrase-options.ts';
import {
  pushBrief,
  pushErrors,
  pushJson,
  pushLines,
  pushOutcome,
  pushWarnings,
} from '../reports/push-report.ts';

interface Options {
  readonly from?: string;
  readonly mountFrom?: string[];
  readonly chunkSize?: number;
  readonly role?: string[];
  readonly signer?: string;
  readonly dryRun?: boolean;
}

const DESCRIPTION = `Pushes an image from disk and signs its tags. What the registry lacks is
uploaded, then the signature is published, then the tags are set: nobody sees a
signed tag that cannot be pulled, or a pushed tag that is not signed.`;

/** `tabellion push` */
export function addPush(program: Command, action: Action): void {
  program
    .command('push')
    .summary('push images and sign their tags')
    .description(DESCRIPTION)
    .argument('<image:tag...>', 'the tags to push and sign')
    .option('--from <source>', SOURCE_FORMS, optionValue('--from'))
    .option(
      '--mount-from <repo>',
      'take layers over from there; may be repeated',
      repeatedValue('--mount-from'),
    )
    .option(
      '--chunk-size <bytes>',
      'largest piece in one request (16777216)',
      wholeNumber('--chunk-size', 1024, 1024 ** 3),
    )
    .option('--role <role>', 'sign into this role only; may be repeated', repeatedValue('--role'))
    .option(
      '--signer <name>',
      'sign as this signer, made if the repository is new',
      optionValue('--signer'),
    )
    .option(...GENERATE_PASSPHRASE)
    .option('--dry-run', 'show what would be done, change nothing')
    .addHelpText(
      'after',
      examples([
        'tabellion push --from oci:build:1.2 reg.example/app:1.2 reg.example/app:latest',
        'the image that a layout calls 1.2, under two tags',
      ]),
    )
    .action(
      action<[string[]], Options>(async (context, options, images) => {
        if (options.from === undefined) {
          throw new UsageError('OPTION_MISSING', '--from says what to push; it is missing', {
            hint: `It is one of ${SOURCE_FORMS}. To sign what is pushed already, use tabellion sign.`,
          });
        }
        const source = storedSource(options.from);
        const { push } = await import('../../operations/push/push.ts');
        const report = await context.withSession(session =>
          push(session, {
            images,
            source,
            ...(options.mountFrom === undefined ? {} : { mountFrom: options.mountFrom }),
            ...(options.chunkSize === undefined ? {} : { chunkSize: options.chunkSize }),
            ...(options.role === undefined ? {} : { roles: options.role }),
            ...(options.signer === undefined ? {} : { signer: options.signer }),
            dryRun: options.dryRun ?? false,
          }),
        );
        context.display.result({
          json: () => pushJson(report),
          text: () => pushLines(report, context.display.paint),
          brief: () => pushBrief(report),
          warnings: pushWarnings(report),
        });
        if (context.display.options.quiet && !context.display.options.json)
          context.display.error(...pushErrors(report));
        return pushOutcome(report);
      }),
    );
}
