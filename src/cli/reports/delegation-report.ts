import { printable } from '../../crypto/printable.ts';
import type { DelegationReport } from '../../operations/delegations/delegation.ts';
import type { Paint } from '../display.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { roleName, shortKeyId } from '../key-names.ts';

type ChangedDelegation = DelegationReport['delegations'][number];

/** How many tags a list names to people; `--json` has all. */
const SHOWN = 10;

export function delegationJson(report: DelegationReport): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

/** The roles that changed. */
export function delegationBrief(report: DelegationReport): string[] {
  return report.delegations.map(({ role }) => printable(role));
}

export function delegationLines(report: DelegationReport, paint: Paint): string[] {
  const { dryRun } = report;
  const lines = [paint.bold(printable(report.repository))];
  for (const change of report.delegations) lines.push(...changeLines(change, dryRun, paint));
  if (report.delegations.length === 0) {
    lines.push('  nothing to change: it is so already');
    return lines;
  }
  for (const role of report.resigned) {
    lines.push(
      `  ${roleName(role)} ${dryRun ? 'would be' : 'was'} signed again by a key that is left`,
    );
  }
  lines.push(
    ...nameLines(
      report.lostTargets,
      dryRun ? 'would be trusted no more' : 'no longer trusted',
      paint,
    ),
    ...nameLines(
      report.alteredTargets,
      dryRun ? 'would be trusted with another digest' : 'trusted with another digest now',
      paint,
    ),
  );
  lines.push(
    ...nameLines(
      report.unreleasedTags.filter(tag => !report.lostTargets.includes(tag)),
      dryRun ? 'would be released no more' : 'no longer released',
      paint,
    ),
    ...nameLines(
      report.tagsWithoutSigner,
      dryRun ? 'would stay released without any signer' : 'still released, without any signer now',
      paint,
    ),
  );
  if (!dryRun) lines.push(`  published to ${printable(report.server)}`);
  return lines;
}

function changeLines(change: ChangedDelegation, dryRun: boolean, paint: Paint): string[] {
  const sign = dryRun
    ? paint.cyan('-')
    : change.status === 'removed'
      ? paint.yellow('✓')
      : paint.green('✓');
  const verb = dryRun ? `would be ${change.status}` : change.status;
  const lines = [`  ${sign} ${paint.bold(roleName(change.role))} ${verb}`];
  for (const id of change.addedKeys) lines.push(`    + key ${shortKeyId(id)}`);
  for (const path of change.addedPaths) lines.push(`    + ${pathText(path)}`);
  for (const id of change.removedKeys) lines.push(`    - key ${shortKeyId(id)}`);
  for (const path of change.removedPaths) lines.push(`    - ${pathText(path)}`);
  if (change.status !== 'removed' && change.keysLeft === 0)
    lines.push(`    ${paint.red('no key is left: it can sign nothing')}`);
  return lines;
}

/** A path as people read it. */
export function pathText(path: string): string {
  return path === '' ? 'all tags' : `tags that begin with ${printable(path)}`;
}

function nameLines(names: readonly string[], what: string, paint: Paint): string[] {
  if (names.length === 0) return [];
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  const shown = names.slice(0, SHOWN).map(printable).join(', ');
  return [`  ${paint.red(`${what}:`)} ${shown}${more}`];
}
