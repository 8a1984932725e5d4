import { printable } from '../../crypto/printable.ts';
import type { SignerReport } from '../../operations/signers/signer-repositories.ts';
import type { SignerRotation } from '../../operations/signers/signer-rotate.ts';
import type { Paint } from '../display.ts';
import { worstExitCode } from '../exit-codes.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, roleName, shortKeyId } from '../key-names.ts';
import { delegationLines } from './delegation-report.ts';

type SignerRepository = SignerReport['repositories'][number];

export function signerJson(report: SignerReport): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

/** The repositories that are as was asked for. */
export function signerBrief({ repositories }: SignerReport): string[] {
  return repositories
    .filter(({ exitCode }) => exitCode === 0)
    .map(({ repository }) => printable(repository));
}

export function signerWarnings({ repositories }: SignerReport): string[] {
  return [...new Set(repositories.flatMap(({ warnings }) => warnings))];
}

export function signerOutcome({ repositories }: SignerReport): number {
  return worstExitCode(repositories.map(({ exitCode }) => exitCode));
}

export function signerLines(report: SignerReport, paint: Paint): string[] {
  const lines = report.repositories.flatMap((repository, index) => [
    ...(index === 0 ? [] : ['']),
    ...repositoryLines(repository, report.dryRun, paint),
  ]);
  return [...lines, ...summaryLines(report, paint)];
}

function repositoryLines(repository: SignerRepository, dryRun: boolean, paint: Paint): string[] {
  const { error, createdKeys, wouldCreateKeys = [] } = repository;
  if (error !== undefined) {
    const lines = [
      paint.bold(printable(repository.repository)),
      `  ${paint.red('✗')} nothing changed: ${printable(error.message)}`,
    ];
    if (error.hint !== undefined) lines.push(`    hint: ${printable(error.hint)}`);
    return [...lines, ...createdKeys.flatMap(createdKeyLines)];
  }
  const [name = '', ...changes] = delegationLines({ ...repository, dryRun }, paint);
  const initialised = repository.initialised
    ? [
        `  ${dryRun ? `${paint.cyan('-')} would be made` : `${paint.green('✓')} made`}: nobody had signed it before`,
      ]
    : [];
  return [
    name,
    ...initialised,
    ...changes,
    ...wouldCreateKeys.map(role => `  would make a ${keyName(role)}`),
    ...createdKeys.flatMap(createdKeyLines),
  ];
}

function createdKeyLines({ role, id, file }: SignerRepository['createdKeys'][number]): string[] {
  return [`  new ${keyName(role)} ${shortKeyId(id)}`, `    ${printable(file)}`];
}

/** One repository speaks for itself. */
function summaryLines({ repositories, summary, dryRun }: SignerReport, paint: Paint): string[] {
  if (repositories.length < 2) return [];
  const verb = dryRun ? 'would be as asked for' : 'are as asked for';
  const lines = ['', `${summary.succeeded} of ${repositories.length} repositories ${verb}`];
  const failed = repositories
    .filter(({ exitCode }) => exitCode !== 0)
    .map(({ repository }) => printable(repository));
  if (failed.length > 0) lines.push(`${paint.red('not changed:')} ${failed.join(', ')}`);
  return lines;
}

/** What a rotation says of the keys, before what it says of the repositories. */
export function signerRotationLines(report: SignerRotation, paint: Paint): string[] {
  const lines = signerLines(report, paint);
  const { newKeys, oldKeys, dryRun } = report;
  if (report.summary.succeeded === 0 && report.createdKeys.length === 0) return lines;
  const name = roleName(report.signer);
  lines.push('', paint.bold(dryRun ? `${name} would sign with` : `${name} signs with`));
  if (newKeys.length === 0) lines.push('  new  a key that would be made here');
  for (const { id, file } of newKeys) {
    lines.push(`  new  ${shortKeyId(id)}`);
    lines.push(file === undefined ? '       not on this machine' : `       ${printable(file)}`);
  }
  for (const { id, file } of oldKeys) {
    lines.push(`  old  ${shortKeyId(id)}`);
    if (file !== undefined)
      lines.push(`       ${printable(file)} ${dryRun ? 'stays' : 'is still there'}`);
  }
  if (report.createdKeys.length > 0)
    lines.push(`  ${paint.yellow('new keys')} cannot be restored: back up their files`);
  return lines;
}
