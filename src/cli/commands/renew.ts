import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import type { Renewal } from '../../operations/renewal/renew.ts';
import { confirmed, requireConfirmation } from '../confirmation.ts';
import type { Action } from '../context.ts';
import { worstExitCode } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { repeatedValue, wholeNumber } from '../option-values.ts';
import {
  hasRenewable,
  renewBrief,
  renewErrors,
  renewJson,
  renewLines,
  renewWarnings,
} from '../reports/renew-report.ts';

interface Options {
  readonly all?: boolean;
  readonly role?: string[];
  readonly within?: number;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

const DESCRIPTION = `Signs again what has expired or soon will, with the keys that are here; also
where nothing can be listed or published any more. All but the expiry is
verified first. You vouch for what the roles hold: it is shown before you are
asked.`;
const ROLE = '--role <name>';
const WITHIN = '--within <days>';
const MOST_DAYS = 3650;

/** `tabellion renew` */
export function addRenew(program: Command, action: Action): void {
  program
    .command('renew')
    .summary('sign again what has expired or soon will')
    .description(DESCRIPTION)
    .argument('[image...]', 'the repositories')
    .option('--all', 'all repositories of the trust directory')
    .option(ROLE, 'only this role; may be repeated', repeatedValue(ROLE))
    .option(
      WITHIN,
      'due within so many days (default: six months)',
      wholeNumber(WITHIN, 0, MOST_DAYS),
    )
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'show what would be signed, publish nothing')
    .addHelpText(
      'after',
      examples(
        ['tabellion renew --dry-run --all', 'what ends within six months?'],
        ['tabellion renew reg.example/app', 'renew what can be renewed here'],
      ),
    )
    .action(
      action<[string[]], Options>(async (context, options, images) => {
        const { all = false, role: roles, within: withinDays } = options;
        if (all === images.length > 0) {
          throw new UsageError(
            'REPOSITORIES_UNCLEAR',
            all ? 'Images and --all exclude each other' : 'No repository is named',
            { hint: 'Name repositories, or give --all for those of the trust directory.' },
          );
        }
        requireConfirmation(context, options, 'Renewing');
        const { renewAll } = await import('../../operations/renewal/renew.ts');
        const { repositoryName } = await import('../../operations/images.ts');
        const guns = all ? undefined : [...new Set(images.map(repositoryName))];
        const { display, host } = context;
        let shown: readonly Renewal[] = [];
        const report = await context.withSession(session =>
          confirmed(
            context,
            options,
            async dryRun => {
              const request = {
                dryRun,
                ...(roles === undefined ? {} : { roles }),
                ...(withinDays === undefined ? {} : { withinDays }),
              };
              const result = await renewAll(session, guns, request, shown);
              shown = result;
              return result;
            },
            planned => ({
              lines: renewLines(planned, { paint: display.errorPaint, now: host.now() }),
              warnings: renewWarnings(planned),
              question: planned.some(hasRenewable) ? 'Sign this again?' : undefined,
            }),
          ),
        );
        const style = { paint: display.paint, now: host.now() };
        display.result({
          json: () => renewJson(report),
          text: () => renewLines(report, style),
          brief: () => renewBrief(report),
          warnings: renewWarnings(report),
        });
        if (!display.options.json) display.error(...renewErrors(report));
        return worstExitCode(report.map(({ exitCode }) => exitCode));
      }),
    );
}
