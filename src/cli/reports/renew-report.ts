import { printable } from '../../crypto/printable.ts';
import type { Renewal, RenewedPart } from '../../operations/renewal/renew.ts';
import { absoluteTime, dateWithDistance } from '../dates.ts';
import { errorLines } from '../error-report.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { roleName, shortKeyId } from '../key-names.ts';
import type { ReportStyle } from '../report-style.ts';

/** How many tags a list names to people; `--json` has all. */
const SHOWN = 10;

export function renewJson(report: readonly Renewal[]): object {
  return { schemaVersion: SCHEMA_VERSION, repositories: report };
}

/** The repositories in which something was, or would be, renewed. */
export function renewBrief(report: readonly Renewal[]): string[] {
  return report.filter(hasRenewable).map(({ repository }) => printable(repository));
}

export function renewWarnings(report: readonly Renewal[]): string[] {
  return [...new Set(report.flatMap(({ warnings }) => warnings))];
}

/** What failed, for stderr. */
export function renewErrors(report: readonly Renewal[]): string[] {
  return report.flatMap(({ repository, error }) =>
    error === undefined ? [] : errorLines({ ...error, message: `${repository}: ${error.message}` }),
  );
}

export function hasRenewable({ parts }: Renewal): boolean {
  return parts.some(({ status }) => status === 'renewed' || status === 'would-renew');
}

/** One section for each repository that could be read. */
export function renewLines(report: readonly Renewal[], style: ReportStyle): string[] {
  if (report.length === 0) return ['No repositories in the trust directory.'];
  const read = report.filter(({ error }) => error === undefined);
  return read.flatMap((renewal, index) => [
    ...(index === 0 ? [] : ['']),
    ...renewalLines(renewal, style),
  ]);
}

function renewalLines(renewal: Renewal, style: ReportStyle): string[] {
  const { paint } = style;
  const lines = [paint.bold(printable(renewal.repository))];
  if (renewal.parts.length === 0) return [...lines, '  nothing is due'];
  for (const part of renewal.parts) lines.push(...partLines(part, style));
  if (!renewal.dryRun && hasRenewable(renewal))
    lines.push(`  published to ${printable(renewal.server)}`);
  return [...lines, ...consequences(renewal, style)];
}

function partLines(part: RenewedPart, style: ReportStyle): string[] {
  const { paint, now } = style;
  const name = paint.bold(part.kind === 'certificate' ? 'root certificate' : roleName(part.role));
  const end = new Date(part.expires);
  const was = `${part.expired ? paint.red('expired') : 'ends'} ${dateWithDistance(end, now)}`;
  const keys = part.keyIds.map(shortKeyId).join(', ');
  switch (part.status) {
    case 'renewed': {
      const until = absoluteTime(new Date(part.renewedUntil ?? part.expires), now);
      return [`  ${paint.green('✓')} ${name} renewed until ${until}`, ...contentLines(part)];
    }
    case 'would-renew':
      return [`  ${paint.cyan('-')} ${name} ${was}: would be signed again`, ...contentLines(part)];
    case 'key-missing':
      return [`  ${paint.red('✗')} ${name} ${was}: its key is not here (${keys})`];
    case 'blocked':
      return [`  ${paint.red('✗')} ${name} ${was}: what delegates to it must be renewed first`];
    case 'server':
      return [`  ${paint.dim('·')} ${name} ${was}: the server renews it`];
  }
}

function contentLines({ targets }: RenewedPart): string[] {
  if (targets.length === 0) return [];
  const more = targets.length > SHOWN ? ` and ${targets.length - SHOWN} more` : '';
  return [`    it vouches for ${targets.slice(0, SHOWN).map(printable).join(', ')}${more}`];
}

/** What a new root certificate means for everybody else. */
function consequences({ parts }: Renewal, { paint }: ReportStyle): string[] {
  const certificate = parts.find(
    ({ kind, status }) =>
      kind === 'certificate' && (status === 'renewed' || status === 'would-renew'),
  );
  if (certificate === undefined) return [];
  const pins =
    'Its thumbprint changes: whoever has pinned the old certificate must pin the new one.';
  const stuck =
    'The old certificate has expired: notary and docker with a copy of it in their trust directory stay stuck until that copy is moved away.';
  return [`  ${paint.yellow(pins)}`, ...(certificate.expired ? [`  ${paint.yellow(stuck)}`] : [])];
}
