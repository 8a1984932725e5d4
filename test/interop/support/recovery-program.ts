/**
 * A process that begins or carries on a recovery from the loss of a root key, and kills itself when the record has been
 * written for the given time. It is ready before it is told, so that its start costs nobody anything.
 */
import { once } from 'node:events';
import { planRecovery, recordOfPlan } from '../../../src/operations/recover/plan.ts';
import { RecoveryRecords } from '../../../src/operations/recover/record.ts';
import { runRecovery } from '../../../src/operations/recover/recovery.ts';
import { sealBackup } from '../../../src/operations/recover/seal-backup.ts';
import { survey } from '../../../src/operations/recover/survey.ts';
import { whichKey } from '../../../src/operations/recover/which-key.ts';
import { openSession } from '../../../src/operations/session.ts';

export interface RecoveryOrder {
  readonly trustDir: string;
  readonly server: string;
  readonly caFile: string;
  readonly home: string;
  readonly backupPassphrase: string;
  /** Which write of the record is the last. */
  readonly killAt: number;
}

process.send?.('ready');
const [order] = (await once(process, 'message')) as [RecoveryOrder];
const session = await openSession({
  env: process.env,
  home: order.home,
  trustDir: order.trustDir,
  server: order.server,
  tlsCa: order.caFile,
  now: () => new Date(),
  log: () => {},
  progress: () => {},
});
const records = new RecoveryRecords(session.trustDir.own);
const [begun] = await records.list();
const record = await runRecovery(session, begun ?? (await plan()), {
  seal: (_, present) => sealBackup(session, present, order.backupPassphrase),
  saved: ({ revision }) => {
    if (revision >= order.killAt) process.kill(process.pid, 'SIGKILL');
  },
});
process.send?.(record.state);
process.disconnect?.();
await session.close();

async function plan() {
  const found = await survey(session, { asked: [], online: true });
  const what = whichKey(found, { text: 'root', reason: 'lost', guns: [] });
  const request = {
    case: what,
    guns: [],
    skip: [],
    checkRegistry: false,
    drop: [],
    dropSigners: [],
  };
  return await recordOfPlan(
    session,
    await planRecovery(session, found, { ...request, provider: 'harbor' }),
  );
}
