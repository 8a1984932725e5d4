import { printable } from '../../crypto/printable.ts';
import { naturalOrder } from '../../operations/natural-order.ts';
import type { SignedRepository, SignReport } from '../../operations/sign.ts';
import type { Paint } from '../display.ts';
import { errorLines } from '../error-report.ts';
import { worstExitCode } from '../exit-codes.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, roleName, shortKeyId } from '../key-names.ts';

type SignedTag = SignedRepository['tags'][number];

export function signJson(report: SignReport): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

/** `repository:tag@digest` of each tag that is signed now (or would be). */
export function signBrief(report: SignReport): string[] {
  return report.repositories.flatMap(({ repository, tags }) =>
    sorted(tags).map(({ tag, digest }) => printable(`${repository}:${tag}@${digest}`)),
  );
}

/** Why repositories were not signed, for stderr. */
export function signErrors(report: SignReport): string[] {
  return report.repositories.flatMap(({ repository, error }) =>
    error === undefined ? [] : errorLines({ ...error, message: `${repository}: ${error.message}` }),
  );
}

export function signWarnings(report: SignReport): string[] {
  return report.repositories.flatMap(repository => repository.warnings);
}

/** The gravest of the repositories' exit codes. */
export function signOutcome(report: SignReport): number {
  return worstExitCode(report.repositories.map(({ exitCode }) => exitCode));
}

export function signLines(report: SignReport, paint: Paint): string[] {
  return report.repositories.flatMap((repository, index) => [
    ...(index === 0 ? [] : ['']),
    ...repositoryLines(repository, report.dryRun, paint),
  ]);
}

/** What was done for one repository, or why nothing was. */
export function repositoryLines(signed: SignedRepository, dryRun: boolean, paint: Paint): string[] {
  const lines = [paint.bold(printable(signed.repository))];
  if (signed.error !== undefined) {
    lines.push(...failureLines('not signed', signed.error, paint));
    if (signed.createdKeys.length > 0) lines.push(...createdKeyLines(signed, paint));
    return lines;
  }
  if (signed.initialised) {
    lines.push(
      dryRun ? '  is not signed yet and would be initialised' : '  was not signed yet: initialised',
    );
  }
  for (const tag of sorted(signed.tags)) lines.push(...tagLines(tag, paint));
  if (signed.createdKeys.length > 0) lines.push(...createdKeyLines(signed, paint));
  if (signed.wouldCreateKeys !== undefined) {
    const names = signed.wouldCreateKeys.map(role => keyName(role));
    lines.push(`  would make: ${names.join(', ')}`);
  }
  lines.push(`  ${outcome(signed, dryRun)}`);
  return lines;
}

/** A failure as part of a report. */
export function failureLines(
  what: string,
  { message, hint }: NonNullable<SignedRepository['error']>,
  paint: Paint,
): string[] {
  return [
    `  ${paint.red('✗')} ${what}: ${printable(message)}`,
    ...(hint === undefined ? [] : [`    hint: ${printable(hint)}`]),
  ];
}

function tagLines(tag: SignedTag, paint: Paint): string[] {
  const name = paint.bold(printable(tag.tag));
  const roles = tag.roles.map(roleName).join(', ');
  const into = roles === '' ? '' : ` into ${roles}`;
  const digest = `    ${printable(tag.digest)}`;
  const before =
    tag.previousDigest === undefined || tag.previousDigest === tag.digest
      ? []
      : [paint.yellow(`    was ${printable(tag.previousDigest)}`)];
  switch (tag.status) {
    case 'signed':
      return [`  ${paint.green('✓')} ${name} signed${into}`, digest, ...before];
    case 'already-signed':
      return [`  ${paint.dim('=')} ${name} already signed, nothing to do`, digest];
    case 'would-sign':
      return [`  ${paint.cyan('+')} ${name} would be signed${into}`, digest, ...before];
  }
}

/** The keys that were made, and where they are. */
export function createdKeyLines(signed: SignedRepository, paint: Paint): string[] {
  return [
    `  ${paint.yellow('new keys')}, which nobody can restore: back up these files`,
    ...signed.createdKeys.flatMap(key => [
      `    ${keyName(key.role)} ${shortKeyId(key.id)}`,
      `      ${printable(key.file)}`,
    ]),
  ];
}

function outcome(signed: SignedRepository, dryRun: boolean): string {
  if (dryRun) return 'dry run: nothing was published';
  const server = printable(signed.server);
  const versions = Object.entries(signed.versions).map(
    ([role, version]) => `${roleName(role)} ${version}`,
  );
  if (versions.length === 0) return `nothing to publish to ${server}`;
  return `published to ${server} (now ${versions.join(', ')})`;
}

function sorted(tags: readonly SignedTag[]): SignedTag[] {
  return [...tags].sort((a, b) => naturalOrder(a.tag, b.tag));
}
