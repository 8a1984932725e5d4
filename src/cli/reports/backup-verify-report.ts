import { printable } from '../../crypto/printable.ts';
import type {
  BackupVerification,
  Recoverability,
  VerifiedKey,
} from '../../operations/backup/verify-backup.ts';
import { dateWithDistance } from '../dates.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { shortKeyId } from '../key-names.ts';
import type { ReportStyle } from '../report-style.ts';
import { fitted, table } from '../table.ts';
import { counted, keyCells, keyUse } from './backup-inventory.ts';

const GUN_WIDTH = 34;
const USE_WIDTH = 30;

export function backupVerifyJson({ inventory, ...report }: BackupVerification): object {
  return { schemaVersion: SCHEMA_VERSION, ...report, records: inventory.records };
}

/** Whether every key is good, and was opened if that was asked for. */
export function isProven({ keys }: BackupVerification): boolean {
  return keys.every(({ state }) => state === 'proven' || state === 'whole');
}

/** The keys that are good. */
export function backupVerifyBrief({ keys }: BackupVerification): string[] {
  return keys
    .filter(({ state }) => state === 'proven' || state === 'whole')
    .map(({ id }) => printable(id));
}

export function backupVerifyLines(report: BackupVerification, style: ReportStyle): string[] {
  const { file, createdAt, keys, repositories, sha256 } = report;
  const { paint, now } = style;
  const lacking = repositories.filter(({ missing }) => missing.length > 0);
  const complete = repositories.length - lacking.length;
  return [
    `${paint.green('✓')} ${printable(file)} opens, and is what was written`,
    `  made ${dateWithDistance(new Date(createdAt), now)}; SHA-256 ${shortKeyId(sha256)}…`,
    '',
    ...table(keys.map(key => keyRow(key, style))),
    ...keys.flatMap(({ id, problem }) =>
      problem === undefined ? [] : [`  ${shortKeyId(id)}: ${printable(problem)}`],
    ),
    ...(repositories.length === 0
      ? []
      : [
          '',
          `With it ${counted(complete, 'repository', 'repositories')} of ${repositories.length} can be recovered whole`,
        ]),
    ...table(lacking.map(missingRow), { indent: 2 }),
    ...(lacking.length === 0
      ? []
      : ['  A missing key may be somebody else’s, with a backup of its own.']),
  ];
}

function keyRow(key: VerifiedKey, { paint }: ReportStyle): string[] {
  const verdict = {
    proven: paint.green('✓ signs'),
    whole: paint.green('✓ whole'),
    locked: paint.yellow('! locked'),
    bad: paint.red('✗ bad'),
  }[key.state];
  return [verdict, ...keyCells(key), keyUse(key, USE_WIDTH)];
}

function missingRow({ gun, missing }: Recoverability): string[] {
  return [fitted(printable(gun), GUN_WIDTH), `lacks ${missing.join(', ')}`];
}
