import { printable } from '../crypto/printable.ts';
import type { Reminder } from '../operations/reminders.ts';
import type { Display } from './display.ts';

/** Shows each reminder once, on stderr; not with `--quiet`, nor with `--json`, whose document has them. */
export function showReminders(display: Display, reminders: readonly Reminder[]): void {
  const lines = [...new Set(reminders.map(({ message }) => printable(message)))];
  display.note(...lines.map(line => `${display.errorPaint.cyan('reminder:')} ${line}`));
}
