import { printable } from '../../crypto/printable.ts';
import type { RestoreReport } from '../../operations/backup/restore-backup.ts';
import type { Paint } from '../display.ts';
import { SCHEMA_VERSION } from '../json-document.ts';
import { keyName, shortKeyId } from '../key-names.ts';
import { counted } from './backup-inventory.ts';

type Action = RestoreReport['keys'][number]['action'];

export function backupRestoreJson(report: RestoreReport): object {
  return { schemaVersion: SCHEMA_VERSION, ...report };
}

/** IDs of the keys that are here now as the backup has them. */
export function backupRestoreBrief({ keys }: RestoreReport): string[] {
  return keys.filter(({ action }) => action !== 'kept').map(({ id }) => printable(id));
}

/** Whether a key of the backup is not here, because another file is in its place. */
export function isIncomplete({ keys }: RestoreReport): boolean {
  return keys.some(({ action }) => action === 'kept');
}

/** undefined when there is nothing to do. */
export function restoreQuestion(plan: RestoreReport): string | undefined {
  const { keys, repositories, records } = plan;
  const actions = [...keys, ...repositories, ...records].map(({ action }) => action);
  const changes = repositories.reduce((sum, one) => sum + one.changes.restored, 0);
  if (!actions.some(changesSomething) && changes === 0) return undefined;
  const replaces = actions.includes('replaced');
  return replaces ? 'Restore this, and replace what is here?' : 'Restore this?';
}

export function backupRestoreWarnings({
  keys,
  repositories,
  records,
  recordProblem,
}: RestoreReport): string[] {
  const staged = repositories.filter(({ changes }) => changes.kept > 0);
  return [
    ...keys
      .filter(({ action }) => action === 'kept')
      .map(
        ({ id, role, reason = '' }) =>
          `The ${keyName(role)} ${shortKeyId(id)} was left as it is: ${reason} (--replace restores it)`,
      ),
    ...repositories
      .filter(({ action }) => action === 'kept')
      .map(({ gun, reason = '' }) => `The trust data of ${gun} was left as it is: ${reason}`),
    ...staged.map(
      ({ gun, changes }) =>
        `${counted(changes.kept, 'staged change')} of ${gun} ${changes.kept === 1 ? 'was' : 'were'} not restored: the repository is in use here`,
    ),
    ...records
      .filter(({ action }) => action === 'kept')
      .map(({ name, reason = '' }) => `The record ${name} was left as it is: ${reason}`),
    ...(recordProblem === undefined
      ? []
      : [`This backup could not be put on record here: ${recordProblem}`]),
  ];
}

export function backupRestoreLines(report: RestoreReport, paint: Paint): string[] {
  const { dryRun, trustDir, keys, repositories, records, file } = report;
  const verb = dryRun ? 'Would restore' : 'Restored';
  const changes = repositories.reduce((sum, one) => sum + one.changes.restored, 0);
  const rows = [
    `${counted(keys.length, 'key')}${summary(keys, dryRun)}`,
    `${counted(repositories.length, 'repository', 'repositories')}${summary(repositories, dryRun)}`,
    ...(records.length === 0
      ? []
      : [`${counted(records.length, 'record')}${summary(records, dryRun)}`]),
    ...(changes === 0 ? [] : [counted(changes, 'staged change')]),
  ];
  const aside = keys.flatMap(({ replacedFile }) =>
    replacedFile === undefined ? [] : [replacedFile],
  );
  return [
    `${dryRun ? '' : `${paint.green('✓')} `}${verb} ${printable(file)} into ${printable(trustDir)}`,
    ...rows.map(row => `  ${row}`),
    ...(aside.length === 0
      ? []
      : [
          '  The key files that were replaced are now:',
          ...aside.map(path => `    ${printable(path)}`),
        ]),
  ];
}

/** `: 3 restored, 1 here already` */
function summary(things: readonly { action: Action }[], dryRun: boolean): string {
  const words: [Action, string][] = [
    ['restored', dryRun ? 'to restore' : 'restored'],
    ['replaced', dryRun ? 'to replace' : 'replaced'],
    ['same', 'here already'],
    ['kept', 'left as it is here'],
  ];
  const parts = words.flatMap(([action, word]) => {
    const count = things.filter(thing => thing.action === action).length;
    return count === 0 ? [] : [`${count} ${word}`];
  });
  return parts.length === 0 ? '' : `: ${parts.join(', ')}`;
}

function changesSomething(action: Action): boolean {
  return action === 'restored' || action === 'replaced';
}
