import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { type FreshnessOptions, freshness } from '../freshness.ts';
import { examples } from '../help-text.ts';
import {
  signerListBrief,
  signerListJson,
  signerListLines,
  signerListOutcome,
  signerListWarnings,
} from '../reports/signer-list-report.ts';

/** `tabellion signer list` */
export function addSignerList(signer: Command, action: Action): void {
  signer
    .command('list')
    .summary('show who signs')
    .description('Shows the signers of repositories, and which of their keys are on this machine.')
    .argument('<image...>', 'the repositories')
    .option('--offline', 'use cached trust data only')
    .option('--require-fresh', 'fail rather than use cached trust data')
    .addHelpText('after', examples(['tabellion signer list reg.example/app', 'who signs there?']))
    .action(
      action<[string[]], FreshnessOptions>(async (context, options, images) => {
        const fresh = freshness(options);
        const { listSigners } = await import('../../operations/signers/signer-list.ts');
        const { repositoryName } = await import('../../operations/images.ts');
        const repositories = images.map(repositoryName);
        const list = await context.withSession(session =>
          listSigners(session, { repositories, ...fresh }),
        );
        const { display, host } = context;
        const style = { paint: display.paint, now: host.now() };
        display.result({
          json: () => signerListJson(list),
          text: () => signerListLines(list, style),
          brief: () => signerListBrief(list),
          warnings: signerListWarnings(list),
        });
        return signerListOutcome(list);
      }),
    );
}
