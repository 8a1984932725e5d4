const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365.25 * DAY;

/** From each length on, the unit that is counted: rough, as one would say it. */
const UNITS: readonly [from: number, length: number, name: string][] = [
  [23 * (YEAR / 12), YEAR, 'year'],
  [60 * DAY, YEAR / 12, 'month'],
  [36 * HOUR, DAY, 'day'],
  [90 * MINUTE, HOUR, 'hour'],
  [45_000, MINUTE, 'minute'],
];

/** How far `date` is from `now`, roughly: `in 3 years`, `2 hours ago`, `just now`. */
export function relativeTime(date: Date, now: Date): string {
  const distance = date.getTime() - now.getTime();
  const far = Math.abs(distance);
  const unit = UNITS.find(([from]) => far >= from);
  if (unit === undefined) return distance > 0 ? 'in a moment' : 'just now';
  const [, length, name] = unit;
  const count = Math.max(1, Math.round(far / length));
  const words = `${count} ${name}${count === 1 ? '' : 's'}`;
  return distance > 0 ? `in ${words}` : `${words} ago`;
}

/** The day in UTC; within two days of `now` also the time, which then matters. */
export function absoluteTime(date: Date, now: Date): string {
  const iso = date.toISOString();
  const near = Math.abs(date.getTime() - now.getTime()) < 2 * DAY;
  return near ? `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC` : iso.slice(0, 10);
}

/** Both: `2029-11-20 (in 3 years)`. */
export function dateWithDistance(date: Date, now: Date): string {
  return `${absoluteTime(date, now)} (${relativeTime(date, now)})`;
}

/** How an expiry should look: over, close enough to act, or neither. */
export function expiryState(expires: Date, now: Date): 'expired' | 'soon' | 'fine' {
  const left = expires.getTime() - now.getTime();
  if (left <= 0) return 'expired';
  return left < 30 * DAY ? 'soon' : 'fine';
}
