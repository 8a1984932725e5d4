import { printable } from '../../crypto/printable.ts';
import type { AppliedCeremony } from '../../operations/ceremony/apply.ts';
import type { Paint } from '../display.ts';
import { worstExitCode } from '../exit-codes.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { table } from '../table.ts';
import { kindWords, repositoryLines } from './ceremony-lines.ts';

type AppliedRepository = AppliedCeremony['repositories'][number];

export function appliedJson(report: AppliedCeremony): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

/** The repositories that are as was asked for. */
export function appliedBrief({ repositories }: AppliedCeremony): string[] {
  return repositories
    .filter(({ exitCode }) => exitCode === 0)
    .map(({ repository }) => printable(repository));
}

export function appliedWarnings({ repositories }: AppliedCeremony): string[] {
  return [...new Set(repositories.flatMap(({ warnings }) => warnings))];
}

export function appliedOutcome({ repositories }: AppliedCeremony): number {
  return worstExitCode(repositories.map(({ exitCode }) => exitCode));
}

export function appliedLines(report: AppliedCeremony, paint: Paint, now: Date): string[] {
  const [first, ...others] = report.repositories;
  if (first === undefined) return [];
  if (others.length === 0) {
    const details = report.dryRun ? repositoryLines(first, paint, now) : [];
    return details.length > 0
      ? [...details, `  ${statusWords(first, paint)}`]
      : [
          paint.bold(printable(first.repository)),
          `  ${statusWords(first, paint)}`,
          ...publishedLines(first),
        ];
  }
  const rows = report.repositories.map(one => [
    printable(one.repository),
    `root ${one.version.after}`,
    kindWords(one),
    statusWords(one, paint),
  ]);
  const lines = table([['repository', 'version', 'change', 'result'], ...rows], {
    header: text => paint.dim(text),
  });
  for (const { repository, error } of report.repositories) {
    if (error === undefined) continue;
    lines.push(
      '',
      `${paint.red('✗')} ${paint.bold(printable(repository))}: ${printable(error.message)}`,
    );
    if (error.hint !== undefined) lines.push(`  hint: ${printable(error.hint)}`);
  }
  const { succeeded, failed } = report.summary;
  const verb = report.dryRun ? 'can be published' : 'are as asked for';
  lines.push('', `${succeeded} of ${succeeded + failed} repositories ${verb}`);
  if (failed > 0 && !report.dryRun) lines.push('Run it again to carry on with the others.');
  return lines;
}

function statusWords({ status }: AppliedRepository, paint: Paint): string {
  switch (status) {
    case 'published':
      return `${paint.green('✓')} published`;
    case 'would-publish':
      return `${paint.cyan('-')} would be published`;
    case 'already-published':
      return `${paint.green('✓')} was published before`;
    case 'failed':
      return `${paint.red('✗')} not published`;
  }
}

function publishedLines(one: AppliedRepository): string[] {
  const versions = Object.entries(one.versions).map(([role, version]) => `${role} ${version}`);
  if (versions.length === 0) return [];
  return [
    `  ${kindWords(one)}: ${printable(versions.join(', '))}`,
    `  to ${printable(one.server)}`,
  ];
}
