/** Begins and carries on recoveries, as the command does it, without the time that a real seal takes. */
import {
  type PlanRequest,
  planRecovery,
  recordOfPlan,
} from '../../../../src/operations/recover/plan.ts';
import {
  type LossReason,
  type RecoveryRecord,
  RecoveryRecords,
} from '../../../../src/operations/recover/record.ts';
import { type RecoveryHooks, runRecovery } from '../../../../src/operations/recover/recovery.ts';
import { survey } from '../../../../src/operations/recover/survey.ts';
import { whichKey } from '../../../../src/operations/recover/which-key.ts';
import type { Machine } from '../../../support/trust-scene.ts';

export interface Loss extends Partial<Omit<PlanRequest, 'case'>> {
  /** Whose key. Default `root`. */
  readonly key?: string;
  readonly reason?: LossReason;
}

/** Looks, plans, and makes the record; nothing is written yet. */
export async function begin(machine: Machine, loss: Loss = {}): Promise<RecoveryRecord> {
  const { key = 'root', reason = 'lost', guns = [], ...options } = loss;
  return await machine.run(async session => {
    const found = await survey(session, { asked: guns, online: true });
    const plan = await planRecovery(session, found, {
      case: whichKey(found, { text: key, reason, guns }),
      guns,
      skip: [],
      checkRegistry: false,
      drop: [],
      dropSigners: [],
      ...options,
    });
    return await recordOfPlan(session, plan);
  });
}

/** Runs a recovery from its record on the disk, or from its beginning. */
export async function carryOn(
  machine: Machine,
  record: RecoveryRecord,
  hooks: Partial<RecoveryHooks> = {},
): Promise<RecoveryRecord> {
  return await machine.run(async session => {
    const records = new RecoveryRecords(session.trustDir.own);
    const present = record.revision === 0 ? record : await records.read(record.id);
    return await runRecovery(session, present, { seal: async () => '/sealed', ...hooks });
  });
}

/** Both. */
export async function recover(machine: Machine, loss: Loss = {}): Promise<RecoveryRecord> {
  return await carryOn(machine, await begin(machine, loss));
}
