/** Dates in metadata: RFC 3339, as Go prints and reads them (tuf.md 1.4). */
import { malformed } from './malformed.ts';

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/;
export const DAY = 24 * 60 * 60 * 1000;

/**
 * Milliseconds since 1970 of an RFC 3339 date.
 * @throws TrustError `METADATA_MALFORMED`
 */
export function parseTime(text: string, role: string): number {
  const parts = RFC_3339.exec(text);
  if (parts === null) throw malformed(role, `“${text.slice(0, 60)}” is not a date`);
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = parts;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, '0').slice(0, 3)}${zone}`;
  const milliseconds = Date.parse(iso);
  // A day that does not exist, or hour 24, would be moved on to the next day.
  const kept = new Date(Date.parse(`${iso.slice(0, 19)}Z`)).getUTCDate() === Number(day);
  if (Number.isNaN(milliseconds) || !kept)
    throw malformed(role, `“${text.slice(0, 60)}” is not a date`);
  return milliseconds;
}

/**
 * A date as Tabellion writes it: UTC, whole seconds. Go prints this one just as it stands; a fraction
 * with trailing zeros (`toISOString`) would not survive and break the repository (tuf.md 1.6).
 */
export function formatTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

/** The same moment some calendar months later, as Go's `AddDate` reckons. */
export function addMonths(milliseconds: number, months: number): number {
  const date = new Date(milliseconds);
  date.setUTCMonth(date.getUTCMonth() + months);
  return date.getTime();
}
