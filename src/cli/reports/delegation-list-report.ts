import { printable } from '../../crypto/printable.ts';
import type { DelegationList } from '../../operations/delegations/delegation-list.ts';
import { dateWithDistance } from '../dates.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { roleName, shortKeyId } from '../key-names.ts';
import type { ReportStyle } from '../report-style.ts';
import { table } from '../table.ts';
import { originText } from './origin.ts';

type Listed = DelegationList['delegations'][number];

export function delegationListJson(report: DelegationList): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

export function delegationListBrief(report: DelegationList): string[] {
  return report.delegations.map(({ role }) => printable(role));
}

export function delegationListLines(report: DelegationList, style: ReportStyle): string[] {
  const { paint } = style;
  const lines = [paint.bold(printable(report.repository))];
  if (report.delegations.length === 0) {
    lines.push('  no delegations: the repository key signs alone');
  } else {
    const rows = report.delegations.flatMap(delegation => rowsOf(delegation, style));
    const header = ['ROLE', 'MAY SIGN', 'KEYS', 'NEEDED', 'SIGNED UNTIL'];
    lines.push(...table([header, ...rows], { indent: 2, header: paint.dim }));
    for (const { role, problem } of report.delegations) {
      if (problem !== undefined)
        lines.push(`  ${paint.red('✗')} ${roleName(role)} is not trusted: ${printable(problem)}`);
    }
  }
  lines.push(`  ${originText(report.origin, style)}`);
  return lines;
}

/** One row, and one more for each further path or key. */
function rowsOf(delegation: Listed, { now, paint }: ReportStyle): string[][] {
  const paths = delegation.paths.map(path => (path === '' ? 'all' : `${printable(path)}…`));
  const keys = delegation.keys.map(({ id, certificate }) => {
    const problem = certificate?.problem;
    return problem === undefined
      ? shortKeyId(id)
      : `${shortKeyId(id)} ${paint.yellow(`certificate ${problem}`)}`;
  });
  const count = Math.max(1, paths.length, keys.length);
  return Array.from({ length: count }, (_, row) => [
    row === 0 ? roleName(delegation.role) : '',
    paths[row] ?? (row === 0 ? paint.yellow('nothing') : ''),
    keys[row] ?? (row === 0 ? paint.red('none') : ''),
    row === 0 ? String(delegation.threshold) : '',
    row === 0 ? signedUntil(delegation, now) : '',
  ]);
}

function signedUntil({ expires }: Listed, now: Date): string {
  return expires === undefined ? 'nothing signed' : dateWithDistance(new Date(expires), now);
}
