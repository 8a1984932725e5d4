import { printable } from '../../crypto/printable.ts';
import type { CheckedKey, CheckKeysReport } from '../../operations/keys/key-check.ts';
import type { Paint } from '../display.ts';
import { errorLines } from '../error-report.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, roleName, shortKeyId } from '../key-names.ts';

type Finding = CheckedKey['findings'][number];

export function keyCheckJson({ exitCode: _, ...report }: CheckKeysReport): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

/** IDs of the keys that fail. */
export function keyCheckBrief({ keys }: CheckKeysReport): string[] {
  return keys.filter(({ failed }) => failed).map(({ id }) => printable(id));
}

/** Why they fail, for stderr. */
export function keyCheckErrors({ keys }: CheckKeysReport): string[] {
  return keys.flatMap(key =>
    key.findings
      .filter(({ grave }) => grave)
      .flatMap(finding =>
        errorLines({ ...finding, message: `${nameOf(key)}: ${finding.message}` }),
      ),
  );
}

export function keyCheckWarnings({ folderProblem, unchecked }: CheckKeysReport): string[] {
  const reasons = [...new Set(unchecked.map(({ message }) => message))];
  return [
    ...(folderProblem === undefined ? [] : [folderProblem]),
    ...reasons.map(reason => {
      const repositories = unchecked.filter(({ message }) => message === reason);
      const [{ repository } = { repository: '' }] = repositories;
      const others = repositories.length === 1 ? '' : ` and ${repositories.length - 1} more`;
      return `Only the cache says what ${repository}${others} publishes: ${reason}`;
    }),
  ];
}

export function keyCheckLines(report: CheckKeysReport, paint: Paint): string[] {
  if (report.keys.length === 0) return [`No private keys in ${printable(report.privateDir)}.`];
  return [
    ...report.keys.flatMap(key => keyLines(key, paint)),
    ...report.notHere.map(
      ({ repository, role }) =>
        `${paint.dim('-')} no ${roleName(role)} key of ${printable(repository)} is here`,
    ),
    '',
    summary(report),
  ];
}

function keyLines(key: CheckedKey, paint: Paint): string[] {
  const mark = key.failed
    ? paint.red('✗')
    : key.findings.length > 0
      ? paint.yellow('!')
      : paint.green('✓');
  return [
    `${mark} ${nameOf(key)}${proofText(key)}`,
    ...key.findings.flatMap(finding => findingLines(finding, paint)),
  ];
}

function findingLines({ message, hint, grave }: Finding, paint: Paint): string[] {
  const dress = grave ? paint.red : paint.yellow;
  return [
    `  ${dress(printable(message))}`,
    ...(hint === undefined ? [] : [`    hint: ${printable(hint)}`]),
  ];
}

function proofText({ opens, signs, trustedBy }: CheckedKey): string {
  const count = new Set(trustedBy.map(({ repository }) => repository)).size;
  const repositories = count === 1 ? '1 repository' : `${count} repositories`;
  if (signs === true)
    return count === 0 ? ' opens and signs' : ` opens and signs for ${repositories}`;
  if (opens === true) return ' opens';
  return count === 0 ? '' : ` is trusted by ${repositories}`;
}

function summary({ keys }: CheckKeysReport): string {
  const failed = keys.filter(({ failed }) => failed).length;
  const proved = keys.filter(({ signs }) => signs === true).length;
  const flawed = keys.filter(key => !key.failed && key.findings.length > 0).length;
  const total = keys.length === 1 ? '1 key' : `${keys.length} keys`;
  return `${total}: ${proved} proved to sign, ${failed} failed, ${flawed} with remarks`;
}

function nameOf({ role, gun, id }: CheckedKey): string {
  return `${keyName(role, gun)} ${shortKeyId(id)}`;
}
