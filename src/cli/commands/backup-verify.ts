import type { Command } from 'commander';
import { backupSecret } from '../backup-secret.ts';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { repeatedValue } from '../option-values.ts';
import {
  backupVerifyBrief,
  backupVerifyJson,
  backupVerifyLines,
  isProven,
} from '../reports/backup-verify-report.ts';

interface Options {
  readonly share?: string[];
  readonly unlock?: boolean;
}

const DESCRIPTION = `Opens a backup, checks every key in it, and tells what is missing to recover
each repository. With --unlock each key is opened, too, and what it signs is
checked against the public key in the trust data. Nothing is written.`;
const SHARE = '--share <file>';

/** `tabellion backup verify` */
export function addBackupVerify(backup: Command, action: Action): void {
  backup
    .command('verify')
    .summary('prove that a backup is whole and its keys are good')
    .description(DESCRIPTION)
    .argument('<file>', 'the backup')
    .option(SHARE, 'a file with one of its shares; may be repeated', repeatedValue(SHARE))
    .option('--unlock', 'open each key, with its own passphrase')
    .addHelpText(
      'after',
      examples(
        ['tabellion backup verify trust.backup', 'once a year'],
        ['tabellion backup verify --share a --share b t.backup', 'with two shares'],
      ),
    )
    .action(
      action<[string], Options>(async (context, { share = [], unlock = false }, file) => {
        const { readBackupHeader } = await import('../../operations/backup/backup-file.ts');
        const secret = await backupSecret(context, await readBackupHeader(file), share);
        const { verifyBackup } = await import('../../operations/backup/verify-backup.ts');
        const report = await context.withSession(session =>
          verifyBackup(session, { file, secret, unlock }),
        );
        const { display, host } = context;
        display.result({
          json: () => backupVerifyJson(report),
          text: () => backupVerifyLines(report, { paint: display.paint, now: host.now() }),
          brief: () => backupVerifyBrief(report),
        });
        return isProven(report) ? EXIT.done : EXIT.key;
      }),
    );
}
