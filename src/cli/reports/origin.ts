import { printable } from '../../crypto/printable.ts';
import type { TrustDataOrigin } from '../../operations/trust-data.ts';
import { relativeTime } from '../dates.ts';
import type { ReportStyle } from '../report-style.ts';

/** Where trust data came from: the server, or (to be noticed) a cached copy, how old and why. */
export function originText(origin: TrustDataOrigin, style: ReportStyle): string {
  // Never in the future, even if a clock was set back in between.
  const at = Math.min(new Date(origin.checkedAt).getTime(), style.now.getTime());
  const checked = relativeTime(new Date(at), style.now);
  if (origin.from === 'server') return `${printable(origin.server)}, checked ${checked}`;
  const reason = origin.reason === undefined ? '' : `: ${printable(origin.reason)}`;
  const of = origin.serverOnRecord === true ? ` of ${printable(origin.server)}` : '';
  return style.paint.yellow(`cached copy${of}, checked ${checked}${reason}`);
}
