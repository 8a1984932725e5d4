import { type Command, Option } from 'commander';
import type { Action } from '../context.ts';
import { worstExitCode } from '../exit-codes.ts';
import { type FreshnessOptions, freshness } from '../freshness.ts';
import { examples } from '../help-text.ts';
import { optionValue } from '../option-values.ts';
import { showReminders } from '../reminders.ts';
import {
  inspectBrief,
  inspectErrors,
  inspectJson,
  inspectLines,
} from '../reports/inspect-report.ts';

const DESCRIPTION = `Shows what is signed in a repository, by whom, with which keys and until when.
--json prints the array of "docker trust inspect", with more under "tabellion".`;

interface Options extends FreshnessOptions {
  readonly platform?: string;
}

/** `tabellion inspect` */
export function addInspect(program: Command, action: Action): void {
  program
    .command('inspect')
    .summary('show signatures, signers and keys of repositories')
    .description(DESCRIPTION)
    .argument('<image...>', 'IMAGE, or IMAGE:TAG for one tag')
    .option('--offline', 'use cached trust data only')
    .option('--require-fresh', 'fail rather than use cached trust data')
    .addOption(
      new Option(
        '--platform <os/arch>',
        'also ask the registry which image this platform runs',
      ).argParser(optionValue('--platform')),
    )
    .addHelpText(
      'after',
      examples(
        ['tabellion inspect reg.example/app', 'everything that is signed in a repository'],
        [
          "tabellion inspect --json reg.example/app | jq -r '.[].SignedTags[].SignedTag'",
          'the signed tags, for a program',
        ],
        [
          'tabellion inspect --platform linux/arm64 reg.example/app:1',
          'the digest that an ARM machine runs',
        ],
      ),
    )
    .action(
      action<[string[]], Options>(async (context, options, images) => {
        const { offline, requireFresh } = freshness(options);
        const { display, host } = context;
        const { inspect } = await import('../../operations/inspect.ts');
        const { parsePlatform } = await import('../../registry/platform.ts');
        const platform =
          options.platform === undefined ? {} : { platform: parsePlatform(options.platform) };
        const report = await context.withSession(session =>
          inspect(session, { images, offline, requireFresh, ...platform }),
        );
        const style = { paint: display.paint, now: host.now() };
        display.result({
          json: () => inspectJson(report),
          text: () => inspectLines(report, style),
          brief: () => inspectBrief(report),
          warnings: [...new Set(report.images.flatMap(image => image.warnings))],
        });
        if (!display.options.json) display.error(...inspectErrors(report));
        showReminders(
          display,
          report.images.flatMap(({ reminders }) => reminders),
        );
        return worstExitCode(report.images.map(image => image.exitCode));
      }),
    );
}
