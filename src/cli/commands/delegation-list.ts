import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { type FreshnessOptions, freshness } from '../freshness.ts';
import { examples } from '../help-text.ts';
import {
  delegationListBrief,
  delegationListJson,
  delegationListLines,
} from '../reports/delegation-list-report.ts';

/** `tabellion delegation list` */
export function addDelegationList(delegation: Command, action: Action): void {
  delegation
    .command('list')
    .summary('show who may sign what')
    .description('Shows all delegations of a repository: their keys, paths and thresholds.')
    .argument('<image>', 'the repository')
    .option('--offline', 'use cached trust data only')
    .option('--require-fresh', 'fail rather than use cached trust data')
    .addHelpText(
      'after',
      examples(['tabellion delegation list reg.example/app', 'who may sign there?']),
    )
    .action(
      action<[string], FreshnessOptions>(async (context, options, image) => {
        const fresh = freshness(options);
        const { listDelegations } = await import('../../operations/delegations/delegation-list.ts');
        const { repositoryName } = await import('../../operations/images.ts');
        const gun = repositoryName(image);
        const report = await context.withSession(session => listDelegations(session, gun, fresh));
        const { display, host } = context;
        const style = { paint: display.paint, now: host.now() };
        display.result({
          json: () => delegationListJson(report),
          text: () => delegationListLines(report, style),
          brief: () => delegationListBrief(report),
          warnings: report.warnings,
        });
        return EXIT.done;
      }),
    );
}
