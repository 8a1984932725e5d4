import { OperationError, UsageError } from '../../errors.ts';
import type { RecoveryRecord } from '../../operations/recover/record.ts';
import type { Session } from '../../operations/session.ts';
import type { CommandContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { recoveryListJson, recoveryListLines } from '../reports/recovery-report.ts';
import { carryOn } from './carry-on.ts';
import type { RecoverOptions } from './recover-options.ts';

/** `--resume [ID]`: without an ID, the one that has not ended. */
export async function resume(
  context: CommandContext,
  session: Session,
  id: string | undefined,
  options: RecoverOptions,
): Promise<number> {
  const { RecoveryRecords, withAnswers } = await import('../../operations/recover/record.ts');
  const records = new RecoveryRecords(session.trustDir.own);
  const record = id === undefined ? await theOne(await records.list()) : await records.read(id);
  if (options.yes !== true && context.prompts === undefined && record.state !== 'done') {
    throw new UsageError(
      'CONFIRMATION_NEEDED',
      'Carrying on with a recovery needs a confirmation, and nobody can be asked here',
      { hint: 'Add --yes; where it stands: tabellion recover --list' },
    );
  }
  const { repositoryName } = await import('../../operations/images.ts');
  const answered = withAnswers(record, {
    skip: (options.skip ?? []).map(repositoryName),
    checkRegistry: options.registry !== false,
  });
  return await carryOn(context, session, answered, options);
}

async function theOne(all: readonly RecoveryRecord[]): Promise<RecoveryRecord> {
  const open = all.filter(({ state }) => state !== 'done');
  const [record] = open;
  if (record === undefined)
    throw new OperationError('RECOVERY_NONE', 'There is no recovery that could be carried on');
  if (open.length === 1) return record;
  throw new UsageError('RECOVERY_AMBIGUOUS', `${open.length} recoveries have not ended`, {
    hint: `Say which: ${open.map(({ id }) => id).join(', ')}`,
    details: { ids: open.map(({ id }) => id) },
  });
}

/** `--list` */
export async function listRecoveries(context: CommandContext, session: Session): Promise<number> {
  const { RecoveryRecords } = await import('../../operations/recover/record.ts');
  const records = await new RecoveryRecords(session.trustDir.own).list();
  const { display } = context;
  display.result({
    json: () => recoveryListJson(records),
    text: () => recoveryListLines(records, display.paint),
    brief: () => records.filter(({ state }) => state !== 'done').map(({ id }) => id),
  });
  return EXIT.done;
}
