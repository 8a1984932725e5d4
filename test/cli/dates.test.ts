import { describe, expect, it } from 'vitest';
import { absoluteTime, dateWithDistance, expiryState, relativeTime } from '../../src/cli/dates.ts';
import { NOW } from './test-host.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function after(milliseconds: number): Date {
  return new Date(NOW.getTime() + milliseconds);
}

describe('relativeTime', () => {
  it.each([
    [0, 'just now'],
    [-30 * SECOND, 'just now'],
    [30 * SECOND, 'in a moment'],
    [-50 * SECOND, '1 minute ago'],
    [-5 * MINUTE, '5 minutes ago'],
    [-89 * MINUTE, '89 minutes ago'],
    [-2 * HOUR, '2 hours ago'],
    [35 * HOUR, 'in 35 hours'],
    [37 * HOUR, 'in 2 days'],
    [13 * DAY, 'in 13 days'],
    [61 * DAY, 'in 2 months'],
    [-400 * DAY, '13 months ago'],
    [1094 * DAY, 'in 3 years'],
    [3650 * DAY, 'in 10 years'],
  ])('%d ms: %s', (distance, words) => {
    expect(relativeTime(after(distance), NOW)).toBe(words);
  });
});

describe('absoluteTime', () => {
  it('is the day alone, unless it is close', () => {
    expect(absoluteTime(new Date('2029-11-20T12:34:56Z'), NOW)).toBe('2029-11-20');
    expect(absoluteTime(new Date('2026-11-23T12:34:56Z'), NOW)).toBe('2026-11-23 12:34 UTC');
  });

  it('stands with the distance', () => {
    expect(dateWithDistance(new Date('2029-11-20T12:34:56Z'), NOW)).toBe('2029-11-20 (in 3 years)');
  });
});

describe('expiryState', () => {
  it.each([
    [-1, 'expired'],
    // The instant itself: nothing is valid at the moment it expires.
    [0, 'expired'],
    [29 * DAY, 'soon'],
    [31 * DAY, 'fine'],
  ])('%d', (distance, state) => {
    expect(expiryState(after(distance), NOW)).toBe(state);
  });
});
