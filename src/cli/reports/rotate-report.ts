import { printable } from '../../crypto/printable.ts';
import { hasFailed } from '../../operations/rotation/failed-rotation.ts';
import type { RetiredKeys } from '../../operations/rotation/retire-keys.ts';
import type { RepositoryReview } from '../../operations/rotation/review.ts';
import type { KeyRotation } from '../../operations/rotation/rotate.ts';
import type { AllUsingReport } from '../../operations/rotation/rotate-all-using.ts';
import type {
  RepositoryRotation,
  RotationReport,
} from '../../operations/rotation/rotate-several.ts';
import type { RoleRotation } from '../../operations/rotation/turns.ts';
import type { Paint } from '../display.ts';
import { worstExitCode } from '../exit-codes.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, roleName, shortKeyId } from '../key-names.ts';
import { table } from '../table.ts';
import { compromiseLines } from './compromise-report.ts';

/** What was rotated, and what became of the old keys. */
export type FinishedRotation = (RotationReport | AllUsingReport) &
  RetiredKeys & {
    /** Of a dry run with a review: everything that the repositories hold. */
    readonly reviews?: readonly RepositoryReview[];
  };

export function rotateJson(report: FinishedRotation): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

/** The IDs of the new keys of the role that was asked for. */
export function rotateBrief({ repositories }: FinishedRotation): string[] {
  const ids = repositories.flatMap(rotation =>
    hasFailed(rotation) ? [] : rotation.newKeys.map(({ id }) => printable(id)),
  );
  return [...new Set(ids)];
}

export function rotateWarnings(report: FinishedRotation): string[] {
  const unchecked = 'unchecked' in report ? report.unchecked : [];
  const otherUses = 'otherUses' in report ? report.otherUses : [];
  return [
    ...new Set([
      ...report.repositories.flatMap(rotation => (hasFailed(rotation) ? [] : rotation.warnings)),
      ...otherUses.map(
        ({ repository, role }) =>
          `The key signs as ${role} in ${repository} too, and goes on doing so: see “tabellion signer rotate --help”`,
      ),
      ...unchecked.map(
        ({ repository, message }) =>
          `Whether ${repository} uses the key was not checked: ${message}`,
      ),
      ...report.warnings,
    ]),
  ];
}

export function rotateOutcome({ repositories }: FinishedRotation): number {
  return worstExitCode(repositories.map(({ exitCode }) => exitCode));
}

export function rotateLines(report: FinishedRotation, paint: Paint): string[] {
  const removed = new Set(report.removedKeys);
  const lines = report.repositories.flatMap((rotation, index) => [
    ...(index === 0 ? [] : ['']),
    ...repositoryLines(rotation, removed, paint),
  ]);
  const archive =
    report.archive === undefined
      ? []
      : [`The old keys are sealed in ${printable(report.archive)}: it takes its own passphrase`];
  return [...lines, ...summaryLines(report, paint), ...archive];
}

function repositoryLines(
  rotation: RepositoryRotation,
  removed: ReadonlySet<string>,
  paint: Paint,
): string[] {
  if (!hasFailed(rotation)) return rotationLines(rotation, removed, paint);
  const { repository, error, createdKeys } = rotation;
  const lines = [
    paint.bold(printable(repository)),
    `  ${paint.red('✗')} the key was not replaced: ${printable(error.message)}`,
  ];
  if (error.hint !== undefined) lines.push(`    hint: ${printable(error.hint)}`);
  for (const { role, file } of createdKeys)
    lines.push(`    a new ${keyName(role)} lies in ${printable(file)}; the next try uses it`);
  return lines;
}

function rotationLines(report: KeyRotation, removed: ReadonlySet<string>, paint: Paint): string[] {
  const { dryRun, carriedOn, review, createdKeys } = report;
  const lines = [paint.bold(printable(report.repository))];
  for (const [index, turn] of [report, ...report.alsoRotated].entries())
    lines.push(...turnLines(turn, { report, isFirst: index === 0, removed, paint }));
  if (report.resignedTargets > 0 && review === undefined) {
    const one = report.resignedTargets === 1;
    const count = `${report.resignedTargets} target${one ? '' : 's'}`;
    lines.push(
      `  ${count} of the repository ${dryRun ? 'would be' : one ? 'was' : 'were'} signed again as ${one ? 'it is' : 'they are'}`,
    );
  }
  if (review !== undefined) lines.push(...compromiseLines(review, report, paint));
  if (!dryRun && createdKeys.length > 0)
    lines.push(`  ${paint.yellow('new keys')} cannot be restored: back up their files`);
  if (!dryRun && !carriedOn) lines.push(`  published to ${printable(report.server)}`);
  if (report.verifiedAfresh)
    lines.push(`  ${paint.green('✓')} verified as a client does that has only the root of before`);
  return [...lines, ...consumerLines(report, paint)];
}

interface TurnContext {
  readonly report: KeyRotation;
  readonly isFirst: boolean;
  readonly removed: ReadonlySet<string>;
  readonly paint: Paint;
}

function turnLines(turn: RoleRotation, { report, isFirst, removed, paint }: TurnContext): string[] {
  const { dryRun, carriedOn } = report;
  const name = keyName(turn.role);
  const too = isFirst ? '' : ' too: who has the one has the other';
  const byServer = turn.managedBy === 'server';
  const lines = [
    dryRun && !carriedOn
      ? `  ${paint.cyan('-')} the ${name} would be replaced${byServer ? ' by one that the server keeps' : ''}${too}`
      : `  ${paint.green('✓')} the ${name} was replaced${carriedOn ? ' by a run that was cut short' : ''}${byServer ? ', kept by the server' : ''}${too}`,
  ];
  for (const { id, file } of turn.oldKeys) {
    lines.push(`  old  ${shortKeyId(id)}`);
    if (removed.has(id)) lines.push('       its file was removed');
    else if (file !== undefined)
      lines.push(`       ${printable(file)} ${dryRun ? 'stays' : 'is still there'}`);
  }
  for (const key of turn.newKeys) {
    const reused = turn.reusedKeys && !carriedOn ? ', made for a rotation that was cut short' : '';
    lines.push(`  new  ${shortKeyId(key.id)}${reused}`);
    if (key.file !== undefined) lines.push(`       ${printable(key.file)}`);
    if (key.certificateId !== undefined)
      lines.push(`       certificate ${printable(key.certificateId)}`);
  }
  return lines;
}

function consumerLines({ consumers, dryRun }: KeyRotation, paint: Paint): string[] {
  const { cannotFollow } = consumers;
  if (cannotFollow.length === 0) return [];
  return [
    `  ${paint.yellow(dryRun ? 'cannot follow by themselves:' : 'cannot follow by themselves')}`,
    ...cannotFollow.flatMap(({ who, cure }) => [
      `    - ${printable(who)}`,
      `      ${printable(cure)}`,
    ]),
  ];
}

/** One repository speaks for itself. */
function summaryLines(report: FinishedRotation, paint: Paint): string[] {
  const doneBefore = 'doneBefore' in report ? report.doneBefore : [];
  const { repositories, summary, dryRun } = report;
  if (repositories.length + doneBefore.length < 2) return [];
  const rows = [
    ...doneBefore.map(gun => [printable(gun), paint.green('done by an earlier run')]),
    ...repositories.map(rotation => [printable(rotation.repository), outcome(rotation, paint)]),
  ];
  const verb = dryRun ? 'would get new keys' : 'have new keys';
  const total = repositories.length + doneBefore.length;
  return [
    '',
    ...table(rows),
    `${summary.succeeded + doneBefore.length} of ${total} repositories ${verb}`,
  ];
}

function outcome(rotation: RepositoryRotation, paint: Paint): string {
  if (hasFailed(rotation)) return paint.red(`not replaced: ${printable(rotation.error.message)}`);
  if (rotation.exitCode !== 0) return paint.yellow('replaced, but not all is gone that was to go');
  const { id } = rotation.newKeys[0] ?? {};
  if (rotation.dryRun) return paint.cyan(`the ${roleName(rotation.role)} key would be replaced`);
  return paint.green(id === undefined ? 'replaced' : `replaced by ${shortKeyId(id)}`);
}
