import { printable } from '../../crypto/printable.ts';
import { isMadeAnew, type RecoveryRecord } from '../../operations/recover/record.ts';
import type { RecoveryHooks } from '../../operations/recover/recovery.ts';
import type { Session } from '../../operations/session.ts';
import { newBackupPassphrase } from '../backup-secret.ts';
import type { CommandContext } from '../context.ts';
import { Interrupted } from '../interruption.ts';
import {
  recoveryBrief,
  recoveryExit,
  recoveryJson,
  recoveryLines,
} from '../reports/recovery-report.ts';
import type { RecoverOptions } from './recover-options.ts';

/** Runs a recovery, new or begun, and shows where it stands then. */
export async function carryOn(
  context: CommandContext,
  session: Session,
  record: RecoveryRecord,
  options: RecoverOptions,
): Promise<number> {
  const { display } = context;
  const { runRecovery } = await import('../../operations/recover/recovery.ts');
  const { RecoveryRecords } = await import('../../operations/recover/record.ts');
  const { recoveryReport, writeReport } = await import('../../operations/recover/report-files.ts');
  const { waitingFor } = await import('../../operations/recover/tickets.ts');
  const told = tellHowToResume(context, record);
  let ended: RecoveryRecord;
  try {
    ended = await runRecovery(session, record, hooksFor(context, options));
  } catch (error) {
    if (error instanceof Interrupted) told(error);
    throw error;
  }
  const folder = new RecoveryRecords(session.trustDir.own).folder(ended.id);
  const now = session.options.now();
  const reportFile =
    ended.state === 'done' ? await writeReport(session, ended, folder, options.report) : undefined;
  const outcome = {
    record: ended,
    report: recoveryReport(ended, now),
    waiting: waitingFor(ended, folder, now),
    ...(reportFile === undefined ? {} : { reportFile }),
  };
  display.result({
    json: () => recoveryJson(outcome),
    text: () => recoveryLines(outcome, display.paint),
    brief: () => recoveryBrief(outcome),
  });
  return recoveryExit(outcome);
}

/** Ctrl-C during the work ends the command elsewhere; what to do next is said here all the same. */
function tellHowToResume(
  context: CommandContext,
  record: RecoveryRecord,
): (error: unknown) => void {
  let isTold = false;
  const tell = (error: unknown): void => {
    if (isTold || !(error instanceof Interrupted)) return;
    isTold = true;
    context.display.error(
      record.revision === 0
        ? 'Nothing was changed. Begin again with: tabellion recover'
        : `What was done so far is written down. Carry on with: tabellion recover --resume ${record.id}`,
    );
  };
  context.interruption.promise.catch(tell);
  return tell;
}

function hooksFor(
  context: CommandContext,
  { yes = false, registry = true }: RecoverOptions,
): RecoveryHooks {
  const { display, prompts } = context;
  let shown = 0;
  const common: RecoveryHooks = {
    seal: async (session, record) => {
      const { sealBackup } = await import('../../operations/recover/seal-backup.ts');
      return await sealBackup(session, record, await newBackupPassphrase(context));
    },
    saved: ({ history }) => {
      for (const { what } of history.slice(shown)) display.note(`· ${printable(what)}`);
      shown = history.length;
    },
  };
  if (yes || prompts === undefined) return common;
  return {
    ...common,
    approve: async record => {
      display.error(...nextLines(record));
      return await prompts.confirm('Go on? What comes now cannot be undone.');
    },
    review: async record => {
      await askWhatToKeep(context, record);
    },
    decide: async (session, gun, request) => {
      const { reviewRepository } = await import('../../operations/rotation/review.ts');
      const { askReview } = await import('../rotation-review.ts');
      const { trustedSince } = request;
      const review = await reviewRepository(session, gun, {
        registry,
        ...(trustedSince === undefined ? {} : { trustedSince }),
      });
      return await askReview(context, prompts, review, request);
    },
  };
}

/** What will happen next, before anything that cannot be undone. */
function nextLines(record: RecoveryRecord): string[] {
  const { repositories, backup, id } = record;
  const own = repositories.filter(({ stage }) => stage !== 'left');
  const doing = isMadeAnew(record)
    ? 'their old trust data goes, they are made anew, and all recorded tags are signed again'
    : 'they are changed, each by one publish';
  return [
    '',
    `So far nothing was changed. The backup is in ${printable(backup?.file ?? '')}.`,
    `Next, for ${own.length} ${own.length === 1 ? 'repository' : 'repositories'}: ${doing}:`,
    ...own.map(({ gun }) => `  ${printable(gun)}`),
    `You can stop here, and carry on any time with: tabellion recover --resume ${id}`,
  ];
}

/** After a leak: each recorded tag, ticked when it was known before. */
async function askWhatToKeep({ prompts }: CommandContext, record: RecoveryRecord): Promise<void> {
  const { leavingOut, recordedTags } = await import('../../operations/recover/recorded-content.ts');
  for (const repository of record.repositories) {
    const { content, gun } = repository;
    if (content === undefined || record.options.keep !== undefined) continue;
    const tags = recordedTags(content).filter(({ leftOut }) => leftOut === undefined);
    if (tags.length === 0) continue;
    const kept = await prompts?.tick(
      `${printable(gun)}: which tags are yours? Only these are signed again.`,
      tags.map(({ tag, sha256, known }) => ({
        value: tag,
        name: `${printable(tag)} sha256:${sha256.slice(0, 12)}${known === undefined ? '' : known ? ' (known before)' : ' (NOT known before)'}`,
        checked: known !== false,
      })),
    );
    repository.content = leavingOut(content, ({ name }) =>
      kept?.includes(name) === false ? 'dropped' : undefined,
    );
  }
}
