import type { Command } from 'commander';
import { printable } from '../../crypto/printable.ts';
import { type ConfirmationOptions, confirmed, requireConfirmation } from '../confirmation.ts';
import type { Action } from '../context.ts';
import { examples } from '../help-text.ts';
import { GENERATE_PASSPHRASE } from '../passphrase-options.ts';
import {
  signerBrief,
  signerJson,
  signerOutcome,
  signerRotationLines,
  signerWarnings,
} from '../reports/signer-report.ts';
import { addSignerKeyOptions, type SignerKeyOptions, signerKeys } from './signer-keys.ts';

interface Options extends ConfirmationOptions, SignerKeyOptions {}

const DESCRIPTION = `Replaces the keys of a signer: by a new key that is made here, or by given ones.
What the signer signed is signed again where a key for it is here. It needs the
repository key of each repository. The old private keys stay where they are.`;

/** `tabellion signer rotate` */
export function addSignerRotate(signer: Command, action: Action): void {
  const command = signer
    .command('rotate')
    .summary("replace a signer's keys")
    .description(DESCRIPTION)
    .argument('<name>', "the signer's name")
    .argument('<image...>', 'the repositories');
  addSignerKeyOptions(command, 'the new')
    .option(...GENERATE_PASSPHRASE)
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'show what would change, make and publish nothing')
    .addHelpText(
      'after',
      examples(['tabellion signer rotate alice reg.example/app reg.example/db', 'a new key']),
    )
    .action(
      action<[string, string[]], Options>(async (context, options, name, images) => {
        const { rotateSigner } = await import('../../operations/signers/signer-rotate.ts');
        const { repositoryName } = await import('../../operations/images.ts');
        const repositories = images.map(repositoryName);
        requireConfirmation(context, options, "Rotating a signer's key");
        const { display } = context;
        const request = { name, repositories, ...signerKeys(options) };
        const report = await context.withSession(session =>
          confirmed(
            context,
            options,
            dryRun => rotateSigner(session, { ...request, dryRun }),
            plan => ({
              lines: signerRotationLines(plan, display.errorPaint),
              warnings: signerWarnings(plan),
              question:
                plan.summary.succeeded === 0 ? undefined : `Replace the key of ${printable(name)}?`,
            }),
          ),
        );
        display.result({
          json: () => signerJson(report),
          text: () => signerRotationLines(report, display.paint),
          brief: () => signerBrief(report),
          warnings: signerWarnings(report),
        });
        return signerOutcome(report);
      }),
    );
}
