import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { examples } from '../help-text.ts';
import {
  keyCheckBrief,
  keyCheckErrors,
  keyCheckJson,
  keyCheckLines,
  keyCheckWarnings,
} from '../reports/key-check-report.ts';

interface Options {
  readonly offline?: boolean;
  /** False for `--no-unlock`. */
  readonly unlock?: boolean;
}

const DESCRIPTION = `Proves that private keys are there, whole, of the role that they say, open, and
sign what the published public keys verify; and tells which ones nobody trusts
any more. Exit code 4: a broken file, or a key that is needed or named fails.`;

/** `tabellion key check` */
export function addKeyCheck(key: Command, action: Action): void {
  key
    .command('check')
    .summary('prove that your keys work')
    .description(DESCRIPTION)
    .argument('[key-id...]', 'keys, by ID or its first 7 digits or more (default: all)')
    .option('--offline', 'compare with cached trust data only')
    .option('--no-unlock', 'look at the files only, ask for no passphrase')
    .addHelpText(
      'after',
      examples(
        ['tabellion key check', 'every key, against what is published'],
        ['tabellion key check --offline --no-unlock', 'what can be told without any secret'],
      ),
    )
    .action(
      action<[string[]], Options>(async (context, options, given) => {
        const { offline = false, unlock = true } = options;
        const { checkKeys } = await import('../../operations/keys/key-check.ts');
        const { resolveKeyIds } = await import('../../operations/keys/key-id.ts');
        const { display } = context;
        const report = await context.withSession(async session => {
          const ids = await resolveKeyIds(session, given);
          return checkKeys(session, { offline, unlock, ...(ids.length === 0 ? {} : { ids }) });
        });
        display.result({
          json: () => keyCheckJson(report),
          text: () => keyCheckLines(report, display.paint),
          brief: () => keyCheckBrief(report),
          warnings: keyCheckWarnings(report),
        });
        if (display.options.quiet && !display.options.json)
          display.error(...keyCheckErrors(report));
        return report.exitCode;
      }),
    );
}
