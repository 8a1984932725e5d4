import { basename } from 'node:path';
import { printable } from '../../crypto/printable.ts';
import type { BackupReport } from '../../operations/backup/create-backup.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import type { ReportStyle } from '../report-style.ts';
import { counted, inventoryLines } from './backup-inventory.ts';

export function backupCreateJson(report: BackupReport): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

export function backupCreateBrief({ file, shareFiles }: BackupReport): string[] {
  return [file, ...shareFiles].map(path => printable(path));
}

export function backupCreateWarnings({ skipped, recordProblem }: BackupReport): string[] {
  return [
    ...skipped.map(({ path, problem }) => `${path} is not in the backup: ${problem}`),
    ...(recordProblem === undefined
      ? []
      : [`The backup is good, but could not be put on record: ${recordProblem}`]),
  ];
}

export function backupCreateLines(report: BackupReport, style: ReportStyle): string[] {
  const { file, inventory, size, shareFiles, shareSet, skipped } = report;
  const { keys, repositories } = inventory;
  const what = `${counted(keys.length, 'key')} and the trust data of ${counted(repositories.length, 'repository', 'repositories')}`;
  if (size === undefined) {
    return [
      `${sentence(what)} would go into ${printable(file)}`,
      ...inventoryLines(inventory, style),
    ];
  }
  const { paint } = style;
  return [
    `${skipped.length === 0 ? paint.green('✓') : paint.yellow('!')} ${sentence(what)} are in ${printable(file)}`,
    `  ${counted(size, 'byte')}, read back and opened`,
    ...(shareFiles.length === 0
      ? []
      : [
          '',
          `Who opens it: the shares of the set ${shareSet ?? ''}, in files beside it:`,
          ...shareFiles.map(path => `  ${printable(basename(path))}`),
          'Hand each to another person, by another way than the backup, and delete it here.',
        ]),
  ];
}

function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
