import { printable } from '../../crypto/printable.ts';
import type { BlastRadius, KeyReach, SignedTag } from '../../operations/inventory/blast-radius.ts';
import { dateWithDistance } from '../dates.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { roleName } from '../key-names.ts';
import type { ReportStyle } from '../report-style.ts';

/** How many tags a list names to people; `--json` has all. */
const SHOWN = 10;

export function blastRadiusJson(report: BlastRadius): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

/** The repositories that the key reaches, one a line. */
export function blastRadiusBrief(report: BlastRadius): string[] {
  return report.repositories.map(({ repository }) => printable(repository));
}

/** What could not be looked at, and so may be reached too. */
export function blastRadiusWarnings(report: BlastRadius): string[] {
  return report.unknown.map(
    ({ repository, problem }) =>
      `Whether ${repository} trusts the key is not known: ${problem?.message ?? 'it cannot be read'}`,
  );
}

export function blastRadiusLines(report: BlastRadius, style: ReportStyle): string[] {
  const { paint } = style;
  const { atHand, repositories } = report;
  const file = atHand === undefined ? 'not on this machine' : printable(atHand.file);
  const lines = [
    `${paint.bold('Key')}          ${report.keyId}`,
    `${paint.bold('Private key')}  ${file}`,
    ...report.certificateIds.map(id => `${paint.bold('Certificate')}  ${id}`),
  ];
  if (repositories.length === 0) {
    return [...lines, '', 'No repository that could be read here trusts this key.'];
  }
  for (const { repository, from, checkedAt, reach } of repositories) {
    lines.push('', paint.bold(printable(repository)));
    if (from === 'disk') {
      const seen =
        checkedAt === undefined
          ? 'as it lies on this machine'
          : `as last seen ${dateWithDistance(new Date(checkedAt), style.now)}`;
      lines.push(`  ${paint.dim(seen)}`);
    }
    for (const role of reach) lines.push(...reachLines(role, style));
  }
  return lines;
}

function reachLines(reach: KeyReach, { paint }: ReportStyle): string[] {
  const { threshold, keys, signs, couldReplace } = reach;
  const lines = [`  ${paint.bold(roleName(reach.role))}: ${powerText(reach)}`];
  if (threshold > 1) lines.push(`    not alone: ${threshold} of its ${keys} keys must sign`);
  if (signs.length > 0) lines.push(`    signs today: ${tagsText(signs)}`);
  if (couldReplace.length > 0) lines.push(`    could replace or remove: ${tagsText(couldReplace)}`);
  return lines;
}

function powerText({ power, paths = [] }: KeyReach): string {
  switch (power) {
    case 'everything':
      return 'everything: it says which keys all the other roles have';
    case 'all-tags':
      return 'any tag, and who else may sign';
    case 'staleness':
      return 'no tag: it could show old trust data as new, or hide a new signature';
    case 'some-tags':
      return paths.includes('')
        ? 'any tag in its own name, and who may sign below it'
        : paths.length === 0
          ? 'no tag: it has no path that it may use'
          : `tags that begin with ${paths.map(path => printable(path)).join(' or ')}`;
  }
}

function tagsText(tags: readonly SignedTag[]): string {
  const names = [...new Set(tags.map(({ tag }) => printable(tag)))];
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `${names.slice(0, SHOWN).join(', ')}${more}`;
}
