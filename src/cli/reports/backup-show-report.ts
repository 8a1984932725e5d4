import { printable } from '../../crypto/printable.ts';
import type { BackupHeader } from '../../operations/backup/backup-file.ts';
import { dateWithDistance } from '../dates.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import type { ReportStyle } from '../report-style.ts';
import { inventoryLines } from './backup-inventory.ts';

export interface BackupShowReport extends BackupHeader {
  readonly file: string;
  readonly size: number;
}

export function backupShowJson({
  file,
  size,
  createdAt,
  inventory,
  slots,
}: BackupShowReport): object {
  return {
    schemaVersion: SCHEMA_VERSION,
    file,
    size,
    // Nobody has opened it: the rest is what the file says of itself.
    proven: false,
    createdAt,
    openedBy: slots.map(slot =>
      slot.kind === 'passphrase'
        ? { kind: slot.kind, kdf: 'scrypt', ...slot.cost }
        : {
            kind: slot.kind,
            set: Buffer.from(slot.setId).toString('hex'),
            threshold: slot.threshold,
            count: slot.count,
          },
    ),
    ...inventory,
  };
}

export function backupShowBrief({ inventory }: BackupShowReport): string[] {
  return inventory.keys.map(({ id }) => printable(id));
}

export function backupShowLines(report: BackupShowReport, style: ReportStyle): string[] {
  const { createdAt, slots, inventory } = report;
  const { paint, now } = style;
  const ways = slots.map(slot =>
    slot.kind === 'passphrase'
      ? 'a passphrase'
      : `${slot.threshold} of ${slot.count} shares (set ${Buffer.from(slot.setId).toString('hex')})`,
  );
  return [
    `Backup of ${dateWithDistance(new Date(createdAt), now)}`,
    `${paint.dim('opened by')}  ${ways.join(', or ')}`,
    ...inventoryLines(inventory, style),
    '',
    paint.dim('What the file says of itself; only opening it proves that: backup verify'),
  ];
}
