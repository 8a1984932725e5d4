import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import { newBackupPassphrase } from '../backup-secret.ts';
import type { Action } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { examples } from '../help-text.ts';
import { optionValue, repeatedValue } from '../option-values.ts';
import {
  backupCreateBrief,
  backupCreateJson,
  backupCreateLines,
  backupCreateWarnings,
} from '../reports/backup-create-report.ts';

interface Options {
  readonly keys?: string[];
  readonly all?: boolean;
  readonly shares?: string;
  readonly andPassphrase?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

const DESCRIPTION = `Seals private keys (as they are encrypted), trust data, staged changes and
Tabellion's own records in one file, and opens it again before it says so.
The passphrase: TABELLION_BACKUP_PASSPHRASE, the prompt, or a line on stdin.`;
const KEYS = '--keys <key-id...>';
const SHARES = '--shares <needed/made>';

/** `tabellion backup create` */
export function addBackupCreate(backup: Command, action: Action): void {
  backup
    .command('create')
    .summary('make a sealed backup')
    .description(DESCRIPTION)
    .argument('<file>', 'the backup to make')
    .option(KEYS, 'only these, and what trusts them', repeatedValue(KEYS))
    .option('--all', 'everything, as without --keys')
    .option(SHARES, 'split what opens it among people', optionValue(SHARES))
    .option('--and-passphrase', 'with --shares: a passphrase opens it too')
    .option('--force', 'replace the file if it exists')
    .option('--dry-run', 'tell what would be in it')
    .addHelpText(
      'after',
      examples(
        ['tabellion backup create /media/usb/trust.backup', 'everything'],
        ['tabellion backup create --shares 2/3 t.backup', 'any two of three open it'],
      ),
    )
    .action(
      action<[string], Options>(async (context, options, file) => {
        const { keys, all = false, shares, andPassphrase = false } = options;
        const { force = false, dryRun = false } = options;
        refuseConflicts(options);
        const { parseShareNumbers } = await import('../../operations/backup/shares.ts');
        const numbers = shares === undefined ? undefined : parseShareNumbers(shares);
        const { createBackup } = await import('../../operations/backup/create-backup.ts');
        const { resolveKeyIds } = await import('../../operations/keys/key-id.ts');
        const report = await context.withSession(async session => {
          const ids = keys === undefined ? undefined : await resolveKeyIds(session, keys);
          const asksPassphrase = numbers === undefined || andPassphrase;
          return createBackup(session, {
            file,
            overwrite: force,
            dryRun,
            ...(ids === undefined ? {} : { keys: ids }),
            ...(all ? { keys: 'all' as const } : {}),
            ...(numbers === undefined ? {} : { shares: numbers }),
            ...(asksPassphrase ? { passphrase: () => newBackupPassphrase(context) } : {}),
          });
        });
        const { display, host } = context;
        display.result({
          json: () => backupCreateJson(report),
          text: () => backupCreateLines(report, { paint: display.paint, now: host.now() }),
          brief: () => backupCreateBrief(report),
          warnings: backupCreateWarnings(report),
        });
        return report.skipped.length === 0 ? EXIT.done : EXIT.failed;
      }),
    );
}

function refuseConflicts({ keys, all, shares, andPassphrase }: Options): void {
  if (keys !== undefined && all === true) {
    throw new UsageError('OPTIONS_CONFLICT', '--keys and --all say opposite things', {
      hint: 'Give one of them.',
    });
  }
  if (andPassphrase === true && shares === undefined) {
    throw new UsageError('OPTIONS_CONFLICT', '--and-passphrase needs --shares', {
      hint: 'Without --shares a passphrase opens the backup anyway.',
    });
  }
}
