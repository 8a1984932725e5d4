import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { examples } from '../help-text.ts';
import {
  signerBrief,
  signerJson,
  signerLines,
  signerOutcome,
  signerWarnings,
} from '../reports/signer-report.ts';
import { addSignerKeyOptions, type SignerKeyOptions, signerKeys } from './signer-keys.ts';

interface Options extends SignerKeyOptions {
  readonly init?: boolean;
  readonly dryRun?: boolean;
}

const DESCRIPTION = `Lets somebody sign all tags of repositories and release them, or gives a signer
more keys. It needs the repository key of each.`;

/** `tabellion signer add` */
export function addSignerAdd(signer: Command, action: Action): void {
  const command = signer
    .command('add')
    .summary('let somebody sign')
    .description(DESCRIPTION)
    .argument('<name>', "the signer's name")
    .argument('<image...>', 'the repositories');
  addSignerKeyOptions(command, "the signer's")
    .option('--init', 'make a repository that is not signed yet')
    .option('--dry-run', 'show what would change, publish nothing')
    .addHelpText(
      'after',
      examples([
        'tabellion signer add alice --key alice.pub reg.example/app reg.example/db',
        'alice signs in two repositories',
      ]),
    )
    .action(
      action<[string, string[]], Options>(async (context, options, name, images) => {
        const { init = false, dryRun = false } = options;
        const { addSigner } = await import('../../operations/signers/signer-add.ts');
        const { repositoryName } = await import('../../operations/images.ts');
        const repositories = images.map(repositoryName);
        const request = { name, repositories, ...signerKeys(options), initialise: init, dryRun };
        const report = await context.withSession(session => addSigner(session, request));
        const { display } = context;
        display.result({
          json: () => signerJson(report),
          text: () => signerLines(report, display.paint),
          brief: () => signerBrief(report),
          warnings: signerWarnings(report),
        });
        return signerOutcome(report);
      }),
    );
}
