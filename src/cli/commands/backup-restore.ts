import type { Command } from 'commander';
import { backupSecret } from '../backup-secret.ts';
import { type ConfirmationOptions, confirmed, requireConfirmation } from '../confirmation.ts';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { repeatedValue } from '../option-values.ts';
import {
  backupRestoreBrief,
  backupRestoreJson,
  backupRestoreLines,
  backupRestoreWarnings,
  isIncomplete,
  restoreQuestion,
} from '../reports/backup-restore-report.ts';

interface Options extends ConfirmationOptions {
  readonly only?: string[];
  readonly share?: string[];
  readonly replace?: boolean;
}

const DESCRIPTION = `Puts keys, trust data and staged changes of a backup back where they were, in
the trust directory or --trust-dir. What differs here stays, unless --replace;
newer trust data always stays. Run again, it completes what was interrupted.`;
const SHARE = '--share <file>';
const ONLY = '--only <what>';

/** `tabellion backup restore` */
export function addBackupRestore(backup: Command, action: Action): void {
  backup
    .command('restore')
    .summary('bring back what is in a backup')
    .description(DESCRIPTION)
    .argument('<file>', 'the backup')
    .option(ONLY, 'a key ID or a repository; may be repeated', repeatedValue(ONLY))
    .option('--replace', 'also what differs here; replaced keys are kept aside')
    .option(SHARE, 'a file with one of its shares; may be repeated', repeatedValue(SHARE))
    .option('-y, --yes', 'do not ask')
    .option('--dry-run', 'tell what would be done')
    .addHelpText(
      'after',
      examples(
        ['tabellion backup restore --dry-run trust.backup', 'what would it do?'],
        ['tabellion backup restore --only reg.example/app t.backup', 'one'],
      ),
    )
    .action(
      action<[string], Options>(async (context, options, file) => {
        const { only = [], share = [], replace = false } = options;
        requireConfirmation(context, options, 'Restoring a backup');
        const { readBackupHeader } = await import('../../operations/backup/backup-file.ts');
        const secret = await backupSecret(context, await readBackupHeader(file), share);
        const { openBackup } = await import('../../operations/backup/open-backup.ts');
        const { restoreOpenedBackup } = await import('../../operations/backup/restore-backup.ts');
        const { display } = context;
        const report = await context.withSession(async session => {
          session.progress({ message: 'opening the backup' });
          const opened = await openBackup(file, secret);
          return confirmed(
            context,
            options,
            dryRun => restoreOpenedBackup(session, opened, { only, replace, dryRun }),
            plan => ({
              lines: backupRestoreLines(plan, display.errorPaint),
              warnings: backupRestoreWarnings(plan),
              question: restoreQuestion(plan),
            }),
          );
        });
        display.result({
          json: () => backupRestoreJson(report),
          text: () => backupRestoreLines(report, display.paint),
          brief: () => backupRestoreBrief(report),
          warnings: backupRestoreWarnings(report),
        });
        return isIncomplete(report) ? EXIT.failed : EXIT.done;
      }),
    );
}
