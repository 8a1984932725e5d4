import { printable } from '../../crypto/printable.ts';
import type { DiagnosedRepository, Diagnosis } from '../../operations/recover/diagnose.ts';
import type { Finding } from '../../operations/recover/findings.ts';
import { dateWithDistance } from '../dates.ts';
import { roleName, shortKeyId } from '../key-names.ts';
import type { ReportStyle } from '../report-style.ts';

/** How many repositories are shown one by one to people; `--json` has all. */
const SHOWN = 25;

const STATES: Readonly<Record<DiagnosedRepository['state'], string>> = {
  ok: 'verifies',
  expired: 'has expired',
  'half-initialised': 'was made here and never published',
  overwritten: 'was made anew here, over the published one',
  'other-root': 'has another root than this machine knows',
  gone: 'is gone from the server',
  unknown: 'has no trust data',
  unreachable: 'could not be asked for',
  untrusted: 'does not verify',
};

/** What is so, before any plan. */
export function diagnosisLines(diagnosis: Diagnosis, style: ReportStyle): string[] {
  const { repositories, findings } = diagnosis;
  const { paint } = style;
  const lines = [paint.bold('What is so')];
  for (const repository of repositories.slice(0, SHOWN))
    lines.push(...repositoryLines(repository, style));
  if (repositories.length > SHOWN)
    lines.push(`  … and ${repositories.length - SHOWN} more; all of them with --json`);
  for (const finding of findings) lines.push(...findingLines(finding, style));
  return lines;
}

function repositoryLines(
  { gun, server, state, roles, validUntil }: DiagnosedRepository,
  { paint, now }: ReportStyle,
): string[] {
  const mark = state === 'ok' ? paint.green('✓') : paint.yellow('!');
  const until =
    validUntil === undefined ? '' : `, until ${dateWithDistance(new Date(validUntil), now)}`;
  return [
    `  ${mark} ${paint.bold(printable(gun))} ${STATES[state]} (${printable(server)})${until}`,
    ...rolesLine(roles),
  ];
}

/** Who can sign what from here; the server's own snapshot key is no loss. */
function rolesLine(roles: DiagnosedRepository['roles']): string[] {
  const named = (list: DiagnosedRepository['roles']): string =>
    list
      .map(
        ({ role, keys }) => `${roleName(role)} ${keys.map(({ id }) => shortKeyId(id)).join('+')}`,
      )
      .join(', ');
  const own = roles.filter(
    ({ role, keys, canSign }) => keys.length > 0 && (canSign || role !== 'snapshot'),
  );
  const here = own.filter(({ canSign }) => canSign);
  const missing = own.filter(({ canSign }) => !canSign);
  return [
    ...(here.length === 0 ? [] : [`      keys here: ${named(here)}`]),
    ...(missing.length === 0 ? [] : [`      keys not here: ${named(missing)}`]),
  ];
}

function findingLines({ isHarmless, message, advice }: Finding, { paint }: ReportStyle): string[] {
  const mark = isHarmless ? paint.cyan('i') : paint.yellow('!');
  return [
    `  ${mark} ${message}.`.replace(/([.!?])\.$/, '$1'),
    ...advice.map(line => `      ${line}`),
  ];
}
