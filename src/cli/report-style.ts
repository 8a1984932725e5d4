import type { Paint } from './display.ts';

/** What the reports need beside the facts: colours, and the time that distances are counted from. */
export interface ReportStyle {
  readonly paint: Paint;
  readonly now: Date;
}
