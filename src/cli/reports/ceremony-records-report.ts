import { printable } from '../../crypto/printable.ts';
import type { CeremonyRecord } from '../../operations/ceremony/records.ts';
import { absoluteTime, relativeTime } from '../dates.ts';
import type { Paint } from '../display.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, shortKeyId } from '../key-names.ts';
import { table } from '../table.ts';

export function recordsJson(records: readonly CeremonyRecord[]): object {
  const requests = records.map(({ schemaVersion: _, ...record }) => record);
  return { schemaVersion: SCHEMA_VERSION, requests };
}

/** The requests that wait for their answer. */
export function recordsBrief(records: readonly CeremonyRecord[]): string[] {
  return records.filter(isOpen).map(({ id }) => printable(id));
}

export function recordsLines(
  records: readonly CeremonyRecord[],
  paint: Paint,
  now: Date,
): string[] {
  if (records.length === 0) return ['No request was made on this machine.'];
  const rows = records.flatMap(record =>
    record.repositories.map(({ gun, kind, role, version, state, publishedAt = '' }, index) => [
      index === 0 ? printable(record.id) : '',
      index === 0 ? relativeTime(new Date(record.created), now) : '',
      printable(gun),
      `${printable(kind)}${kind === 'rotate' ? ` ${printable(role)}` : ''}, root ${version}`,
      state === 'published'
        ? `${paint.green('✓')} published ${absoluteTime(new Date(publishedAt), now)}`
        : waiting(record, paint, now),
    ]),
  );
  return table([['REQUEST', 'MADE', 'REPOSITORY', 'CHANGE', 'STATE'], ...rows], {
    header: text => paint.dim(text),
  });
}

export function cancelledJson({ schemaVersion: _, ...record }: CeremonyRecord): object {
  return { schemaVersion: SCHEMA_VERSION, cancelled: record };
}

export function cancelledLines(record: CeremonyRecord): string[] {
  const lines = [`The request ${printable(record.id)} is forgotten; no answer to it is published.`];
  for (const { id, role } of isOpen(record) ? record.createdKeys : [])
    lines.push(`  the ${keyName(role)} ${shortKeyId(id)}, made for it, is still here`);
  return lines;
}

function isOpen({ repositories }: CeremonyRecord): boolean {
  return repositories.some(({ state }) => state === 'waiting');
}

function waiting({ expires }: CeremonyRecord, paint: Paint, now: Date): string {
  return Date.parse(expires) > now.getTime()
    ? paint.yellow('waits for signatures')
    : paint.red('too old');
}
