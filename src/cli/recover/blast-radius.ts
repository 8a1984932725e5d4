import type { Session } from '../../operations/session.ts';
import type { CommandContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import {
  blastRadiusBrief,
  blastRadiusJson,
  blastRadiusLines,
  blastRadiusWarnings,
} from '../reports/blast-radius-report.ts';

/** `--blast-radius KEY`: what a key signs, or could have signed. */
export async function showBlastRadius(
  context: CommandContext,
  session: Session,
  key: string,
): Promise<number> {
  const { blastRadius } = await import('../../operations/inventory/blast-radius.ts');
  const report = await blastRadius(session, key);
  const { display, host } = context;
  display.result({
    json: () => blastRadiusJson(report),
    text: () => blastRadiusLines(report, { paint: display.paint, now: host.now() }),
    brief: () => blastRadiusBrief(report),
    warnings: blastRadiusWarnings(report),
  });
  return EXIT.done;
}
