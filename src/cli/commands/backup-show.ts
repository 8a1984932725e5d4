import type { Command } from 'commander';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { backupShowBrief, backupShowJson, backupShowLines } from '../reports/backup-show-report.ts';

const DESCRIPTION = `Tells what is in a backup, without its passphrase: which keys, roles and
repositories, with dates and versions. Whether that is true is proven only when
the backup is opened: tabellion backup verify`;

/** `tabellion backup show` */
export function addBackupShow(backup: Command, action: Action): void {
  backup
    .command('show')
    .summary('tell what is in a backup, without its passphrase')
    .description(DESCRIPTION)
    .argument('<file>', 'the backup')
    .addHelpText(
      'after',
      examples(
        ['tabellion backup show trust.backup', 'for people'],
        ['tabellion backup show --quiet trust.backup', 'the IDs of its keys'],
      ),
    )
    .action(
      action<[string], object>(async ({ display, host }, _, file) => {
        const { readBackupHeader } = await import('../../operations/backup/backup-file.ts');
        const report = { file, ...(await readBackupHeader(file)) };
        display.result({
          json: () => backupShowJson(report),
          text: () => backupShowLines(report, { paint: display.paint, now: host.now() }),
          brief: () => backupShowBrief(report),
        });
        return EXIT.done;
      }),
    );
}
