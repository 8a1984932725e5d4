import { UsageError } from '../../errors.ts';
import type { Diagnosis } from '../../operations/recover/diagnose.ts';
import type { PlanRequest, RecoveryPlan } from '../../operations/recover/plan.ts';
import type { CaseKind, RecoveryCase } from '../../operations/recover/record.ts';
import type { Survey } from '../../operations/recover/survey.ts';
import type { Session } from '../../operations/session.ts';
import type { CommandContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { Interrupted } from '../interruption.ts';
import { diagnosisLines } from '../reports/diagnosis-report.ts';
import {
  meanwhileLines,
  recoveryPlanBrief,
  recoveryPlanJson,
  recoveryPlanLines,
} from '../reports/recovery-plan-report.ts';
import { carryOn } from './carry-on.ts';
import { searchPassphrase } from './passphrase.ts';
import { askKeep, askProvider, askRootPath, askWhat } from './questions.ts';
import type { Answer, RecoverOptions } from './recover-options.ts';
import { resume } from './resume.ts';

/** Whose key signs tags: after a leak it is asked which of them stay. */
const REVIEWED: readonly CaseKind[] = ['root', 'targets', 'delegation'];

/** What is to be done once nothing is left to be asked about the plan. */
type Work = () => Promise<number>;

/** From what the person knows to a plan, and at their word to its end. */
export async function begin(
  context: CommandContext,
  session: Session,
  images: readonly string[],
  options: RecoverOptions,
): Promise<number> {
  let work: Work;
  try {
    work = await converse(context, session, images, options);
  } catch (error) {
    if (error instanceof Interrupted)
      context.display.error('Nothing was changed. Begin again with: tabellion recover');
    throw error;
  }
  return await work();
}

async function converse(
  context: CommandContext,
  session: Session,
  images: readonly string[],
  options: RecoverOptions,
): Promise<Work> {
  const { repositoryName } = await import('../../operations/images.ts');
  const { survey } = await import('../../operations/recover/survey.ts');
  const guns = images.map(repositoryName);
  const known = await survey(session, { asked: guns, online: true, discover: false });
  const answer = await answerOf(context, session, known, options);
  if (answer.kind === 'resume') return () => resume(context, session, answer.id, options);
  if (answer.kind === 'passphrase')
    return () => searchPassphrase(context, session, known, answer.key, options);
  if (answer.kind === 'drill') {
    const { askDrill, drill } = await import('./drill.ts');
    const what = await askDrill(context);
    return () => drill(context, session, what, options);
  }
  const { diagnose } = await import('../../operations/recover/diagnose.ts');
  const what = answer.kind === 'key' ? await caseOf(known, answer, guns) : undefined;
  const found =
    what?.kind === 'root' ? await survey(session, { asked: guns, online: true }) : known;
  const diagnosis = await diagnose(session, found, gunsToShow(found, what, guns));
  const settled = await askReview(context, found, what, options);
  const facts = { survey: found, diagnosis, answer, what, guns, options: settled };
  const plan = await planFor(context, session, facts);
  return await showPlan(context, session, diagnosis, plan, settled);
}

/**
 * After a leak: how a root key is replaced, since when, and what stays of what is replaced in place; what is made anew
 * is ticked later.
 */
async function askReview(
  { prompts, host }: CommandContext,
  survey: Survey,
  what: RecoveryCase | undefined,
  options: RecoverOptions,
): Promise<RecoverOptions> {
  const isReviewed = what !== undefined && REVIEWED.includes(what.kind);
  const isSettled = options.keep !== undefined || options.yes === true || options.plan === true;
  if (!isReviewed || what.reason !== 'compromised' || isSettled || prompts === undefined)
    return options;
  const { askSince } = await import('../rotation-review.ts');
  const trustedSince = options.trustedSince ?? (await askSince(prompts, host.now()));
  const since = trustedSince === undefined ? {} : { trustedSince };
  const { canReplaceRoot } = await import('../../operations/recover/replace-root.ts');
  const path =
    options.path ?? (canReplaceRoot(survey, what) ? await askRootPath(prompts) : undefined);
  const answers = { ...options, ...since, ...(path === undefined ? {} : { path }) };
  if (what.kind === 'root' && path !== 'rotate') return answers;
  const keep = await askKeep(prompts, {
    isDated: trustedSince !== undefined,
    canTick: what.kind !== 'delegation',
  });
  return keep === undefined ? answers : { ...answers, keep };
}

async function answerOf(
  context: CommandContext,
  session: Session,
  survey: Survey,
  options: RecoverOptions,
): Promise<Answer> {
  const { lost, compromised, lostPassphrase, symptom } = options;
  if (lost !== undefined) return { kind: 'key', reason: 'lost', key: lost };
  if (compromised !== undefined) return { kind: 'key', reason: 'compromised', key: compromised };
  if (lostPassphrase !== undefined) return { kind: 'passphrase', key: lostPassphrase };
  if (symptom !== undefined) return { kind: 'symptom', symptom };
  if (context.prompts === undefined) return { kind: 'look' };
  const { RecoveryRecords } = await import('../../operations/recover/record.ts');
  const records = await new RecoveryRecords(session.trustDir.own).list();
  return await askWhat(
    context.prompts,
    survey,
    records.filter(({ state }) => state !== 'done'),
  );
}

async function caseOf(
  survey: Survey,
  { key, reason }: Extract<Answer, { kind: 'key' }>,
  guns: readonly string[],
): Promise<RecoveryCase> {
  const { whichKey } = await import('../../operations/recover/which-key.ts');
  return whichKey(survey, { text: key, reason, guns });
}

/** Those of the key, those that were named, else all. */
function gunsToShow(
  survey: Survey,
  what: RecoveryCase | undefined,
  guns: readonly string[],
): readonly string[] {
  const { keyId } = what ?? {};
  if (keyId === undefined) return guns;
  return survey.repositories
    .filter(({ roles }) => roles.some(({ keyIds }) => keyIds.includes(keyId)))
    .map(({ gun }) => gun)
    .filter(gun => guns.length === 0 || guns.includes(gun));
}

interface PlanFacts {
  readonly survey: Survey;
  readonly diagnosis: Diagnosis;
  readonly answer: Answer;
  readonly what: RecoveryCase | undefined;
  readonly guns: readonly string[];
  readonly options: RecoverOptions;
}

async function planFor(
  context: CommandContext,
  session: Session,
  { survey, diagnosis, answer, what, guns, options }: PlanFacts,
): Promise<RecoveryPlan | undefined> {
  const expired =
    answer.kind === 'symptom' && answer.symptom === 'expired'
      ? diagnosis.repositories.filter(({ state }) => state === 'expired').map(({ gun }) => gun)
      : [];
  const settled: RecoveryCase | undefined =
    what ?? (expired.length > 0 ? { kind: 'expired', reason: 'lost' } : undefined);
  if (settled === undefined) return undefined;
  const { planRecovery } = await import('../../operations/recover/plan.ts');
  const { isMadeAnew } = await import('../../operations/recover/record.ts');
  const request = await planRequest(session, settled, what === undefined ? expired : guns, options);
  const plan = await planRecovery(session, survey, request);
  const unknown = plan.repositories.find(({ provider }) => provider === 'self-hosted');
  if (!isMadeAnew(plan) || unknown === undefined || context.prompts === undefined) return plan;
  if (options.provider !== undefined || options.yes === true) return plan;
  const provider = await askProvider(context.prompts, unknown.domain);
  return await planRecovery(session, survey, { ...request, provider });
}

async function planRequest(
  session: Session,
  what: RecoveryCase,
  guns: readonly string[],
  options: RecoverOptions,
): Promise<PlanRequest> {
  const { provider, path, account, backup, keep, useRoot } = options;
  const { repositoryName, taggedImages } = await import('../../operations/images.ts');
  const { resolveKeyIds } = await import('../../operations/keys/key-id.ts');
  const [rootKeyId] = await resolveKeyIds(session, useRoot === undefined ? [] : [useRoot]);
  const trustedSince = options.trustedSince?.toISOString();
  return {
    case: what,
    guns,
    skip: (options.skip ?? []).map(repositoryName),
    checkRegistry: options.registry !== false,
    drop: taggedImages(options.drop ?? []).map(({ repository, tag }) => `${repository}:${tag}`),
    dropSigners: options.dropSigner ?? [],
    ...(provider === undefined ? {} : { provider }),
    ...(path === undefined ? {} : { path }),
    ...(account === undefined ? {} : { account }),
    ...(backup === undefined ? {} : { backupFile: backup }),
    ...(keep === undefined ? {} : { keep }),
    ...(trustedSince === undefined ? {} : { trustedSince }),
    ...(rootKeyId === undefined ? {} : { rootKeyId }),
  };
}

async function showPlan(
  context: CommandContext,
  session: Session,
  diagnosis: Diagnosis,
  plan: RecoveryPlan | undefined,
  options: RecoverOptions,
): Promise<Work> {
  const { display, prompts, host } = context;
  const isPlanOnly = options.plan === true || plan === undefined;
  const paint = isPlanOnly ? display.paint : display.errorPaint;
  const lines = [
    ...diagnosisLines(diagnosis, { paint, now: host.now() }),
    '',
    ...(plan === undefined
      ? noPlanLines(diagnosis)
      : [
          ...recoveryPlanLines(plan, paint),
          '',
          ...meanwhileLines(plan, diagnosis, { paint, now: host.now() }),
        ]),
  ];
  if (isPlanOnly) {
    display.result({
      json: () => recoveryPlanJson(diagnosis, plan),
      text: () => lines,
      brief: () => (plan === undefined ? [] : recoveryPlanBrief(plan)),
      warnings: plan?.warnings ?? [],
    });
    return async () => EXIT.done;
  }
  checkAnswers(plan, options, prompts !== undefined);
  if (!display.options.json && !display.options.quiet) display.error(...lines);
  for (const warning of plan.warnings) display.warn(warning);
  if (
    options.yes !== true &&
    !(await prompts?.confirm('Begin? You are asked again before anything that cannot be undone.'))
  ) {
    throw new Interrupted();
  }
  const { recordOfPlan } = await import('../../operations/recover/plan.ts');
  const record = await recordOfPlan(session, plan);
  return () => carryOn(context, session, record, options);
}

/** What nobody can be asked must have been said. */
function checkAnswers(plan: RecoveryPlan, options: RecoverOptions, canAsk: boolean): void {
  if (canAsk && options.yes !== true) return;
  if (options.yes !== true) {
    throw new UsageError(
      'CONFIRMATION_NEEDED',
      'A recovery needs a confirmation, and nobody can be asked here',
      { hint: 'Add --yes, or --plan to see what would happen.' },
    );
  }
  const { case: what } = plan;
  const isReviewed = REVIEWED.includes(what.kind);
  if (isReviewed && what.reason === 'compromised' && options.keep === undefined) {
    throw new UsageError(
      'REVIEW_NEEDED',
      'Whoever had the key could sign anything: say which tags are signed again',
      {
        hint: 'Give --keep known with --trusted-since DATE, or --keep all, and --drop IMAGE:TAG for what is not yours.',
      },
    );
  }
}

function noPlanLines({ findings }: Diagnosis): string[] {
  const isFine = findings.every(({ kind }) => kind === 'provider');
  return [
    isFine
      ? 'Nothing is wrong that could be seen from here.'
      : 'No key is known to be lost, so there is no plan yet: what to do stands above.',
    'If a key is lost or may be in other hands: tabellion recover --lost KEY, or --compromised KEY.',
  ];
}
