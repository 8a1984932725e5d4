import { printable } from '../../crypto/printable.ts';
import type { RecoveryRecord } from '../../operations/recover/record.ts';
import type { RecoveryReport } from '../../operations/recover/report-files.ts';
import type { Waiting } from '../../operations/recover/tickets.ts';
import type { Paint } from '../display.ts';
import { EXIT } from '../exit-codes.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { caseName } from './recovery-plan-report.ts';

/** Where a recovery stands after it ran. */
export interface RecoveryOutcome {
  readonly record: RecoveryRecord;
  readonly report: RecoveryReport;
  readonly waiting: readonly Waiting[];
  /** `report.md`, once it is written. */
  readonly reportFile?: string;
}

export function recoveryJson({ report, waiting, reportFile }: RecoveryOutcome): object {
  return {
    schemaVersion: SCHEMA_VERSION,
    ...report,
    waiting: waiting.map(({ domain, repositories, path, file }) => ({
      registry: domain,
      repositories,
      commands: path.commands,
      ...(file === undefined ? {} : { ticketFile: file }),
    })),
    ...(reportFile === undefined ? {} : { reportFile }),
  };
}

export function recoveryBrief({ record }: RecoveryOutcome): string[] {
  return [`${record.id} ${record.state}`];
}

/** A recovery that waits is not done. */
export function recoveryExit({ record }: RecoveryOutcome): number {
  return record.state === 'done' ? EXIT.done : EXIT.failed;
}

export function recoveryLines(outcome: RecoveryOutcome, paint: Paint): string[] {
  const { record, report, waiting, reportFile } = outcome;
  const lines: string[] = [];
  for (const { repository, stage, signedTags, leftOut, problem } of report.repositories) {
    const isDone = stage === 'verified' || stage === 'done';
    const mark = isDone ? paint.green('✓') : paint.yellow('…');
    const count =
      signedTags.length === 0
        ? ''
        : `, ${signedTags.length} ${signedTags.length === 1 ? 'tag' : 'tags'} signed again`;
    const left = leftOut.length === 0 ? '' : `, ${leftOut.length} left out`;
    const what = isDone ? `recovered${count}${left}` : (problem?.message ?? 'not yet');
    lines.push(`${mark} ${paint.bold(printable(repository))}: ${printable(what)}`);
  }
  if (record.state !== 'done') return [...lines, '', ...waitingLines(record, waiting, paint)];
  if (report.newRootKeyId !== undefined) lines.push('', `New root key: ${report.newRootKeyId}`);
  lines.push(
    ...section(
      'New thumbprints',
      report.thumbprints.map(
        ({ repository, certificateId }) => `${printable(repository)}  ${certificateId}`,
      ),
      paint,
    ),
    ...section(
      'Left to do',
      report.leftToDo.map(line => `- ${printable(line)}`),
      paint,
    ),
    ...section(
      'Your consumers run',
      report.consumerCommands.map(line => printable(line)),
      paint,
    ),
  );
  if (reportFile !== undefined) lines.push('', `The report: ${printable(reportFile)}`);
  return lines;
}

function section(title: string, lines: readonly string[], paint: Paint): string[] {
  return lines.length === 0 ? [] : ['', paint.bold(title), ...lines.map(line => `  ${line}`)];
}

function waitingLines(record: RecoveryRecord, waiting: readonly Waiting[], paint: Paint): string[] {
  const lines = [paint.bold(waiting.length === 0 ? 'Not finished.' : 'Waiting.')];
  for (const { domain, path, ticket, file } of waiting) {
    lines.push(`  ${paint.bold(printable(domain))}`);
    if (path.removal === 'person') lines.push(...path.explanation.map(line => `    ${line}`));
    lines.push(...path.commands.map(line => `      $ ${printable(line)}`.replace('$ #', '#')));
    if (ticket !== undefined && file !== undefined) {
      lines.push(`    The text to send is in ${printable(file)}:`);
      lines.push(
        ...ticket
          .trimEnd()
          .split('\n')
          .map(line => `      | ${printable(line)}`),
      );
    }
  }
  lines.push(`Then, today or in a week: tabellion recover --resume ${record.id}`);
  return lines;
}

export function recoveryListJson(records: readonly RecoveryRecord[]): object {
  return {
    schemaVersion: SCHEMA_VERSION,
    recoveries: records.map(record => ({
      id: record.id,
      state: record.state,
      case: record.case,
      startedAt: record.startedAt,
      updatedAt: record.updatedAt,
      repositories: record.repositories.map(({ gun, stage }) => ({ repository: gun, stage })),
    })),
  };
}

export function recoveryListLines(records: readonly RecoveryRecord[], paint: Paint): string[] {
  if (records.length === 0) return ['No recovery was begun in this trust directory.'];
  return records.flatMap(record => {
    const done = record.repositories.filter(
      ({ stage }) => stage === 'verified' || stage === 'done',
    );
    return [
      `${paint.bold(record.id)}  ${record.state}, ${done.length} of ${record.repositories.length} repositories done`,
      `  ${caseName(record)}; begun ${record.startedAt}`,
      ...(record.state === 'done' ? [] : [`  tabellion recover --resume ${record.id}`]),
    ];
  });
}
