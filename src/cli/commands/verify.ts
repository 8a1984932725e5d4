import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { worstExitCode } from '../exit-codes.ts';
import { type FreshnessOptions, freshness } from '../freshness.ts';
import { examples } from '../help-text.ts';
import {
  verifyBrief,
  verifyErrors,
  verifyJson,
  verifyLines,
  verifyWarnings,
} from '../reports/verify-report.ts';

interface Options extends FreshnessOptions {
  /** True for --registry, false for --no-registry. */
  readonly registry?: boolean;
}

const DESCRIPTION = `Says whether images are signed and by whom, and whether the registry serves what
was signed. Exit 0: all are trusted. Exit 3: one is not. With --quiet it prints
each trusted image as name@digest, to be used in place of the tag.`;

/** `tabellion verify` */
export function addVerify(program: Command, action: Action): void {
  program
    .command('verify')
    .summary('say whether images are trusted')
    .description(DESCRIPTION)
    .argument('<image...>', 'IMAGE:TAG or IMAGE@DIGEST')
    .option('--registry', 'fail if the registry cannot be asked')
    .option('--no-registry', 'do not ask the registry')
    .option('--offline', 'use cached trust data only')
    .option('--require-fresh', 'fail rather than use cached trust data')
    .addHelpText(
      'after',
      examples(
        ['tabellion verify reg.example/app:1.2', 'is it signed, by whom, until when?'],
        [
          'docker pull "$(tabellion verify --quiet reg.example/app:1.2)"',
          'pull exactly what was signed',
        ],
        [
          'tabellion verify --json --no-registry reg.example/app:1.2',
          'for a program, before the image is pushed',
        ],
      ),
    )
    .action(
      action<[string[]], Options>(async (context, options, images) => {
        const { offline, requireFresh } = freshness(options);
        const { display, host } = context;
        const { verify } = await import('../../operations/verify.ts');
        const report = await context.withSession(session =>
          verify(session, { images, registry: registryWish(options), offline, requireFresh }),
        );
        const style = { paint: display.paint, now: host.now() };
        display.result({
          json: () => verifyJson(report),
          text: () => verifyLines(report, style),
          brief: () => verifyBrief(report),
          // The long form has them, and the reasons, beside each image.
          warnings: display.options.quiet ? verifyWarnings(report) : [],
        });
        if (display.options.quiet && !display.options.json) display.error(...verifyErrors(report));
        return worstExitCode(report.images.map(image => image.exitCode));
      }),
    );
}

function registryWish(options: Options): 'ask' | 'require' | 'skip' {
  if (options.registry === undefined) return options.offline ? 'skip' : 'ask';
  return options.registry ? 'require' : 'skip';
}
