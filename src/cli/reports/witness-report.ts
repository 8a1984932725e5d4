import { printable } from '../../crypto/printable.ts';
import type { WitnessReport } from '../../operations/witness.ts';
import type { Paint } from '../display.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { roleName } from '../key-names.ts';

/** How many tags a list names to people; `--json` has all. */
const SHOWN = 10;

export function witnessJson(report: WitnessReport): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

export function witnessBrief(report: WitnessReport): string[] {
  return report.roles.map(({ role }) => printable(role));
}

export function witnessLines(report: WitnessReport, paint: Paint): string[] {
  const { dryRun } = report;
  const lines = [paint.bold(printable(report.repository))];
  for (const { role, problem, targets } of report.roles) {
    const name = paint.bold(roleName(role));
    lines.push(
      dryRun
        ? `  ${paint.cyan('-')} ${name} would be signed again`
        : `  ${paint.green('✓')} ${name} signed again`,
    );
    if (problem !== undefined) lines.push(`    it was not trusted: ${printable(problem)}`);
    const more = targets.length > SHOWN ? ` and ${targets.length - SHOWN} more` : '';
    const names = targets.slice(0, SHOWN).map(printable).join(', ');
    lines.push(targets.length === 0 ? '    it holds nothing' : `    it holds ${names}${more}`);
  }
  if (!dryRun) lines.push(`  published to ${printable(report.server)}`);
  return lines;
}
